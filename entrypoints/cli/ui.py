"""`ordersaga ui`: where to look in Temporal's Web UI."""

from typing import Annotated
from urllib.parse import quote

import typer
from temporalio.client import WorkflowExecution

from domain.base import Value
from domain.ids import System
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from workers.connection import connect
from workers.settings import Settings
from workflows.visibility import ATTENTION, BLOCKED_ON, CARRIERS, ON_HOLD, ORDER_NUMBER

_OPEN = f'{CARRIERS} AND ExecutionStatus = "Running"'
_QUERIES = {
    "needs a person": f"{_OPEN} AND {ATTENTION.name} IS NOT NULL",
    "blocked": f"{_OPEN} AND {BLOCKED_ON.name} IS NOT NULL",
    **{f"blocked on {system}": f'{_OPEN} AND {BLOCKED_ON.name} = "{system}"' for system in System},
    "on hold": f"{_OPEN} AND {ON_HOLD.name} = true",
    "open": _OPEN,
    "cannot go on with this code": f"{_OPEN} AND TemporalReportedProblems IS NOT NULL",  # docs/versioning.md
}
# The Web UI's names of its tabs.
_TABS = {
    "its story, and what a person can do": "user-metadata",
    "what is tried, and when again": "pending-activities",
    "what happened": "timeline",
}


class Link(Value):
    name: str
    url: str


def ui(
    order: Annotated[
        str | None, typer.Argument(metavar="[ORDER]", help="One order's id or number: links to its page.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print links into Temporal's Web UI: the orders that stand still, by what they wait for; or one order's page."""
    settings = load_settings()
    links = order_links(settings, run(_find(settings, order))) if order else query_links(settings)
    for link in links:
        console.print(f"{link.name}\n  {link.url}", markup=False, soft_wrap=True)
    if as_json:
        say_json({"links": [link.model_dump() for link in links]})


def query_links(settings: Settings) -> tuple[Link, ...]:
    """A list of orders each; it looks again by itself while it is open."""
    return tuple(
        Link(name=name, url=f"{_workflows(settings)}?query={quote(query, safe='')}")
        for name, query in _QUERIES.items()
    )


def order_links(settings: Settings, found: WorkflowExecution) -> tuple[Link, ...]:
    page = f"{_workflows(settings)}/{quote(found.id, safe='')}/{found.run_id}"
    return tuple(Link(name=name, url=f"{page}/{tab}") for name, tab in _TABS.items())


async def _find(settings: Settings, name: str) -> WorkflowExecution:
    """By id or number, among those that Temporal still keeps: of an order that was open again its last workflow."""
    client = await connect(settings)
    value = name.replace("\\", "\\\\").replace('"', '\\"')
    query = f'{CARRIERS} AND (WorkflowId = "{value}" OR {ORDER_NUMBER.name} = "{value}")'
    runs = sorted([run async for run in client.list_workflows(query)], key=lambda run: run.start_time)
    found = list({run.id: run for run in runs}.values())
    if not found:
        fail(f"Temporal has no order {name}; `ordersaga orders list` lists all, the closed ones too")
    if len(found) > 1:
        fail(f"{len(found)} orders have the number {name}: {', '.join(execution.id for execution in found)}")
    return found[0]


def _workflows(settings: Settings) -> str:
    return f"{settings.temporal_ui.rstrip('/')}/namespaces/{quote(settings.namespace, safe='')}/workflows"
