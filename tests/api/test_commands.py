"""What is asked of an order over HTTP: by whom, under which id, and what becomes of it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.attention import Resolve
from domain.records import OrderState
from domain.returns import ReturnAsked
from entrypoints.api.desk import Said
from entrypoints.api.roles import Role
from entrypoints.doors import Outcome
from tests.api.desk import NOON
from tests.api.serving import ASKS, CLOSED, FOREIGN, MINE, SHOP, Serving, served

WHY = {"reason": "the customer has changed their mind"}
KEYED = {"Idempotency-Key": "cancel-1"}


async def cancel(api: Serving, order: str = MINE, headers: Any = KEYED, **how: Any) -> httpx.Response:
    return await api("POST", f"/v1/orders/{order}/cancel", json=WHY, headers=headers, **how)


# -- answered ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["cancel", "hold", "release"])
async def test_a_command_reaches_its_order_under_the_senders_id_and_the_bearers_name(
    api: Serving, verb: str
) -> None:
    answer = await api(
        "POST", f"/v1/orders/{MINE}/{verb}", Role.CUSTOMER_SERVICE, json=WHY, headers={"Idempotency-Key": "a"}
    )
    assert answer.status_code == 200
    assert (answer.json()["outcome"], answer.json()["command_id"]) == ("done", "a")
    ((order, command),) = api.desk.given
    assert (order, command.id, command.action) == (MINE, "a", f"orders.{verb}")
    assert command.asked == Said(actor="a customer_service", reason=WHY["reason"])
    assert await api.written() == [(f"orders.{verb}", "done", "")]


async def test_a_return_names_its_units_and_is_the_same_one_when_asked_again(api: Serving) -> None:
    api.desk.outcome[MINE] = Outcome.UNKNOWN
    for _ in range(2):
        answer = await api(
            "POST",
            f"/v1/orders/{MINE}/returns",
            json={"reason": "too small", "units": {"1": 1}},
            headers={"Idempotency-Key": "rma-7"},
        )
        assert answer.status_code == 202
    asked = [command.asked for _, command in api.desk.given]
    assert asked[0] == asked[1]
    assert isinstance(asked[0], ReturnAsked)
    assert (asked[0].request, asked[0].units) == ("rma-7", {"1": 1})
    assert len(await api.decisions()) == 1


@pytest.mark.parametrize(
    ("units", "field"),
    [
        ({"9": 1}, "units.9"),
        ({"1": 3}, "units.1"),
        ({"1": 0}, "units.1"),
        ({}, "units"),
        ({"1": "2"}, "units.1"),
    ],
)
async def test_units_that_the_order_does_not_have_are_told_by_line(
    api: Serving, units: dict[str, Any], field: str
) -> None:
    answer = await api("POST", f"/v1/orders/{MINE}/returns", json={"reason": "too small", "units": units})
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)
    assert api.desk.given == []


async def test_what_the_order_refuses_is_a_conflict_with_its_own_words(api: Serving) -> None:
    api.desk.outcome[MINE] = Outcome.REFUSED
    answer = await cancel(api)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert answer.json()["detail"] == "orders.cancel: refused"
    assert await api.written() == [("orders.cancel", "refused", "")]
    told = await api("GET", f"/v1/orders/{MINE}/commands/cancel-1")
    assert told.json()["outcome"] == "refused"


# -- slow, or not at all -----------------------------------------------------------------------------------------------


async def test_a_slow_answer_is_told_later_under_the_status_address(api: Serving) -> None:
    api.desk.outcome[MINE] = Outcome.UNKNOWN
    answer = await cancel(api)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "unknown")
    status = answer.headers["Location"]
    assert (await api("GET", status)).json()["outcome"] == "unknown"
    assert await api.written() == [("orders.cancel", "pending", "")]
    api.desk.settle(MINE, "cancel-1", Outcome.DONE)
    assert (await api("GET", status)).json()["outcome"] == "done"
    assert await api.written() == [("orders.cancel", "done", "")]
    assert (await cancel(api)).status_code == 200


async def test_what_nobody_has_taken_yet_is_kept_and_told_under_the_status_address(api: Serving) -> None:
    api.desk.outcome[MINE] = Outcome.UNREACHED
    answer = await cancel(api, headers={})
    assert (answer.status_code, answer.json()["outcome"]) == (202, "unreached")
    name = answer.json()["command_id"]
    told = await api("GET", answer.headers["Location"])
    assert (told.status_code, told.json()["outcome"]) == (200, "unreached")
    assert await api.written() == [("orders.cancel", "unreached", "")]
    del api.desk.outcome[MINE]
    assert (await cancel(api, headers={"Idempotency-Key": name})).status_code == 200
    assert await api.written() == [("orders.cancel", "done", "")]


async def test_a_command_that_finds_temporal_away_is_kept_whatever_it_moves(api: Serving) -> None:
    api.desk.away.add("temporal")
    for verb, more in (("hold", {}), ("cancel", {}), ("returns", {"units": {"1": 1}})):
        headers = {"Idempotency-Key": verb}
        answer = await api("POST", f"/v1/orders/{MINE}/{verb}", json=WHY | more, headers=headers)
        assert (answer.status_code, answer.json()["outcome"]) == (202, "unreached")
        told = await api("GET", answer.headers["Location"])
        assert (told.status_code, told.json()["outcome"]) == (200, "unreached")


async def test_what_has_to_be_checked_first_waits_for_temporal(database: Path) -> None:
    """A revision that somebody has seen, and what a limit is compared with: nobody can tell now."""
    async with served(database, money_limits={"EUR": "1000.00"}) as api:
        api.desk.away.add("temporal")
        seen = await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers={"If-Match": '"1"'})
        limited = await cancel(api, role=Role.CUSTOMER_SERVICE)
        assert [answer.status_code for answer in (seen, limited)] == [503, 503]
        assert api.desk.given == []
        assert (await cancel(api)).status_code == 202  # an operator's


async def test_what_can_neither_be_kept_nor_given_is_not_promised(api: Serving) -> None:
    api.desk.away |= {"temporal", "database"}
    answer = await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers=KEYED)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["command_id"] == "cancel-1"
    assert await api.written() == [("orders.hold", "unreached", "")]
    api.desk.away.clear()
    told = await api("GET", f"/v1/orders/{MINE}/commands/cancel-1")
    assert (told.json()["outcome"], "repeat it" in told.json()["why"]) == ("unreached", True)


async def test_a_repeat_has_the_first_answer_though_the_order_has_ended_since(api: Serving) -> None:
    first = await cancel(api)
    order = api.desk.registered[MINE]
    api.desk.registered[MINE] = order.model_copy(update={"state": OrderState.CANCELLED, "closed_at": NOON})
    api.desk.outcome[MINE] = Outcome.REFUSED
    again = await cancel(api)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(api.desk.given) == 1
    assert await api.written() == [("orders.cancel", "done", "")]


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REFUSED])
async def test_what_became_of_a_command_is_known_longer_than_temporal_knows_it(
    api: Serving, outcome: Outcome
) -> None:
    api.desk.outcome[MINE] = outcome
    await cancel(api)
    api.desk.forget()
    assert (await api("GET", f"/v1/orders/{MINE}/commands/cancel-1")).json()["outcome"] == outcome


async def test_a_command_that_was_never_given_has_no_status(api: Serving) -> None:
    assert (await api("GET", f"/v1/orders/{MINE}/commands/never")).status_code == 404
    await cancel(api)
    assert (await api("GET", f"/v1/orders/{CLOSED}/commands/cancel-1")).status_code == 404


# -- the same, or another ----------------------------------------------------------------------------------------------


async def test_a_key_means_one_command_for_ever(api: Serving) -> None:
    assert (await cancel(api)).status_code == 200
    assert (await cancel(api)).status_code == 200
    others = [
        await api("POST", f"/v1/orders/{MINE}/cancel", json={"reason": "another"}, headers=KEYED),
        await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers=KEYED),
        await cancel(api, role=Role.ADMIN),
    ]
    assert [(other.status_code, other.json()["code"]) for other in others] == [(422, "key_reused")] * 3
    assert (await cancel(api, ASKS)).status_code == 200  # keys belong to their order
    assert len(await api.decisions()) == 2


async def test_a_command_that_expects_another_revision_is_told_the_present_one(api: Serving) -> None:
    api.desk.documents[MINE].revision = 2
    stale = await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"], stale.json()["revision"]) == (412, "other_revision", 2)
    assert api.desk.given == []
    for fresh in ('"2"', "*"):
        answer = await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers={"If-Match": fresh})
        assert answer.status_code == 200
    strange = await api("POST", f"/v1/orders/{MINE}/hold", json=WHY, headers={"If-Match": "W/2"})
    assert (strange.status_code, strange.json()["problems"][0]["field"]) == (422, "If-Match")


@pytest.mark.parametrize("key", ["", " ", "a b", "ü".encode(), "x" * 65, "a/b"])
async def test_a_key_is_a_word_of_at_most_64_signs(api: Serving, key: Any) -> None:
    answer = await cancel(api, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": 1}, "reason"),
        ({**WHY, "x": 1}, "x"),
        ([], "body"),
    ],
)
async def test_a_reason_is_needed_and_nothing_else_is_taken(api: Serving, body: Any, field: str) -> None:
    answer = await api("POST", f"/v1/orders/{MINE}/hold", json=body)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)


async def test_what_is_not_json_is_malformed(api: Serving) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b"\xff", b"[" * 100_000, b'{"reason": ' + b"9" * 10_000 + b"}"):
        answer = await api("POST", f"/v1/orders/{MINE}/hold", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


# -- one that needs a person -------------------------------------------------------------------------------------------


async def test_a_question_is_answered_by_an_operator(api: Serving) -> None:
    told = (await api("GET", "/v1/attention")).json()
    assert [(one["order_id"], one["needs"]) for one in told["orders"]] == [(ASKS, "order_refused")]
    answer = await api(
        "POST", f"/v1/attention/{ASKS}/resolve", json={"action": "retry", "number": 1, "reason": "mended"}
    )
    assert answer.status_code == 200
    ((_, command),) = api.desk.given
    assert command.asked == Resolve(action="retry", actor="a operator", reason="mended", number=1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "done", "reason": "by hand"}, "reference"),
        ({"action": "correct", "reason": "by hand"}, "correction"),
        ({"action": "retry", "reason": "x", "correction": {"skus": {"1": "MUG"}}}, "correction"),
        ({"action": "correct", "reason": "x", "correction": {}}, "correction"),
        ({"action": "wish", "reason": "x"}, "action"),
    ],
)
async def test_an_answer_that_is_not_whole_is_told_by_field(api: Serving, body: Any, field: str) -> None:
    answer = await api("POST", f"/v1/attention/{ASKS}/resolve", json=body)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)


async def test_many_orders_answer_each_for_itself_and_never_all_when_one_did_not(api: Serving) -> None:
    body = {"filter": {"needs": "order_refused"}, "action": "retry", "reason": "the article is known now"}
    everybody: dict[str, Any] = {
        "role": Role.OPERATOR,
        "channels": ("*",),
        "headers": {"Idempotency-Key": "bulk-1"},
    }
    api.desk.outcome[ASKS] = Outcome.REFUSED
    partly = await api("POST", "/v1/attention/resolve", json=body, **everybody)
    told = partly.json()
    assert (partly.status_code, told["all_done"]) == (207, False)
    assert told["summary"] == "1 of 2 done, 1 refused"
    assert {one["order_id"]: one["outcome"] for one in told["orders"]} == {
        ASKS: "refused",
        "order:other:foreign-asks": "done",
    }
    api.desk.given.clear()
    mine = await api("POST", "/v1/attention/resolve", json=body)
    assert [one["order_id"] for one in mine.json()["orders"]] == [ASKS]
    assert {order for order, _ in api.desk.given} == {ASKS}


async def test_an_action_that_does_not_help_is_not_even_asked(api: Serving) -> None:
    body = {"filter": {"channel": SHOP}, "action": "skip", "reason": "no"}
    answer = await api("POST", "/v1/attention/resolve", json=body)
    (one,) = answer.json()["orders"]
    assert (answer.status_code, one["outcome"], one["why"]) == (207, "refused", "skip does not help here")
    assert (api.desk.given, await api.decisions()) == ([], ())


async def test_a_filter_that_says_nothing_is_none(api: Serving) -> None:
    for filtered in ({}, {"needs": None}):
        body = {"filter": filtered, "action": "retry", "reason": "x"}
        answer = await api("POST", "/v1/attention/resolve", json=body)
        assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "filter")


async def test_a_foreign_order_cannot_be_asked_for_anything(api: Serving) -> None:
    for address in (f"/v1/orders/{FOREIGN}/cancel", f"/v1/attention/{FOREIGN}/resolve"):
        answer = await api("POST", address, json=WHY | ({"action": "retry"} if "resolve" in address else {}))
        assert answer.status_code == 404
    assert api.desk.given == []
    assert [code for _, _, code in await api.written()] == ["foreign_channel"] * 2
