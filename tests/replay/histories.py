"""The recorded histories: of each way that an order goes, every run. Orders of the last release run on with this code."""

import gzip
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import WorkflowHistory

from tests.workflows import flows
from tests.workflows.story import Story
from tests.workflows.world import World

FOLDER = Path(__file__).parent / "histories"
Flow = Callable[[World], Awaitable[Story]]


def _is_flow(value: object) -> bool:
    """Whatever tells a whole story in a world: helpers that go on with a story take one."""
    if not inspect.iscoroutinefunction(value) or value.__module__ != flows.__name__:
        return False
    signature = inspect.signature(value)
    asked = [each.name for each in signature.parameters.values() if each.default is each.empty]
    return asked == ["world"] and signature.return_annotation is Story


FLOWS: dict[str, Flow] = dict(inspect.getmembers(flows, _is_flow))


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json.gz"


def recorded() -> set[str]:
    """Every run: of a flow that goes on as new the later ones are called flow.2, flow.3, …"""
    return {path.name.removesuffix(".json.gz") for path in FOLDER.iterdir()}


def flow_of(run: str) -> str:
    return run.partition(".")[0]


def runs_of(flow: str) -> list[str]:
    return sorted(run for run in recorded() if flow_of(run) == flow)


def keep(flow: str, texts: list[str]) -> None:
    """The same text is the same file: without a time in it."""
    for former in runs_of(flow):
        path_of(former).unlink()
    for number, text in enumerate(texts, start=1):
        run = flow if number == 1 else f"{flow}.{number}"
        path_of(run).write_bytes(gzip.compress(text.encode(), mtime=0))


def text_of(name: str) -> str:
    return gzip.decompress(path_of(name).read_bytes()).decode()


def history(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"order:replay:{name}", text_of(name))
