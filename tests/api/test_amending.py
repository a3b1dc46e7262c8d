"""Orders quoted and amended over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.amendments import Amendment, AmendmentState
from entrypoints.api.roles import Role
from tests.api.serving import CLOSED, MINE, Serving, served

MORE = [{"kind": "set_quantity", "line_id": "1", "quantity": 3}]
LESS = [{"kind": "set_quantity", "line_id": "1", "quantity": 1}]
WHY = "the customer called"


async def quote(api: Serving, changes: Any, order: str = MINE) -> httpx.Response:
    return await api("POST", f"/v1/orders/{order}/quote", Role.CUSTOMER_SERVICE, json={"changes": changes})


async def amend(
    api: Serving,
    changes: Any = MORE,
    *,
    seen: str = '"1"',
    key: str = "call-1",
    role: Role = Role.CUSTOMER_SERVICE,
    order: str = MINE,
) -> httpx.Response:
    headers = {"If-Match": seen, "Idempotency-Key": key}
    body = {"reason": WHY, "changes": changes}
    return await api("POST", f"/v1/orders/{order}/amend", role, json=body, headers=headers)


async def test_a_quote_says_what_it_would_cost_and_changes_nothing(api: Serving) -> None:
    told = (await quote(api, MORE)).json()
    assert (told["allowed"], told["revision"]) == (True, 1)
    assert told["total_after"]["minor"] - told["total_before"]["minor"] == 1488  # 12.50 and 19 % on it
    assert [one["verdict"] for one in told["verdicts"]] == ["allowed"]
    refused = (await quote(api, [{"kind": "remove_line", "line_id": "9"}])).json()
    assert (refused["allowed"], refused["verdicts"][0]["field"]) == (False, "line_id")
    assert api.desk.documents[MINE].revision == 1
    assert await api.decisions() == ()
    assert (await quote(api, MORE, CLOSED)).status_code == 409


async def test_an_amendment_reaches_the_order_with_who_and_which_revision_was_seen(api: Serving) -> None:
    answer = await amend(api)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["amended"] | {"total": None} == {
        "amendment_id": "call-1",
        "state": "committed",
        "revision": 2,
        "total": None,
        "why": "amended",
    }
    ((_, command),) = api.desk.given
    assert command.asked == Amendment.model_validate(
        {
            "amendment_id": "call-1",
            "expected_revision": 1,
            "actor": "a customer_service",
            "role": "customer_service",
            "reason": WHY,
            "changes": MORE,
        }
    )
    assert (await api("GET", f"/v1/orders/{MINE}")).headers["ETag"] == '"2"'


async def test_a_repeated_amendment_is_the_same_one_though_the_revision_has_moved_on(api: Serving) -> None:
    first, again = await amend(api), await amend(api)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(api.desk.documents[MINE].amendments) == len(await api.decisions()) == 1


async def test_two_agents_cannot_overwrite_each_other(api: Serving) -> None:
    assert (await amend(api)).status_code == 200
    stale = await amend(api, LESS, key="call-2")
    assert (stale.status_code, stale.json()["code"], stale.json()["revision"]) == (412, "other_revision", 2)


async def test_a_revision_that_moves_on_while_it_is_asked_is_told_all_the_same(database: Path) -> None:
    async with served(database, money_limits={"EUR": "1000.00"}) as api:
        read = api.desk.read

        async def before_the_other(order: Any) -> Any:
            """What the limit is compared with."""
            document = (await read(order)).model_copy()
            api.desk.read = read  # type: ignore[method-assign]
            api.desk.documents[MINE].revision = 2
            return document

        api.desk.read = before_the_other  # type: ignore[method-assign]
        stale = await amend(api)
        assert (stale.status_code, stale.json()["revision"]) == (412, 2)
        assert await api.written() == [("orders.amend", "refused", "")]


@pytest.mark.parametrize(
    ("ended", "outcome"), [(AmendmentState.COMMITTED, "done"), (AmendmentState.UNDONE, "refused")]
)
async def test_while_the_customer_has_to_pay_the_outcome_is_told_later(
    api: Serving, ended: AmendmentState, outcome: str
) -> None:
    api.desk.amended = AmendmentState.PENDING
    answer = await amend(api)
    assert (answer.status_code, answer.json()["amended"]["state"]) == (202, "pending")
    status = answer.headers["Location"]
    assert (await api("GET", status)).json()["outcome"] == "unknown"
    api.desk.settle_amendment(MINE, ended)
    api.desk.forget()
    told = (await api("GET", status)).json()
    assert (told["outcome"], told["amended"]["state"]) == (outcome, ended)
    assert await api.written() == [("orders.amend", outcome, "")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([], "changes"),
        ([{"kind": "set_quantity", "line_id": "1", "quantity": 0}], "changes.0.set_quantity.quantity"),
        ([{"kind": "set_unit_price", "line_id": "1", "unit_price": 9.9}], "changes"),
        ([{"kind": "as_held", "line_id": "1", "quantity": 1}], "changes.0"),
        ([{"kind": "wish"}], "changes.0"),
    ],
)
async def test_a_change_that_cannot_be_read_is_told_by_field(api: Serving, changes: Any, field: str) -> None:
    for answer in (await quote(api, changes), await amend(api, changes)):
        assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)
    assert api.desk.given == []


async def test_an_amendment_says_which_revision_was_seen(api: Serving) -> None:
    body = {"reason": WHY, "changes": MORE}
    for headers in ({}, {"If-Match": "*"}, {"If-Match": "1"}):
        answer = await api("POST", f"/v1/orders/{MINE}/amend", json=body, headers=headers)
        assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "If-Match")


async def test_how_far_the_total_moves_is_what_the_limit_is_for(database: Path) -> None:
    async with served(database, money_limits={"EUR": "14.88"}) as api:
        assert (await amend(api, MORE)).status_code == 200
        gift = [{"kind": "set_discount", "line_id": "1", "percent": "100"}]
        added = [{"kind": "add_line", "sku": "CUP", "quantity": 1}]
        for key, changes in (("a", gift), ("b", gift + added), ("c", [{**MORE[0], "quantity": 9}])):
            answer = await amend(api, changes, seen='"2"', key=key)
            assert (answer.status_code, answer.json()["code"]) == (403, "needs_operator"), changes
        dear = [{"kind": "add_line", "sku": "CUP", "quantity": 1, "unit_price": "100.00", "name": "Cup"}]
        assert (await amend(api, dear, seen='"2"', key="d")).status_code == 403
        assert (await amend(api, added, seen='"2"', key="e")).status_code == 200  # at the ERP's own price
        assert (await amend(api, gift, seen='"3"', key="a", role=Role.OPERATOR)).status_code == 200
