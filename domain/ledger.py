"""The order's ledger: every charge and credit, with the line shares it consists of. It only ever grows."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.base import Value
from domain.errors import InvariantBroken
from domain.ids import LineId, ReturnId, ShipmentId
from domain.keys import Key
from domain.money import Currency, Money, total
from domain.orders import OrderLine, Surcharge


class EntryKind(StrEnum):
    CHARGE = "charge"
    CREDIT = "credit"


class Part(StrEnum):
    """What a share pays for."""

    GOODS = "goods"
    TAX = "tax"
    FREIGHT = "freight"
    FEE = "fee"
    TIP = "tip"
    DUTY = "duty"
    DISCOUNT = "discount"
    RESTOCKING_FEE = "restocking_fee"
    GOODWILL = "goodwill"
    DISPUTE = "dispute"


class Cause(StrEnum):
    """Why money is owed or given back."""

    SHIPMENT = "shipment"
    RETURN = "return"
    LOST_PARCEL = "lost_parcel"
    GOODWILL = "goodwill"
    DISPUTE = "dispute"


class Share(Value):
    """One line's part in an entry; a discount's share is negative. `quantity` counts the units of goods."""

    line_id: LineId
    part: Part
    amount: Money
    quantity: int = 0


class Entry(Value):
    """One charge or credit. Its shares sum to its amount; `key` is that of the effect that moved the money."""

    key: Key
    kind: EntryKind
    amount: Money
    shares: tuple[Share, ...]
    cause: Cause = Cause.SHIPMENT
    shipment: ShipmentId | None = None
    return_id: ReturnId | None = None

    @model_validator(mode="after")
    def _shares_sum(self) -> Self:
        if total((share.amount for share in self.shares), self.amount.currency) != self.amount:
            raise ValueError(f"entry {self.key}: its shares do not sum to {self.amount}")
        if self.amount.minor < 0:
            raise ValueError(
                f"entry {self.key}: {self.amount} is negative; a credit is an entry of its own kind"
            )
        return self


class Ledger(Value):
    currency: Currency
    order_total: Money
    entries: tuple[Entry, ...] = ()

    @property
    def charged(self) -> Money:
        return self._sum(EntryKind.CHARGE)

    @property
    def credited(self) -> Money:
        return self._sum(EntryKind.CREDIT)

    @property
    def balances(self) -> dict[LineId, Money]:
        """The balance of every line and surcharge that was ever charged."""
        per_line: dict[LineId, Money] = {}
        for entry in self.entries:
            for share in entry.shares:
                amount = share.amount if entry.kind is EntryKind.CHARGE else -share.amount
                per_line[share.line_id] = per_line.get(share.line_id, Money.zero(self.currency)) + amount
        return per_line

    @property
    def balance(self) -> Money:
        """Σ charges − Σ credits: what the customer owes us or has paid, at rest equal to captured − refunded."""
        return self.charged - self.credited

    @property
    def uncharged(self) -> Money:
        """What is still to be charged. A dispute that was won is charged again, and nothing of the order."""
        return self.order_total - (self.charged - self.regained)

    @property
    def regained(self) -> Money:
        """What disputes gave back that were won: charged once more, and for nothing of the order."""
        return self._of_disputes(EntryKind.CHARGE)

    def with_entry(self, entry: Entry) -> "Ledger":
        """The ledger with one entry more; the same entry again changes nothing. InvariantBroken when it cannot be."""
        for known in self.entries:
            if known.key == entry.key:
                if known != entry:
                    raise InvariantBroken(f"two different entries under the key {entry.key}")
                return self
        grown = self.model_copy(update={"entries": (*self.entries, entry)})
        grown.check()
        return grown

    def of_total(self, order_total: Money) -> "Ledger":
        """The ledger of the order with another total. InvariantBroken when more was charged already."""
        bounded = self.model_copy(update={"order_total": order_total})
        bounded.check()
        return bounded

    def check(self) -> None:
        """InvariantBroken where the entries cannot be true. A dispute that was won is charged again, and no more."""
        regained, disputed = (self._of_disputes(kind) for kind in EntryKind)
        if regained > disputed:
            raise InvariantBroken(f"{regained} came back of disputes over {disputed}")
        if (charged := self.charged - regained) > self.order_total:
            raise InvariantBroken(f"charges of {charged} exceed the order's total of {self.order_total}")
        if self.credited > self.charged:
            raise InvariantBroken(f"credits of {self.credited} exceed the charges of {self.charged}")
        negative = [line_id for line_id, balance in self.balances.items() if balance.minor < 0]
        if negative:
            raise InvariantBroken(f"more credited than charged on line {negative[0]}")

    def _of_disputes(self, kind: EntryKind) -> Money:
        disputes = (e.amount for e in self.entries if e.kind is kind and e.cause is Cause.DISPUTE)
        return total(disputes, self.currency)

    def _sum(self, kind: EntryKind) -> Money:
        return total((entry.amount for entry in self.entries if entry.kind is kind), self.currency)


def shares_of(item: OrderLine | Surcharge) -> Iterable[Share]:
    """The shares of one line or surcharge: they sum to its total."""
    if isinstance(item, OrderLine):
        part, quantity = Part.GOODS, item.quantity
    else:
        part, quantity = Part(item.kind.value), 0
    goods = item.list_amount - item.tax if item.taxes_included else item.list_amount
    shares = (
        Share(line_id=item.line_id, part=part, amount=goods, quantity=quantity),
        Share(line_id=item.line_id, part=Part.DISCOUNT, amount=-(item.discount + item.order_discount)),
        Share(line_id=item.line_id, part=Part.TAX, amount=item.tax),
    )
    return (share for share in shares if share.amount or share.quantity)
