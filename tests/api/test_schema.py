"""The API against its own document: generated requests, half of them sensible, and every answer as it is described."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from domain.ids import OrderId
from entrypoints.api.openapi import document
from tests.api.issuing import issuing
from tests.api.serving import ASKS, MINE, SHOP, Serving, served
from tests.api.test_orders import document as order_document

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"
DESCRIBED = json.loads(OPENAPI.read_text())
OPERATIONS = [
    f"{method.upper()} {path}" for path, methods in DESCRIBED["paths"].items() for method in methods
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
KNOWN = "known"  # a command that was given
PRESENT = "present"  # stands for the revision that the order is at when it is asked

Case = schemathesis.Case[Any]
Seed = Callable[[Case, int], None]


def test_the_documented_api_is_the_one_that_is_served() -> None:
    assert OPENAPI.read_text() == document(), "python -m entrypoints.api.openapi > docs/openapi.json"


# -- what is sent ------------------------------------------------------------------------------------------------------


def _place(case: Case, number: int) -> None:
    case.query["channel"] = SHOP
    case.body = json.loads(order_document(id=f"S-{number}"))


def _fields(**facts: Any) -> Seed:
    def seed(case: Case, _number: int) -> None:
        assert isinstance(case.body, dict)
        kept = {name: value for name, value in case.body.items() if name == "reason"}
        case.body = kept | facts

    return seed


def _token(case: Case, number: int) -> None:
    case.path_parameters["number"] = 1 + number % 2


def _known(case: Case, _number: int) -> None:
    case.path_parameters |= {"order_id": ASKS, "command_id": KNOWN}


def _amended(case: Case, number: int) -> None:
    case.headers["If-Match"] = PRESENT
    _changes(case, number)


def _changes(case: Case, number: int) -> None:
    assert isinstance(case.body, dict)
    case.body["changes"] = [{"kind": "set_quantity", "line_id": "1", "quantity": 1 + number % 9}]


# What makes a generated request one that is sensible here.
SEEDS: dict[str, Seed] = {
    "POST /v1/orders": _place,
    "GET /v1/orders/{order_id}/commands/{command_id}": _known,
    "POST /v1/orders/{order_id}/quote": _changes,
    "POST /v1/orders/{order_id}/amend": _amended,
    "POST /v1/orders/{order_id}/returns": _fields(units={"1": 1}),
    "POST /v1/attention/{order_id}/resolve": _fields(action="retry"),
    "POST /v1/attention/resolve": _fields(action="retry", filter={"needs": "order_refused"}),
    "DELETE /v1/tokens/{number}": _token,
}


def _sensible(case: Case, number: int, *, bare: bool) -> Case:
    for name in ("Idempotency-Key", "If-Match") if bare else ():
        case.headers.pop(name, None)
    case.query.pop("cursor", None)
    if "order_id" in case.path_parameters:
        case.path_parameters["order_id"] = (MINE, ASKS)[number % 2]
    if seed := SEEDS.get(case.operation.label):
        seed(case, number)
    return case


@cache
def described() -> Any:
    return schemathesis.openapi.from_dict(DESCRIBED)


def requests(label: str) -> st.SearchStrategy[Case]:
    method, path = label.split()
    operation = described()[path][method]
    well_formed, numbers = operation.as_strategy(), st.integers(0, 10**6)
    bare = st.builds(_sensible, well_formed, numbers, bare=st.just(True))
    sensible = st.builds(_sensible, well_formed, numbers, bare=st.just(False))
    malformed = operation.as_strategy(GenerationMode.NEGATIVE) if path not in {"/livez", "/readyz"} else bare
    return st.one_of(bare, bare, bare, sensible, well_formed, malformed)


# -- what is answered --------------------------------------------------------------------------------------------------


class Fuzzed:
    """The API in a loop of its own, and how its answers were."""

    def __init__(self, runner: asyncio.Runner, api: Serving, token: str) -> None:
        self._runner = runner
        self._api = api
        self._token = token
        self.statuses: Counter[int] = Counter()

    def check(self, case: Case) -> None:
        answer = self._runner.run(self._answer(case))
        self.statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    @property
    def successes(self) -> float:
        good = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        return good / self.statuses.total()

    async def _answer(self, case: Case) -> httpx.Response:
        sent = case.as_transport_kwargs(base_url="http://api")
        headers = dict(sent["headers"]) | {"Authorization": f"Bearer {self._token}"}
        if headers.get("If-Match") == PRESENT:
            headers["If-Match"] = f'"{self._api.desk.documents[case.path_parameters["order_id"]].revision}"'
        content = sent.get("data")
        if sent.get("json", NOT_SET) is not NOT_SET:
            content = json.dumps(sent["json"]).encode()
        return await self._api.http.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            headers=[(name, value.encode("latin-1", "replace")) for name, value in headers.items()],
            content=content,
        )


@pytest.fixture
def fuzzed(database: Path) -> Iterator[Fuzzed]:
    with issuing() as issuer, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        serving = served(database, rate_limit="1000000/second", **issuer.settings)
        api = runner.run(stack.enter_async_context(serving))
        runner.run(_seeded(api))
        yield Fuzzed(runner, api, issuer.token(role="admin", channels=["*"]))
        runner.run(stack.aclose())


async def _seeded(api: Serving) -> None:
    """Tokens 1 and 2, and a command that was given."""
    for role in ("storefront", "auditor"):
        await api.tokens.create(role, role, (SHOP,), api.desk.registered[OrderId(MINE)].accepted_at)
    hold: dict[str, Any] = {"json": {"reason": "a seed"}, "headers": {"Idempotency-Key": KNOWN}}
    assert (await api("POST", f"/v1/orders/{ASKS}/hold", **hold)).is_success


def _fuzz(fuzzed: Fuzzed, label: str, cases: int, *, successes: float) -> None:
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests(label))
    def check(case: Case) -> None:
        fuzzed.check(case)

    check()
    assert fuzzed.successes >= successes, fuzzed.statuses


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described_and_none_is_a_failure_of_ours(fuzzed: Fuzzed, label: str) -> None:
    _fuzz(fuzzed, label, 15, successes=0.1)  # few: the share is a matter of chance


@pytest.mark.long
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described_of_thousands(fuzzed: Fuzzed, label: str) -> None:
    _fuzz(fuzzed, label, 250, successes=0.3)
