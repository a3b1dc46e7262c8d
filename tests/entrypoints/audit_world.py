"""A small world whose books are all right, as plain data: one order completed, one cancelled, one on its way.

Tests change one fact and ask which promise that breaks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from entrypoints.audit.books import Books, InboxItem, Movement, Row, Workflow
from entrypoints.audit.from_simulator import books_of
from entrypoints.audit.report import AuditReport
from entrypoints.audit.run import judge

DONE, CANCELLED, OPEN = "order:shop:1", "order:shop:2", "order:shop:3"
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEY = f"{DONE}/capture/s1"
SHIPMENT = f"{DONE}/s1"


@dataclass
class World:
    """`books` are in the shape of the simulator's own; the other lists are keyword arguments of the records."""

    books: dict[str, list[Any]]
    workflows: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    movements: list[dict[str, Any]] = field(default_factory=list)
    inbox: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> Books:
        rows = tuple(Row(**row) for row in self.rows)
        return books_of(self.books, START + timedelta(hours=1)).and_also(
            Books(
                workflows=tuple(Workflow(**workflow) for workflow in self.workflows),
                first_rows=rows,
                rows=rows,
                movements=tuple(Movement(**movement) for movement in self.movements),
                inbox=tuple(InboxItem(**item) for item in self.inbox),
            )
        )

    def audit(self) -> AuditReport:
        return judge(self.read())

    def of(self, kind: str, order: str = DONE) -> Any:
        """The order's own record of this kind, to be changed."""
        return next(thing for thing in self.books[kind] if thing["order_id"] == order)

    def shelf(self, sku: str) -> Any:
        return next(shelf for shelf in self.books["shelves"] if shelf["sku"] == sku)

    def workflow(self, order: str = DONE) -> dict[str, Any]:
        return next(workflow for workflow in self.workflows if workflow["order_id"] == order)

    def document(self, order: str = DONE) -> Any:
        return self.workflow(order)["document"]

    def sync_invoices(self) -> None:
        self.books["invoices"] = [
            {"order_id": sale["order_id"], **sale["invoice"]}
            for sale in self.books["sales_orders"]
            if sale["invoice"]
        ]


Break = tuple[
    Callable[[World], None], int, str
]  # a changed fact, the promise it breaks, words of the finding


def correct_world() -> World:
    marks = _marks()
    done = _lines([("a", "SKU-A", 2, "10.00", "3.80"), ("b", "SKU-B", 1, "5.00", "0.95")])
    one = _lines([("a", "SKU-A", 1, "10.00", "1.90")])
    books: dict[str, list[Any]] = {
        "orders": [
            _shop(DONE, done, "29.75", marks, freight=True),
            _shop(CANCELLED, one, "11.90", marks),
            _shop(OPEN, one, "11.90", marks),
        ],
        "payments": [
            _payment(DONE, "35.58", marks),
            _payment(CANCELLED, "11.90", marks),
            _payment(OPEN, "11.90", marks),
        ],
        "customers": [
            _customer("C1", "erp", "eve@example.com", marks),
            _customer("C2", "erp", "bob@example.com", marks),
            _customer("K1", "crm", "eve@example.com", marks),
        ],
        "sales_orders": [
            _sale(DONE, done, "35.58", marks, customer="C1"),
            _sale(CANCELLED, one, "11.90", marks, customer="C2"),
            _sale(OPEN, one, "11.90", marks, customer="C1"),
        ],
        "stock": [],
        "shelves": [
            {"sku": "SKU-A", "location": "main", "on_hand": 8, "reserved": 1},
            {"sku": "SKU-B", "location": "main", "on_hand": 9, "reserved": 0},
        ],
        "reservations": [
            {"order_id": DONE, "lines": [], "mark": next(marks)},
            {"order_id": CANCELLED, "lines": [], "mark": next(marks)},
            {
                "order_id": OPEN,
                "lines": [{"line_id": "a", "sku": "SKU-A", "location": "main", "wanted": 1, "reserved": 1}],
                "mark": next(marks),
            },
        ],
        "picks": [_pick(DONE, done, marks), _pick(CANCELLED, one, marks)],
        "parcels": [_parcel(DONE, "delivered"), _parcel(CANCELLED, "labelled")],
        "returns": [],
        "restocks": [],
        "mails": [_mail(DONE, "confirmed"), _mail(DONE, "shipped"), _mail(CANCELLED, "cancelled")],
        "invoices": [],
    }
    world = World(books)
    _complete(world, done, marks)
    _cancel(world, marks)
    for order, phase in ((DONE, "completed"), (CANCELLED, "cancelled"), (OPEN, "fulfilling")):
        _register(world, order, phase)
    world.sync_invoices()
    return world


def _complete(world: World, lines: list[dict[str, Any]], marks: Iterator[dict[str, Any]]) -> None:
    """Shipped, then captured, then told to shop and ERP, then invoiced."""
    pick = world.of("picks")
    pick["history"].append({"state": "shipped", "mark": next(marks)})
    pick["state"] = "shipped"
    world.of("payments")["captures"].append(movement(KEY, "cap_1", "35.58", marks))
    world.of("payments")["state"] = "captured"
    told = {
        "report": {"captured": money("35.58"), "lines": [_unit(line) for line in lines]},
        "key": "told",
        "mark": next(marks),
    }
    world.of("orders").update(state="fulfilled", shipments=[told])
    invoice = {"reference": "INV1", "total": money("35.58"), "key": "invoice", "mark": next(marks)}
    world.of("sales_orders").update(state="invoiced", shipments=[told], invoice=invoice)


def _cancel(world: World, marks: Iterator[dict[str, Any]]) -> None:
    payment = world.of("payments", CANCELLED)
    payment["voids"].append(movement(f"{CANCELLED}/void", "void_1", "11.90", marks))
    payment["state"] = "voided"
    world.of("orders", CANCELLED)["state"] = "cancelled"
    world.of("sales_orders", CANCELLED)["state"] = "cancelled"
    world.of("picks", CANCELLED)["state"] = "cancelled"


def _register(world: World, order: str, phase: str) -> None:
    lines = world.of("orders", order)["document"]["lines"]
    total = world.of("orders", order)["total"]["amount"]
    state = {"completed": "completed", "cancelled": "cancelled"}.get(phase, "started")
    document = {
        "order": {"lines": [_placed_line(line) for line in lines], "total": minor(total)},
        "phase": phase,
        "attention": None,
        "blocked": [],
        "shipments": [{"tracking": "delivered"}] if phase == "completed" else [],
        "ledger": {"entries": [_entry(lines)] if phase == "completed" else []},
    }
    status = "running" if state == "started" else "completed"
    world.workflows.append({"order_id": order, "status": status, "document": document})
    closed = document if status == "completed" else None
    world.rows.append({"order_id": order, "state": state, "document": closed})
    world.inbox.append({"id": len(world.inbox), "kind": "document", "state": "forwarded", "order_id": order})
    if phase == "completed":
        world.movements.append(row(KEY, order, "captured", "35.58", "cap_1", shipment=SHIPMENT))
    if phase == "cancelled":
        world.movements.append(row(f"{order}/void", order, "voided", "11.90", "pay_2"))


def _entry(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The charge of the whole order: 20.00 + 3.80, 5.00 + 0.95, freight 4.90 + 0.93."""
    shares = [
        {"line_id": "a", "part": "goods", "amount": minor("20.00"), "quantity": 2},
        {"line_id": "a", "part": "tax", "amount": minor("3.80"), "quantity": 0},
        {"line_id": "b", "part": "goods", "amount": minor("5.00"), "quantity": 1},
        {"line_id": "b", "part": "tax", "amount": minor("0.95"), "quantity": 0},
        {"line_id": "freight", "part": "freight", "amount": minor("4.90"), "quantity": 0},
        {"line_id": "freight", "part": "tax", "amount": minor("0.93"), "quantity": 0},
    ]
    assert len(lines) == 2
    charge = {"key": KEY, "kind": "charge", "amount": minor("35.58"), "shares": shares}
    return {**charge, "shipment": SHIPMENT}


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def minor(amount: str) -> dict[str, Any]:
    return {"minor": int(amount.replace(".", "")), "currency": "EUR"}


def row(
    key: str, order: str, kind: str, amount: str, reference: str, *, shipment: str | None = None
) -> dict[str, Any]:
    return {
        "key": key,
        "order_id": order,
        "kind": kind,
        "amount": amount,
        "currency": "EUR",
        "reference": reference,
        "shipment": shipment,
    }


def movement(key: str, reference: str, amount: str, marks: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return {"key": key, "reference": reference, "amount": money(amount), "mark": next(marks)}


def refund(
    key: str, reference: str, amount: str, marks: Iterator[dict[str, Any]], state: str = "succeeded"
) -> dict[str, Any]:
    return {**movement(key, reference, amount, marks), "state": state}


def mark(seq: int) -> dict[str, Any]:
    return {"seq": seq, "at": (START + timedelta(seconds=seq)).isoformat()}


def _marks(first: int = 1) -> Iterator[dict[str, Any]]:
    return (mark(seq) for seq in count(first))


LATER = _marks(1000)  # of what happens after all that the correct world tells


def _lines(lines: list[tuple[str, str, int, str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "sku": sku,
            "name": sku,
            "quantity": quantity,
            "unit_price": price,
            "taxes": [{"name": "VAT", "rate": "0.19", "amount": tax}],
        }
        for name, sku, quantity, price, tax in lines
    ]


def _gross(line: dict[str, Any]) -> str:
    cents = int(line["unit_price"].replace(".", "")) * line["quantity"]
    cents += int(line["taxes"][0]["amount"].replace(".", ""))
    return f"{cents // 100}.{cents % 100:02}"


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "line_id": line["id"],
        "sku": line["sku"],
        "quantity": line["quantity"],
        "ships": True,
        "total": money(_gross(line)),
    }


def _placed_line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "line_id": line["id"],
        "quantity": line["quantity"],
        "unit_price": line["unit_price"],
        "discount": minor("0.00"),
        "order_discount": minor("0.00"),
        "taxes_included": False,
        "taxes": [{"amount": minor(line["taxes"][0]["amount"])}],
    }


def _unit(line: dict[str, Any]) -> dict[str, Any]:
    return {"line_id": line["id"], "sku": line["sku"], "quantity": line["quantity"]}


_FREIGHT = {
    "line_id": "freight",
    "sku": None,
    "quantity": 1,
    "ships": False,
    "total": {"amount": "5.83", "currency": "EUR"},
}


def _shop(
    order: str,
    lines: list[dict[str, Any]],
    goods: str,
    marks: Iterator[dict[str, Any]],
    *,
    freight: bool = False,
) -> dict[str, Any]:
    vat = [{"name": "VAT", "rate": "0.19", "amount": "0.93"}]
    surcharge = {"id": "freight", "kind": "freight", "name": "Freight", "amount": "4.90", "taxes": vat}
    total = "35.58" if freight else goods
    return {
        "order_id": order,
        "channel": "shop",
        "platform": "ordersaga",
        "document": {
            "format": "ordersaga.order.v1",
            "id": order.rpartition(":")[2],
            "currency": "EUR",
            "taxes_included": False,
            "lines": lines,
            "surcharges": [surcharge] if freight else [],
            "total": total,
        },
        "lines": [_shown(line) for line in lines] + ([_FREIGHT] if freight else []),
        "total": money(total),
        "state": "open",
        "shipments": [],
        "amendments": [],
        "refunds": [],
        "placed": next(marks),
        "cancelled": None,
    }


def _payment(order: str, amount: str, marks: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return {
        "reference": f"pay_{order.rpartition(':')[2]}",
        "order_id": order,
        "method": "card",
        "state": "authorised",
        "authorised": money(amount),
        "over_capture": None,
        "captures": [],
        "refunds": [],
        "voids": [],
        "disputes": [],
        "opened": next(marks),
    }


def _customer(reference: str, system: str, email: str, marks: Iterator[dict[str, Any]]) -> dict[str, Any]:
    customer = {"name": "Eve", "email": email, "account_number": "", "vat_id": ""}
    return {"reference": reference, "system": system, "customer": customer, "created": next(marks)}


def _sale(
    order: str, lines: list[dict[str, Any]], total: str, marks: Iterator[dict[str, Any]], *, customer: str
) -> dict[str, Any]:
    return {
        "order_id": order,
        "reference": f"SO{order.rpartition(':')[2]}",
        "state": "entered",
        "order": {"customer": customer, "lines": [_shown(line) for line in lines], "total": money(total)},
        "shipments": [],
        "invoice": None,
        "credit_notes": [],
        "entered": next(marks),
        "cancelled": None,
    }


def _pick(order: str, lines: list[dict[str, Any]], marks: Iterator[dict[str, Any]]) -> dict[str, Any]:
    units = [_unit(line) for line in lines]
    return {
        "shipment_id": f"{order}/s1",
        "order_id": order,
        "lines": units,
        "state": "requested",
        "packages": [{"package_id": f"{order}/s1/p1", "lines": units}],
        "history": [{"state": "requested", "mark": next(marks)}],
    }


def _parcel(order: str, state: str) -> dict[str, Any]:
    return {"shipment_id": f"{order}/s1", "labels": [], "state": state}


def _mail(order: str, occasion: str) -> dict[str, Any]:
    return {
        "key": f"{order}/mail/{occasion}",
        "to": "eve@example.com",
        "subject": f"Your order {order} is {occasion}",
        "plain": "Thank you.",
        "html": "",
    }
