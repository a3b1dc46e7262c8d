from pathlib import Path
from typing import Annotated

import typer

from adapters.simulated.server import run
from adapters.simulated.world import Settings

OFF = "off"


def pace(text: str) -> float | None:
    """Seconds, or "off" for never by itself."""
    return None if text == OFF else float(text)


def simulator(  # noqa: PLR0917  each is an option of the command line
    state: Annotated[Path, typer.Option("--state", help="The SQLite file; made where there is none.")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8300,
    host: str = "127.0.0.1",
    webhook_url: Annotated[
        str | None, typer.Option(help="Where hints are posted to; {channel} and {system} are filled in.")
    ] = None,
    webhook_secret: Annotated[str, typer.Option(envvar="ORDERSAGA_SIMULATOR_WEBHOOK_SECRET")] = "",
    webhook_attempts_max: Annotated[int, typer.Option(min=1, help="Then a hint is given up.")] = 10,
    token: Annotated[str | None, typer.Option(envvar="ORDERSAGA_SIMULATOR_TOKEN")] = None,
    pick_seconds: Annotated[
        str, typer.Option(help='From pick request to packed; 0 at once, "off" never by itself.')
    ] = "0.2",
    deliver_seconds: Annotated[
        str, typer.Option(help='From leaving to arriving; 0 at once, "off" never by itself.')
    ] = "0.5",
    units_per_package: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    """Serve a simulated world: shop, gateway, ERP, stock, warehouse, carrier, CRM and mail."""
    settings = Settings(
        pick_seconds=pace(pick_seconds),
        deliver_seconds=pace(deliver_seconds),
        units_per_package=units_per_package,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        webhook_attempts_max=webhook_attempts_max,
        token=token,
    )
    run(host, port, state, settings)


if __name__ == "__main__":
    typer.run(simulator)
