"""What the simulated systems keep, one model per kind of thing. /books shows them as they are."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from adapters.connector.protocol.articles import Article
from adapters.connector.protocol.common import Address, Money
from adapters.connector.protocol.customers import Customer
from adapters.connector.protocol.erp import Approval, ErpOrderState, SalesOrder
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge
from adapters.connector.protocol.returns import CreditNote
from adapters.connector.protocol.shipments import ShipmentReport
from adapters.connector.protocol.storefront import StorefrontState


class Mark(BaseModel):
    """When something happened: `seq` counts over all systems, so that an auditor can tell what came first."""

    seq: int
    at: datetime


class Record(BaseModel):
    kind: ClassVar[str]


class EditedLine(BaseModel):
    """What a person made of a line or surcharge."""

    sku: str | None
    quantity: int
    total: Money


class ByHand(BaseModel):
    """An edit that a person made; `version` is the order's from then on.

    `lines` are those that it touched, None where one was removed; `address`: it goes elsewhere.
    """

    actor: str
    version: int
    mark: Mark
    lines: dict[str, EditedLine | None] = {}
    address: bool = False


class ShopLine(BaseModel):
    """What the shop shows of a line or surcharge; `item`: how it is priced, where the shop was told so."""

    line_id: str
    sku: str | None = None
    name: str = ""
    quantity: int
    total: Money
    ships: bool = True
    item: SalesLine | SalesSurcharge | None = None

    @property
    def shown(self) -> tuple[str, int, Money]:
        return self.line_id, self.quantity, self.total


class Told(BaseModel):
    """A shipment report as it was received. `later`: the same once more, with what was captured for it since."""

    report: ShipmentReport
    later: list[ShipmentReport] = Field(default_factory=list)
    key: str
    mark: Mark


class ShopAmendment(BaseModel):
    """What the shop was told to show from then on."""

    lines: list[ShopLine]
    total: Money
    shipping: Address | None = None
    key: str
    mark: Mark


class GivenForReturn(BaseModel):
    """A credit note as it was received; `reference` is the ERP's own number of it, empty in the shop."""

    reference: str = ""
    note: CreditNote
    key: str
    mark: Mark


class ShopOrder(Record):
    """`lines`, `total` and `shipping` are what the shop shows now; `document` stays as the order was placed."""

    kind = "orders"
    order_id: str
    channel: str
    platform: str
    document: dict[str, Any]
    lines: list[ShopLine]
    total: Money
    shipping: Address | None = None
    edits: int = 1
    by_hand: list[ByHand] = []
    state: StorefrontState = StorefrontState.OPEN
    shipments: list[Told] = []
    amendments: list[ShopAmendment] = []
    refunds: list[GivenForReturn] = []
    placed: Mark
    cancelled: Mark | None = None


class CustomerRecord(Record):
    """`system` is erp or crm: each keeps its own.

    Without `limit` the customer's credit has none. `waiting` are the orders that came while the account was not approved.
    """

    kind = "customers"
    reference: str
    system: str
    customer: Customer
    created: Mark
    approval: Approval = Approval.APPROVED
    limit: Money | None = None
    waiting: list[str] = []


class CreditEvent(BaseModel):
    outcome: str  # approved, refused, freed, paid
    amount: Money
    key: str
    mark: Mark


class CreditRecord(Record):
    """An order on account. `set_aside` counts against the limit until it is freed or paid; `refused` waits for room."""

    kind = "credits"
    order_id: str
    customer: str
    set_aside: Money | None = None
    refused: Money | None = None
    paid: bool = False
    history: list[CreditEvent] = []


class MerchantRecord(Record):
    """What the merchant decided for all: there is one, under the name "merchant"."""

    kind = "merchant"
    new_business_accounts: Approval = Approval.APPROVED


class ShopArticle(Record):
    kind = "shop_articles"
    article: Article


class ErpArticle(Record):
    """One that was made by hand in the ERP. Every article of the stock is one of the ERP's anyway."""

    kind = "erp_articles"
    article: Article


class PriceRecord(Record):
    """What the ERP's price list says of an article in one currency, and at which rates it is taxed."""

    kind = "prices"
    sku: str
    currency: str
    name: str
    unit_price: str
    taxes_included: bool
    tax_rates: list[str]

    def priced(self, *, taxes_included: bool) -> str:
        """The unit price for an order whose prices have their taxes in them, or on top."""
        factor = 1 + sum(map(Decimal, self.tax_rates))
        price = Decimal(self.unit_price)
        if taxes_included and not self.taxes_included:
            price *= factor
        elif self.taxes_included and not taxes_included:
            price /= factor
        return f"{round(price, 4):f}"


class InvoiceRecord(BaseModel):
    reference: str
    total: Money
    key: str
    mark: Mark


class SalesOrderRecord(Record):
    """`order` is None where the order was cancelled before it was ever entered: then it cannot be entered later.

    `numbers` are the ERP's own of lines and surcharges, never given twice. A line that a person added bears the id
    `erp-{number}` in the books; as long as it is among the `strangers`, nobody outside has been told of an id. `written`
    is the key of the last order that was written from outside.
    """

    kind = "sales_orders"
    order_id: str
    reference: str
    state: ErpOrderState
    order: SalesOrder | None = None
    edits: int = 1
    numbers: dict[str, int] = {}
    strangers: list[str] = []
    by_hand: list[ByHand] = []
    written: str = ""
    shipments: list[Told] = []
    invoice: InvoiceRecord | None = None
    credit_notes: list[GivenForReturn] = []
    entered: Mark
    cancelled: Mark | None = None


class NoteRecord(Record):
    kind = "notes"
    key: str
    customer: str
    order_id: str
    text: str
    mark: Mark


class MailRecord(Record):
    kind = "mails"
    key: str
    to: str
    subject: str
    plain: str
    html: str
    mark: Mark


class AmendmentTold(Record):
    """How an amendment ended that a service desk had only signalled."""

    kind = "amendments_told"
    key: str
    event_id: str
    event: str
    order_id: str
    amendment_id: str
    state: str
    revision: int
    total: Money
    why: str
    occurred_at: datetime
    mark: Mark
