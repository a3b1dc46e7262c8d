"""What a model says of what it does not take: which field, and nothing of what is in it."""

import importlib
import pkgutil
import re

import pytest
from pydantic import BaseModel, ValidationError

import adapters
import domain
import workers
from domain.document import OrderDocument
from domain.ids import Sku
from domain.orders import PlacedOrder
from tests.contracts.placing import place
from tests.personal import NAME, TRACES

for package in (domain, adapters, workers):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.startswith(("adapters.database.migrations", "adapters.simulated")):
            importlib.import_module(found.name)


def _models(kind: type[BaseModel] = BaseModel) -> set[type[BaseModel]]:
    """But for the simulated world's, which knows no real customer."""
    ours = {one for one in kind.__subclasses__() if re.match(_OURS, one.__module__)}
    return ours | {below for one in kind.__subclasses__() for below in _models(one)}


_OURS = r"(domain|adapters|workers)\.(?!simulated\.)"


def test_no_model_quotes_what_it_does_not_take() -> None:
    models = _models()
    assert len(models) > 100
    talkative = {
        f"{one.__module__}.{one.__qualname__}"
        for one in models
        if not one.model_config.get("hide_input_in_errors")
    }
    assert talkative == set()


@pytest.mark.parametrize("field", ["customer", "shipping", "number", "lines", "placed_at", "payment", "more"])
def test_the_error_of_an_order_tells_nothing_of_its_customer(field: str) -> None:
    told = place("1", [(Sku("MUG"), 1, "12.50")]).model_dump(mode="json")
    told[field] = {"name": NAME, "email": [NAME], "country": NAME}
    for kind, document in ((PlacedOrder, told), (OrderDocument, {"order": told})):
        with pytest.raises(ValidationError) as wrong:
            kind.model_validate(document)
        assert not {trace for trace in TRACES if trace in str(wrong.value).lower()}
        assert field in str(wrong.value)
