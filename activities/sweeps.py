"""Look at systems that send no webhooks, and tell their orders to look again."""

from collections.abc import Mapping
from typing import Protocol

from activities.steps import reading
from domain.base import Value
from domain.erp import Changes
from domain.ids import OrderId, System


class Changing(Protocol):
    """A system that can say which orders changed since a cursor: every Erp and every Warehouse."""

    async def changes(self, since: str | None) -> Changes: ...


class Hints(Protocol):
    async def look_again(self, order: OrderId, system: System) -> bool:
        """Wake the order; False when no such order is open."""


class Cursors(Protocol):
    """Where each sweep stopped: part of `Records`."""

    async def cursor(self, name: str) -> str | None: ...

    async def keep_cursor(self, name: str, cursor: str) -> None: ...


class Sweep(Value):
    """One system to sweep, by the name of its adapter."""

    system: System
    adapter: str


class Swept(Value):
    changed: int
    woken: int


class SweepActivities:
    def __init__(
        self, changing: Mapping[tuple[System, str], Changing], hints: Hints, cursors: Cursors
    ) -> None:
        self._changing = changing
        self._hints = hints
        self._cursors = cursors

    @reading(System.DATABASE)
    async def sweep_changes(self, sweep: Sweep) -> Swept:
        """The cursor is kept after every order was told, so that an interrupted sweep leaves none out."""
        name = f"{sweep.system}/{sweep.adapter}"
        changes = await self._changing[sweep.system, sweep.adapter].changes(await self._cursors.cursor(name))
        woken = [await self._hints.look_again(order, sweep.system) for order in changes.orders]
        await self._cursors.keep_cursor(name, changes.cursor)
        return Swept(changed=len(woken), woken=sum(woken))
