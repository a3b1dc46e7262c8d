"""What becomes of each item of the inbox."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.database.inbox import UNHEARD_OF, Inbox, InboxItem
from adapters.database.orders import CLOSED, Orders
from adapters.database.schema import InboxKind, InboxState
from adapters.webhooks import Hint, OrderCame
from domain.errors import Unavailable
from domain.ids import OrderId, System
from domain.intake import UnusableDocument
from domain.orders import PlacedOrder
from domain.phases import Phase
from domain.records import OrderState
from entrypoints.commands import Commands
from entrypoints.intake import Intake
from entrypoints.webhooks.dialects import DIALECTS
from workers.temporal import Told

_SYSTEMS = frozenset(system.value for system in System)

LookAgain = Callable[[OrderId, System], Awaitable[Told]]
LookAfter = Callable[[PlacedOrder, Phase], Awaitable[None]]


@dataclass(frozen=True)
class Wake:
    """How an order hears that there is something to see: while it runs, and in its aftermath once it is closed."""

    again: LookAgain
    after: LookAfter


class Deliveries:
    """Each may be carried out again at any moment: it ends forwarded or parked. Unavailable: later again."""

    def __init__(self, inbox: Inbox, orders: Orders, intake: Intake, commands: Commands, wake: Wake) -> None:
        self._inbox = inbox
        self._orders = orders
        self._intake = intake
        self._commands = commands
        self._look_again, self._look_after = wake.again, wake.after

    async def deliver(self, item: InboxItem) -> None:
        if item.kind is InboxKind.COMMAND:
            await self._commands.forward(item)
            await self._unpark_if_heard_of(item)
        elif item.kind is InboxKind.DOCUMENT:
            await self._order(item)
        else:
            await self._hint(item)

    async def _order(self, item: InboxItem) -> None:
        """One that is known already is told where to look: its shop sends the whole order whenever it changes."""

        async def look_again(order: OrderId) -> None:
            for system in _news(item):
                await self._look_again(order, system)

        await self._intake.take_in(item, look_again)

    async def _hint(self, item: InboxItem) -> None:
        try:
            hint = _read(item)
        except UnusableDocument as unusable:
            await self._inbox.park(item.id, "it is not understood", unusable.problems)
            return
        order = hint.order_id
        if order is None and hint.payment:
            order = await self._orders.paid_by(hint.payment)
        if order is None:
            what = (
                f"the payment {hint.payment} is of no order that we know"
                if hint.payment
                else "it names no order"
            )
            await self._inbox.park(item.id, what)
        elif why := await self._told(order, hint.system):
            await self._inbox.park(item.id, why, order_id=order)
            await self._unpark_if_heard_of(item)
        else:
            await self._inbox.mark_forwarded(item.id, order)

    async def _unpark_if_heard_of(self, item: InboxItem) -> None:
        """Its order may have come meanwhile, too early to find this one parked."""
        kept = await self._inbox.get(item.id)
        if kept is None or kept.state is not InboxState.PARKED or kept.reason != UNHEARD_OF:
            return
        if kept.order_id is not None and await self._orders.state(kept.order_id) is not None:
            await self._inbox.replay(item.id)

    async def _told(self, order: OrderId, system: System) -> str:
        """Empty once the order looks again, or has ended; else why it never will."""
        if await self._is_over(order, system):
            return ""
        # One that is not registered runs all the same where it was started while the database was away.
        if await self._look_again(order, system) is Told.SIGNALLED:
            return ""
        state = await self._orders.state(order)
        if state is None:
            return UNHEARD_OF
        if state is OrderState.ACCEPTED:
            raise Unavailable("the order is accepted but not started yet")
        # It may have begun since we asked Temporal; now it must be there.
        if state not in CLOSED and await self._look_again(order, system) is Told.SIGNALLED:
            return ""
        if await self._is_over(order, system):
            return ""
        return "the order's workflow is gone, and its row is not closed"

    async def _is_over(self, order: OrderId, system: System) -> bool:
        """Whether it is closed. Its money may move all the same, and is looked at then."""
        if await self._orders.state(order) not in CLOSED:
            return False
        if system is not System.PAYMENTS:
            return True
        registered = await self._orders.get(order)
        if registered is None or not registered.closed:
            return False
        await self._look_after(registered.placed, Phase(registered.state))
        return True


def _read(item: InboxItem) -> Hint:
    """As the door read it. UnusableDocument: its sender's words are understood no more."""
    if item.system in _SYSTEMS:
        return Hint(event=(), system=System(item.system), order_id=item.order_id)
    told = DIALECTS[item.system].read(item.body, item.headers, item.channel, item.system)
    return told if isinstance(told, Hint) else Hint(event=(), system=System.STOREFRONT)


def _news(item: InboxItem) -> tuple[System, ...]:
    """None for a document that came another way than by a webhook."""
    try:
        told = DIALECTS[item.system].read(item.body, item.headers, item.channel, item.system)
    except (KeyError, UnusableDocument):
        return ()
    return told.news if isinstance(told, OrderCame) else ()
