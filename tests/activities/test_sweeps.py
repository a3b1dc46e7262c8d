"""A sweep tells every changed order to look again, and forgets none when it is interrupted."""

from collections.abc import Collection
from typing import cast

import pytest

import activities.sweeps
from activities.sweeps import Sweep, SweepActivities, Swept
from domain.erp import Changes
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, PaymentRef, System
from domain.ports import Storefront
from domain.storefront import ShopDocument, ShopNews

ONE, TWO = OrderId("order:shop:1"), OrderId("order:shop:2")
SHOP = ChannelId("shop")
SWEEP = Sweep(system=System.ERP, adapter="tryton")


class Erp:
    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def changes(self, since: str | None) -> Changes:
        self.asked.append(since)
        return Changes(orders=(ONE,), payments=(PaymentRef("pi_2"), PaymentRef("pi_9")), cursor="later")


class Hints:
    def __init__(self) -> None:
        self.told: list[tuple[OrderId, System]] = []
        self.away = False

    async def look_again(self, order: OrderId, system: System) -> bool:
        if self.away and order == TWO:
            raise Unavailable("temporal is away")
        self.told.append((order, system))
        return order == ONE


class Shop:
    """Two orders are new, or changed."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def orders_since(self, channel: ChannelId, cursor: str | None) -> ShopNews:
        assert channel == SHOP
        self.asked.append(cursor)
        documents = tuple(
            ShopDocument(order_id=order, document=f'{{"id": "{order}"}}') for order in (ONE, TWO)
        )
        return ShopNews(orders=documents, cursor="later")


class Register:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.accepted = {ONE}
        self.heard = {ONE}
        self.counted: list[tuple[str, int, int]] = []
        self.inbox: list[str] = []
        self.told_of_closed: list[OrderId] = []

    async def cursor(self, name: str) -> str | None:
        return self.kept.get(name)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        self.kept[name] = cursor

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]:
        return frozenset(self.accepted & set(orders))

    async def tell_of_closed(self, orders: Collection[OrderId], system: System, cursor: str) -> None:
        assert (system, cursor) == (System.PAYMENTS, "later")
        self.told_of_closed += orders

    async def paid_by(self, payment: PaymentRef) -> OrderId | None:
        return TWO if payment == "pi_2" else None

    async def heard_of(
        self, orders: Collection[OrderId], name: str, system: System | None
    ) -> frozenset[OrderId]:
        del name, system
        return frozenset(self.heard & set(orders))

    async def count(self, name: str, changed: int, missed: int) -> None:
        self.counted.append((name, changed, missed))

    async def put_into_inbox(self, channel: ChannelId, platform: str, document: str) -> None:
        assert (channel, platform) == (SHOP, "woocommerce")
        self.inbox.append(document)


class Desk:
    def __init__(self) -> None:
        self.erp, self.shop, self.hints, self.register = Erp(), Shop(), Hints(), Register()
        shops = {SHOP: activities.sweeps.Shop(cast("Storefront", self.shop), "woocommerce")}
        changing = {(System.ERP, "tryton"): self.erp, (System.PAYMENTS, "stripe"): self.erp}
        self.sweeps = SweepActivities(changing, shops, self.hints, self.register)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_every_changed_order_is_told_and_the_open_ones_are_counted(desk: Desk) -> None:
    assert await desk.sweeps.sweep_changes(SWEEP) == Swept(changed=2, woken=1, missed=1)
    assert desk.hints.told == [(ONE, System.ERP), (TWO, System.ERP)]


async def test_of_money_that_moved_unheard_the_orders_that_sleep_are_told_by_the_inbox(desk: Desk) -> None:
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.register.told_of_closed == []  # of other systems a closed order wants no news
    await desk.sweeps.sweep_changes(Sweep(system=System.PAYMENTS, adapter="stripe"))
    assert desk.register.told_of_closed == [TWO]


async def test_the_next_sweep_begins_where_the_last_one_ended(desk: Desk) -> None:
    await desk.sweeps.sweep_changes(SWEEP)
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.erp.asked == [None, "later"]


async def test_an_interrupted_sweep_begins_again_where_it_began(desk: Desk) -> None:
    desk.hints.away = True
    with pytest.raises(Exception, match="temporal is away"):
        await desk.sweeps.sweep_changes(SWEEP)
    assert desk.register.kept == {}
    desk.hints.away = False
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.erp.asked == [None, None]
    assert (TWO, System.ERP) in desk.hints.told


async def test_what_no_webhook_told_is_counted(desk: Desk) -> None:
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.register.counted == [("erp/tryton", 2, 1)]


async def test_a_shops_unknown_orders_enter_by_the_inbox_and_known_ones_look_into_it(desk: Desk) -> None:
    sweep = Sweep(system=System.STOREFRONT, adapter="woo", channel=SHOP)
    assert await desk.sweeps.sweep_shop(sweep) == Swept(changed=2, woken=1, missed=1)
    assert desk.register.inbox == [f'{{"id": "{TWO}"}}']
    assert desk.hints.told == [(ONE, System.STOREFRONT)]
    assert desk.register.kept == {"storefront/woo/shop": "later"}
    desk.register.heard.clear()
    assert (await desk.sweeps.sweep_shop(sweep)).missed == 2
