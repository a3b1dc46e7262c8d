"""What an order is worth after people changed it: the storefront's document, and every change since, added up anew.

An edit in the ERP or the shop is worth what that system's own book says of it. What customer service asked for stands in
the order alone: it is worked out here, from the request and from the ERP's prices, discounts and tax rates.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from entrypoints.audit.books import Edit, Item, Sale, ShopOrder
from entrypoints.audit.sums import ZERO, CannotSum, LineWorth, OrderWorth, Range, minor_unit, ranges_sum

IN_FLIGHT = frozenset({"queued", "pending"})
_NOT_CARRIED = frozenset({"undone", "refused"})
_BY_HAND = frozenset({"erp", "storefront"})

Change = Mapping[str, Any]


@dataclass(frozen=True)
class Amended:
    """`complaints` are sentences: what was asked for and is not so. `unknown`: why it was not computed but believed."""

    worth: OrderWorth
    complaints: tuple[str, ...] = ()
    unknown: str = ""


class _Unknown(Exception):  # noqa: N818  it says what the auditor cannot do
    pass


def committed(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The amendments that hold, as the order tells them."""
    return [record for record in document.get("amendments", []) if record["state"] == "committed"]


def worth_now(placed: OrderWorth, shop: ShopOrder, sale: Sale | None, document: Mapping[str, Any]) -> Amended:
    """CannotSum: it is being amended at this moment, or has more than any book tells the worth of."""
    if any(record["state"] in IN_FLIGHT for record in document.get("amendments", [])):
        raise CannotSum("it is being amended at this moment")
    try:
        edits = _edits(shop, sale, document)
        if not edits:
            return Amended(_reduced(placed, shop) if shop.amended else placed)
        return _Now(placed, sale, edits, document).amended(shop)
    except _Unknown as why:
        if sale is None:
            raise CannotSum(str(why)) from None
        return Amended(_believed(sale, placed), unknown=f"{why}: the ERP's own figures are taken for right")


def _reduced(worth: OrderWorth, shop: ShopOrder) -> OrderWorth:
    return worth.only({line.line_id: int(line.quantity) for line in shop.lines}, shop.total)


def _believed(sale: Sale, placed: OrderWorth) -> OrderWorth:
    """As the ERP holds it: the others have to agree with that."""
    known = {line.line_id: line for line in placed.lines}
    lines = tuple(
        LineWorth(
            line.line_id,
            int(line.quantity),
            known[line.line_id].ships if line.line_id in known else True,
            (Range(line.total - line.precision, line.total + line.precision),),
        )
        for line in sale.lines
    )
    rest = Range(sale.total, sale.total) - ranges_sum(line.worth for line in lines)
    return OrderWorth(placed.currency, lines, rest, sale.total)


# --- who changed what, in the order in which it holds


@dataclass(frozen=True)
class _Asked:
    """Changes that customer service asked for; they hold since revision `revision`."""

    changes: Sequence[Change]
    revision: int


def _edits(shop: ShopOrder, sale: Sale | None, document: Mapping[str, Any]) -> list[Edit | _Asked]:
    dated: list[tuple[datetime, Edit | _Asked]] = []
    for origin, edits in (("storefront", shop.by_hand), ("erp", sale.by_hand if sale else ())):
        put_back = list(_put_back(document, origin))
        for edit in edits:
            at = edit.moment.latest
            if at is None:
                raise _Unknown("an edit of no known time")
            if not any(since < at < until for since, until in put_back):
                dated.append((at, edit))
    for record in committed(document):
        asked = record["amendment"]
        if asked["origin"] not in _BY_HAND:
            at = datetime.fromisoformat(record["ended_at"])
            dated.append((at, _Asked(asked["changes"], record["revision_after"])))
        elif not any(isinstance(edit, Edit) for _, edit in dated):
            raise _Unknown("the system in which it was edited does not tell what was edited")
    gave_way = any("which gives way" in happening["what"] for happening in document.get("timeline", []))
    places = (bool(shop.by_hand), bool(sale and sale.by_hand), any(isinstance(e, _Asked) for _, e in dated))
    if gave_way and sum(places) > 1:
        raise _Unknown("edited in two places at once, and one edit gave way to the other")
    return [edit for _, edit in sorted(dated, key=lambda one: one[0])]


def _put_back(document: Mapping[str, Any], origin: str) -> Iterator[tuple[datetime, datetime]]:
    """Between which times an edit of that system was made that nobody followed: it was written over again."""
    since = datetime.min.replace(tzinfo=datetime.fromisoformat("2026-01-01T00:00:00+00:00").tzinfo)
    for record in document.get("amendments", []):
        ended = datetime.fromisoformat(record["ended_at"])
        if record["amendment"]["origin"] == origin and record["state"] in _NOT_CARRIED:
            yield since, ended
        elif record["state"] == "committed":
            since = ended


# --- what that makes of it


@dataclass
class _Line:
    """`worth` None: it follows from the ERP's price, discounts and rates, but for what was asked for otherwise."""

    line_id: str
    quantity: int
    ships: bool
    worth: LineWorth | None
    price: Decimal | None = None
    off: Mapping[str, Any] | None = None


@dataclass
class _Now:
    placed: OrderWorth
    sale: Sale | None
    edits: Sequence[Edit | _Asked]
    document: Mapping[str, Any]
    lines: dict[str, _Line] = field(default_factory=dict)
    beside: dict[str, Decimal | None] = field(default_factory=dict)  # surcharges that were edited by hand
    freight: Decimal | None = None  # its price, as it was asked for
    added: set[str] = field(default_factory=set)
    shrinks: bool = False

    @property
    def unit(self) -> Decimal:
        return minor_unit(self.placed.currency)

    @property
    def items(self) -> Mapping[str, Item]:
        """How the ERP prices each line now. _Unknown: it does not tell."""
        if self.sale is None or not self.sale.items:
            raise _Unknown("the ERP does not tell how it prices a line")
        return {item.line_id: item for item in self.sale.items}

    def amended(self, shop: ShopOrder) -> Amended:
        self.lines = {
            line.line_id: _Line(line.line_id, line.quantity, line.ships, line) for line in self.placed.lines
        }
        for edit in self.edits:
            if isinstance(edit, Edit):
                self._by_hand(edit)
            else:
                for change in edit.changes:
                    self._asked(change, edit.revision)
        lines = tuple(line.worth or self._from_the_erp(line) for line in self.lines.values())
        worth = replace(self.placed, lines=lines, rest=self._rest(), total=shop.total)
        if self.shrinks or self.document.get("dropped"):
            worth = worth.only(self._left(shop), shop.total)
        complaints = []
        if not worth.added_up.has(shop.total):
            complaints.append(
                f"the storefront shows {shop.total}, its document and the changes since come to {worth.added_up}"
            )
        return Amended(worth, tuple(complaints))

    def _left(self, shop: ShopOrder) -> dict[str, int]:
        """Never more than was ordered: that would be nobody's change."""
        shown = {line.line_id: int(line.quantity) for line in shop.lines}
        return {name: min(shown[name], line.quantity) for name, line in self.lines.items() if name in shown}

    def _by_hand(self, edit: Edit) -> None:
        for name, made in edit.lines.items():
            if made is None and name in self.lines:
                del self.lines[name]
            elif made is None or made.sku is None:
                self.beside[name] = made.total if made else None
                self.freight = None
            else:
                ships = self.lines[name].ships if name in self.lines else True
                worth = LineWorth(name, made.quantity, ships, (Range(made.total, made.total),))
                self.lines[name] = _Line(name, made.quantity, ships, worth)

    def _asked(self, change: Change, revision: int) -> None:
        match change["kind"]:
            case "add_line":
                self._add(change, revision)
            case "remove_line":
                self.lines.pop(change["line_id"], None)
            case "set_quantity":
                self._set_quantity(self._line(change), int(change["quantity"]))
            case "set_unit_price":
                line = self._open_part(self._line(change), revision)
                line.worth, line.price = None, Decimal(change["unit_price"])
            case "set_discount" if change.get("line_id"):
                line = self._open_part(self._line(change), revision)
                line.worth, line.off = None, change
            case "set_discount":
                for line in self.lines.values():
                    line.worth = None
            case "set_shipping":
                self.freight = Decimal(change["amount"])
            case "cancel_rest":
                self.shrinks = True

    def _line(self, change: Change) -> _Line:
        if change["line_id"] not in self.lines:
            raise _Unknown("a change of a line that no book has")
        return self.lines[change["line_id"]]

    def _add(self, change: Change, revision: int) -> None:
        """Under which name it is kept the ERP tells; where it does not have it, everybody lacks it."""
        name = self._new_name(change["sku"], revision) or f"r{revision}-{change['sku']}"
        price = change.get("unit_price")
        line = _Line(name, int(change["quantity"]), True, None, Decimal(price) if price is not None else None)
        if name not in self.items:
            line.worth = LineWorth(name, line.quantity, True, (Range(),))
        self.lines[name] = line

    def _new_name(self, sku: str, revision: int) -> str | None:
        names = (
            item.line_id
            for item in self.items.values()
            if item.sku == sku and item.line_id.startswith(f"r{revision}-") and item.line_id not in self.added
        )
        if name := next(names, None):
            self.added.add(name)
        return name

    def _set_quantity(self, line: _Line, units: int) -> None:
        if line.worth is not None:
            line.worth = line.worth.only(units, self.unit)
        line.quantity, line.off = units, None

    def _open_part(self, line: _Line, revision: int) -> _Line:
        """Where some of it had left, the rest is a line of its own since then."""
        item = self.items.get(line.line_id)
        rest = self._new_name(item.sku, revision) if item and item.sku else None
        if item is None or rest is None:
            return line
        opened = _Line(rest, line.quantity - int(item.quantity), line.ships, None)
        self._set_quantity(line, int(item.quantity))
        self.lines[rest] = opened
        return opened

    def _from_the_erp(self, line: _Line) -> LineWorth:
        item = self.items.get(line.line_id)
        if item is None:
            return LineWorth(line.line_id, line.quantity, line.ships, (Range(),))
        value = self._rounded((item.unit_price if line.price is None else line.price) * line.quantity)
        value -= self._off(line, item, value) + item.order_discount
        amounts = (Range(value, value), *self._taxes(item, value))
        return LineWorth(line.line_id, line.quantity, line.ships, amounts)

    def _off(self, line: _Line, item: Item, value: Decimal) -> Decimal:
        if line.off is None:
            return item.discount
        if line.off.get("percent") is not None:
            return self._rounded(value * Decimal(line.off["percent"]) / 100)
        return Decimal(line.off["amount"])

    def _rest(self) -> Range:
        """What is paid beside the goods: as it was, unless somebody changed it."""
        if self.freight is None and not self.beside:
            return self.placed.rest
        beside = {item.line_id: item for item in self.items.values() if item.sku is None}
        gone = [name for name, made in self.beside.items() if made is None and name in beside]
        rest = Range(ZERO, sum((beside[name].total for name in gone), ZERO)) if gone else Range()
        for item in beside.values():
            rest += self._beside(item)
        for name, made in self.beside.items():
            if made and name not in beside:
                rest += Range(made, made)
        return rest

    def _beside(self, item: Item) -> Range:
        if (made := self.beside.get(item.line_id)) is not None:
            return Range(made, made)
        if self.freight is None or item.kind != "freight":
            return Range(item.total, item.total)
        return ranges_sum((Range(self.freight, self.freight), *self._taxes(item, self.freight)))

    def _taxes(self, item: Item, value: Decimal) -> Iterator[Range]:
        """On top of the value, each rounded by itself; where a tax has no rate that explains it, to the minor unit."""
        if not item.taxes_included:
            for rate in item.rates:
                tax = self._rounded(value * rate)
                yield Range(tax - self.unit, tax + self.unit)

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(self.unit, ROUND_HALF_UP)
