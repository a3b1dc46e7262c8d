"""The table of the demo's kinds: its documents say what each kind is, and every kind has its turn."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from adapters.documents import PARSERS, load
from domain.attention import Reason
from domain.ids import ChannelId, OrderId
from domain.records import OrderState
from entrypoints.attention import Standing
from entrypoints.demo.cart import cart
from entrypoints.demo.documents import CATALOGUE, CURRENCIES, demo_document
from entrypoints.demo.erp_edits import AS_PLACED, EDITED, agree, kinds_of
from entrypoints.demo.kinds import KINDS, Kind, chosen, playable
from entrypoints.demo.progress import Progress, parts_of
from entrypoints.demo.scene import Scene, Stage
from entrypoints.demo.watching import DemoFailed, Watch

NAME_LENGTH_MAX = 26  # beside the other columns, in 80 of them
PLATFORMS_OF_KINDS = [(kind, platform) for kind in (*KINDS, *EDITED) for platform in kind.platforms]


@pytest.mark.parametrize(
    ("kind", "platform"), PLATFORMS_OF_KINDS, ids=[f"{kind.name}-{shop}" for kind, shop in PLATFORMS_OF_KINDS]
)
def test_a_kinds_document_says_how_it_is_paid(kind: Kind, platform: str) -> None:
    for index in range(6):
        content = kind.cart(cart(index, CURRENCIES))
        sent = demo_document(content, platform, kind.term, channel=kind.channel)
        placed = PARSERS[platform](
            load(json.dumps(sent.document).encode()), channel=ChannelId(sent.channel), skus={}
        )
        assert placed.order_id == sent.order_id
        assert placed.payment.term is kind.term
        tenders = kind.checkout(placed.total)
        asked = sum(int(tender["amount"]["amount"].replace(".", "")) for tender in tenders)
        assert asked in {0, placed.total.minor}


def test_every_kind_is_played_when_there_are_as_many_orders() -> None:
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(KINDS)
    assert [kind.name for kind in chosen(len(KINDS), KINDS)] == names
    assert {kind.name for kind in chosen(len(KINDS) + 7, KINDS)} == set(names)


def test_fewer_orders_are_the_first_kinds() -> None:
    assert chosen(4, KINDS) == list(KINDS[:4])


def test_the_table_holds_both_ends_every_term_and_names_that_fit_a_line() -> None:
    assert {kind.ends for kind in KINDS} == {OrderState.COMPLETED, OrderState.CANCELLED}
    assert len({kind.term for kind in KINDS}) == 4
    assert max(len(kind.name) for kind in KINDS) <= NAME_LENGTH_MAX


def test_real_systems_are_given_card_orders_only() -> None:
    assert playable(frozenset()) == KINDS
    real = playable(frozenset({"tryton", "stripe"}))
    assert real[0].name == "card"
    assert {kind.term for kind in real} == {KINDS[0].term}


def test_two_businesses_do_not_share_their_credit() -> None:
    of_a_business = next(kind for kind in KINDS if kind.name == "on account").cart
    first, second = (of_a_business(cart(index, CURRENCIES)) for index in (0, 1))
    assert first.buyer.email != second.buyer.email
    assert replace(first, buyer=second.buyer).total == first.total


def test_nobody_sells_the_article_that_the_erp_refuses() -> None:
    (kind,) = (kind for kind in KINDS if kind.name == "ERP refuses, cancelled")
    assert kind.cart(cart(3, CURRENCIES)).lines[0].sku not in CATALOGUE


# --- a day of edits


def test_one_order_in_ten_is_edited_each_in_another_way() -> None:
    names = [kind.name for kind in kinds_of(500) if kind is not AS_PLACED]
    assert len(names) == 50
    assert set(names) == {kind.name for kind in EDITED}
    assert max(len(name) for name in names) <= NAME_LENGTH_MAX
    assert sum(kind is not AS_PLACED for kind in kinds_of(40)) == 4


def books(*, shop: str = "11.90", units: int = 1, taken: str = "11.90", by_hand: int = 1) -> dict[str, Any]:
    """Of one order that was edited in the ERP, which holds one unit for 11.90."""

    def of(name: str, **facts: Any) -> dict[str, Any]:
        return {"order_id": name, **facts}

    def line(quantity: int) -> dict[str, Any]:
        return {"line_id": "1", "sku": "A", "quantity": quantity, "total": {"amount": "11.90"}}

    order = {"lines": [line(1)], "total": {"amount": "11.90"}, "shipping": None}
    return {
        "sales_orders": [of("o", order=order, by_hand=[{}] * by_hand)],
        "orders": [of("o", lines=[line(units)], total={"amount": shop}, shipping=None)],
        "captures": [of("o", amount={"amount": taken})],
        "refunds": [],
        "invoices": [of("o", total={"amount": "11.90"})],
    }


def test_systems_agree_when_lines_totals_and_money_are_alike() -> None:
    assert agree(books(), "o")


@pytest.mark.parametrize(
    "otherwise", [{"shop": "11.89"}, {"units": 2}, {"taken": "5.00"}, {"by_hand": 0}], ids=str
)
def test_systems_do_not_agree_when_one_of_them_says_otherwise(otherwise: dict[str, Any]) -> None:
    assert not agree(books(**otherwise), "o")


# --- how they end


def standing(order: str, phase: str, needs: Reason | None = None) -> Standing:
    return Standing(
        order_id=OrderId(order),
        number="1",
        channel="shop-demo",
        phase=phase,
        needs=needs,
        blocked_on=(),
        on_hold=False,
        since=None,
    )


def progress(*kinds: Kind) -> Progress:
    """Nothing of it runs: only what the watch has seen counts."""
    stage = Stage(AsyncMock(), Watch(AsyncMock()), doors=AsyncMock(), commands=AsyncMock())
    made = Progress(stage, parts_of(len(kinds), frozenset(), stage))
    for part, kind in zip(made.parts, kinds, strict=True):
        part.kind = kind
    return made


def seen(made: Progress, *phases: str, closed: bool = True) -> None:
    for part, phase in zip(made.parts, phases, strict=True):
        made.watch.standing[part.order] = standing(part.order, phase)
        if closed:
            made.watch.closed.add(part.order)


def test_an_order_that_ends_otherwise_than_its_kind_must_is_told() -> None:
    made = progress(KINDS[0], KINDS[4])
    seen(made, "completed", "completed")
    (told,) = made.otherwise()
    assert "(cancelled by phone) is completed, not cancelled" in told
    seen(made, "completed", "cancelled")
    assert made.otherwise() == []


async def test_an_order_whose_play_could_not_go_on_is_told_with_the_reason() -> None:
    async def refused(_: Scene) -> None:
        raise DemoFailed("it was too late")

    made = progress(replace(KINDS[0], act=refused))
    seen(made, "completed")
    await made.parts[0].perform()
    assert made.otherwise() == ["it was too late"]


async def test_at_rest_is_what_ended_after_its_play() -> None:
    made = progress(KINDS[0])
    seen(made, "completed")
    before_its_play = made.at_rest
    await play_all(made)
    assert (before_its_play, made.at_rest) == (False, True)


async def test_a_cancelled_transfer_that_watches_for_late_money_is_at_rest_and_a_card_is_not() -> None:
    for kind, rests in ((KINDS[0], False), (KINDS[2], True)):
        made = progress(kind)
        seen(made, "cancelled", closed=False)
        await play_all(made)
        assert made.at_rest is rests


async def test_a_question_that_nobody_answers_ends_the_demo_after_a_while() -> None:
    made = progress(KINDS[0])
    seen(made, "fulfilling", closed=False)
    order = made.parts[0].order
    made.watch.standing[order] = standing(order, "fulfilling", Reason.SHORT_PICK)
    await play_all(made)
    made.note_questions()
    at_first = made.at_rest
    for _ in range(10):
        made.note_questions()
    assert (at_first, made.at_rest) == (False, True)
    assert made.otherwise()


async def play_all(made: Progress) -> None:
    for part in made.parts:
        part.play = asyncio.create_task(nothing_more())
        await part.play


async def nothing_more() -> None:
    """The play is over."""
