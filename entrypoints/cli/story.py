"""An order for a person at a terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from domain.document import OrderDocument


def story(document: OrderDocument) -> RenderableType:
    """Everything on one page: what it is, what it waits for, lines, money, shipments, timeline."""
    order = document.order
    title = f"Order {order.number} · {order.channel} · {document.phase.replace('_', ' ')} · revision {document.revision}"
    return Panel(
        Group(
            *_waits(document), _lines(document), _money(document), *_shipments(document), _timeline(document)
        ),
        title=title,
    )


def _waits(document: OrderDocument) -> list[RenderableType]:
    said: list[RenderableType] = [
        f"[red]blocked on {blocked.system}[/] since {blocked.since:%H:%M:%S} UTC: {blocked.last_error}"
        for blocked in document.blocked
    ]
    if document.attention:
        said.append(f"[red]needs a person[/]: {document.attention.what}\n  {document.attention.can_do}")
    if document.waits_for:
        again = (
            f" (looks again {document.looks_again_at:%Y-%m-%d %H:%M} UTC)" if document.looks_again_at else ""
        )
        said.append(f"[yellow]waits for[/] {document.waits_for}{again}")
    return said


def _lines(document: OrderDocument) -> Table:
    table = Table(
        "line", "units", "article", "discount", "tax", "total", box=None, title="lines", title_justify="left"
    )
    for line in document.order.lines:
        discount = line.discount + line.order_discount
        table.add_row(
            line.line_id,
            str(line.quantity),
            f"{line.sku} {line.name}",
            str(discount),
            str(line.tax),
            str(line.total),
        )
    for item in document.order.surcharges:
        discount = item.discount + item.order_discount
        table.add_row(
            item.line_id, "", f"{item.kind} {item.name}", str(discount), str(item.tax), str(item.total)
        )
    table.add_row("", "", "[bold]total[/]", "", "", f"[bold]{document.order.total}[/]")
    return table


def _money(document: OrderDocument) -> Table:
    table = Table("what", "amount", "for", box=None, title="money", title_justify="left")
    if document.payment:
        table.add_row("authorised", str(document.payment.authorised), str(document.payment.reference))
        table.add_row("still held", str(document.payment.held), str(document.payment.state))
        for capture in document.payment.captures:
            table.add_row("captured", str(capture.amount), capture.reference)
        for refund in document.payment.refunds:
            table.add_row("refunded", str(refund.amount), refund.reference)
    for entry in document.ledger.entries:
        shares = ", ".join(f"{share.line_id} {share.part} {share.amount}" for share in entry.shares)
        table.add_row(entry.kind, str(entry.amount), shares)
    if document.invoice:
        table.add_row("invoiced", str(document.invoice.total), document.invoice.reference)
    return table


def _shipments(document: OrderDocument) -> list[RenderableType]:
    said: list[RenderableType] = []
    for shipment in document.shipments:
        state = shipment.tracking or shipment.state or "planned"
        lines = ", ".join(f"{line.quantity} × {line.sku}" for line in shipment.lines)
        tracking = (
            ", ".join(label.tracking_number for label in shipment.labels.labels) if shipment.labels else ""
        )
        said.append(f"shipment {shipment.shipment_id.rpartition('/')[2]}: {state}, {lines} {tracking}")
    return said


def _timeline(document: OrderDocument) -> Table:
    table = Table("when (UTC)", "what happened", box=None, title="timeline", title_justify="left")
    for happening in document.timeline:
        table.add_row(f"{happening.at:%Y-%m-%d %H:%M:%S}", happening.what)
    return table
