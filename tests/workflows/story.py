"""One order of a test: what it says of itself, the doors it has, and what the world does with it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from adapters.database.engine import reading
from adapters.database.schema import MovementRow
from domain.amendments import Amended, Amendment, Change, Changes, Quote
from domain.attention import Action, Answer, Attention, Correction, Resolve
from domain.document import OrderDocument
from domain.ids import LineId, OrderId, Sku, System, return_id, shipment_id
from domain.money import Money
from domain.orders import PlacedOrder
from domain.phases import Phase
from domain.records import OrderState
from domain.returns import ReturnAsked
from domain.shipments import PickState
from tests.workflows.books import Books, books_of
from workflows.order import Order

if TYPE_CHECKING:
    from tests.workflows.world import World

PATIENCE_SECONDS = 60.0
_GLANCE_SECONDS = 0.01
_LOOK_SECONDS = 0.03
_LOOK_SECONDS_MAX = 0.5


class Story:
    def __init__(
        self, world: "World", placed: PlacedOrder, handle: WorkflowHandle[Order, OrderState]
    ) -> None:
        self.world = world
        self.placed = placed
        self.handle = handle
        self.id: OrderId = placed.order_id
        self.shipment = shipment_id(placed.order_id, 1)
        self._hinted: tuple[System, ...] = ()

    @property
    def sku(self) -> Sku:
        return self.placed.lines[0].sku

    # -- what the order says ---------------------------------------------------------------------------------------

    async def document(self) -> OrderDocument:
        """A server that is too busy to answer is asked once more."""
        try:
            return await self.handle.query(Order.read_document)
        except RPCError:
            return await self.handle.query(Order.read_document)

    async def until(
        self, true: Callable[[OrderDocument], Any], seconds_max: float = PATIENCE_SECONDS
    ) -> OrderDocument:
        """Look until it holds; AssertionError tells where the order stands instead."""
        deadline, patience = asyncio.get_running_loop().time() + seconds_max, _LOOK_SECONDS
        await self._may_hold(true, at_most=_LOOK_SECONDS_MAX)
        while not true(document := await self.document()):
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"it never came true: {document.model_dump_json(exclude={'order'}, indent=1)}"
            await self._may_hold(true, at_most=patience)
            patience = min(1.5 * patience, _LOOK_SECONDS_MAX)
        return document

    async def _may_hold(self, true: Callable[[OrderDocument], Any], at_most: float) -> None:
        """Until it seems worth a query, which costs server and worker ten milliseconds: the worker's memory shows what is new."""
        deadline = asyncio.get_running_loop().time() + at_most
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            order = self.world.at_work.get(self.id)
            try:
                if order is not None and true(order.read_document()):
                    return
            except (RuntimeError, LookupError):  # another thread changes it, or replays it from its beginning
                pass
            await asyncio.sleep(min(left, _GLANCE_SECONDS))

    async def eventually(self, true: Callable[[], Any]) -> None:
        """Until the world, not the order, has come so far."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not true():
            assert asyncio.get_running_loop().time() < deadline, "it never came true"
            await asyncio.sleep(_LOOK_SECONDS)

    async def waits_for(self, what: str) -> OrderDocument:
        return await self.until(lambda document: what in document.waits_for)

    async def needs_person(self) -> Attention:
        attention = (await self.until(lambda document: document.attention)).attention
        assert attention is not None
        return attention

    async def blocked_on(self, system: System) -> OrderDocument:
        return await self.until(lambda document: system in [mark.system for mark in document.blocked])

    async def operators_know(self, *occasions: str) -> None:
        """Mails to operators leave in the background: wait until exactly these have left."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (told := (await self.books()).operators) != tuple(sorted(occasions)):
            assert asyncio.get_running_loop().time() < deadline, f"operators were told {told}"
            await asyncio.sleep(_LOOK_SECONDS)

    async def idle(self) -> None:
        """Until nothing is in flight or tried again, in the background neither."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while pending := (await self.handle.describe()).raw_description.pending_activities:
            assert asyncio.get_running_loop().time() < deadline, [found.activity_id for found in pending]
            await asyncio.sleep(_LOOK_SECONDS)

    async def result(self, seconds_max: float = PATIENCE_SECONDS) -> OrderState:
        return await asyncio.wait_for(self.handle.result(), seconds_max)

    async def books(self) -> Books:
        """The simulated systems' books of this order, and our own database's."""
        query = select(MovementRow).where(MovementRow.order_id == self.id)
        async with reading(self.world.engine) as connection:
            rows = (await connection.execute(query)).all()
        registered = await self.world.orders.get(self.id)
        assert registered is not None
        return books_of(
            self.placed,
            self.world.simulator.books(self.id, self.sku, self.placed.customer.email),
            movements=[f"{row.kind} {Money(minor=row.amount_minor, currency=row.currency)}" for row in rows],
            record=registered.state,
        )

    # -- its doors -------------------------------------------------------------------------------------------------

    async def cancel(self, reason: str = "changed their mind", actor: str = "customer service") -> Answer:
        return await self._ask("cancel", actor, reason)

    async def hold(self, reason: str = "the customer wants to think") -> Answer:
        return await self._ask("hold", "customer service", reason)

    async def release(self, reason: str = "the customer has thought") -> Answer:
        return await self._ask("release", "customer service", reason)

    async def resolve(
        self,
        action: Action,
        *,
        number: int | None = None,
        reference: str = "",
        correction: Correction | None = None,
    ) -> Answer:
        """An operator answers what the order asks."""
        resolve = Resolve(
            action=action,
            actor="operator",
            reason="mended",
            number=number,
            reference=reference,
            correction=correction,
        )
        return await self._ask("resolve", resolve)

    async def amend(
        self, *changes: Change, seen: int | None = None, name: str | None = None, role: str = ""
    ) -> Amended:
        """Customer service changes the order as they see it; `seen` another revision. ValueError: refused at the door."""
        revision = seen or (await self.document()).revision
        amendment = Amendment(
            amendment_id=name or f"call-{len((await self.document()).amendments) + 1}",
            expected_revision=revision,
            actor="customer service",
            role=role,
            reason="the customer called",
            changes=changes,
        )
        try:
            amended: Amended = await self.handle.execute_update("amend", amendment, result_type=Amended)
        except WorkflowUpdateFailedError as failed:
            raise ValueError(getattr(failed.cause, "message", "")) from failed
        return amended

    async def signal_amendment(self, *changes: Change, seen: int = 1, name: str = "signalled") -> None:
        """A system that waits for no answer does so."""
        amendment = Amendment(
            amendment_id=name,
            expected_revision=seen,
            actor="service desk",
            reason="the customer wrote",
            changes=changes,
        )
        await self.handle.signal(Order.amendment_requested, amendment)

    async def quote(self, *changes: Change) -> Quote:
        return await self.handle.query(Order.read_quote, Changes(changes=changes))

    async def retry(self) -> Answer:
        return await self.resolve(Action.RETRY)

    async def _ask(self, door: str, *asked: object) -> Answer:
        try:
            answer: Answer = await self.handle.execute_update(door, args=asked, result_type=Answer)
        except WorkflowUpdateFailedError as failed:
            failed.add_note(repr(failed.cause))
            raise
        return answer

    async def hint(self, *systems: System) -> None:
        """A webhook's, as the world's webhooks are now: in order, twice, or with the old ones again after the new."""
        again = {"duplicated": systems, "reordered": tuple(reversed(self._hinted))}
        self._hinted += systems
        for system in (*systems, *again.get(self.world.webhooks, ())):
            await self.handle.signal(Order.look_again, system)

    # -- what the world does with it -------------------------------------------------------------------------------

    async def pack(self) -> None:
        """The warehouse picks and packs what it was asked for, and says so."""
        await self.waits_for("the warehouse to pack")
        self.world.simulator.pack(self.shipment)
        await self.hint(System.WAREHOUSE)

    async def ship(self) -> None:
        await self.waits_for("the goods to leave")
        self.world.simulator.ship(self.shipment)
        await self.hint(System.WAREHOUSE)

    async def leaves(self, number: int = 1) -> None:
        """One of several shipments is packed, labelled and gone."""
        name = shipment_id(self.id, number)
        await self.until(lambda document: _asked_to_pack(document, number))
        self.world.simulator.pack(name)
        await self.hint(System.WAREHOUSE)
        await self.until(lambda document: document.shipments[number - 1].labels)
        await self.eventually(lambda: name in self.world.simulator.ship(name))
        await self.hint(System.WAREHOUSE)
        await self.until(lambda document: document.shipments[number - 1].told)

    async def arrive(self, *numbers: int) -> None:
        """The carrier delivers these shipments, and time passes until the order has ended by itself."""
        await self.until(lambda document: document.phase is Phase.AFTER_SALES)
        for number in numbers:
            await self.delivers(number)
        await self.waits_for("the return window to end")
        assert await self.until_closed() is OrderState.COMPLETED

    async def delivers(self, number: int) -> None:
        self.world.simulator.deliver(shipment_id(self.id, number))
        await self.hint(System.CARRIER)

    async def send_back(self, units: dict[LineId, int], request: str = "by phone") -> Answer:
        asked = ReturnAsked(request=request, actor="customer service", reason="too small", units=units)
        return await self._ask("send_back", asked)

    async def comes_back(
        self, number: int, good: dict[LineId, int], damaged: dict[LineId, int] | None = None
    ) -> None:
        """The warehouse has unpacked all that came."""
        await self.waits_for(f"the goods of return r{number}")
        lines = [
            {"line_id": line_id, "quantity": units, "condition": condition}
            for condition, came in (("good", good), ("damaged", damaged or {}))
            for line_id, units in came.items()
        ]
        told = {"return_id": return_id(self.id, number), "lines": lines, "complete": True}
        self.world.simulator.call("POST", "/world/returns/receive", told)
        await self.hint(System.WAREHOUSE)

    async def deliver(self) -> None:
        await self.waits_for("the delivery")
        self.world.simulator.deliver(self.shipment)
        await self.hint(System.CARRIER)

    async def pass_time(self, time: timedelta) -> None:
        """Time passes for this order alone, and runs on at its usual pace afterwards."""
        await self.world.temporal.fast_forward(self.handle, time)

    async def until_closed(self) -> OrderState:
        """Time passes until the order has ended by itself."""
        await asyncio.wait_for(self.world.temporal.fast_forward(self.handle), PATIENCE_SECONDS)
        return await self.result()


def _asked_to_pack(document: OrderDocument, number: int) -> bool:
    return len(document.shipments) >= number and document.shipments[number - 1].state is PickState.REQUESTED
