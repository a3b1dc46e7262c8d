from entrypoints.api.server import PORT, serve
from entrypoints.cli.output import load_settings, run


def api(*, host: str = "127.0.0.1", port: int = PORT) -> None:
    """Serve the API; its document is at /openapi.json. Tokens are made by `ordersaga tokens create`."""

    async def served() -> None:
        await serve(load_settings(), host=host, port=port)

    run(served())
