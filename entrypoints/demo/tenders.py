"""How shoppers pay at the checkout, in the words of the simulated gateway."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.money import Money

Tender = Mapping[str, Any]
Tenders = Callable[[Money], Sequence[Tender]]


def by_card(total: Money) -> Sequence[Tender]:
    """The money is held."""
    return [{"amount": wire(total)}]


def by_card_in_parts(total: Money) -> Sequence[Tender]:
    """The hold may be captured in parts, as the goods leave."""
    return [{"amount": wire(total), "multicapture": True}]


def by_card_on_file(total: Money) -> Sequence[Tender]:
    """The hold may be captured once, and the card may be charged again without the shopper."""
    return [{"amount": wire(total), "stored_credential": True}]


def at_once(total: Money) -> Sequence[Tender]:
    """Captured at the checkout."""
    return [{"amount": wire(total), "state": "captured"}]


def by_card_that_is_declined(total: Money) -> Sequence[Tender]:
    return [{"amount": wire(total), "state": "declined"}]


def begun_and_left(total: Money) -> Sequence[Tender]:
    """The bank wanted a confirmation, and the shopper has gone."""
    return [{"amount": wire(total), "state": "pending"}]


def by_gift_card_and_card(total: Money) -> Sequence[Tender]:
    """The gift card is redeemed at the checkout, the card held for the rest."""
    redeemed, held = total.split([1, 2])
    return [
        {"amount": wire(redeemed), "method": "gift_card", "state": "captured"},
        {"amount": wire(held)},
    ]


def by_transfer(total: Money) -> Sequence[Tender]:
    """The customer is asked to send this much."""
    return [{"amount": wire(total), "method": "bank_transfer"}]


def by_invoice(_: Money) -> Sequence[Tender]:
    """No gateway has anything to do with it."""
    return []


def wire(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}
