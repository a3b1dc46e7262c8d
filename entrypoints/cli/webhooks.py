from domain.ids import System
from entrypoints.cli.output import load_settings, run
from entrypoints.webhooks.server import serve
from workers.connection import connect
from workers.logs import configure_logs

PORT = 8200


def webhooks(*, host: str = "127.0.0.1", port: int = PORT) -> None:
    """Receive webhooks: stored, acknowledged, forwarded to their orders."""

    async def receive() -> None:
        settings = load_settings()
        configure_logs(settings.log_level)
        secret = settings.webhook_secret.get_secret_value()
        client = await connect(settings, lazy=True)  # webhooks are taken while Temporal is away
        await serve(
            client,
            database_url=settings.database_url,
            task_queue=settings.task_queue,
            secrets={(channel, system.value): secret for channel in settings.channels for system in System},
            host=host,
            port=port,
        )

    run(receive())
