from entrypoints.cli.output import load_settings, run
from entrypoints.webhooks.dialects import secrets_of
from entrypoints.webhooks.server import serve
from workers.connection import connect
from workers.logs import configure_logs

PORT = 8200


def webhooks(*, host: str = "127.0.0.1", port: int = PORT) -> None:
    """Receive webhooks: stored, acknowledged, forwarded to their orders."""

    async def receive() -> None:
        settings = load_settings()
        configure_logs(settings.log_level)
        await serve(
            await connect(settings, lazy=True),  # webhooks are taken while Temporal is away
            database_url=settings.database_url,
            task_queue=settings.task_queue,
            secrets=secrets_of(settings),
            host=host,
            port=port,
        )

    run(receive())
