"""Pickers, packers and drivers go on by themselves: what waits since when stands in the state, so a restart loses none."""

import asyncio

from adapters.simulated import carrier, warehouse
from adapters.simulated.world import World

BATCH_MAX = 100
PICK_STEPS = 3  # requested → picking → picked → packed
_STEPS = {"pick": warehouse.go_on, "parcel": carrier.deliver}


async def keep_moving(world: World) -> None:
    """For ever: take every step whose time has come, then wait for the next one or for news."""
    settings, paces = world.settings, {}
    if settings.pick_seconds is not None:
        paces["pick"] = settings.pick_seconds / PICK_STEPS
    if settings.deliver_seconds is not None:
        paces["parcel"] = settings.deliver_seconds
    while True:
        world.stirred.clear()
        waits = [_step(world, kind, pace) for kind, pace in paces.items()]
        wait = min((wait for wait in waits if wait is not None), default=None)
        if wait is not None and wait <= 0:
            await asyncio.sleep(0)
            continue
        try:
            await asyncio.wait_for(world.stirred.wait(), wait)
        except TimeoutError:
            continue


def _step(world: World, kind: str, pace: float) -> float | None:
    """Take what is due; the seconds until the next one is, None when nothing waits."""
    now = world.state.clock().timestamp()
    rows = world.state.db.execute(
        "SELECT id, since FROM moves WHERE kind = ? ORDER BY since LIMIT ?", (kind, BATCH_MAX)
    ).fetchall()
    for row in rows:
        if row["since"] + pace > now:
            return float(row["since"] + pace - now)
        with world.transaction():
            _STEPS[kind](world, row["id"])
    return 0 if rows else None
