"""What the audit found: for programs as JSON, for people as a table."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_SHOWN_MAX = 50  # violations of one promise; the JSON has them all


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrdersSeen(_Part):
    """`completed` are settled, whether or not their return window is over. `open` are all others that did not end.

    `needs_person`, `inbox_waiting` and `inbox_parked` say what some of the open ones wait for. `by_term` counts how they
    are paid, as the storefront's documents tell it.
    """

    total: int
    completed: int
    cancelled: int
    open: int
    needs_person: int
    inbox_waiting: int
    inbox_parked: int
    by_term: dict[str, int]


class Broken(_Part):
    """`order` is empty where it is about no single order."""

    order: str
    what: str


class Unchecked(_Part):
    why: str
    orders: int


class PromiseReport(_Part):
    """`checked` is the number of orders that were looked at."""

    number: int
    words: str
    checked: int
    violations: tuple[Broken, ...]
    not_checked: tuple[Unchecked, ...]

    @property
    def kept(self) -> bool:
        return not self.violations


class AuditReport(_Part):
    orders: OrdersSeen
    promises: tuple[PromiseReport, ...]

    @property
    def kept(self) -> bool:
        return all(promise.kept for promise in self.promises)

    @property
    def violations(self) -> int:
        return sum(len(promise.violations) for promise in self.promises)

    def as_json(self) -> dict[str, Any]:
        return {"kept": self.kept, **self.model_dump(mode="json")}


def render(report: AuditReport) -> RenderableType:
    table = Table(title="The promises, from everybody else's books", title_justify="left", pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("Promise")
    table.add_column("Orders", justify="right")
    table.add_column("")
    for promise in report.promises:
        table.add_row(str(promise.number), promise.words, str(promise.checked), _verdict(promise))
    details = [part for promise in report.promises for part in _details(promise)]
    return Group(table, Text(_orders(report.orders)), *details, _end(report))


def _verdict(promise: PromiseReport) -> Text:
    if promise.violations:
        count = len(promise.violations)
        return Text(f"✗ broken {'once' if count == 1 else f'{count} times'}", "bold red")
    if not promise.checked:
        return Text("– nothing to check", "dim")
    if promise.not_checked:
        return Text("✓ kept, as far as checked", "yellow")
    return Text("✓ kept", "green")


def _orders(seen: OrdersSeen) -> str:
    line = f"{seen.total} orders: {seen.completed} completed, {seen.cancelled} cancelled, {seen.open} open"
    waiting = [
        f"{count} {what}"
        for count, what in (
            (seen.needs_person, "need a person"),
            (seen.inbox_waiting, "items wait in the inbox"),
            (seen.inbox_parked, "items are parked in the inbox"),
        )
        if count
    ]
    if waiting:
        line = f"{line} ({', '.join(waiting)})"
    terms = ", ".join(f"{count} {term}" for term, count in seen.by_term.items())
    return f"{line}\norders by payment term: {terms}" if terms else line


def _details(promise: PromiseReport) -> list[RenderableType]:
    if not (promise.violations or promise.not_checked):
        return []
    parts: list[RenderableType] = [Text(f"\n{promise.number}. {promise.words}", "bold")]
    for broken in promise.violations[:_SHOWN_MAX]:
        about = f"{broken.order}: " if broken.order else ""
        parts.append(Padding(Text.assemble(("✗ ", "red"), (about, "bold"), broken.what), (0, 0, 0, 3)))
    if (more := len(promise.violations) - _SHOWN_MAX) > 0:
        parts.append(Padding(Text(f"… and {more} more"), (0, 0, 0, 3)))
    for unchecked in promise.not_checked:
        told = f"not checked ({unchecked.orders} of {promise.checked} orders): {unchecked.why}"
        parts.append(Padding(Text(told, "yellow"), (0, 0, 0, 3)))
    return parts


def _end(report: AuditReport) -> Text:
    if report.kept:
        return Text("\nEvery promise is kept.", "bold green")
    return Text(f"\n{report.violations} violation{'' if report.violations == 1 else 's'}.", "bold red")
