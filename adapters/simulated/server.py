import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from adapters.simulated.app import create_app
from adapters.simulated.desk import ABORT
from adapters.simulated.world import Settings

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class _Abortable(H11Protocol):
    """HTTP whose application may close the connection instead of answering."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        inner = self.app

        async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
            await inner({**scope, "extensions": {ABORT: self.transport.abort}}, receive, send)

        self.app = app


def run(host: str, port: int, state_path: Path, settings: Settings) -> None:
    """Serve the simulated world until SIGINT or SIGTERM. Its state stays in `state_path`."""
    uvicorn.run(
        create_app(state_path, settings),
        host=host,
        port=port,
        http=_Abortable,
        log_level="warning",
        timeout_keep_alive=30,  # longer than callers keep idle connections, or one would be lost under their hands
        timeout_graceful_shutdown=1,
    )
