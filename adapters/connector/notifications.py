from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import notifications as protocol
from adapters.connector.wire import outgoing
from domain.ids import System
from domain.keys import Key
from domain.notifications import Mail


class ConnectorNotifier:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.NOTIFICATIONS, settled_after)

    async def send(self, mail: Mail, *, key: Key) -> None:
        await self._peer.ensure("send", outgoing(protocol.Mail, mail), key=key)
