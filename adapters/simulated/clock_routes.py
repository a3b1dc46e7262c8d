"""Time in the simulated world runs with ours, unless somebody sets it ahead: holds run out sooner then. Under /world."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from adapters.simulated.clock import now
from adapters.simulated.world import Asked, world_of

router = APIRouter(prefix="/world", tags=["world"])


class SetClock(Asked):
    ahead_seconds: Annotated[float, Field(ge=0, le=10 * 365 * 86_400)]


@router.put("/clock")
async def set_clock(request: Request, asked: SetClock) -> SetClock:
    """So much later than it is; 0 sets it right. Until the world is started again."""
    ahead = timedelta(seconds=asked.ahead_seconds)
    world_of(request).state.clock = lambda: now() + ahead
    return asked
