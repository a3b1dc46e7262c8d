from typing import Annotated

import typer

from entrypoints.cli.output import load_settings, run
from entrypoints.codec.server import serve


def codec(
    *,
    host: Annotated[
        str, typer.Option(help="The address to listen on; the port is that of codec_url.")
    ] = "127.0.0.1",
) -> None:
    """Decrypt for Temporal's Web UI, in the browsers of those who may read orders. The guide is docs/security.md."""
    run(serve(load_settings(), host=host))
