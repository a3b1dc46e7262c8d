"""What becomes of an order after it closed: its money moved once more. `run` tells it; the closed order is carried on.

A chargeback comes after 120 days, a refund that had arrived fails after all, somebody pays by an old link. The workflow has
the order's own id, so that one alone carries the order at any time, and every door of the order leads to it.
"""

from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records import RecordActivities
    from domain.attention import Action, Reason
    from domain.document import OrderDocument
    from domain.ids import System
    from domain.money import Money
    from domain.payments import Dispute
    from domain.records import ClosedOrder, OrderState
    from workflows.attention import asks_a_person
    from workflows.next_run import Beginning
    from workflows.order import Order

_CLOSED = "the order is closed"


@workflow.defn(name="Aftermath")
class Aftermath(Order):
    """Begun by whoever hears that a closed order's payments have news, which may be none; hints may come twice."""

    @workflow.init
    def __init__(self, begun_with: Beginning) -> None:
        super().__init__(begun_with)
        self.owner.too_late = self.returns.too_late = _CLOSED

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:  # noqa: ARG002  __init__ has taken it
        while closed := await self._look_up():
            if await self._payments_have_moved():
                await self._reopen(closed)
                await self._settle_the_money(closed.document.payments.captured)
                await self._close()
            if self.owner.news[System.PAYMENTS] == self.payments.news:
                break
        await self._say_goodbye()
        return OrderState(self.document.phase)

    async def _look_up(self) -> ClosedOrder | None:
        """The order as it was kept, with what its channel's settings say today. None: somebody ended it while it was open."""
        look = self.effects.look_at(System.DATABASE)
        with self.owner.deciding():
            closed = await self.owner.look(RecordActivities.look_up_closed_order, look)
            self.owner.policies = await self.owner.look(RecordActivities.resolve_policies, look)
        if closed is not None:
            for name in OrderDocument.model_fields:  # everybody has this very document in hand
                setattr(self.document, name, getattr(closed.document, name))
        return closed

    async def _payments_have_moved(self) -> bool:
        before = self._position()
        await self.payments.look()
        return self._position() != before

    def _position(self) -> tuple[Money, Money, tuple[Dispute, ...]]:
        payments = self.document.payments
        return payments.held, self.document.kept, payments.disputes

    async def _reopen(self, closed: ClosedOrder) -> None:
        await self.desk.do(partial(self.effects.reopen_record, closed.closed_at))
        self.owner.note(f"its payments moved after it had closed: we have {self.document.kept}")

    @asks_a_person(Reason.BOOKS_DISAGREE, Action.SKIP)
    async def _settle_the_money(self, captured: Money) -> None:
        """Disputes to their end, refunds until they arrive; no hold is left, and what came too late goes back.

        `captured`: so much had been paid when the order closed.
        """
        await self.payments.leave_nothing_open()
        await self.payments.disputes.see()
        await self.payments.disputes.until_decided()
        if self.document.payments.captured > captured:
            await self.payments.return_beyond(self._owed, "your order was closed already")
        await self.payments.until_refunded(self._owed)
        await self.payments.disputes.make_up(self._owed)
