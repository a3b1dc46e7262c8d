"""Other ways to pay, told by correct books: each changes the correct world's card orders, and nothing is broken by it.

`BREAKS` change one fact more: the way it was paid, the change, the promise it breaks, words that the audit has for it.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tests.entrypoints.audit_world import (
    CANCELLED,
    DONE,
    KEY,
    LATER,
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

_LONG_AGO = {"seq": 1, "at": (START - timedelta(days=2)).isoformat()}


def prepaid(world: World) -> None:
    """The shop took it all at the checkout."""
    _paid_by_others(world, DONE, "checkout/cap_0", "35.58")


def captured_by_hand(world: World) -> None:
    """Somebody captured at the gateway before the goods left, and a person let the order go on."""
    _paid_by_others(world, DONE, "by-hand/7", "35.58")


def gift_card_and_card(world: World) -> None:
    """20.00 were redeemed at the checkout, 15.58 captured when the goods had left."""
    card = world.of("payments")
    card["authorised"] = card["captures"][0]["amount"] = money("15.58")
    world.movements[0]["amount"] = "15.58"
    gift = deepcopy(card) | {"reference": "pay_gift", "method": "gift_card", "authorised": money("20.00")}
    gift["captures"] = [{**_taken("checkout/cap_0", "20.00"), "reference": "cap_gift"}]
    world.books["payments"].insert(0, gift)


def transfer_of_too_much(world: World) -> None:
    """40.00 arrived, and 4.42 went back."""
    _paid_by_others(world, DONE, "bank-1", "40.00", method="bank_transfer", asked="35.58")
    world.of("payments")["refunds"].append(refund("surplus", "ref_1", "4.42", LATER))
    world.movements.append(row("surplus", DONE, "refunded", "4.42", "ref_1"))


def transfer_after_the_cancel(world: World) -> None:
    """It arrived when nobody waited any more, and went back."""
    _paid_by_others(world, CANCELLED, "bank-2", "11.90", method="bank_transfer", asked="11.90")
    _given_back(world, CANCELLED, "ref_2", "succeeded")


def prepaid_and_cancelled(world: World) -> None:
    """The first refund failed, the second is on its way."""
    _paid_by_others(world, CANCELLED, "checkout/cap_0", "11.90")
    _given_back(world, CANCELLED, "ref_2", "failed")
    _given_back(world, CANCELLED, "ref_3", "pending")


def on_account(world: World) -> None:
    """No gateway is asked; the invoice says what is owed."""
    world.of("orders")["document"]["payment"] = {"term": "on_account"}
    world.books["payments"].remove(world.of("payments"))
    world.movements[:] = [moved for moved in world.movements if moved["order_id"] != DONE]
    for kind in ("orders", "sales_orders"):
        told = deepcopy(world.of(kind)["shipments"])
        told[0]["report"]["captured"] = money("0.00")
        world.of(kind)["shipments"] = told


WAYS: tuple[Change, ...] = (
    prepaid,
    captured_by_hand,
    gift_card_and_card,
    transfer_of_too_much,
    transfer_after_the_cancel,
    prepaid_and_cancelled,
    on_account,
)


# --- what breaks them


def surplus_kept(world: World) -> None:
    world.of("payments")["refunds"] = []


def refund_of_the_surplus_failed(world: World) -> None:
    world.of("payments")["refunds"][0]["state"] = "failed"


def transfer_still_waited_for(world: World) -> None:
    world.of("payments")["state"] = "pending"


def transfer_of_too_little(world: World) -> None:
    world.of("payments")["captures"][0]["amount"] = money("39.00")


def charged_on_top(world: World) -> None:
    """As if nobody had paid yet."""
    second = deepcopy(world.of("payments")) | {"reference": "pay_9", "method": "card", "refunds": []}
    second["captures"] = [movement(KEY, "cap_9", "35.58", LATER)]
    world.books["payments"].append(second)
    world.movements.append(row(KEY, DONE, "captured", "35.58", "cap_9", shipment=SHIPMENT))


def charged_on_top_and_refunded(world: World) -> None:
    charged_on_top(world)
    world.books["payments"][-1]["refunds"] = [refund("r", "ref_9", "35.58", LATER)]


def gift_card_still_held(world: World) -> None:
    world.of("payments").update(state="authorised", captures=[])


def gift_card_refunded_too_much(world: World) -> None:
    world.of("payments")["refunds"].append(refund("r", "ref_1", "20.01", LATER))


def captured_for_another_shipment(world: World) -> None:
    world.movements[0]["shipment"] = f"{DONE}/s9"


def late_transfer_kept(world: World) -> None:
    world.of("payments", CANCELLED)["refunds"] = []


def second_refund_failed_too(world: World) -> None:
    world.of("payments", CANCELLED)["refunds"][-1]["state"] = "failed"


def failed_refund_without_its_row(world: World) -> None:
    world.movements[:] = [moved for moved in world.movements if moved["reference"] != "ref_2"]


def taken_on_account(world: World) -> None:
    payment = deepcopy(world.of("payments", CANCELLED)) | {"order_id": DONE, "state": "captured"}
    world.books["payments"].append(payment | {"captures": [_taken("checkout/cap_0", "35.58")]})


def held_on_account(world: World) -> None:
    payment = deepcopy(world.of("payments", CANCELLED)) | {"order_id": DONE, "state": "authorised"}
    world.books["payments"].append(payment)


def never_invoiced(world: World) -> None:
    world.of("sales_orders")["invoice"] = None
    world.sync_invoices()


def invoiced_a_cent_less(world: World) -> None:
    world.of("sales_orders")["invoice"]["total"] = money("35.57")
    world.sync_invoices()


def booked_as_paid(world: World) -> None:
    world.of("sales_orders")["shipments"][0]["report"]["captured"] = money("35.58")


def shown_as_paid(world: World) -> None:
    world.of("orders")["shipments"][0]["report"]["captured"] = money("35.58")


BREAKS: list[tuple[Change, Change, int, str]] = [
    (prepaid, charged_on_top, 1, "71.16 EUR captured by cap_9 when goods for 35.58 had shipped"),
    (prepaid, charged_on_top_and_refunded, 1, "35.58 captured beside 35.58 that others paid"),
    (transfer_of_too_much, surplus_kept, 1, "40.00 EUR kept, but goods for 35.58 shipped"),
    (transfer_of_too_much, refund_of_the_surplus_failed, 1, "40.00 EUR kept, but goods for 35.58 shipped"),
    (transfer_of_too_much, charged_on_top, 1, "71.16 EUR captured by cap_9 when goods for 35.58 had shipped"),
    (gift_card_and_card, charged_on_top_and_refunded, 1, "51.16 captured beside 20.00 that others paid"),
    (prepaid_and_cancelled, second_refund_failed_too, 1, "11.90 EUR kept, but goods for 0.00 shipped"),
    (on_account, taken_on_account, 1, "on account, and the gateway has payment pay_2"),
    (on_account, held_on_account, 1, "on account, and the gateway has payment pay_2"),
    (
        transfer_of_too_much,
        transfer_of_too_little,
        2,
        "the gateway kept 34.58, the ledger's balance is 35.58",
    ),
    (gift_card_and_card, gift_card_refunded_too_much, 2, "pay_gift: 20.01 refunded of 20.00 captured"),
    (gift_card_and_card, captured_for_another_shipment, 2, "15.58 captured for order:shop:1/s9"),
    (prepaid_and_cancelled, failed_refund_without_its_row, 2, "refunded ref_2: 11.90 at the gateway, 0.00"),
    (on_account, never_invoiced, 2, "0 invoiced, the ledger's balance is 35.58"),
    (transfer_of_too_much, transfer_of_too_little, 3, "everything shipped and 34.58 was captured of 35.58"),
    (on_account, never_invoiced, 3, "everything shipped and 0 was invoiced of 35.58 EUR"),
    (on_account, invoiced_a_cent_less, 3, "everything shipped and 35.57 was invoiced of 35.58 EUR"),
    (transfer_of_too_much, transfer_still_waited_for, 4, "completed, and payment pay_1 is still pending"),
    (
        gift_card_and_card,
        gift_card_still_held,
        4,
        "completed, and 20.00 EUR of payment pay_gift are still held",
    ),
    (transfer_after_the_cancel, late_transfer_kept, 6, "the order is cancelled, and 11.90 EUR were kept"),
    (prepaid_and_cancelled, second_refund_failed_too, 6, "the order is cancelled, and 11.90 EUR were kept"),
    (on_account, booked_as_paid, 7, "sale SO1 in the ERP has 35.58 received, paid were 0"),
    (on_account, shown_as_paid, 7, "the storefront shows 35.58 paid of 0"),
]


def _paid_by_others(
    world: World, order: str, key: str, amount: str, *, method: str = "card", asked: str | None = None
) -> None:
    """This much came in without us, long before anything shipped."""
    world.of("payments", order).update(
        method=method,
        state="captured",
        captures=[_taken(key, amount)],
        voids=[],
        authorised=money(asked or amount),
    )
    world.movements[:] = [moved for moved in world.movements if moved["order_id"] != order]


def _taken(key: str, amount: str) -> dict[str, Any]:
    return {"key": key, "reference": key, "amount": money(amount), "mark": _LONG_AGO}


def _given_back(world: World, order: str, reference: str, state: str) -> None:
    """All of it."""
    world.of("payments", order)["refunds"].append(refund(reference, reference, "11.90", LATER, state))
    world.movements.append(row(reference, order, "refunded", "11.90", reference))


def returned_past_the_gateway(world: World) -> None:
    """Every refund failed; a person sent the money by bank."""
    prepaid_and_cancelled(world)
    second_refund_failed_too(world)
    world.document(CANCELLED)["returned_outside"] = [{"amount": minor("11.90"), "reference": "bank-9"}]


def just_transferred(world: World) -> None:
    """Of the order that is cancelled: a moment before the books were read."""
    transfer_after_the_cancel(world)
    late_transfer_kept(world)
    world.of("payments", CANCELLED)["captures"][0]["mark"] = mark(3500)
