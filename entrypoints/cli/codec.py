from typing import Annotated

import typer

from entrypoints.cli.output import load_settings, run
from entrypoints.codec.server import serve
from workers.logs import configure_logs


def codec(
    *,
    host: str = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Where it is not that of codec_url: behind a proxy.")
    ] = None,
) -> None:
    """Decrypt for Temporal's Web UI, in the browsers of those who may read orders. The guide is docs/security.md."""
    settings = load_settings()
    configure_logs(settings.log_level)
    run(serve(settings, host=host, port=port))
