"""Look at orders as Temporal has them: those our register does not know, and those that somebody ended there by hand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from activities.notifications import TellOperators, render
from activities.steps import reading
from domain.base import Value
from domain.errors import OrderError, Refused
from domain.ids import ChannelId, OrderId, System
from domain.keys import effect_key
from domain.money import Money
from domain.notifications import Occasion
from domain.orders import PlacedOrder
from domain.policies import OrderPolicies
from domain.ports import Notifier, PaymentGateway, Stock

_RESET = "`temporal workflow reset --type LastWorkflowTask --workflow-id '{order}' --reason …`"
_CURSOR = "orders/open"
_STARTED = "orders/started"


class LookOver(Value):
    """So many open orders of the register are asked for at each look."""

    orders_max: int = 100


class Ended(Value):
    """How an order's latest run ended: terminated, canceled, failed; or deleted, and then there is no `run`."""

    how: str
    run: str = ""


class Workflows(Protocol):
    """The orders as Temporal has them."""

    async def started_since(self, cursor: str | None) -> tuple[tuple[OrderId, ...], str]:
        """Orders that began since the cursor, and what to ask with next. One may be named again."""

    async def placed(self, order: OrderId) -> PlacedOrder | None:
        """As it was when it began; None when Temporal has forgotten it."""

    async def ended_otherwise(self) -> tuple[OrderId, ...]:
        """Orders of which a run ended in another way than by itself, as far back as Temporal remembers."""

    async def ended(self, order: OrderId) -> Ended | None:
        """None while its latest run goes on, or when it ended by itself."""


class Books(Protocol):
    """What our own database knows of them."""

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]: ...

    async def register(self, placed: PlacedOrder) -> None: ...

    async def open_orders(
        self, *, among: Collection[OrderId] | None = None, after: OrderId | None = None, limit: int = 100
    ) -> tuple[PlacedOrder, ...]:
        """Started and not closed, in the order of their ids."""

    async def release(self, order: OrderId) -> None:
        """Ensure that nobody waits behind it for goods, and no incident counts it."""

    async def strand(self, order: OrderId, ended: str, left_open: str) -> bool:
        """Ensure it is listed; True while operators are still to be told."""

    async def told(self, order: OrderId) -> None: ...

    async def carried_again(self, order: OrderId) -> None: ...

    async def listed(self) -> tuple[OrderId, ...]: ...

    async def cursor(self, name: str) -> str | None: ...

    async def keep_cursor(self, name: str, cursor: str) -> None: ...


@dataclass(frozen=True)
class Outside:
    """Where the orders of each channel may have left something open, and who is told. Adapters by their names."""

    policies: Mapping[ChannelId, OrderPolicies]
    gateways: Mapping[str, PaymentGateway]
    stocks: Mapping[str, Stock]
    notifiers: Mapping[str, Notifier]


class OrderSweepActivities:
    def __init__(
        self,
        workflows: Workflows,
        books: Books,
        outside: Outside,
    ) -> None:
        self._workflows = workflows
        self._books = books
        self._outside = outside

    @reading(System.DATABASE)
    async def sweep_unregistered(self, _look: LookOver) -> int:
        """Orders that began while our database was away get their row; Temporal alone kept them from beginning twice."""
        orders, cursor = await self._workflows.started_since(await self._books.cursor(_STARTED))
        unknown = set(orders) - await self._books.known(orders)
        for order in sorted(unknown):
            if placed := await self._workflows.placed(order):
                await self._books.register(placed)
        await self._books.keep_cursor(_STARTED, cursor)
        return len(unknown)

    @reading(System.DATABASE)
    async def sweep_stranded(self, look: LookOver) -> int:
        """Of open orders that nobody carries any more operators are told what is left open, once.

        Those that Temporal still remembers are found at once; the register is gone through for the others, some at a time.
        """
        after = await self._books.cursor(_CURSOR)
        ended = {*await self._workflows.ended_otherwise(), *await self._books.listed()}
        some = await self._books.open_orders(after=OrderId(after) if after else None, limit=look.orders_max)
        found = {placed.order_id: placed for placed in some}
        found |= {
            placed.order_id: placed for placed in await self._books.open_orders(among=ended, limit=1000)
        }
        for order in ended - set(found):  # closed in our books
            await self._books.carried_again(order)
        stranded = [await self._looked_at(placed) for placed in found.values()]
        whole = len(some) < look.orders_max
        await self._books.keep_cursor(_CURSOR, "" if whole else some[-1].order_id)
        return sum(stranded)

    async def _looked_at(self, placed: PlacedOrder) -> bool:
        ended = await self._workflows.ended(placed.order_id)
        if ended is None:
            await self._books.carried_again(placed.order_id)
            return False
        left_open = await self._left_open(placed)
        await self._books.release(placed.order_id)
        if await self._books.strand(placed.order_id, ended.how, left_open):
            await self._tell(placed, ended, left_open)
            await self._books.told(placed.order_id)
        return True

    async def _left_open(self, placed: PlacedOrder) -> str:
        """Holds and stock, by what the systems say."""
        if (policies := self._outside.policies.get(placed.channel)) is None:
            return f"unknown: the settings have no channel {placed.channel}"
        found = [
            *await self._held(placed, policies.adapters.get(System.PAYMENTS, "")),
            *await self._reserved(placed, policies.adapters.get(System.STOCK, "")),
        ]
        return "; ".join(found) or "nothing is held or reserved"

    async def _held(self, placed: PlacedOrder, adapter: str) -> list[str]:
        try:
            payments = await self._outside.gateways[adapter].look_up(
                placed.order_id, placed.payment.reference
            )
        except (KeyError, OrderError) as error:
            return [f"holds are not known now ({type(error).__name__})"]
        nothing = Money.zero(placed.currency)
        return [f"{one.held} held by payment {one.reference}" for one in payments if one.held > nothing]

    async def _reserved(self, placed: PlacedOrder, adapter: str) -> list[str]:
        try:
            reservation = await self._outside.stocks[adapter].look_up_reservation(placed.order_id)
        except (KeyError, OrderError) as error:
            return [f"reservations are not known now ({type(error).__name__})"]
        lines = reservation.lines if reservation else ()
        return [f"{one.reserved} × {one.sku} reserved" for one in lines if one.reserved]

    async def _tell(self, placed: PlacedOrder, ended: Ended, left_open: str) -> None:
        policies = self._outside.policies.get(placed.channel)
        if policies is None or not policies.operators:
            return
        adapter, order = policies.adapters.get(System.NOTIFICATIONS, ""), placed.order_id
        told = TellOperators(
            adapter=adapter,
            order_id=order,
            key=effect_key(order, "stranded", ended.run or ended.how),
            to=policies.operators,
            occasion=Occasion.NEEDS_PERSON,
            order_number=placed.number,
            what=f"Its workflow was {ended.how} in Temporal, and nobody carries the order any more. Left open: {left_open}.",
            ways_out=(
                f"{_RESET.format(order=order)}: the order goes on where it was.",
                "Or undo by hand what is left open, in the systems that have it.",
                "`ordersaga check orders` lists such orders.",
            ),
        )
        try:
            await self._outside.notifiers[adapter].send(
                render(told.occasion, told.to, tell=told), key=told.key
            )
        except (KeyError, Refused):  # an address that is none helps no one
            return
