"""What schedules run: sweeps, which find what no webhook told, and the telling of incidents."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.incidents import IncidentActivities, Telling, Told
    from activities.sweeps import Sweep, SweepActivities, Swept
    from activities.sweeps_orders import LookOver, OrderSweepActivities
    from activities.sweeps_stock import StockSweepActivities
    from domain.ids import System


@workflow.defn(name="Sweep")
class SweepOnce:
    """One look at one system. A failed one is not repeated for ever: the next comes by itself, from the same cursor."""

    @workflow.run
    async def run(self, sweep: Sweep) -> Swept:
        look: Callable[[Any, Sweep], Awaitable[Swept]] = SweepActivities.sweep_changes
        if sweep.system is System.STOCK:
            look = StockSweepActivities.sweep_stock
        elif sweep.channel:
            look = SweepActivities.sweep_shop
        return await workflow.execute_activity_method(
            look,
            sweep,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary=f"Look for changes: {sweep.system}",
        )


@workflow.defn(name="SweepOrders")
class SweepOrders:
    """Orders as Temporal has them: those without a row get it, and those that somebody ended by hand are told of."""

    @workflow.run
    async def run(self, look: LookOver) -> None:
        await workflow.execute_activity_method(
            OrderSweepActivities.sweep_unregistered,
            look,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="Look for orders without a row",
        )
        await workflow.execute_activity_method(
            OrderSweepActivities.sweep_stranded,
            look,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="Look for orders that nobody carries",
        )


@workflow.defn(name="Incidents")
class TellIncidents:
    """Operators are told once when a system is down, and once when no order waits for it any more."""

    @workflow.run
    async def run(self, telling: Telling) -> Told:
        return await workflow.execute_activity_method(
            IncidentActivities.tell_incidents,
            telling,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="Tell operators of incidents",
        )
