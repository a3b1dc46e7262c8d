"""Outages: every order that a system stops counts in its one incident; operators are told of the incident, once."""

from collections.abc import Mapping

from activities.notifications import render
from activities.steps import Effect, effect, reading
from domain.base import Value
from domain.errors import Refused
from domain.ids import System
from domain.keys import Key
from domain.notifications import Occasion
from domain.ports import Notifier
from domain.records import Incident, Incidents, Outage


class CountOutage(Effect):
    outage: Outage


class Telling(Value):
    """At most so many messages at a time; the rest leaves the next time."""

    messages_max: int = 100


class Told(Value):
    """So many messages left."""

    messages: int


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

    @reading(System.NOTIFICATIONS)
    async def tell_incidents(self, telling: Telling) -> Told:
        """What operators do not know yet. A repeat carries the same key, so that nobody reads it twice."""
        untold = (await self._incidents.untold())[: telling.messages_max]
        for incident in untold:
            occasion = Occasion.SYSTEM_UP if incident.closed_at else Occasion.SYSTEM_DOWN
            await self._mail(incident, occasion)
            await self._incidents.tell(incident.number, occasion)
        return Told(messages=len(untold))

    async def _mail(self, incident: Incident, occasion: Occasion) -> None:
        """Where nobody is named nobody is told; of the mail system nobody can be. An address that is none helps no one."""
        if not incident.operators or incident.system is System.NOTIFICATIONS:
            return
        mail = render(occasion, incident.operators, incident=incident)
        key = Key(f"incident:{incident.number}/{occasion}")
        try:
            await self._notifiers[incident.notifier].send(mail, key=key)
        except Refused:
            return
