"""`fault set|list|clear`: scripted trouble at a running simulator, over HTTP. An application for typer to mount."""

import json
from typing import Annotated

import httpx
import typer

from adapters.simulated.fault_routes import Faulty
from adapters.simulated.faults import Fault, FaultKind, ListedFault

app = typer.Typer(name="fault", help="Script trouble at the simulated world.", no_args_is_help=True)

TIMEOUT_SECONDS = 5
Url = Annotated[
    str, typer.Option("--url", envvar="ORDERSAGA_SIMULATOR_URL", help="Where the simulated world listens.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
DEFAULT_URL = "http://127.0.0.1:8300"


@app.command("set")
def set_fault(
    system: Faulty,
    kind: FaultKind,
    *,
    operation: Annotated[
        str, typer.Option(help="A port's method name, an event's for webhooks, or *.")
    ] = "*",
    times: Annotated[int | None, typer.Option(min=1, help="How often; until cleared if left out.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How slow or late.")] = 1,
    retry_after: Annotated[
        int | None, typer.Option(min=0, help="Seconds, for down and rate_limited.")
    ] = None,
    code: Annotated[str, typer.Option(help="The problem's code, for refuse.")] = "refused",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Make a system fail in one way; several kinds on one system act one after the other."""
    fault = Fault(
        kind=kind, operation=operation, times=times, seconds=seconds, retry_after=retry_after, code=code
    )
    _show(_call(url, "PUT", f"/faults/{system}", fault), as_json=as_json)


@app.command("list")
def list_faults(*, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """What is in force."""
    _show(_call(url, "GET", "/faults"), as_json=as_json)


@app.command("clear")
def clear_faults(
    system: Annotated[Faulty | None, typer.Argument()] = None,
    *,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All is well again: at one system, or everywhere."""
    _show(_call(url, "DELETE", f"/faults/{system}" if system else "/faults"), as_json=as_json)


def _call(url: str, method: str, path: str, fault: Fault | None = None) -> list[ListedFault]:
    try:
        response = httpx.request(
            method,
            f"{url}{path}",
            json=fault.model_dump(mode="json") if fault else None,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        response.raise_for_status()
    except httpx.HTTPError as error:
        typer.echo(f"The simulated world at {url} does not do it: {error}", err=True)
        raise typer.Exit(1) from error
    return [ListedFault.model_validate(listed) for listed in response.json()]


def _show(faults: list[ListedFault], *, as_json: bool) -> None:
    if not faults:
        typer.echo("All is well: no fault is in force.")
    for fault in faults:
        times = "until cleared" if fault.times is None else f"{fault.times} ×"
        typer.echo(f"{fault.system}.{fault.operation}: {fault.kind}, {times}")
    if as_json:
        typer.echo(json.dumps({"faults": [fault.model_dump(mode="json") for fault in faults]}))
