"""What a person may say to an order, and what it must say of itself."""

import pytest
from pydantic import ValidationError

from domain.attention import HELP, MEANING, Action, Correction, Reason, Resolve, ways_out
from domain.ids import LineId, OrderId, Sku
from tests.domain.placed import line, order


def test_every_reason_has_its_meaning_and_every_action_its_help() -> None:
    assert set(MEANING) == set(Reason)
    assert set(HELP) == set(Action)
    assert all(meaning.endswith(".") for meaning in MEANING.values())


def test_ways_out_are_commands() -> None:
    (way,) = ways_out(OrderId("order:shop:1"), [Action.DONE])
    assert way.startswith("`ordersaga attention resolve done --reference NUMBER order:shop:1 --reason …`: ")


def said(**facts: object) -> dict[str, object]:
    return {"actor": "operator", "reason": "mended"} | facts


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (said(action="done"), "reference"),
        (said(action="done", reference=" "), "reference"),
        (said(action="correct"), "correction"),
        (said(action="retry", correction={"skus": {"1": "A"}}), "correction"),
        (said(action="retry", actor=""), "actor"),
        (said(action="retry", reason=""), "reason"),
        (said(action="correct", correction={}), "correction"),
        (said(action="pray"), "action"),
    ],
)
def test_an_answer_that_is_not_whole_names_the_field(answer: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Resolve.model_validate(answer)


def test_a_correction_changes_what_it_names_and_no_amount() -> None:
    placed = order(line())
    name = placed.lines[0].line_id
    buyer = placed.customer.model_copy(update={"vat_id": "DE129273398"})
    corrected = Correction(customer=buyer, skus={name: Sku("NEW")}).of(placed)
    assert (corrected.customer, corrected.lines[0].sku) == (buyer, "NEW")
    assert corrected.total == placed.total
    assert corrected.shipping == placed.shipping


def test_a_correction_of_a_line_that_the_order_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no line '99'"):
        Correction(skus={LineId("99"): Sku("A")}).of(order(line()))
