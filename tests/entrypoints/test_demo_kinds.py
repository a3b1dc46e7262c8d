"""The table of the demo's kinds: its documents say what each kind is, and every kind has its turn."""

import json
from dataclasses import replace

import pytest

from adapters.documents import PARSERS, load
from domain.ids import ChannelId
from domain.records import OrderState
from entrypoints.demo.cart import cart
from entrypoints.demo.documents import CATALOGUE, CURRENCIES, demo_document
from entrypoints.demo.kinds import KINDS, Kind, chosen, playable

NAME_LENGTH_MAX = 26  # beside the other columns, in 80 of them
PLATFORMS_OF_KINDS = [(kind, platform) for kind in KINDS for platform in kind.platforms]


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
