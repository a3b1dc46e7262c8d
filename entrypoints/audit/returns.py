"""Promises 2, 5 and 7, of goods that come back: counted once, worth what was paid for them, told to everybody."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from entrypoints.audit.findings import Finding, NotChecked, Violation
from entrypoints.audit.orders import Order, money, units_of
from entrypoints.audit.sums import ZERO, Range, minor_unit

_OF_GOODS = frozenset({"goods", "tax", "discount"})

# --- 2: what is given back


def returned_goods_are_credited(order: Order) -> Iterator[Finding]:
    """At rest: of every return the ledger credits the units that the warehouse counted, as far as they were announced.

    Of damaged ones people may have decided otherwise. While a box is still expected there may be more than is credited.
    """
    known = {back.reference for back in order.returns}
    for back in order.returns:
        credited = order.credited_units("return", back.reference)
        for line in sorted(back.units.keys() | credited.keys()):
            units, asked = credited.get(line, ZERO), back.asked.get(line, ZERO)
            came, good = (
                min(asked, back.units.get(line, ZERO)),
                min(asked, back.good.get(line, ZERO)),
            )
            if units > came or (back.complete and units < good):
                yield Violation(
                    f"line {line}: {came} units came back with {back.reference}, {good} of them good, {units} are credited"
                )
    untold = any(
        sale.credited is None for sale in order.live_sales
    )  # one system keeps warehouse and ERP there
    for name in sorted({str(entry.get("return_id")) for entry in _for_returns(order)} - known):
        if untold:
            yield NotChecked("returns: the warehouse's are not read")
        else:
            yield Violation(f"{name} is credited, and the warehouse knows of no such return")


def _for_returns(order: Order) -> list[Mapping[str, Any]]:
    return [e for e in order.entries if (e["kind"], e.get("cause")) == ("credit", "return")]


def lost_goods_were_lost(order: Order) -> Iterator[Finding]:
    """What is credited as lost the carrier lost."""
    gone = {parcel.shipment for parcel in order.parcels if parcel.lost}
    lost = units_of(shipment for shipment in order.left if shipment.reference in gone)
    for line, units in order.credited_units("lost_parcel").items():
        if units > lost.get(line, ZERO):
            yield Violation(f"line {line}: {units} units credited as lost, {lost.get(line, ZERO)} were")


def goodwill_is_money_alone(order: Order) -> Iterator[Finding]:
    """It counts no units, and nothing else is called so. Whether anybody granted it no book of others can tell."""
    for entry in order.entries:
        parts = {share["part"] == "goodwill" for share in entry["shares"]}
        granted = entry.get("cause") == "goodwill"
        if parts - {granted} or (granted and any(share["quantity"] for share in entry["shares"])):
            yield Violation(f"ledger entry {entry['key']} mixes goodwill with goods")
        elif granted:
            yield NotChecked("goodwill: only the word of a person tells why it was given")


def credits_are_worth_what_came_back(order: Order) -> Iterator[Finding]:
    """At rest: by the document's own amounts, before the fee; less only where a dispute or goodwill came before.

    Of what was charged in parts, parts are given back: each amount may be a minor unit off until all is back.
    """
    if order.worth is None:
        return
    goods, fees, beside = _credited(order)
    unit = minor_unit(order.currency)
    gone = any(entry.get("cause") in {"dispute", "goodwill"} for entry in order.entries)
    for line_id, units in order.credited_units("return").items():
        line = order.worth.line(line_id)
        if line is None:
            yield Violation(f"line {line_id} is credited, and the order has no such line")
            continue
        worth = line.of(units, unit)
        if units < line.quantity:
            slack = unit * (1 + len(line.amounts))
            worth = Range(worth.low - slack, worth.high + slack)
        if goods[line_id] > worth.high or (goods[line_id] < worth.low and not gone):
            yield Violation(f"line {line_id}: {goods[line_id]} credited for {units} units, worth {worth}")
        if fees[line_id] > max(goods[line_id], ZERO):
            yield Violation(f"line {line_id}: a fee of {fees[line_id]} on goods of {goods[line_id]}")
    if beside > order.worth.rest.high:
        yield Violation(f"{beside} of freight credited, it was {order.worth.rest.high}")


def _credited(order: Order) -> tuple[dict[str, Decimal], dict[str, Decimal], Decimal]:
    """For returns: by line before fees, the fees by line, and what is no line of goods."""
    goods: dict[str, Decimal] = defaultdict(Decimal)
    fees: dict[str, Decimal] = defaultdict(Decimal)
    lines = {line.line_id for line in order.worth.lines} if order.worth else set()
    beside = ZERO
    for entry in _for_returns(order):
        for share in entry["shares"]:
            amount, line = money(share["amount"]), share["line_id"]
            if share["part"] == "restocking_fee":
                fees[line] -= amount
            elif line in lines and share["part"] in _OF_GOODS:
                goods[line] += amount
            else:
                beside += amount
    return goods, fees, beside


# --- 5: the goods themselves


def returned_at_most_what_left(order: Order) -> Iterator[Finding]:
    left = units_of(order.left)
    for line, units in order.returned_units.items():
        if units > left.get(line, ZERO):
            yield Violation(f"line {line}: {units} came back of {left.get(line, ZERO)} that left")


def restocked_once(order: Order) -> Iterator[Finding]:
    """Of a return, no more units stand on a shelf again than came back good; at rest all of them do."""
    for back in order.returns:
        for line in sorted(back.good.keys() | back.restocked.keys()):
            good, shelved = back.good.get(line, ZERO), back.restocked.get(line, ZERO)
            if shelved > good or (order.at_rest and back.complete and shelved < good):
                yield Violation(
                    f"return {back.reference}: {shelved} of line {line} on the shelf again, {good} came back good"
                )


# --- 7: everybody is told


def credits_are_told(order: Order) -> Iterator[Finding]:
    """At rest: the ERP's credit notes and what the shop shows as given back are the ledger's credits, by return.

    What a dispute takes is no credit note: nobody granted it.
    """
    granted: dict[str, Decimal] = defaultdict(Decimal)
    for entry in order.entries:
        if entry["kind"] == "credit" and entry.get("cause") != "dispute":
            granted[entry.get("return_id") or ""] += money(entry["amount"])
    for sale in order.live_sales:
        if sale.credited is not None:
            yield from _same(f"sale {sale.reference} in the ERP", dict(sale.credited), granted)
        elif granted:
            yield NotChecked("credit notes: the ERP's are not read")
    for shop in order.shop:
        yield from _same("the storefront", dict(shop.given_back), granted)


def _same(whose: str, told: dict[str, Decimal], granted: dict[str, Decimal]) -> Iterator[Finding]:
    for name in sorted(told.keys() | granted.keys()):
        if told.get(name, ZERO) != granted.get(name, ZERO):
            yield Violation(
                f"{name or 'no return'}: {granted.get(name, ZERO)} credited, {whose} says {told.get(name, ZERO)}"
            )
