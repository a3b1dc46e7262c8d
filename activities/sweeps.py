"""Look at what webhooks should have told, and tell orders to look again; count what they had not told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from activities.steps import reading
from domain.base import Value
from domain.erp import Changes
from domain.ids import ChannelId, OrderId, PaymentRef, System
from domain.ports import Storefront

# What we write there ourselves changes too, and no webhook tells of it: any webhook of the order counts.
_CHANGED_BY_US = {System.ERP, System.WAREHOUSE}


class Changing(Protocol):
    """A system that can say which orders changed since a cursor: every Erp, Warehouse and PaymentGateway."""

    async def changes(self, since: str | None) -> Changes: ...


class Hints(Protocol):
    async def look_again(self, order: OrderId, system: System) -> bool:
        """Wake the order; False when no such order is open."""


class Cursors(Protocol):
    """Where each sweep stopped: part of `Records`."""

    async def cursor(self, name: str) -> str | None: ...

    async def keep_cursor(self, name: str, cursor: str) -> None: ...


class Register(Cursors, Protocol):
    """What our own database knows of orders, and of webhooks that told of them."""

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]:
        """Those of them that were accepted."""

    async def paid_by(self, payment: PaymentRef) -> OrderId | None: ...

    async def heard_of(
        self, orders: Collection[OrderId], name: str, system: System | None
    ) -> frozenset[OrderId]:
        """Those that a webhook of the system, or of any, told of since this sweep looked last."""

    async def count(self, name: str, changed: int, missed: int) -> None: ...

    async def put_into_inbox(self, channel: ChannelId, platform: str, document: str) -> None: ...

    async def tell_of_closed(self, orders: Collection[OrderId], system: System, cursor: str) -> None:
        """Ensure that the inbox has a hint of each that is closed, as if a webhook had told of it."""


@dataclass(frozen=True)
class Shop:
    """`platform`: who writes its documents."""

    storefront: Storefront
    platform: str


class Sweep(Value):
    """One system to sweep, by the name of its adapter; of a shop one channel."""

    system: System
    adapter: str
    channel: ChannelId | None = None

    @property
    def name(self) -> str:
        return "/".join(filter(None, (self.system, self.adapter, self.channel)))


class Swept(Value):
    """`missed`: of `changed`, what no webhook had told of."""

    changed: int
    woken: int
    missed: int = 0


class SweepActivities:
    """A cursor is kept after every order was told, so that an interrupted sweep leaves none out."""

    def __init__(
        self,
        changing: Mapping[tuple[System, str], Changing],
        shops: Mapping[ChannelId, Shop],
        hints: Hints,
        register: Register,
    ) -> None:
        self._changing = changing
        self._shops = shops
        self._hints = hints
        self._register = register

    @reading(System.DATABASE)
    async def sweep_changes(self, sweep: Sweep) -> Swept:
        """Orders that moved on in a system are told to look again, whether or not a webhook told them."""
        cursor = await self._register.cursor(sweep.name)
        changes = await self._changing[sweep.system, sweep.adapter].changes(cursor)
        paid = [await self._register.paid_by(payment) for payment in changes.payments]
        orders = tuple(dict.fromkeys((*changes.orders, *filter(None, paid))))
        return await self._done(sweep, orders, changes.cursor)

    @reading(System.DATABASE)
    async def sweep_shop(self, sweep: Sweep) -> Swept:
        """Orders that were never heard of are put into the inbox; known ones look into their shop again."""
        if sweep.channel is None:
            raise ValueError("sweep.channel: a shop is swept for one channel")
        cursor = await self._register.cursor(sweep.name)
        shop = self._shops[sweep.channel]
        news = await shop.storefront.orders_since(sweep.channel, cursor)
        known = await self._register.known([order.order_id for order in news.orders])
        unknown = [order for order in news.orders if order.order_id not in known]
        for order in unknown:
            await self._register.put_into_inbox(sweep.channel, shop.platform, order.document)
        orders = tuple(order.order_id for order in news.orders if order.order_id in known)
        return await self._done(sweep, orders, news.cursor, unknown=len(unknown))

    async def _done(
        self, sweep: Sweep, orders: tuple[OrderId, ...], cursor: str, *, unknown: int = 0
    ) -> Swept:
        told_by = None if sweep.system in _CHANGED_BY_US else sweep.system
        woken = [await self._hints.look_again(order, sweep.system) for order in orders]
        heard = await self._register.heard_of(orders, sweep.name, told_by)
        if sweep.system is System.PAYMENTS:
            asleep = [order for order, woke in zip(orders, woken, strict=True) if not woke]
            await self._register.tell_of_closed([o for o in asleep if o not in heard], sweep.system, cursor)
        missed = len(orders) - len(heard) + unknown
        changed = len(orders) + unknown
        await self._register.count(sweep.name, changed, missed)
        await self._register.keep_cursor(sweep.name, cursor)
        return Swept(changed=changed, woken=sum(woken), missed=missed)
