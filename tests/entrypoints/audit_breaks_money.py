"""Money of a card order: one changed fact each, the promise that it breaks, and words that the audit has for it."""

from copy import deepcopy
from typing import Any

from tests.entrypoints.audit_world import (
    CANCELLED,
    DONE,
    KEY,
    LATER,
    OPEN,
    Break,
    World,
    mark,
    minor,
    money,
    movement,
    refund,
    row,
)


def captured_again(world: World) -> None:
    world.of("payments")["captures"].append(movement(f"{KEY}/again", "cap_2", "35.58", LATER))
    world.of("payments")["over_capture"] = money("99.00")


def captured_again_and_refunded(world: World) -> None:
    captured_again(world)
    world.of("payments")["refunds"].append(refund("r", "ref_1", "35.58", LATER))


def one_capture_twice_in_the_books(world: World) -> None:
    world.of("payments")["captures"] *= 2


def captured_before_the_goods_left(world: World) -> None:
    world.of("payments")["captures"][0]["mark"] = mark(1)


def captured_and_not_shipped(world: World) -> None:
    payment = world.of("payments", OPEN)
    payment["captures"].append(movement("early", "cap_3", "11.90", LATER))
    payment["state"] = "captured"


def captured_more_than_shipped_so_far(world: World) -> None:
    """Both lines are captured with the first parcel, and the second leaves later."""
    first = world.of("picks")
    second = deepcopy(first)
    second["shipment_id"] = f"{DONE}/s2"
    second["packages"][0]["lines"] = [second["packages"][0]["lines"][1]]
    second["history"][-1]["mark"] = mark(999)
    first["packages"][0]["lines"] = [first["packages"][0]["lines"][0]]
    world.books["picks"].append(second)


def captured_over_the_hold(world: World) -> None:
    world.of("payments")["authorised"] = money("35.57")


def refunded_too_much(world: World) -> None:
    world.of("payments")["refunds"].append(refund("r", "ref_1", "35.59", LATER))


def shares_do_not_sum(world: World) -> None:
    _entry(world)["shares"][0]["amount"] = minor("19.99")


def entry_twice(world: World) -> None:
    entries = world.document()["ledger"]["entries"]
    entries.append(deepcopy(entries[0]))


def entry_lost(world: World) -> None:
    world.document()["ledger"]["entries"] = []


def entry_in_other_money(world: World) -> None:
    _entry(world)["shares"][0]["amount"]["currency"] = "USD"


def credited_more_than_charged(world: World) -> None:
    credit = deepcopy(_entry(world))
    credit.update(key="credit", kind="credit", amount=minor("40.00"))
    credit["shares"] = [{"line_id": "a", "part": "goods", "amount": minor("40.00"), "quantity": 0}]
    world.document()["ledger"]["entries"].append(credit)


def refund_that_the_ledger_does_not_know(world: World) -> None:
    world.of("payments")["refunds"].append(refund("r", "ref_1", "5.00", LATER))


def movement_without_its_row(world: World) -> None:
    world.movements[:] = [one for one in world.movements if one["kind"] != "captured"]


def row_without_its_movement(world: World) -> None:
    world.movements.append(row("ghost", DONE, "refunded", "1.00", "ref_9"))


def row_of_another_amount(world: World) -> None:
    world.movements[0]["amount"] = "35.57"


def paid_in_other_money(world: World) -> None:
    world.of("payments")["authorised"]["currency"] = "USD"


def captured_a_cent_less(world: World) -> None:
    """Everybody agrees on the wrong cent: gateway, ledger and our rows."""
    world.of("payments")["captures"][0]["amount"] = money("35.57")
    world.movements[0]["amount"] = "35.57"
    entry = _entry(world)
    entry["amount"], entry["shares"][0]["amount"] = minor("35.57"), minor("19.99")


def charged_on_the_wrong_line(world: World) -> None:
    shares = _entry(world)["shares"]
    shares[0]["amount"], shares[2]["amount"] = minor("19.00"), minor("6.00")


def freight_charged_as_goods(world: World) -> None:
    shares = _entry(world)["shares"]
    shares[0]["amount"], shares[4]["amount"] = minor("24.90"), minor("0.00")


def captured_nothing(world: World) -> None:
    world.of("payments", OPEN)["captures"].append(movement("zero", "cap_4", "0.00", LATER))


def hold_left(world: World) -> None:
    world.of("payments", CANCELLED).update(state="authorised", voids=[])


def second_hold_left(world: World) -> None:
    second = {**deepcopy(world.of("payments", OPEN)), "order_id": DONE, "reference": "pay_9"}
    world.books["payments"].append(second)


def _entry(world: World) -> Any:
    return world.document()["ledger"]["entries"][0]


BREAKS: list[Break] = [
    (captured_again, 1, "71.16 charged for an order of 35.58 EUR"),
    (captured_again_and_refunded, 1, "71.16 captured, the ledger has charges of 35.58 only"),
    (one_capture_twice_in_the_books, 1, "capture cap_1 stands 2 times"),
    (captured_before_the_goods_left, 1, "35.58 EUR captured by cap_1 when goods for 0.00 had shipped"),
    (captured_and_not_shipped, 1, "11.90 EUR captured by cap_3 when goods for 0.00 had shipped"),
    (captured_more_than_shipped_so_far, 1, "35.58 EUR captured by cap_1 when goods for 29.63 had shipped"),
    (captured_over_the_hold, 2, "35.58 captured of 35.57 authorised"),
    (refunded_too_much, 2, "35.59 refunded of 35.58 captured"),
    (shares_do_not_sum, 2, "35.58, its shares sum to 35.57"),
    (entry_twice, 2, "stands 2 times in the ledger"),
    (entry_lost, 2, "the gateway kept 35.58, the ledger's balance is 0 EUR"),
    (entry_in_other_money, 2, "is not in EUR alone"),
    (credited_more_than_charged, 2, "the ledger credits 40.00 of 35.58 charged"),
    (refund_that_the_ledger_does_not_know, 2, "the gateway kept 30.58, the ledger's balance is 35.58"),
    (movement_without_its_row, 2, "captured cap_1: 35.58 at the gateway, 0.00 in our database"),
    (row_without_its_movement, 2, "refunded ref_9: 0.00 at the gateway, 1.00 in our database"),
    (row_of_another_amount, 2, "captured cap_1: 35.58 at the gateway, 35.57 in our database"),
    (paid_in_other_money, 2, "payment pay_1 is in USD, the order in EUR"),
    (captured_a_cent_less, 3, "everything shipped and 35.57 was captured of 35.58 EUR"),
    (charged_on_the_wrong_line, 3, "line a: 22.80 charged, it is worth 23.80"),
    (freight_charged_as_goods, 3, "freight and fees: 0.93 charged, they are worth 5.83"),
    (captured_nothing, 3, "capture cap_4 of 0.00"),
    (hold_left, 4, "the order is cancelled, and 11.90 EUR of payment pay_2 are still held"),
    (second_hold_left, 4, "the order is completed, and 11.90 EUR of payment pay_9 are still held"),
]
