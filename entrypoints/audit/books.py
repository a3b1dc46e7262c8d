"""What all the systems' books say, as plain records of the auditor's own. Amounts are decimals in major units."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Moment(Entry):
    """When something happened: between `earliest` and `latest`. `seq` counts over everything in one `book`."""

    book: str
    seq: int | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


def before(one: Moment | None, other: Moment | None) -> bool | None:
    """Whether `one` happened first; None where the books cannot tell."""
    if one is None or other is None:
        return None
    if one.book == other.book and one.seq is not None and other.seq is not None:
        return one.seq < other.seq
    if one.latest and other.earliest and one.latest < other.earliest:
        return True
    if one.earliest and other.latest and one.earliest > other.latest:
        return False
    return None


class Capture(Entry):
    """Money that came in. Not `ours`: the shop took it at the checkout, a bank brought it, or a person captured it."""

    reference: str
    amount: Decimal
    moment: Moment | None = None
    ours: bool = True


class Refund(Entry):
    """`capture` is the reference of what it gives back, where the gateway says so. One that failed gave nothing back."""

    reference: str
    amount: Decimal
    capture: str | None = None
    failed: bool = False
    moment: Moment | None = None


class Dispute(Entry):
    """Money that the customer's bank took back: for good, or until the merchant has `won`."""

    reference: str
    amount: Decimal
    won: bool = False
    opened: Moment | None = None
    decided: Moment | None = None


class Method(StrEnum):
    CARD = "card"
    GIFT_CARD = "gift_card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class Payment(Entry):
    """One tender, or one try. `capturable` is the most that may be captured in all, declared over-capture included.

    `held` is what still may be; `pending`: it may still become a hold, or money that arrives.
    """

    reference: str
    order_id: str
    currency: str
    method: Method = Method.OTHER
    pending: bool = False
    authorised: Decimal
    capturable: Decimal
    held: Decimal
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    @property
    def captured(self) -> Decimal:
        return sum((capture.amount for capture in self.captures), Decimal(0))

    @property
    def ours(self) -> Decimal:
        """What we took of it."""
        return sum((capture.amount for capture in self.captures if capture.ours), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        """What went back or is on its way."""
        return sum((refund.amount for refund in self.refunds if not refund.failed), Decimal(0))

    @property
    def disputed(self) -> Decimal:
        """What is gone by disputes."""
        return sum((dispute.amount for dispute in self.disputes if not dispute.won), Decimal(0))


class PayLink(Entry):
    """A page where the customer can pay so much. `open`: they still can; `paid_by` is the payment that came of it."""

    reference: str
    order_id: str
    amount: Decimal
    open: bool
    paid_by: str | None = None


class State(StrEnum):
    """Of an order in the shop and of a sale in the ERP: what happened to it in the end."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Line(Entry):
    """Goods. `precision` is how far its total may be off because the system keeps rounded unit prices."""

    line_id: str
    quantity: Decimal
    total: Decimal
    precision: Decimal = Decimal(0)


class EditedLine(Entry):
    """What somebody made of a line in a system's own screens. Without `sku` it is none of goods."""

    sku: str | None
    quantity: int
    total: Decimal


class Edit(Entry):
    """By hand, in a system's own screens: the lines that it touched, None where one went; `address`: it goes elsewhere."""

    moment: Moment
    lines: Mapping[str, EditedLine | None]
    address: bool = False


class Item(Entry):
    """How a line, or without `sku` what is paid beside the goods, is priced; `rates` of its taxes are fractions."""

    line_id: str
    sku: str | None
    kind: str = ""
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    order_discount: Decimal
    rates: tuple[Decimal, ...]
    taxes_included: bool
    total: Decimal


class ShopOrder(Entry):
    """`document` is the platform's own; `lines`, `total` and what is `paid` are what the shop shows its customer.

    `amended`: it was told to show other lines than the document has. `given_back` by return, as it was told. `address` is
    where it goes, to be compared: empty where it is not told.
    """

    order_id: str
    platform: str
    document: dict[str, Any]
    state: State
    lines: tuple[Line, ...]
    total: Decimal
    currency: str
    paid: Decimal
    placed_at: datetime | None = None
    amended: bool = False
    given_back: Mapping[str, Decimal] = {}
    by_hand: tuple[Edit, ...] = ()
    address: str = ""


class Sale(Entry):
    """A sales order in the ERP. `total` includes what is no line of goods: freight, fees, rounding.

    `received` is the money that the ERP has booked for it, `credited` what its credit notes say, by return: None where
    it is not told. `items` are priced as it tells, `address` is where it goes: empty where it is not told.
    """

    reference: str
    order_id: str
    state: State
    customer: str
    lines: tuple[Line, ...]
    total: Decimal
    currency: str
    received: Decimal
    credited: Mapping[str, Decimal] | None = None
    items: tuple[Item, ...] = ()
    by_hand: tuple[Edit, ...] = ()
    address: str = ""


class Invoice(Entry):
    reference: str
    order_id: str
    total: Decimal


class Customer(Entry):
    """`identities` are what tells customers apart, normalised: ("e-mail address", "eve@example.com")."""

    system: str
    reference: str
    identities: tuple[tuple[str, str], ...]


class Shelf(Entry):
    """`location` is the warehouse; empty where a system tells the sum of all."""

    sku: str
    location: str = ""
    on_hand: Decimal
    reserved: Decimal


class Reservation(Entry):
    order_id: str
    line_id: str
    sku: str
    location: str = ""
    units: Decimal


class ShipmentState(StrEnum):
    OPEN = "open"
    LEFT = "left"
    CANCELLED = "cancelled"


class Shipment(Entry):
    """`units` by line: what is in the boxes, and before it is packed what is to be. `left` is when it left the house."""

    reference: str
    order_id: str
    state: ShipmentState
    units: Mapping[str, Decimal]
    left: Moment | None = None


class Return(Entry):
    """Goods that came back: `units` by line as the warehouse counted them, `good` those that can be sold again.

    `asked` were announced. `last` is when the last of them came, `complete` says that no more is expected; `restocked` is
    what was put on a shelf again, as often as it was.
    """

    reference: str
    order_id: str
    asked: Mapping[str, Decimal]
    units: Mapping[str, Decimal]
    good: Mapping[str, Decimal]
    restocked: Mapping[str, Decimal]
    complete: bool
    last: Moment | None = None


class Parcel(Entry):
    """`moving`: the carrier has it, or had; `lost`: it never arrived."""

    order_id: str
    shipment: str
    moving: bool
    lost: bool = False


class Mail(Entry):
    key: str
    to: str
    subject: str
    plain: str


class Workflow(Entry):
    """`starts` counts how often it was started anew; `document` is what it tells of its order."""

    order_id: str
    status: str
    starts: int = 1
    document: dict[str, Any] | None = None


class Row(Entry):
    """Our register's row. `state` is accepted, started, completed or cancelled."""

    order_id: str
    state: str
    document: dict[str, Any] | None = None


class Movement(Entry):
    """Our database's row of money that moved: `kind` is captured, refunded or voided.

    `shipment` is what it was captured for.
    """

    key: str
    order_id: str
    kind: str
    amount: Decimal
    currency: str
    reference: str
    shipment: str | None = None


class InboxItem(Entry):
    """`state` is waiting, forwarded or parked. `order_id` as the item itself says it, where it can be read."""

    id: int
    kind: str
    state: str
    order_id: str | None


class Books(Entry):
    """Everything that was read. `as_of` is the shop's own time when its books were read.

    `first_rows` are our rows of orders as they were before anything else was read, `rows` as they were at the end.
    """

    as_of: datetime | None = None
    shop: tuple[ShopOrder, ...] = ()
    payments: tuple[Payment, ...] = ()
    links: tuple[PayLink, ...] = ()
    sales: tuple[Sale, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    customers: tuple[Customer, ...] = ()
    shelves: tuple[Shelf, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    returns: tuple[Return, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    mails: tuple[Mail, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    first_rows: tuple[Row, ...] = ()
    rows: tuple[Row, ...] = ()
    movements: tuple[Movement, ...] = ()
    inbox: tuple[InboxItem, ...] = ()

    def and_also(self, other: "Books") -> "Books":
        """Both together; of two systems that keep the same kind of book, each keeps its own orders."""
        joined: dict[str, Any] = {}
        for name in type(self).model_fields:
            mine, others = getattr(self, name), getattr(other, name)
            joined[name] = (*mine, *others) if isinstance(mine, tuple) else mine or others
        return Books.model_construct(**joined)
