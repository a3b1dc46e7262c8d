"""What an order needs from the outside, one protocol per need. Adapters implement them; contract tests hold them to it.

Rules for every method:

- What changes something states a **target** and ensures it: a repeat with the same key, or a system that already is
  there, changes nothing and answers the same. Keys are `domain.keys.Key`, at most 64 characters.
- Expected business answers are return values (`Declined`, `TooLate`, a short `Reservation`, `None` for "not there").
- `Refused`: asking again cannot help. `Unavailable`: nothing happened. `OutcomeUnknown`: it may have happened.
- An adapter whose system knows no idempotency keys looks up by reference before every attempt.
"""

from datetime import datetime
from typing import Protocol

from domain.amendments import Amended, PricedArticle
from domain.customers import Article, CustomerAccount, CustomerRecord, Page
from domain.erp import Changes, CreditApproved, CreditRefused, Edited, ErpOrder, Invoice, SalesOrder
from domain.ids import ChannelId, CustomerRef, Location, OrderId, PaymentRef, ReturnId, ShipmentId, Sku
from domain.keys import Key
from domain.money import Currency, Money
from domain.notifications import Mail
from domain.orders import Customer, PlacedOrder
from domain.payments import Capture, Declined, PayLink, Payment, Refund
from domain.reservations import Demand, Reservation, Shelf
from domain.returns import CreditNote, Receipt, ReturnNotice, ReturnParcel
from domain.shipments import (
    Labels,
    Parcel,
    Pick,
    PickCancelled,
    PickRequest,
    ShipmentReport,
    TooLate,
    Tracking,
    Unasked,
)
from domain.storefront import ShopNews, StorefrontOrder


class Storefront(Protocol):
    """The shop where the order was placed."""

    async def look_up_order(self, order: OrderId) -> StorefrontOrder | None: ...

    async def orders_since(self, channel: ChannelId, cursor: str | None) -> ShopNews:
        """Orders of the channel that were placed or changed since the cursor, the oldest news first, in portions.

        None: from now on. What was placed before is not to be taken for new. A shop that counts by time looks back far
        enough that an order which was slow to show is not left out.
        """

    async def articles(self, after: str | None) -> Page[Article]:
        """All articles that the shop sells, in pages; None from the beginning. A SKU may be missing: that is a finding."""

    async def report_shipment(self, report: ShipmentReport, *, key: Key) -> None:
        """Ensure the shop shows the shipment with its tracking numbers, and the captured money as paid."""

    async def amend_order(self, order: PlacedOrder, *, known: str, key: Key) -> StorefrontOrder | Edited:
        """Ensure the shop shows exactly these lines, quantities, totals and this address, and tell what it shows then.

        `Edited` when somebody edited it since the version `known`, unless it shows the target already; without `known` it
        is written whatever it shows. Refused below what it shows as shipped.
        """

    async def record_refund(self, note: CreditNote, *, key: Key) -> None:
        """Ensure the shop shows what came back and what was given back for it. No money moves by this."""

    async def cancel_order(self, order: OrderId, reason: str, *, key: Key) -> None:
        """Ensure the shop shows the order as cancelled. Refused when it shows it as fulfilled."""


class PaymentGateway(Protocol):
    """Who holds and moves the customer's money."""

    async def look_up(self, order: OrderId, reference: PaymentRef | None) -> tuple[Payment, ...]:
        """Every payment of this order, oldest first: found by our order id, and by the gateway's reference if given.

        One per tender (gift card, card) and per try, declined and voided ones too. Empty: none is known yet.
        """

    async def capture(
        self, payment: PaymentRef, amount: Money, *, key: Key, final: bool
    ) -> Capture | Declined:
        """Take `amount` of the hold. `final` releases the rest. Never more than once per key."""

    async def increment(self, payment: PaymentRef, authorised: Money, *, key: Key) -> Payment | Declined:
        """Ensure that the whole hold is `authorised`, which is more than before. The payment keeps its reference."""

    async def hold(self, like: PaymentRef, amount: Money, *, key: Key) -> Payment | Declined:
        """A new hold, by the stored credential of the payment `like`, without the shopper. Never two per key.

        `like` stays as it is: it is voided when the new one stands.
        """

    async def pay_link(self, order: OrderId, amount: Money, *, key: Key) -> PayLink:
        """Ensure there is a page where the customer can pay `amount` more for this order."""

    async def void(self, payment: PaymentRef, *, key: Key) -> None:
        """Ensure no hold is left and a pending payment comes to nothing. One that is gone already is as good.

        Captured money stays captured.
        """

    async def refund(self, payment: PaymentRef, amount: Money, *, key: Key) -> Refund | Declined:
        """Give back `amount` of what was captured. Declined when it is more than is left of the captures.

        It may be answered as pending; `look_up` tells what becomes of it.
        """

    async def changes(self, since: str | None) -> Changes:
        """Orders whose payments moved on since the cursor. None: from now on, where the gateway forgets what was."""


class Erp(Protocol):
    """The merchant's books: customers, sales orders, invoices."""

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        """Find the customer by account number, VAT id, e-mail, in that order; create one otherwise. Never a second."""

    async def look_up_account(self, customer: CustomerRef) -> CustomerAccount | None:
        """What the merchant decided about a business customer; an ERP that knows no approvals answers approved."""

    async def approve_credit(
        self, order: OrderId, customer: CustomerRef, amount: Money, *, key: Key
    ) -> CreditApproved | CreditRefused:
        """Ensure `amount` of the customer's credit is set aside for this order, to be paid by invoice.

        Orders of one customer at once never get more than the limit together. `cancel_order` gives it free again, also
        where no sales order was entered yet. An ERP that keeps no limit for the customer approves.
        """

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        """All customer records, in pages; None from the beginning. For checks before go-live."""

    async def articles(self, after: str | None) -> Page[Article]:
        """All articles that can be sold, in pages; None from the beginning."""

    async def enter_order(self, order: SalesOrder, *, key: Key) -> ErpOrder | Edited:
        """Ensure the sales order exists with exactly these lines and this address, found by our order id first.

        `Edited` when somebody edited it since the version `order.known`, unless it holds the target already. Refused when
        the ERP will not take it (unknown SKU), or holds it cancelled.
        """

    async def price_article(self, sku: Sku, quantity: int, currency: Currency) -> PricedArticle | None:
        """What one unit costs when so many are sold, and how it is taxed; None when the ERP does not sell it."""

    async def look_up_order(self, order: OrderId) -> ErpOrder | None: ...

    async def cancel_order(self, order: OrderId, *, key: Key) -> None:
        """Ensure no open sales order is left. Fine when there never was one. Refused when it shipped."""

    async def record_shipment(self, report: ShipmentReport, *, key: Key) -> None:
        """Ensure the ERP knows that this shipment left and what was captured for it, once per capture's reference."""

    async def post_invoice(self, order: OrderId, *, key: Key) -> Invoice:
        """Ensure the invoice of what shipped is posted."""

    async def post_credit_note(self, note: CreditNote, *, key: Key) -> Invoice:
        """Ensure the credit note of this return is posted, found by its return id first."""

    async def changes(self, since: str | None) -> Changes:
        """Orders edited or moved on since the cursor; None means from the beginning."""


class Stock(Protocol):
    """Units on hand and who they are kept for."""

    async def look_up_shelves(self, order: OrderId, skus: tuple[Sku, ...]) -> tuple[Shelf, ...]:
        """What each warehouse could give this order now: free units, and those it keeps for it already."""

    async def reserve(self, order: OrderId, demand: tuple[Demand, ...], *, key: Key) -> Reservation:
        """Ensure exactly this is reserved for the order, as far as there is stock; the answer tells what is short.

        What has shipped is neither in the demand nor in the answer.
        """

    async def release(self, order: OrderId, *, key: Key) -> None:
        """Ensure nothing is reserved for the order. What shipped is not reserved any more and does not come back."""

    async def look_up_reservation(self, order: OrderId) -> Reservation | None: ...

    async def restock(self, receipt: Receipt, location: Location, *, key: Key) -> None:
        """Ensure the good units of this return are on hand again, once. A warehouse that books them itself: verify."""


class Warehouse(Protocol):
    """People who pick, pack and hand over."""

    async def request_pick(self, pick: PickRequest, *, key: Key) -> None:
        """Ensure the pick is on the warehouse's list. Refused when it was cancelled there."""

    async def look_up_pick(self, shipment: ShipmentId) -> Pick | None: ...

    async def look_up_unasked(self, order: OrderId) -> tuple[Unasked, ...]:
        """Shipments of this order that people began by hand, and that bear no shipment id of ours yet."""

    async def adopt(self, reference: str, shipment: ShipmentId, *, key: Key) -> None:
        """Ensure the shipment begun by hand bears our id from now on. Refused when it bears another."""

    async def expect_return(self, notice: ReturnNotice, *, key: Key) -> None:
        """Ensure the warehouse expects these goods, under the return's id."""

    async def look_up_return(self, returned: ReturnId) -> Receipt | None:
        """What has come of it so far; None when the warehouse does not expect it."""

    async def cancel_pick(self, shipment: ShipmentId, *, key: Key) -> PickCancelled | TooLate:
        """Ensure it does not ship; fine when it never was requested. TooLate when it has left or cannot be stopped."""

    async def hand_over(self, shipment: ShipmentId, labels: Labels, *, key: Key) -> None:
        """Ensure the packed shipment carries these labels, so that it can leave. Refused when it was cancelled."""

    async def changes(self, since: str | None) -> Changes:
        """Orders whose picks moved on since the cursor; None means from the beginning."""


class Carrier(Protocol):
    """Who drives the parcels."""

    async def create_labels(self, parcel: Parcel, *, key: Key) -> Labels:
        """Ensure one label per package. Refused for an address the carrier does not serve."""

    async def create_return_label(self, parcel: ReturnParcel, *, key: Key) -> Labels:
        """Ensure there is a label with which the customer sends the goods back."""

    async def void_labels(self, shipment: ShipmentId, *, key: Key) -> None:
        """Ensure nothing is left to pay for. Fine when there never were labels. Refused when it is on its way."""

    async def track(self, shipment: ShipmentId) -> Tracking | None: ...


class Crm(Protocol):
    """Where customer service looks first."""

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        """As the ERP's: found, or created once."""

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        """As the ERP's."""

    async def note(self, customer: CustomerRef, order: OrderId, text: str, *, key: Key) -> None:
        """Put a line on the customer's timeline, once per key. No personal data in `text`."""


class Notifier(Protocol):
    """Mail to customers and operators."""

    async def send(self, mail: Mail, *, key: Key) -> None:
        """Send once per key."""


class Subscriber(Protocol):
    """Whoever only signals amendments, and waits for no answer."""

    async def tell(self, order: OrderId, amended: Amended, at: datetime, *, key: Key) -> None:
        """How it ended, and when. `key` names the event: told twice under it, it is one."""
