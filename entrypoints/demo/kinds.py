"""The kinds of orders that the demo plays: how each is paid, what happens to it, and how it must end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from domain.orders import PaymentTerm
from domain.records import OrderState
from entrypoints.demo import amendments, goods, plays, tenders
from entrypoints.demo.cart import Cart
from entrypoints.demo.scene import Scene
from entrypoints.demo.tenders import Tenders

CARD = PaymentTerm.AUTHORIZE_THEN_CAPTURE
PREPAID = PaymentTerm.PREPAID
TRANSFER = PaymentTerm.BANK_TRANSFER
ACCOUNT = PaymentTerm.ON_ACCOUNT

COMPLETED = OrderState.COMPLETED
CANCELLED = OrderState.CANCELLED

EVERY_SHOP = ("shopify", "woocommerce", "ordersaga")
OWN_SHOP = ("ordersaga",)
BUSINESS_SHOP = (
    "b2b-demo"  # approves new accounts, waits for payments a few seconds only, and calls outages soon
)
AT_ONCE_SHOP = "at-once-demo"  # cancels what is not in stock
RETURNS_SHOP = "returns-demo"  # takes goods back for some seconds
WATCHFUL_SHOP = "watchful-demo"  # looks every few seconds whether what it waits for is there

_PAYS = {
    CARD: tenders.by_card,
    PREPAID: tenders.at_once,
    TRANSFER: tenders.by_transfer,
    ACCOUNT: tenders.by_invoice,
}


@dataclass(frozen=True)
class Kind:
    """`platforms`: whose documents can say it. `channel` None: the platform's usual one.

    `pays` None: as the term is usually paid. `before` happens before the order is placed, `act` after it.
    `in_outage`: it is placed while the ERP is down. `real`: real systems can play it too.
    """

    name: str
    term: PaymentTerm
    ends: OrderState
    act: Callable[[Scene], Awaitable[None]] = plays.nothing
    before: Callable[[Scene], Awaitable[None]] = plays.nothing
    pays: Tenders | None = None
    cart: Callable[[Cart], Cart] = plays.as_it_is
    platforms: Sequence[str] = EVERY_SHOP
    channel: str | None = None
    in_outage: bool = False
    real: bool = False

    @property
    def checkout(self) -> Tenders:
        return self.pays or _PAYS[self.term]


# The most important first: fewer orders than kinds are the first of these.
KINDS: tuple[Kind, ...] = (
    Kind("card", CARD, COMPLETED, real=True),
    Kind("prepaid", PREPAID, COMPLETED),
    Kind("transfer after a reminder", TRANSFER, COMPLETED, plays.pays_when_reminded),
    Kind("on account", ACCOUNT, COMPLETED, before=plays.has_credit, cart=plays.of_a_business),
    Kind("cancelled by phone", CARD, CANCELLED, plays.changes_mind, real=True),
    Kind(
        "ERP down, card waits",
        CARD,
        COMPLETED,
        platforms=OWN_SHOP,
        channel=BUSINESS_SHOP,
        in_outage=True,
    ),
    Kind(
        "declined, another card",
        CARD,
        COMPLETED,
        plays.pays_with_another,
        pays=tenders.by_card_that_is_declined,
        platforms=OWN_SHOP,
    ),
    Kind(
        "gift card and card",
        CARD,
        COMPLETED,
        pays=tenders.by_gift_card_and_card,
        platforms=OWN_SHOP,
    ),
    Kind(
        "split over two warehouses",
        CARD,
        COMPLETED,
        goods.ships_from_both,
        goods.lies_in_two_warehouses,
        tenders.by_card_in_parts,
        goods.of_two_articles,
        OWN_SHOP,
    ),
    Kind(
        "backordered",
        CARD,
        COMPLETED,
        goods.has_the_rest_later,
        goods.lies_there_in_part,
        tenders.by_card_in_parts,
        goods.of_two_articles,
        OWN_SHOP,
    ),
    Kind(
        "returned in part",
        CARD,
        COMPLETED,
        goods.is_returned_in_part,
        goods.lies_there,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
        channel=RETURNS_SHOP,
    ),
    Kind(
        "more, by phone",
        CARD,
        COMPLETED,
        amendments.wants_more_by_phone,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        OWN_SHOP,
    ),
    Kind(
        "edited in the ERP alone",
        CARD,
        COMPLETED,
        amendments.is_edited_in_the_erp,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        EVERY_SHOP,
    ),
    Kind(
        "more, declined, undone",
        CARD,
        COMPLETED,
        amendments.wants_more_and_is_declined,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        OWN_SHOP,
    ),
    Kind("refund pending for a while", PREPAID, CANCELLED, plays.waits_for_the_refund, plays.slow_refunds),
    Kind("refund fails, given again", PREPAID, CANCELLED, plays.has_it_given_back_again, plays.slow_refunds),
    Kind("transfer told twice", TRANSFER, COMPLETED, plays.pays_told_twice),
    Kind("transfer in two parts", TRANSFER, COMPLETED, plays.pays_in_two_parts),
    Kind("transfer of too much", TRANSFER, COMPLETED, plays.pays_too_much),
    Kind("transfer after the cancel", TRANSFER, CANCELLED, plays.pays_after_the_cancel),
    Kind(
        "on account, limit raised",
        ACCOUNT,
        COMPLETED,
        plays.has_the_limit_raised,
        plays.has_little_credit,
        cart=plays.of_a_business,
    ),
    Kind(
        "business account approved",
        ACCOUNT,
        COMPLETED,
        plays.is_approved,
        plays.is_new,
        cart=plays.of_a_business,
        platforms=OWN_SHOP,
        channel=BUSINESS_SHOP,
    ),
    Kind("held and released", CARD, COMPLETED, plays.is_held_and_released, real=True),
    Kind(
        "carrier refuses, corrected",
        CARD,
        COMPLETED,
        plays.has_its_address_corrected,
        cart=plays.to_nowhere,
    ),
    Kind(
        "carrier refuses, cancelled",
        PREPAID,
        CANCELLED,
        plays.is_given_up_at_the_carrier,
        cart=plays.to_nowhere,
    ),
    Kind(
        "ERP refuses, cancelled",
        CARD,
        CANCELLED,
        plays.is_given_up_at_the_erp,
        cart=plays.of_an_unknown_article,
        platforms=OWN_SHOP,
    ),
    Kind("cancelled in the shop", CARD, CANCELLED, plays.is_cancelled_in_the_shop),
    Kind(
        "not paid by the deadline",
        CARD,
        CANCELLED,
        pays=tenders.begun_and_left,
        platforms=OWN_SHOP,
        channel=BUSINESS_SHOP,
    ),
    Kind(
        "short, rest from another",
        CARD,
        COMPLETED,
        goods.ships_from_both,
        goods.lies_in_one_and_a_few_elsewhere,
        tenders.by_card_on_file,
        goods.of_two_articles,
        OWN_SHOP,
    ),
    Kind(
        "short, found later",
        CARD,
        COMPLETED,
        goods.ships_in_two_parts,
        goods.is_not_all_found,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
        channel=WATCHFUL_SHOP,
    ),
    Kind(
        "missing, shop cancels it",
        CARD,
        COMPLETED,
        goods.has_the_missing_cancelled,
        goods.lies_there_in_part,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
        channel=AT_ONCE_SHOP,
    ),
    Kind(
        "rest cancelled on the way",
        CARD,
        COMPLETED,
        goods.has_the_rest_cancelled,
        goods.lies_there_in_part,
        tenders.by_card_in_parts,
        goods.of_two_articles,
        OWN_SHOP,
    ),
    Kind(
        "begun by hand",
        CARD,
        COMPLETED,
        goods.has_the_rest_begun_by_hand,
        goods.lies_there_in_part,
        tenders.by_card_in_parts,
        goods.of_two_articles,
        OWN_SHOP,
    ),
    Kind(
        "less, by phone",
        CARD,
        COMPLETED,
        amendments.wants_less_by_phone,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        OWN_SHOP,
    ),
    Kind(
        "several changes, by phone",
        CARD,
        COMPLETED,
        amendments.wants_several_things_by_phone,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        OWN_SHOP,
    ),
    Kind(
        "edited in the shop alone",
        CARD,
        COMPLETED,
        amendments.is_edited_in_the_shop,
        amendments.is_not_there_yet,
        tenders.by_card_on_file,
        amendments.of_desk_and_chair,
        OWN_SHOP,
    ),
    Kind(
        "parcel lost, paid back",
        CARD,
        COMPLETED,
        goods.is_paid_back_for_its_loss,
        goods.will_be_lost,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
    ),
    Kind(
        "returned, one is broken",
        PREPAID,
        COMPLETED,
        goods.is_returned_damaged,
        goods.lies_there,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
        channel=RETURNS_SHOP,
    ),
    Kind(
        "disputed, and won",
        CARD,
        COMPLETED,
        goods.is_disputed_in_vain,
        goods.lies_there,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
        channel=RETURNS_SHOP,
    ),
    Kind(
        "disputed after it closed",
        CARD,
        COMPLETED,
        goods.is_disputed_after_it_closed,
        goods.lies_there,
        cart=goods.of_two_articles,
        platforms=OWN_SHOP,
    ),
    Kind(
        "ERP down, prepaid waits",
        PREPAID,
        COMPLETED,
        platforms=OWN_SHOP,
        channel=BUSINESS_SHOP,
        in_outage=True,
    ),
)


def playable(counterparts: frozenset[str]) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if kind.real or not counterparts)


def chosen(count: int, kinds: Sequence[Kind]) -> list[Kind]:
    """So many, each at least once where there are as many, and then the first ones again."""
    return [kinds[number % len(kinds)] for number in range(count)]
