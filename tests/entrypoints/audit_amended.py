"""Orders that people changed, with books that are all right; and one changed fact each that breaks a promise."""

from copy import deepcopy
from typing import Any

from tests.entrypoints.audit_world import (
    DONE,
    KEY,
    LATER,
    SHIPMENT,
    Break,
    World,
    correct_world,
    minor,
    money,
    movement,
    row,
)

# The order of the correct world, 2 of SKU-A at 10.00, one of SKU-B at 5.00, freight of 4.90, each with 19 % on top.
# Amended: 3 of SKU-A (35.70), SKU-B at 4.00 (4.76), two of SKU-C at 7.00 (16.66), freight as it was: 62.95.
_GROSS = {"a": "35.70", "b": "4.76", "r2-1": "16.66"}
_TOTAL = "62.95"
_CHANGES: list[dict[str, Any]] = [
    {"kind": "set_quantity", "line_id": "a", "quantity": 3},
    {"kind": "set_unit_price", "line_id": "b", "unit_price": "4.00"},
    {"kind": "add_line", "sku": "SKU-C", "quantity": 2, "unit_price": "7.00", "tax_rates": ["0.19"]},
]


def amended_by_phone() -> World:
    """Customer service asked for all three, and every system followed."""
    world = correct_world()
    _hold(world, _GROSS, _TOTAL)
    world.document()["amendments"] = [amendment("customer_service", _CHANGES)]
    return world


def edited_in_the_erp() -> World:
    """A person did the same in the ERP, which named the new line itself."""
    world = correct_world()
    gross = {name.replace("r2-1", "erp-4"): total for name, total in _GROSS.items()}
    _hold(world, gross, _TOTAL)
    world.of("sales_orders")["by_hand"] = [by_hand(gross)]
    claimed = [{"kind": "as_held", "line_id": "a", "quantity": 9}]  # nobody takes the order's word for it
    world.document()["amendments"] = [amendment("erp", claimed)]
    return world


def amendment(origin: str, changes: list[dict[str, Any]], state: str = "committed") -> dict[str, Any]:
    return {
        "amendment": {"amendment_id": "call-1", "origin": origin, "changes": deepcopy(changes)},
        "asked_at": LATER_TIME,
        "ended_at": LATER_TIME,
        "state": state,
        "revision_after": 2 if state == "committed" else None,
    }


def by_hand(gross: dict[str, str]) -> dict[str, Any]:
    lines = {
        name: {"sku": _SKUS[name], "quantity": _UNITS[name], "total": money(total)}
        for name, total in gross.items()
    }
    return {"actor": "representative", "version": 2, "mark": _EDITED, "lines": lines, "address": False}


_UNITS = {"a": 3, "b": 1, "r2-1": 2, "erp-4": 2}
_PRICES = {"a": "10.00", "b": "4.00", "r2-1": "7.00", "erp-4": "7.00"}
_SKUS = {"a": "SKU-A", "b": "SKU-B", "r2-1": "SKU-C", "erp-4": "SKU-C"}
_EDITED = {"seq": 900, "at": "2026-11-02T09:00:30+00:00"}
LATER_TIME = "2026-11-02T09:00:40+00:00"


def _hold(world: World, gross: dict[str, str], total: str) -> None:
    """Every system holds, ships, charges and was paid exactly this."""
    shop, sale, pick = world.of("orders"), world.of("sales_orders"), world.of("picks")
    freight = shop["lines"][-1]
    shop.update(lines=[*(_shown(name, gross[name]) for name in gross), freight], total=money(total))
    shop["amendments"] = [{"key": "amended"}]
    sale["order"].update(
        lines=[_priced(name, gross[name]) for name in gross],
        surcharges=[_freight(freight["total"]["amount"])],
        total=money(total),
    )
    units = [{"line_id": name, "sku": _SKUS[name], "quantity": _UNITS[name]} for name in gross]
    pick["lines"], pick["packages"] = units, [{"package_id": f"{SHIPMENT}/p1", "lines": units}]
    payment = world.of("payments")
    payment.update(authorised=money(total), captures=[movement(KEY, "cap_1", total, LATER)])
    for told in (*shop["shipments"], *sale["shipments"]):
        told["report"] = {"captured": money(total), "lines": units}
    sale["invoice"]["total"] = money(total)
    world.sync_invoices()
    world.movements[0] = row(KEY, DONE, "captured", total, "cap_1", shipment=SHIPMENT)
    document = world.document()
    document["order"] = {"lines": [_placed(name, gross[name]) for name in gross], "total": minor(total)}
    charge = document["ledger"]["entries"][0]
    shares = [_share(name, gross[name]) for name in gross]
    charge.update(amount=minor(total), shares=[*shares, *charge["shares"][-2:]])


def _shown(name: str, total: str) -> dict[str, Any]:
    return {
        "line_id": name,
        "sku": _SKUS[name],
        "quantity": _UNITS[name],
        "ships": True,
        "total": money(total),
    }


def _priced(name: str, total: str) -> dict[str, Any]:
    return _shown(name, total) | {
        "unit_price": _PRICES[name],
        "discount": money("0.00"),
        "order_discount": money("0.00"),
        "taxes": [{"name": "VAT", "rate": "0.19", "amount": _tax(name, total)}],
        "taxes_included": False,
    }


def _freight(total: str) -> dict[str, Any]:
    return {
        "line_id": "freight",
        "kind": "freight",
        "amount": money("4.90"),
        "discount": money("0.00"),
        "order_discount": money("0.00"),
        "taxes": [{"name": "VAT", "rate": "0.19", "amount": money("0.93")}],
        "taxes_included": False,
        "total": money(total),
    }


def _placed(name: str, total: str) -> dict[str, Any]:
    return {
        "line_id": name,
        "quantity": _UNITS[name],
        "unit_price": _PRICES[name],
        "discount": minor("0.00"),
        "order_discount": minor("0.00"),
        "taxes_included": False,
        "taxes": [{"amount": minor(_tax(name, total)["amount"])}],
    }


def _share(name: str, total: str) -> dict[str, Any]:
    return {"line_id": name, "part": "goods", "amount": minor(total), "quantity": _UNITS[name]}


def _tax(name: str, total: str) -> dict[str, str]:
    """What is on top of the price."""
    cents = int(total.replace(".", "")) - _UNITS[name] * int(_PRICES[name].replace(".", ""))
    return money(f"{cents // 100}.{cents % 100:02}")


# -- what breaks -------------------------------------------------------------------------------------------------------


def erp_kept_the_former_quantity(world: World) -> None:
    world.of("sales_orders")["order"]["lines"][0]["quantity"] = 2


def shop_shows_the_former_quantity(world: World) -> None:
    world.of("orders")["lines"][0]["quantity"] = 2


def erp_keeps_what_nobody_asked_for(world: World) -> None:
    world.of("sales_orders")["order"]["lines"][1]["total"] = money("5.95")


def shop_lacks_the_new_line(world: World) -> None:
    del world.of("orders")["lines"][2]


def all_say_what_nobody_asked_for(world: World) -> None:
    """All systems agree with each other, and with nobody who changed the order."""
    for record in (world.of("orders"), world.of("sales_orders")["order"], world.document()["order"]):
        amount = "62.90"
        record["total"] = minor(amount) if "minor" in record["total"] else money(amount)


def captured_as_before(world: World) -> None:
    capture = world.of("payments")["captures"][0]
    capture["amount"] = money("35.58")


def captured_more_than_it_comes_to(world: World) -> None:
    payment = world.of("payments")
    payment.update(authorised=money("70.00"))
    payment["captures"][0]["amount"] = money("70.00")


def shipped_as_before(world: World) -> None:
    world.of("picks")["packages"][0]["lines"][0]["quantity"] = 2


def held_at_two_addresses(world: World) -> None:
    world.document()["amendments"][0]["amendment"]["changes"].append({"kind": "set_address"})
    world.of("orders")["shipping"] = {"city": "Hamburg"}
    world.of("sales_orders")["order"]["shipping"] = {"city": "Berlin"}


BREAKS: list[Break] = [
    (erp_kept_the_former_quantity, 7, "line a: sale SO1 in the ERP says 2 units, ordered are 3"),
    (shop_shows_the_former_quantity, 7, "line a: the storefront says 2 units, ordered are 3"),
    (erp_keeps_what_nobody_asked_for, 7, "line b: sale SO1 in the ERP says 5.95, it is worth"),
    (shop_lacks_the_new_line, 7, "the storefront lacks line"),
    (all_say_what_nobody_asked_for, 7, "its document and the changes since come to"),
    (captured_as_before, 3, "everything shipped and 35.58 was captured of 62.95 EUR"),
    (captured_more_than_it_comes_to, 1, "70.00 charged for an order of 62.95 EUR"),
    (shipped_as_before, 5, "line a: 2 shipped of 3 ordered"),
    (held_at_two_addresses, 7, "storefront and ERP hold different ones"),
]
