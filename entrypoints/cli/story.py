"""An order for a person at a terminal."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from domain.attention import MEANING
from domain.document import OrderDocument
from domain.payments import RefundState
from entrypoints.cli.story_amendments import amendments
from entrypoints.cli.story_goods import goods


def story(document: OrderDocument) -> RenderableType:
    """Everything on one page: what it is, what it waits for, lines, money, shipments, timeline."""
    order = document.order
    title = f"Order {order.number} · {order.channel} · {document.phase.replace('_', ' ')} · revision {document.revision}"
    return Panel(
        Group(
            *_waits(document),
            _lines(document),
            _money(document),
            _ledger(document),
            *goods(document),
            *amendments(document),
            _timeline(document),
        ),
        title=title,
    )


def _waits(document: OrderDocument) -> list[RenderableType]:
    """What stands still, and the way to what can be done about it."""
    said: list[RenderableType] = [
        f"[red]blocked on {blocked.system}[/] since {_when(blocked.since)}: {escape(blocked.step)}\n"
        f"  {escape(blocked.last_error)}"
        for blocked in document.blocked
    ]
    if attention := document.attention:
        said.append(f"[red]needs a person[/] since {_when(attention.since)}. {MEANING[attention.reason]}")
        said.append(f"  {escape(attention.what)}\n  can be done: {', '.join(attention.can)}")
    if document.blocked or document.attention:
        said.append(f"  how: `ordersaga attention show {document.order.order_id}`")
    if hold := document.hold:
        said.append(
            f"[yellow]on hold[/] since {_when(hold.since)} by {escape(hold.actor)}: {escape(hold.reason)}"
        )
    if document.waits_for:
        again = f" (looks again {_when(document.looks_again_at)})" if document.looks_again_at else ""
        said.append(f"[yellow]waits for[/] {escape(document.waits_for)}{again}")
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
            escape(f"{line.sku} {line.name}"),
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
    for payment in document.payments.payments:
        method = payment.method.replace("_", " ")
        table.add_row("authorised", str(payment.authorised), f"{method} {payment.reference}, {payment.state}")
        if payment.held:
            table.add_row("still held", str(payment.held), method)
        for capture in payment.captures:
            table.add_row("captured", str(capture.amount), capture.reference)
        for refund in payment.refunds:
            state = "" if refund.state is RefundState.SUCCEEDED else f", {refund.state}"
            table.add_row("refunded", str(refund.amount), f"{refund.reference}{state}")
        for dispute in payment.disputes:
            table.add_row("disputed", str(dispute.amount), f"{dispute.reference}, {dispute.state}")
    for paid in document.paid_outside:
        table.add_row("paid outside", str(paid.amount), escape(paid.reference))
    for returned in document.returned_outside:
        table.add_row("given back outside", str(returned.amount), escape(returned.reference))
    if document.invoice:
        table.add_row("invoiced", str(document.invoice.total), document.invoice.reference)
    return table


def _ledger(document: OrderDocument) -> Table:
    """Every charge and credit, and what of each line it is made of."""
    table = Table("entry", "amount", "line shares", box=None, title="ledger", title_justify="left")
    for entry in document.ledger.entries:
        shares = ", ".join(f"{share.line_id} {share.part} {share.amount}" for share in entry.shares)
        cause = entry.cause.replace("_", " ")
        about = entry.return_id or entry.shipment or ""
        table.add_row(f"{entry.kind} {about.rpartition('/')[2]} ({cause})", str(entry.amount), escape(shares))
    return table


def _timeline(document: OrderDocument) -> Table:
    table = Table("when (UTC)", "what happened", box=None, title="timeline", title_justify="left")
    for happening in document.timeline:
        table.add_row(f"{happening.at:%Y-%m-%d %H:%M:%S}", escape(happening.what))
    return table


def _when(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
