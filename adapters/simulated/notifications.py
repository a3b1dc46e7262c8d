from fastapi import APIRouter

from adapters.connector.protocol.common import Done
from adapters.connector.protocol.notifications import Mail
from adapters.simulated.desk import effect
from adapters.simulated.records import MailRecord
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/notifications")


@effect(router, once=True)
def send(world: World, told: Mail, key: str) -> Done:
    """Send once per key. Refused for what cannot be an address."""
    name, _, host = told.to.rpartition("@")
    if not name or not host or any(character.isspace() for character in told.to):
        raise Refusal("invalid_recipient", "this is not a mail address", field="to")
    record = MailRecord(key=key, **told.model_dump(), mark=world.state.mark())
    world.state.save(record, key)
    return Done()
