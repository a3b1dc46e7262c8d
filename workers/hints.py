from temporalio.client import Client

from domain.ids import OrderId, System
from workers.temporal import Told, look_again


class TemporalHints:
    """Tells orders to look again, by signal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look_again(self, order: OrderId, system: System) -> bool:
        return await look_again(self._client, order, system) is Told.SIGNALLED
