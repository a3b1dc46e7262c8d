"""Goods that leave in parts, never come, come back or get lost, told by correct books; and what breaks them.

Each way changes the correct world's completed order: a is 2 for 23.80, b is 1 for 5.95, freight is 5.83.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tests.entrypoints.audit_world import (
    DONE,
    LATER,
    OPEN,
    SHIPMENT,
    START,
    World,
    mark,
    minor,
    money,
    movement,
    refund,
    row,
)

Change = Callable[[World], None]

SECOND = f"{DONE}/s2"
RETURN = f"{DONE}/r1"
_UNITS = {"a": "SKU-A", "b": "SKU-B"}
_EARLIER = {"seq": 2000, "at": (START - timedelta(days=2)).isoformat()}


# --- ways that goods take


def in_two_shipments(world: World) -> None:
    """One a leaves first, with the freight; the other a and b leave together, and are captured by themselves."""
    _ship(world, SHIPMENT, {"a": 1}, 100)
    _ship(world, SECOND, {"a": 1, "b": 1}, 200)
    _charge(
        world,
        (SHIPMENT, "cap_1", 110, {"a": ("11.90", 1), "freight": ("5.83", 0)}),
        (SECOND, "cap_2", 210, {"a": ("11.90", 1), "b": ("5.95", 1)}),
    )


def captured_with_the_last(world: World) -> None:
    """The gateway captures once: what the first shipment is charged waits for the second."""
    in_two_shipments(world)
    world.of("payments")["captures"] = [{**movement("k", "cap_2", "35.58", LATER), "mark": mark(210)}]
    world.movements[:] = [one for one in world.movements if one["kind"] == "voided"]
    world.movements.append(row("k", DONE, "captured", "35.58", "cap_2", shipment=SECOND))


def captured_for_no_shipment(world: World) -> None:
    """The last shipment never came to be: what waited for it was captured when it was dropped."""
    captured_with_the_last(world)
    world.movements[-1]["shipment"] = None


def one_line_never_came(world: World) -> None:
    """b was cancelled when stock had none: shop and ERP were told, and it was never charged."""
    _ship(world, SHIPMENT, {"a": 2}, 100)
    _charge(world, (SHIPMENT, "cap_1", 110, {"a": ("23.80", 2), "freight": ("5.83", 0)}))
    shop, sale, order = world.of("orders"), world.of("sales_orders"), world.document()["order"]
    lines = [line for line in shop["lines"] if line["line_id"] != "b"]
    shop.update(lines=lines, total=money("29.63"), amendments=[{"lines": lines, "total": money("29.63")}])
    sale["order"].update(lines=lines[:1], total=money("29.63"))
    order.update(lines=order["lines"][:1], total=minor("29.63"))
    sale["invoice"]["total"] = money("29.63")
    world.sync_invoices()


def one_unit_came_back(world: World) -> None:
    _receive(world, {"a": 1})
    _credit(world, "11.90", [("a", "goods", "10.00", 1), ("a", "tax", "1.90", 0)])


def all_came_back_for_a_fee(world: World) -> None:
    """With the freight, and 2.00 of a kept. One unit is damaged, and not sold again."""
    _receive(world, {"a": 2, "b": 1}, damaged={"a": 1})
    shares = [
        ("a", "goods", "23.80", 2),
        ("a", "restocking_fee", "-2.00", 0),
        ("b", "goods", "5.95", 1),
        ("freight", "freight", "5.83", 0),
    ]
    _credit(world, "33.58", shares)


def damaged_and_not_paid_for(world: World) -> None:
    """Two came back, of which one is damaged; a person said that it is not paid for."""
    _receive(world, {"a": 2}, damaged={"a": 1})
    _credit(world, "11.90", [("a", "goods", "11.90", 1)])


def a_box_is_still_expected(world: World) -> None:
    """What has come so far is not credited before all has."""
    _receive(world, {"a": 1})
    world.books["returns"][0]["complete"] = False
    world.books["restocks"].clear()


def more_in_the_box_than_announced(world: World) -> None:
    """The second one is on the shelf as well, and nobody is paid for it."""
    one_unit_came_back(world)
    another_unit_came_back(world)
    world.books["returns"][0]["lines"][0]["quantity"] = 1


def lost_on_the_way(world: World) -> None:
    """The parcel never arrived, and all of it was given back."""
    world.books["parcels"][0]["state"] = "lost"
    shares = [("a", "goods", "23.80", 2), ("b", "goods", "5.95", 1), ("freight", "freight", "5.83", 0)]
    _credit(world, "35.58", shares, cause="lost_parcel")


def granted_as_goodwill(world: World) -> None:
    """A scratch on the lamp, and the customer keeps it."""
    _credit(world, "5.00", [("a", "goodwill", "5.00", 0)], cause="goodwill")


def dispute_lost(world: World) -> None:
    _dispute(world, "lost")
    _enter(world, "credit", "dispute", [("a", "dispute", "20.00", 0)])


def dispute_won(world: World) -> None:
    _dispute(world, "won")
    _enter(world, "credit", "dispute", [("a", "dispute", "20.00", 0)])
    _enter(world, "charge", "dispute", [("a", "dispute", "20.00", 0)])


def from_two_warehouses(world: World) -> None:
    """What is still to ship is kept in two places."""
    world.books["shelves"][0].update(reserved=0)
    world.books["shelves"].append({"sku": "SKU-A", "location": "east", "on_hand": 1, "reserved": 1})
    world.of("reservations", OPEN)["lines"][0]["location"] = "east"


WAYS: tuple[Change, ...] = (
    in_two_shipments,
    captured_with_the_last,
    captured_for_no_shipment,
    one_line_never_came,
    one_unit_came_back,
    all_came_back_for_a_fee,
    damaged_and_not_paid_for,
    a_box_is_still_expected,
    more_in_the_box_than_announced,
    lost_on_the_way,
    dispute_lost,
    dispute_won,
    from_two_warehouses,
)


# --- what breaks them


def second_captured_with_the_first(world: World) -> None:
    world.of("payments")["captures"][1]["mark"] = mark(111)


def units_charged_twice(world: World) -> None:
    _shares(world, 1)[0]["quantity"] = 2


def captured_before_the_last(world: World) -> None:
    """In our database all of it stands with the first shipment."""
    world.movements[-1]["shipment"] = SHIPMENT


def captured_for_nothing_we_know(world: World) -> None:
    world.movements[-1]["shipment"] = f"{DONE}/s9"


def more_captured_than_charged_anywhere(world: World) -> None:
    world.movements[-1]["amount"] = "35.59"


def shipped_after_all(world: World) -> None:
    _ship(world, SECOND, {"b": 1}, 300)


def kept_for_what_never_came(world: World) -> None:
    world.of("payments")["captures"][0]["amount"] = money("35.58")


def still_in_the_erp(world: World) -> None:
    lines = world.of("sales_orders")["order"]["lines"]
    lines.append({**lines[0], "line_id": "b", "quantity": 1, "total": money("5.95")})


def shown_for_too_little(world: World) -> None:
    """Everybody agrees on a total that the lines left cannot come to."""
    shop, sale, order = world.of("orders"), world.of("sales_orders"), world.document()["order"]
    shop["total"] = sale["order"]["total"] = money("20.00")
    order["total"] = minor("20.00")


def another_unit_came_back(world: World) -> None:
    back = world.books["returns"][0]
    back["lines"][0]["quantity"] = back["events"][0]["lines"][0]["quantity"] = 2
    world.books["restocks"][0]["lines"][0]["quantity"] = 2


def less_came_back(world: World) -> None:
    world.books["returns"][0]["events"].clear()


def more_came_back_than_left(world: World) -> None:
    world.books["returns"][0]["events"][0]["lines"][0]["quantity"] = 3


def credited_without_a_return(world: World) -> None:
    world.books["returns"].clear()
    world.books["restocks"].clear()


def credited_above_its_worth(world: World) -> None:
    """Everybody agrees on 15.00 for a unit of 11.90."""
    _shares(world, 1)[0]["amount"] = minor("13.10")
    world.document()["ledger"]["entries"][1]["amount"] = minor("15.00")
    _given_back_everywhere(world, "15.00")


def credited_below_its_worth(world: World) -> None:
    _shares(world, 1)[0]["amount"] = minor("3.10")
    world.document()["ledger"]["entries"][1]["amount"] = minor("5.00")
    _given_back_everywhere(world, "5.00")


def not_refunded(world: World) -> None:
    world.of("payments")["refunds"] = []


def restocked_twice(world: World) -> None:
    world.books["restocks"].append(deepcopy(world.books["restocks"][0]))


def not_restocked(world: World) -> None:
    world.books["restocks"].clear()


def damaged_goods_restocked(world: World) -> None:
    world.books["restocks"][0]["lines"][0]["quantity"] = 2


def no_credit_note(world: World) -> None:
    world.of("sales_orders")["credit_notes"] = []


def credit_note_off(world: World) -> None:
    world.of("sales_orders")["credit_notes"][0]["note"]["amount"] = money("11.89")


def shop_does_not_show_the_refund(world: World) -> None:
    world.of("orders")["refunds"] = []


def fee_above_the_goods(world: World) -> None:
    _shares(world, 1)[1]["amount"] = minor("-24.00")


def more_freight_than_there_was(world: World) -> None:
    _shares(world, 1)[3]["amount"] = minor("5.84")


def more_credited_on_a_line_than_charged(world: World) -> None:
    shares = _shares(world, 1)
    shares[0]["amount"], shares[2]["amount"] = minor("17.85"), minor("11.90")


def arrived_after_all(world: World) -> None:
    world.books["parcels"][0]["state"] = "delivered"


def disputed_and_refunded(world: World) -> None:
    world.of("payments")["refunds"].append(refund("r", "ref_1", "15.59", LATER))


def dispute_that_the_ledger_does_not_know(world: World) -> None:
    world.document()["ledger"]["entries"].pop()


def charged_again_without_a_dispute(world: World) -> None:
    del world.document()["ledger"]["entries"][1]


def reserved_beyond_one_shelf(world: World) -> None:
    """In both warehouses together there would be enough."""
    world.books["shelves"][-1]["on_hand"] = 0


def reserved_where_no_shelf_is(world: World) -> None:
    world.books["shelves"].pop()


def reserved_in_the_other_warehouse(world: World) -> None:
    world.of("reservations", OPEN)["lines"][0]["location"] = "main"


BREAKS: list[tuple[Change, Change, int, str]] = [
    (
        in_two_shipments,
        second_captured_with_the_first,
        1,
        "35.58 EUR captured by cap_2 when goods for 17.73 had shipped",
    ),
    (one_line_never_came, kept_for_what_never_came, 1, "35.58 EUR kept, but goods for 29.63 shipped"),
    (
        dispute_lost,
        disputed_and_refunded,
        1,
        "refund ref_1 was given of money that is disputed: 15.59 refunded",
    ),
    (
        captured_with_the_last,
        captured_before_the_last,
        2,
        "35.58 captured for order:shop:1/s1 in our database",
    ),
    (in_two_shipments, captured_for_nothing_we_know, 2, "17.85 captured for order:shop:1/s9 in our database"),
    (
        captured_for_no_shipment,
        more_captured_than_charged_anywhere,
        2,
        "35.59 captured for no shipment in our database, the ledger charges 35.58 until then",
    ),
    (one_unit_came_back, not_refunded, 2, "the gateway kept 35.58, the ledger's balance is 23.68"),
    (
        one_unit_came_back,
        another_unit_came_back,
        2,
        "line a: 2 units came back with order:shop:1/r1, 2 of them good, 1 are",
    ),
    (one_unit_came_back, less_came_back, 2, "line a: 0 units came back with order:shop:1/r1"),
    (
        one_unit_came_back,
        credited_without_a_return,
        2,
        "r1 is credited, and the warehouse knows of no such return",
    ),
    (
        one_unit_came_back,
        credited_above_its_worth,
        2,
        "line a: 15.00 credited for 1 units, worth 11.86 to 11.93",
    ),
    (
        one_unit_came_back,
        credited_below_its_worth,
        2,
        "line a: 5.00 credited for 1 units, worth 11.86 to 11.93",
    ),
    (all_came_back_for_a_fee, fee_above_the_goods, 2, "line a: a fee of 24.00 on goods of 23.80"),
    (all_came_back_for_a_fee, more_freight_than_there_was, 2, "5.84 of freight credited, it was 5.83"),
    (
        all_came_back_for_a_fee,
        more_credited_on_a_line_than_charged,
        2,
        "the ledger credits 5.95 more on line b than it charges",
    ),
    (lost_on_the_way, arrived_after_all, 2, "line a: 2 units credited as lost, 0 were"),
    (
        dispute_lost,
        dispute_that_the_ledger_does_not_know,
        2,
        "the gateway kept 15.58, the ledger's balance is 35.58",
    ),
    (dispute_won, charged_again_without_a_dispute, 2, "the ledger charges 20.00 again after disputes over 0"),
    (in_two_shipments, units_charged_twice, 3, "line a: 3 units charged, 2 left the house"),
    (one_line_never_came, shipped_after_all, 5, "1 shipped of 0 ordered"),
    (one_unit_came_back, more_came_back_than_left, 5, "line a: 3 came back of 2 that left"),
    (one_unit_came_back, restocked_twice, 5, "2 of line a on the shelf again, 1 came back good"),
    (one_unit_came_back, not_restocked, 5, "0 of line a on the shelf again, 1 came back good"),
    (all_came_back_for_a_fee, damaged_goods_restocked, 5, "2 of line a on the shelf again, 1 came back good"),
    (from_two_warehouses, reserved_beyond_one_shelf, 5, "stock of SKU-A in east: 1 reserved of 0 on hand"),
    (
        from_two_warehouses,
        reserved_where_no_shelf_is,
        5,
        "stock of SKU-A in east: 1 reserved where there is no",
    ),
    (from_two_warehouses, reserved_in_the_other_warehouse, 5, "SKU-A in east: 1 reserved, for orders 0"),
    (one_line_never_came, still_in_the_erp, 7, "sale SO1 in the ERP holds a line b that the order has not"),
    (one_line_never_came, shown_for_too_little, 7, "document says 20.00, its lines add up to 23.80 to 29.63"),
    (one_unit_came_back, no_credit_note, 7, "order:shop:1/r1: 11.90 credited, sale SO1 in the ERP says 0"),
    (one_unit_came_back, credit_note_off, 7, "11.90 credited, sale SO1 in the ERP says 11.89"),
    (one_unit_came_back, shop_does_not_show_the_refund, 7, "11.90 credited, the storefront says 0"),
]


# --- how the ways are told


def _ship(world: World, name: str, units: dict[str, int], seq: int) -> None:
    lines = [{"line_id": line, "sku": _UNITS[line], "quantity": count} for line, count in units.items()]
    pick = {
        **deepcopy(world.of("picks")),
        "shipment_id": name,
        "lines": lines,
        "packages": [{"package_id": f"{name}/p1", "lines": lines}],
        "history": [{"state": "shipped", "mark": mark(seq)}],
    }
    picks = world.books["picks"]
    world.books["picks"] = [*(one for one in picks if one["shipment_id"] != name), pick]
    parcel = {**world.books["parcels"][0], "shipment_id": name}
    world.books["parcels"] = [*(one for one in world.books["parcels"] if one["shipment_id"] != name), parcel]


Charged = tuple[str, str, int, dict[str, tuple[str, int]]]


def _charge(world: World, *charges: Charged) -> None:
    """Per shipment: the capture's reference and moment, and by line what was charged for how many units."""
    payment, told = world.of("payments"), world.of("orders")["shipments"][0]
    world.movements[:] = [one for one in world.movements if one["kind"] == "voided"]
    world.document()["ledger"]["entries"] = []
    payment["captures"], reports = [], []
    for shipment, reference, seq, parts in charges:
        shares = [(line, "goods", amount, units) for line, (amount, units) in parts.items()]
        amount = _enter(world, "charge", "shipment", shares, shipment=shipment)
        payment["captures"].append({**movement(reference, reference, amount, LATER), "mark": mark(seq)})
        world.movements.append(row(reference, DONE, "captured", amount, reference, shipment=shipment))
        reports.append({**told, "report": {"captured": money(amount), "lines": []}})
    world.of("orders")["shipments"] = world.of("sales_orders")["shipments"] = reports


def _receive(world: World, units: dict[str, int], damaged: dict[str, int] | None = None) -> None:
    bad = damaged or {}
    lines = [_came(line, count - bad.get(line, 0), "good") for line, count in units.items()]
    lines += [_came(line, count, "damaged") for line, count in bad.items()]
    world.books["returns"].append(
        {
            "return_id": RETURN,
            "order_id": DONE,
            "lines": [_came(line, count, "") for line, count in units.items()],
            "events": [{"lines": lines, "mark": _EARLIER}],
            "complete": True,
        }
    )
    good = [deepcopy(line) for line in lines if line["condition"] == "good"]
    world.books["restocks"].append({"return_id": RETURN, "location": "main", "lines": good})


def _came(line: str, units: int, condition: str) -> dict[str, Any]:
    return {"line_id": line, "sku": _UNITS[line], "quantity": units, "condition": condition}


def _credit(
    world: World, amount: str, shares: list[tuple[str, str, str, int]], *, cause: str = "return"
) -> None:
    """Given back, entered, and told to shop and ERP."""
    assert _enter(world, "credit", cause, shares, return_id=RETURN) == amount
    note: dict[str, Any] = {
        "note": {"return_id": RETURN, "amount": money(amount), "lines": []},
        "reference": "CN1",
    }
    world.of("orders")["refunds"] = [note]
    world.of("sales_orders")["credit_notes"] = [deepcopy(note)]
    world.of("payments")["refunds"] = [refund("r", "ref_1", amount, LATER)]
    world.movements.append(row("r", DONE, "refunded", amount, "ref_1"))


def _given_back_everywhere(world: World, amount: str) -> None:
    for note in (world.of("orders")["refunds"][0], world.of("sales_orders")["credit_notes"][0]):
        note["note"]["amount"] = money(amount)
    world.of("payments")["refunds"][0]["amount"] = money(amount)
    world.movements[-1]["amount"] = amount


def _dispute(world: World, state: str) -> None:
    dispute = {"reference": "dp_1", "capture": "cap_1", "amount": money("20.00"), "state": state}
    world.of("payments")["disputes"] = [{**dispute, "opened": _earlier(900), "decided": _earlier(950)}]


def _earlier(seq: int) -> dict[str, Any]:
    return {**_EARLIER, "seq": seq}


def _enter(world: World, kind: str, cause: str, shares: list[tuple[str, str, str, int]], **of: str) -> str:
    """An entry of the ledger; its amount."""
    entries = world.document()["ledger"]["entries"]
    known = [
        {"line_id": line, "part": part, "amount": minor(amount), "quantity": units}
        for line, part, amount, units in shares
    ]
    cents = sum(minor(amount)["minor"] for _, _, amount, _ in shares)
    amount = f"{cents // 100}.{cents % 100:02}"
    entry = {
        "key": f"e{len(entries)}",
        "kind": kind,
        "cause": cause,
        "amount": minor(amount),
        "shares": known,
    }
    entries.append({**entry, **of})
    return amount


def _shares(world: World, number: int) -> Any:
    return world.document()["ledger"]["entries"][number]["shares"]
