"""How a web server's process serves, and stops."""

import asyncio
import signal

import uvicorn
from starlette.types import ASGIApp


async def serve_until_signalled(app: ASGIApp, *, host: str, port: int, grace_seconds: int = 10) -> None:
    """Until SIGTERM or SIGINT; requests in progress are answered, as far as they end in time.

    uvicorn stops at a signal and raises it again: these handlers take it first, so that all may end in order.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=grace_seconds,
        )
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, setattr, server, "should_exit", True)
    try:
        await server.serve()
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)
