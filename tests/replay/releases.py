"""Releases to come, as docs/versioning.md tells of them: the CRM is to know of the reservation before anything ships."""

from functools import partial

from temporalio import workflow

from domain.records import OrderState
from workflows.next_run import Beginning
from workflows.order import Order


@workflow.defn(name="Order")
class Patched(Order):
    """The first step: running orders that are past the reservation replay their way without the note."""

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:
        return await super().run(begun_with)

    async def _reserve_stock(self) -> None:
        await super()._reserve_stock()
        if workflow.patched("crm-knows-of-the-reservation"):
            await self.desk.do(partial(self.effects.crm_note, "reserved"))


@workflow.defn(name="Order")
class Deprecating(Order):
    """The second step: no order is open any more that went without the note."""

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:
        return await super().run(begun_with)

    async def _reserve_stock(self) -> None:
        await super()._reserve_stock()
        workflow.deprecate_patch("crm-knows-of-the-reservation")
        await self.desk.do(partial(self.effects.crm_note, "reserved"))


@workflow.defn(name="Order")
class Changed(Order):
    """The third step, once no order is open that began before the second. As a first step it breaks running orders."""

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:
        return await super().run(begun_with)

    async def _reserve_stock(self) -> None:
        await super()._reserve_stock()
        await self.desk.do(partial(self.effects.crm_note, "reserved"))
