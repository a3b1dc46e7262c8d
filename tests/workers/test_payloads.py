"""Payloads of open orders: the same as anybody's, and in memory once where they are alike."""

import traceback
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.orders import PlacedOrder
from domain.payments import Capture, Declined
from domain.policies import OrderPolicies
from tests.domain.placed import line, order, surcharge
from workers.payloads import UnreadablePayload, data_converter

PLACED = order(line(), surcharge(490))
OURS, THEIRS = data_converter.payload_converter, pydantic_data_converter.payload_converter


def read(value: Any, kind: Any) -> Any:
    return OURS.from_payload(THEIRS.to_payload(value), kind)


def test_what_others_write_is_read_and_written_alike() -> None:
    for value, kind in ((PLACED, PlacedOrder), (None, PlacedOrder | None), ({"a": 1}, dict[str, int])):
        assert read(value, kind) == value
        assert OURS.to_payload(value) == THEIRS.to_payload(value)
    assert read(Declined(reason="no"), Capture | Declined) == Declined(reason="no")


def test_a_value_that_was_read_still_knows_which_fields_were_given() -> None:
    given = PLACED.model_dump(mode="json", exclude_unset=True)
    assert given != PLACED.model_dump(mode="json")
    assert read(given, PlacedOrder).model_dump(mode="json", exclude_unset=True) == given


def test_two_orders_share_what_pydantic_notes_of_their_fields() -> None:
    one, two = (read(PLACED, PlacedOrder) for _ in range(2))
    assert one.model_fields_set is two.model_fields_set
    assert one.lines[0].model_fields_set is two.lines[0].model_fields_set
    assert one.model_fields_set is not one.lines[0].model_fields_set


def test_two_orders_share_amounts_that_are_alike() -> None:
    one, two = (read(PLACED, PlacedOrder) for _ in range(2))
    assert one.lines[0].discount is two.lines[0].discount
    assert one == PLACED


def test_a_changed_copy_leaves_the_shared_note_alone() -> None:
    placed = read(PLACED, PlacedOrder)
    before = set(placed.model_fields_set)
    assert "revised" not in before
    changed = placed.model_copy(update={"revised": True})
    assert "revised" in changed.model_fields_set
    assert placed.model_fields_set == before


def test_orders_of_a_channel_have_their_policies_in_common() -> None:
    policies = OrderPolicies(adapters={}, attention_seconds=60)
    one, two = (read(policies, OrderPolicies) for _ in range(2))
    assert one is two
    assert one == policies
    assert read(OrderPolicies(adapters={}), OrderPolicies) != policies


def test_what_cannot_be_read_is_named_without_its_words() -> None:
    given = PLACED.model_dump(mode="json") | {"customer": {"name": "Ada", "email": {"of": "Ada"}}}
    with pytest.raises(
        UnreadablePayload, match=r"customer\.email: Input should be a valid string"
    ) as refused:
        read(given, PlacedOrder)
    for told in traceback.format_exception(refused.value):
        assert "Ada" not in told
