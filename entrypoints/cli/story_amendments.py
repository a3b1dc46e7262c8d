"""Amendments for a person at a terminal: what one would mean, and what became of those that were asked for."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from domain.amendments import AmendmentRecord, AmendmentState, Verdict, in_words
from domain.document import OrderDocument
from domain.money import Money
from domain.orders import Address, OrderLine, PlacedOrder, Surcharge
from entrypoints.cli.quoting import Preview

_VERDICTS = {
    Verdict.ALLOWED: "[green]✓ allowed[/]",
    Verdict.UNSHIPPED_ONLY: "[yellow]✓ for what has not left[/]",
    Verdict.TOO_LATE: "[red]✗ too late[/]",
    Verdict.REFUSED: "[red]✗ refused[/]",
}
_STATES = {
    AmendmentState.QUEUED: "[yellow]queued[/]",
    AmendmentState.PENDING: "[yellow]waits for the customer[/]",
    AmendmentState.COMMITTED: "[green]committed[/]",
    AmendmentState.UNDONE: "[red]undone[/]",
    AmendmentState.REFUSED: "[red]refused[/]",
}
_NONE = "–"

Item = OrderLine | Surcharge


def quoted(seen: Preview) -> Iterator[RenderableType]:
    """Before, after and the money; what stands in the way, and what cannot be changed any more."""
    order = seen.document.order
    yield f"Order {escape(order.number)} · {seen.document.phase.replace('_', ' ')} · revision {seen.quote.revision}"
    yield compared(order, seen.after or order, "lines")
    if seen.after and seen.after.shipping != order.shipping:
        yield f"ships to: {_place(order.shipping)} → [bold]{_place(seen.after.shipping)}[/]"
    for verdict, words in zip(seen.quote.verdicts, in_words(seen.changes), strict=True):
        why = ": ".join(filter(None, (verdict.field, verdict.why)))
        yield f"{_VERDICTS[verdict.verdict]} {escape(words)}" + (f": {escape(why)}" if why else "")
    yield f"[bold]money[/]: {escape(seen.quote.words)}"
    for lock in seen.quote.locked:
        yield f"[yellow]locked[/] line {escape(lock.line_id)}: {lock.units} units {escape(lock.why)}"
    for shelf in seen.shelves or ():
        missing = f", [red]{shelf.missing} missing[/]" if shelf.missing else ""
        yield f"[bold]stock[/]: {escape(shelf.sku)}: {shelf.needed} needed, {shelf.there} there{missing}"
    for note in seen.notes:
        yield f"[yellow]{escape(note)}[/]"


def compared(before: PlacedOrder, after: PlacedOrder, title: str) -> Table:
    """Line by line; what is alike is said once."""
    table = Table(
        "line",
        "article",
        "units",
        "unit price",
        "discount",
        "total",
        box=None,
        title=title,
        title_justify="left",
    )
    was, becomes = _items(before), _items(after)
    for name in dict.fromkeys([*was, *becomes]):
        one, other = was.get(name) or becomes[name], becomes.get(name) or was[name]
        mark = "[green]+[/] " if name not in was else "[red]−[/] " if name not in becomes else ""
        cells = (_arrow(cell(one), cell(other)) for cell in (_article, _units, _price, _discount, _total))
        table.add_row(f"{mark}{escape(name)}", *cells)
    more = after.total - before.total
    change = f" ({_signed(more)})" if more else ""
    table.add_row("", "[bold]total[/]", "", "", "", _arrow(str(before.total), str(after.total)) + change)
    return table


def amendments(document: OrderDocument) -> list[RenderableType]:
    """Who changed it and why, what it was and became, and what came of it."""
    if not document.amendments:
        return []
    table = Table(
        "asked (UTC)",
        "by",
        "what",
        "revision",
        "total",
        "what became of it",
        box=None,
        title="amendments",
        title_justify="left",
    )
    for record in document.amendments:
        table.add_row(*_row(record))
    return [table]


def _row(record: AmendmentRecord) -> tuple[str, ...]:
    asked = record.amendment
    by = asked.actor + (f" ({asked.role})" if asked.role else "")
    where = "" if asked.origin.value == asked.actor else f", {asked.origin.replace('_', ' ')}"
    what = f"{'; '.join(record.words)}\n{asked.reason}"
    revision = str(record.revision_before)
    total = str(record.total_before)
    if record.revision_after and record.total_after:
        revision, total = f"{revision} → {record.revision_after}", _arrow(total, str(record.total_after))
    became = f"{_STATES[record.state]}: {escape(record.why)}" if record.why else _STATES[record.state]
    return f"{record.asked_at:%Y-%m-%d %H:%M:%S}", escape(by + where), escape(what), revision, total, became


def _items(order: PlacedOrder) -> dict[str, Item]:
    return {str(item.line_id): item for item in order.priced}


def _article(item: Item) -> str:
    return escape(f"{item.sku} {item.name}" if isinstance(item, OrderLine) else f"{item.kind} {item.name}")


def _units(item: Item) -> str:
    return str(item.quantity) if isinstance(item, OrderLine) else ""


def _price(item: Item) -> str:
    price = item.unit_price if isinstance(item, OrderLine) else item.amount.major
    text = f"{price:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _discount(item: Item) -> str:
    return str(item.discount + item.order_discount)


def _total(item: Item) -> str:
    return str(item.total)


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → [bold]{after}[/]"


def _signed(amount: Money) -> str:
    return f"{'+' if amount.minor > 0 else ''}{amount}"


def _place(address: Address | None) -> str:
    if address is None:
        return _NONE
    town = " ".join(filter(None, (address.postal_code, address.city)))
    return escape(", ".join(filter(None, (address.name, address.street, town, address.country))))
