"""An order's goods for a person at a terminal: what left, what is still missing, what was given up, what came back."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.markup import escape

from domain.document import Dropped, OrderDocument, Shipment
from domain.ids import LineId, return_name, shipment_name
from domain.returns import Return, ReturnLine
from domain.shipments import ShipmentLine


def goods(document: OrderDocument) -> list[RenderableType]:
    said = [line for shipment in document.shipments for line in _shipment(shipment)]
    said += _to_come(document)
    said += [
        f"[yellow]dropped[/] {_units([dropped])} (line {escape(dropped.line_id)}): {escape(dropped.why)}"
        for dropped in document.dropped
    ]
    said += [line for back in document.returns for line in _return(back)]
    return list(said)


def _shipment(shipment: Shipment) -> list[str]:
    state = shipment.tracking or shipment.state or "planned"
    paid = f", {shipment.captured} charged" if shipment.captured else ""
    name = shipment_name(shipment.shipment_id)
    said = [f"shipment {name} from {escape(shipment.location)}: {state}, {_units(shipment.lines)}{paid}"]
    numbers = (
        {label.package_id: label.tracking_number for label in shipment.labels.labels}
        if shipment.labels
        else {}
    )
    for number, package in enumerate(shipment.packages, 1):
        tracking = escape(numbers.get(package.package_id, "no label"))
        said.append(f"  package {number}: {_units(package.lines)}, {tracking}")
    return said


def _to_come(document: OrderDocument) -> list[str]:
    """Units that are in no shipment yet, of an order that goes on."""
    missing: dict[LineId, int] = dict(document.unassigned)
    if not missing or document.cancel_reason or not document.reservation:
        return []
    lines = (
        ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=missing[line.line_id])
        for line in document.order.shippable
        if missing.get(line.line_id)
    )
    return [f"[yellow]in no shipment yet[/]: {_units(lines)}"]


def _return(back: Return) -> list[str]:
    credited = f", {back.credited} credited" if back.credited else ""
    name, state = return_name(back.return_id), back.state.replace("_", " ")
    why = escape(back.reason)
    said = [f"return {name} to {escape(back.location)}: {state}, {_units(back.lines)} ({why}){credited}"]
    if back.receipt and back.receipt.lines:
        came = ", ".join(
            f"{line.quantity} × {escape(line.sku)} {line.condition}" for line in back.receipt.lines
        )
        said.append(f"  came: {came}")
    return said


def _units(lines: Iterable[ShipmentLine | Dropped | ReturnLine]) -> str:
    return ", ".join(f"{line.quantity} × {escape(line.sku)}" for line in lines)
