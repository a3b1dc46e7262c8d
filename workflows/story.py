"""The order's story for people who look into Temporal: search attributes to find it, current details to read it."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.attention import MEANING, ways_out
    from domain.document import Happening, OrderDocument, Shipment
    from domain.phases import Phase
    from workflows import visibility

_TIMELINE_LINES_MAX = 12
_PASSING = {visibility.ORDER_PHASE.name, visibility.CUSTOMER_REF.name}  # told where the order comes to rest


class Story:
    def __init__(self, document: OrderDocument) -> None:
        self.document = document
        self._loop = asyncio.get_running_loop()  # each order in memory has its own

    def note(self, what: str) -> None:
        """One more line of the timeline: a sentence without personal data."""
        self.document.timeline.append(Happening(at=workflow.now(), what=what))
        self.show()

    def show(self) -> None:
        """Not for an order that a worker has let go of: Python ends it wherever it collects it, in another order's turn too."""
        if workflow.in_workflow() and asyncio.get_running_loop() is self._loop:
            _show(self.document)


def _show(document: OrderDocument) -> None:
    """Bring search attributes and current details up to what the document says.

    Each change of attributes is an event and a write at the server: what an order only passes is not told.
    """
    known = workflow.info().typed_search_attributes
    updates = [update for update in _attributes(document) if _differs(known, update)]
    if updates and (_rests(document) or any(update.key.name not in _PASSING for update in updates)):
        workflow.upsert_search_attributes(updates)
    workflow.set_current_details(details(document))


def details(document: OrderDocument) -> str:
    """Markdown. Lists, for the Web UI drops the cell borders of tables."""
    order = document.order
    parts = [f"**Order {order.number}** · {document.phase.replace('_', ' ')} · {order.total}"]
    parts += _what_now(document)
    parts.append(
        "**Lines**\n\n" + "\n".join(f"- {line.quantity} × {line.sku}: {line.total}" for line in order.lines)
    )
    if order.surcharges:
        parts.append("\n".join(f"- {item.kind}: {item.total}" for item in order.surcharges))
    parts.append("**Money**\n\n" + "\n".join(_money(document)))
    parts += [_shipment(shipment) for shipment in document.shipments]
    last = document.timeline[-_TIMELINE_LINES_MAX:]
    parts.append(
        "**What happened**\n\n" + "\n".join(f"- {h.at:%Y-%m-%d %H:%M:%S} UTC {h.what}" for h in last)
    )
    return "\n\n".join(parts)


def _what_now(document: OrderDocument) -> list[str]:
    order = document.order.order_id
    parts = []
    if hold := document.hold:
        parts.append(
            f"**On hold** since {_when(hold.since)} by {hold.actor}: {hold.reason}. What runs ends, nothing new begins."
            f"\n\n- `ordersaga orders release {order} --reason …`: it goes on"
        )
    parts += [
        f"**Blocked on {blocked.system}** since {_when(blocked.since)}: {blocked.step}. Last error: "
        f"{blocked.last_error}\n\nIt is tried again until {blocked.system} answers; attempts and the time of the "
        f"next are under Pending Activities. Nothing is lost. What a person can do:\n\n"
        + _list(ways_out(order, blocked.can))
        for blocked in document.blocked
    ]
    if attention := document.attention:
        parts.append(
            f"**Needs a person** since {_when(attention.since)}. {MEANING[attention.reason]}\n\n{attention.what}\n\n"
            f"What a person can do:\n\n" + _list(ways_out(order, attention.can))
        )
    if document.waits_for:
        again = f", looks again at {_when(document.looks_again_at)}" if document.looks_again_at else ""
        parts.append(f"**Waits for** {document.waits_for}{again}")
    return parts


def _when(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _money(document: OrderDocument) -> list[str]:
    payments = document.payments
    term = document.order.payment.term.replace("_", " ")
    if not payments.payments:
        return [f"- {term}: no payment known"]
    return [
        f"- {term}: authorised {payments.authorised}, held {payments.held}",
        f"- captured {payments.captured}, refunded {payments.refunded}",
        f"- charged {document.ledger.charged}, credited {document.ledger.credited}",
    ]


def _shipment(shipment: Shipment) -> str:
    lines = [f"**Shipment {shipment.shipment_id.rpartition('/')[2]}** · {shipment.state or 'planned'}\n"]
    lines += [f"- {line.quantity} × {line.sku}" for line in shipment.lines]
    if shipment.labels:
        lines += [f"- {shipment.labels.carrier} {label.tracking_number}" for label in shipment.labels.labels]
    if shipment.tracking:
        lines.append(f"- {shipment.tracking.replace('_', ' ')}")
    return "\n".join(lines)


def _attributes(document: OrderDocument) -> list[SearchAttributeUpdate[Any]]:
    blocked, attention = document.blocked, document.attention
    stuck_since = [mark.since for mark in (*blocked, attention, document.hold) if mark is not None]
    return [
        visibility.ORDER_PHASE.value_set(document.phase.value),
        _set_or_unset(visibility.CUSTOMER_REF, document.erp_customer),
        _set_or_unset(visibility.BLOCKED_ON, sorted({mark.system.value for mark in blocked}) or None),
        _set_or_unset(visibility.ATTENTION, attention.reason.value if attention else None),
        _set_or_unset(visibility.BLOCKED_SINCE, min(stuck_since, default=None)),
        visibility.ON_HOLD.value_set(document.hold is not None),
    ]


def _rests(document: OrderDocument) -> bool:
    ended = document.phase in {Phase.COMPLETED, Phase.CANCELLED}
    return ended or bool(document.waits or document.blocked or document.attention or document.hold)


def _set_or_unset(key: Any, value: Any) -> SearchAttributeUpdate[Any]:
    update: SearchAttributeUpdate[Any] = key.value_unset() if value is None else key.value_set(value)
    return update


def _differs(known: TypedSearchAttributes, update: SearchAttributeUpdate[Any]) -> bool:
    return known.get(update.key) != update.value
