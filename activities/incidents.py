"""Outages: every order that a system stops counts in its one incident; operators are told of the incident, once."""

from collections.abc import Mapping

from activities.steps import Effect, effect
from domain.ids import System
from domain.ports import Notifier
from domain.records import Incidents, Outage


class CountOutage(Effect):
    outage: Outage


class TellIncidents(Effect):
    """`to` are the operators; `adapter` serves their mail. The order's id is the sweep's own name."""

    to: str


class IncidentActivities:
    def __init__(self, incidents: Incidents, notifiers: Mapping[str, Notifier]) -> None:
        self._incidents = incidents
        self._notifiers = notifiers

    @effect(System.DATABASE)
    async def begin_outage(self, effect: CountOutage) -> None:
        await self._incidents.begin(effect.outage)

    @effect(System.DATABASE)
    async def end_outage(self, effect: CountOutage) -> None:
        await self._incidents.end(effect.outage)
