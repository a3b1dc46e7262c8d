"""A service desk that only signals amendments: here it hears by webhook how they ended. Signed, or it is not listened to."""

import hmac

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from adapters.connector.protocol.webhooks import AmendmentEnded
from adapters.simulated.desk import Desk, problem
from adapters.simulated.records import AmendmentTold
from adapters.simulated.webhooks import HEADER, signature
from adapters.simulated.world import World

router = APIRouter(prefix="/world/subscriber", tags=["world"])


@router.post("/amendments")
async def amendments(request: Request) -> Response:
    """One event is one record, however often it comes. Faults: those of `notifications`, operation `amendment_ended`."""
    desk: Desk = request.app.state.desk
    body = (await request.body()).decode()
    if not _signed(desk.world, body, request.headers.get(HEADER, "")):
        return problem(401, "unauthorised", "not signed with our secret")
    try:
        told = AmendmentEnded.model_validate_json(body)
    except ValidationError as error:
        return problem(422, "invalid", str(error.errors()[0]["type"]))
    return await desk.through_faults(
        "notifications", told.event, told.event_id, lambda: _heard(desk.world, told)
    )


def _heard(world: World, told: AmendmentEnded) -> Response:
    with world.transaction():
        world.state.log("notifications", told.event, told.event_id, "done")
        if world.state.load(AmendmentTold, told.event_id) is None:
            record = AmendmentTold(key=told.event_id, **told.model_dump(), mark=world.state.mark())
            world.state.save(record, told.event_id)
    return Response(status_code=204)


def _signed(world: World, body: str, header: str) -> bool:
    """Its time is not looked at: the world's clock may be ahead."""
    at = header.partition(",")[0].removeprefix("t=")
    secret = world.settings.webhook_secret
    return bool(secret) and at.isdecimal() and hmac.compare_digest(signature(secret, body, int(at)), header)
