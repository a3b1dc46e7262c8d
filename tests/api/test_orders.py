"""Orders over HTTP: placed, listed, read."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.records import OrderState
from entrypoints.api.problems import PROBLEM_TYPE
from entrypoints.api.roles import Role
from entrypoints.api.shapes import PLACED_EXAMPLE
from tests.api.desk import placed
from tests.api.serving import CLOSED, FOREIGN, MINE, OTHER, SHOP, Serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "examples" / "order.json"
ALL = ("*",)


def document(**changed: Any) -> bytes:
    return json.dumps(json.loads(DOCUMENT.read_bytes()) | changed).encode()


# -- placed ------------------------------------------------------------------------------------------------------------


async def test_an_order_is_placed_once_however_often_it_is_sent(api: Serving) -> None:
    first = await api("POST", "/v1/orders", Role.STOREFRONT, params={"channel": SHOP}, content=document())
    assert (first.status_code, first.json()) == (201, {"order_id": "order:shop:S-11001", "state": "accepted"})
    again = await api("POST", "/v1/orders", Role.STOREFRONT, params={"channel": SHOP}, content=document())
    assert (again.status_code, again.json()["state"]) == (200, "already_known")
    address = first.headers["Location"]
    assert again.headers["Location"] == address
    read = await api("GET", address, Role.STOREFRONT)
    assert read.json()["order"]["number"] == "S-11001"
    assert await api.written() == [
        ("orders.place", "done", "accepted"),
        ("orders.place", "done", "already_known"),
    ]


async def test_the_documented_example_is_one_that_is_taken(api: Serving) -> None:
    answer = await api("POST", "/v1/orders", params={"channel": SHOP}, json=PLACED_EXAMPLE)
    assert answer.status_code == 201


async def test_a_document_that_cannot_be_used_is_kept_and_told_field_by_field(api: Serving) -> None:
    answer = await api(
        "POST", "/v1/orders", params={"channel": SHOP}, content=document(total="1.00", tax_total="2.00")
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, PROBLEM_TYPE)
    problem = answer.json()
    assert (problem["code"], problem["inbox_id"]) == ("unusable", 1)
    assert {one["field"] for one in problem["problems"]} == {"total", "tax_total"}
    assert all(one["reason"] for one in problem["problems"])
    assert await api.written() == [("orders.place", "refused", "parked")]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"id": {}}', b"\xff", b"[" * 100_000])
async def test_what_is_no_document_is_told_so(api: Serving, content: bytes) -> None:
    answer = await api("POST", "/v1/orders", params={"channel": SHOP}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "unusable")


async def test_a_key_that_was_given_to_another_document_is_refused(api: Serving) -> None:
    async def place(**changed: Any) -> int:
        headers = {"Idempotency-Key": "checkout-1"}
        answer = await api(
            "POST", "/v1/orders", params={"channel": SHOP}, content=document(**changed), headers=headers
        )
        return answer.status_code

    assert await place() == 201
    assert await place() == 200
    assert await place(number="S-11002") == 422
    assert await api.written() == [("orders.place", "done", "already_known")]


async def test_a_channel_that_is_foreign_or_takes_no_orders_from_here_is_none(api: Serving) -> None:
    answers = [
        await api("POST", "/v1/orders", params={"channel": channel}, content=document())
        for channel in (OTHER, "shopify-de")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.json()["problems"][0]["field"] for answer in answers] == ["channel", "channel"]
    assert answers[0].json() == answers[1].json()
    assert await api.written() == [("orders.place", "denied", "foreign_channel")] * 2


async def test_a_document_that_could_not_be_stored_is_to_be_sent_again(api: Serving) -> None:
    api.desk.away.add("database")
    answer = await api("POST", "/v1/orders", params={"channel": SHOP}, content=document())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert await api.written() == [("orders.place", "unreached", "")]


async def test_more_than_the_limit_is_not_read(api: Serving) -> None:
    answer = await api("POST", "/v1/orders", params={"channel": SHOP}, content=b" " * (4 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# -- read --------------------------------------------------------------------------------------------------------------


async def test_an_order_is_read_whole_with_its_revision(api: Serving) -> None:
    api.desk.documents[MINE].revision = 3
    answer = await api("GET", f"/v1/orders/{MINE}")
    assert answer.headers["ETag"] == '"3"'
    assert answer.json() == api.desk.documents[MINE].model_dump(mode="json")
    assert await api.decisions() == ()


async def test_the_timeline_tells_what_happened_and_what_it_waits_for(api: Serving) -> None:
    told = (await api("GET", f"/v1/orders/{MINE}/timeline")).json()
    assert (told["phase"], told["revision"], told["waits"]) == ("received", 1, [])
    assert [one["what"] for one in told["timeline"]] == ["received"]


async def test_a_foreign_order_is_one_that_does_not_exist_and_the_trail_knows_better(api: Serving) -> None:
    foreign = await api("GET", f"/v1/orders/{FOREIGN}")
    unknown = await api("GET", "/v1/orders/order:shop:nobody")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
    (denial,) = await api.decisions()
    assert (denial.order_id, denial.outcome, denial.code) == (FOREIGN, "denied", "foreign_channel")
    assert (await api("GET", f"/v1/orders/{FOREIGN}", Role.AUDITOR, ALL)).status_code == 200


async def test_while_temporal_is_away_an_open_order_cannot_be_read(api: Serving) -> None:
    api.desk.away.add("temporal")
    answer = await api("GET", f"/v1/orders/{MINE}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    ready = await api.http.get("/readyz")
    assert (ready.status_code, ready.json()["dependencies"]["temporal"]) == (200, "down")
    api.desk.away.add("database")
    assert (await api.http.get("/readyz")).status_code == 503
    assert (await api.http.get("/livez")).json() == {"status": "alive"}


# -- listed ------------------------------------------------------------------------------------------------------------


async def listed(
    api: Serving, role: Role = Role.OPERATOR, channels: Any = (SHOP,), **wishes: Any
) -> list[str]:
    answer = await api("GET", "/v1/orders", role, channels, params=wishes)
    assert answer.status_code == 200, answer.json()
    return [one["order_id"] for one in answer.json()["orders"]]


async def test_a_list_has_the_orders_of_the_bearers_channels_and_no_others(api: Serving) -> None:
    assert await listed(api) == [CLOSED, "order:shop:asks", MINE]
    assert len(await listed(api, channels=ALL)) == len(api.desk.registered)
    assert await listed(api, channel=OTHER) == []
    assert len(await listed(api, channels=ALL, channel=OTHER)) == 2


async def test_a_list_is_filtered(api: Serving) -> None:
    assert await listed(api, number="mine") == [MINE]
    assert await listed(api, state=OrderState.COMPLETED) == [CLOSED]
    assert await listed(api, number="mine", state=OrderState.COMPLETED) == []


async def test_pages_follow_each_other_without_gap_or_repetition(api: Serving) -> None:
    for number in range(7):
        api.desk.add(placed("shop", f"more-{number}"))
    found: list[str] = []
    wishes: dict[str, Any] = {"limit": 3}
    while True:
        page = (await api("GET", "/v1/orders", params=wishes)).json()
        found += [one["order_id"] for one in page["orders"]]
        if page["next"] is None:
            break
        wishes["cursor"] = page["next"]
    assert found == await listed(api, limit=200)
    assert len(found) == 10


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "W10", "WzEsMl0", "bnVsbA", "WyIyMDI2LTAxLTAxIiwiYSJd", "%00", "ü"]
)
@pytest.mark.parametrize("address", ["/v1/orders", "/v1/audit"])
async def test_what_is_no_cursor_is_told_so(api: Serving, address: str, cursor: str) -> None:
    answer = await api("GET", address, Role.ADMIN, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "cursor")
