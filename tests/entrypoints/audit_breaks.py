"""One changed fact each, the promise that it breaks, and some of the words that the audit has for it."""

from collections.abc import Callable
from copy import deepcopy
from itertools import count
from typing import Any

from tests.entrypoints.audit_world import (
    CANCELLED,
    DONE,
    KEY,
    OPEN,
    World,
    mark,
    minor,
    money,
    movement,
    row,
)

LATER = (mark(seq) for seq in count(1000))


def captured_again(world: World) -> None:
    world.of("payments")["captures"].append(movement(f"{KEY}/again", "cap_2", "35.58", LATER))
    world.of("payments")["over_capture"] = money("99.00")


def captured_again_and_refunded(world: World) -> None:
    captured_again(world)
    world.of("payments")["refunds"].append(movement("r", "ref_1", "35.58", LATER))


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
    world.of("payments")["refunds"].append(movement("r", "ref_1", "35.59", LATER))


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
    world.of("payments")["refunds"].append(movement("r", "ref_1", "5.00", LATER))


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


def more_reserved_than_on_hand(world: World) -> None:
    world.shelf("SKU-A")["on_hand"] = 0


def reserved_for_nobody(world: World) -> None:
    world.shelf("SKU-A")["reserved"] = 2


def reserved_twice_for_one_line(world: World) -> None:
    world.of("reservations", OPEN)["lines"] *= 2
    world.shelf("SKU-A")["reserved"] = 2


def still_reserved(world: World) -> None:
    world.of("reservations", CANCELLED)["lines"] = world.of("reservations", OPEN)["lines"]
    world.shelf("SKU-A")["reserved"] = 2


def shipped_one_too_few(world: World) -> None:
    _boxed(world)[0]["quantity"] = 1


def shipped_one_too_many(world: World) -> None:
    _boxed(world)[0]["quantity"] = 3


def cancelled_and_shipped(world: World) -> None:
    pick = world.of("picks", CANCELLED)
    pick["state"] = "shipped"
    pick["history"].append({"state": "shipped", "mark": next(LATER)})


def cancelled_and_on_the_road(world: World) -> None:
    world.books["parcels"][1]["state"] = "in_transit"


def cancelled_and_money_kept(world: World) -> None:
    payment = world.of("payments", CANCELLED)
    payment.update(state="captured", voids=[])
    payment["captures"].append(movement("kept", "cap_5", "11.90", LATER))


def lines_do_not_add_up(world: World) -> None:
    world.of("orders", OPEN)["document"]["lines"][0]["unit_price"] = "10.01"


def erp_total_off_by_a_cent(world: World) -> None:
    world.of("sales_orders")["order"]["total"] = money("35.59")


def erp_quantity_off(world: World) -> None:
    world.of("sales_orders")["order"]["lines"][0]["quantity"] = 3


def erp_line_total_off(world: World) -> None:
    world.of("sales_orders")["order"]["lines"][1]["total"] = money("5.94")


def erp_lacks_a_line(world: World) -> None:
    world.of("sales_orders")["order"]["lines"].pop()


def erp_has_a_line_more(world: World) -> None:
    lines = world.of("sales_orders")["order"]["lines"]
    lines.append({**lines[0], "line_id": "extra"})


def erp_still_open(world: World) -> None:
    world.of("sales_orders", CANCELLED)["state"] = "entered"


def erp_booked_other_money(world: World) -> None:
    told = deepcopy(world.of("sales_orders")["shipments"])
    told[0]["report"]["captured"] = money("35.00")
    world.of("sales_orders")["shipments"] = told


def shop_shows_less_paid(world: World) -> None:
    world.of("orders")["shipments"] = []


def shop_total_off(world: World) -> None:
    world.of("orders")["total"] = money("35.60")


def shop_shows_it_open(world: World) -> None:
    world.of("orders")["state"] = "open"


def invoice_off(world: World) -> None:
    world.of("sales_orders")["invoice"]["total"] = money("35.57")
    world.sync_invoices()


def invoice_missing(world: World) -> None:
    world.of("sales_orders")["invoice"] = None
    world.sync_invoices()


def ordersaga_quantity_off(world: World) -> None:
    world.document()["order"]["lines"][0]["quantity"] = 1


def ordersaga_total_off(world: World) -> None:
    world.document()["order"]["total"] = minor("35.57")


def two_sales(world: World) -> None:
    world.books["sales_orders"].append({**deepcopy(world.of("sales_orders", OPEN)), "reference": "SO9"})


def no_sale(world: World) -> None:
    world.books["sales_orders"].remove(world.of("sales_orders"))


def two_customers_with_one_address(world: World) -> None:
    world.books["customers"][1]["customer"]["email"] = " Eve@Example.com"


def two_customers_with_one_vat_id(world: World) -> None:
    for customer, vat_id in zip(world.books["customers"][:2], ("DE 123", "de123"), strict=True):
        customer["customer"]["vat_id"] = vat_id


def sale_of_a_stranger(world: World) -> None:
    world.of("sales_orders")["order"]["customer"] = "C99"


def two_starts(world: World) -> None:
    world.workflow(OPEN)["starts"] = 2


def two_sets_of_shipments(world: World) -> None:
    second = {**deepcopy(world.of("picks")), "shipment_id": f"{DONE}/s2", "state": "packed"}
    second["history"] = second["history"][:1]
    world.books["picks"].append(second)


def workflow_of_no_order(world: World) -> None:
    world.books["orders"].remove(world.of("orders", OPEN))


def placed_and_never_seen(world: World) -> None:
    for things in (world.workflows, world.rows, world.inbox):
        things[:] = [thing for thing in things if thing["order_id"] != OPEN]


def accepted_and_no_workflow(world: World) -> None:
    world.workflows.remove(world.workflow(OPEN))


def closed_and_not_kept(world: World) -> None:
    world.rows[0].update(document=None, state="started")


def running_and_not_registered(world: World) -> None:
    del world.rows[2]


def document_lost(world: World) -> None:
    world.inbox.append({"id": 9, "kind": "document", "state": "forwarded", "order_id": "order:shop:9"})


def mail_twice_under_one_key(world: World) -> None:
    world.books["mails"].append(deepcopy(world.books["mails"][0]))


def mail_twice_under_two_keys(world: World) -> None:
    world.books["mails"].append({**world.books["mails"][0], "key": f"{DONE}/mail/confirmed-again"})


def workflow_failed(world: World) -> None:
    world.workflow(OPEN)["status"] = "failed"


def workflow_terminated(world: World) -> None:
    world.workflow(OPEN)["status"] = "terminated"


def workflow_timed_out(world: World) -> None:
    world.workflow(OPEN)["status"] = "timed_out"


def _entry(world: World) -> Any:
    return world.document()["ledger"]["entries"][0]


def _boxed(world: World) -> Any:
    pick = world.of("picks")
    pick["packages"] = deepcopy(pick["packages"])
    return pick["packages"][0]["lines"]


BREAKS: list[tuple[Callable[[World], None], int, str]] = [
    (captured_again, 1, "71.16 charged for an order of 35.58 EUR"),
    (captured_again_and_refunded, 1, "71.16 captured, the ledger has charges of 35.58 only"),
    (one_capture_twice_in_the_books, 1, "capture cap_1 stands 2 times"),
    (captured_before_the_goods_left, 1, "35.58 EUR captured by cap_1 when goods for 0.00 had shipped"),
    (captured_and_not_shipped, 1, "11.90 EUR captured by cap_3 when goods for 0.00 had shipped"),
    (captured_more_than_shipped_so_far, 1, "35.58 EUR captured by cap_1 when goods for 29.63 had shipped"),
    (shipped_one_too_few, 1, "35.58 EUR kept, but goods for 23.68 shipped"),
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
    (row_of_another_amount, 2, "captured cap_1: no entry of 35.57 in the ledger"),
    (paid_in_other_money, 2, "payment pay_1 is in USD, the order in EUR"),
    (captured_a_cent_less, 3, "everything shipped and 35.57 was captured of 35.58 EUR"),
    (charged_on_the_wrong_line, 3, "line a: 22.80 charged, it is worth 23.80"),
    (freight_charged_as_goods, 3, "freight and fees: 0.93 charged, they are worth 5.83"),
    (captured_nothing, 3, "capture cap_4 of 0.00"),
    (hold_left, 4, "the order is cancelled, and 11.90 EUR of payment pay_2 are still held"),
    (second_hold_left, 4, "the order is completed, and 11.90 EUR of payment pay_9 are still held"),
    (more_reserved_than_on_hand, 5, "stock of SKU-A: 1 reserved of 0 on hand"),
    (reserved_for_nobody, 5, "stock of SKU-A: 2 reserved, for orders 1"),
    (reserved_twice_for_one_line, 5, "line a: 2 reserved and 0 shipped of 1 ordered"),
    (still_reserved, 5, "the order is cancelled, and 1 of line a are still reserved"),
    (shipped_one_too_few, 5, "line a: 1 shipped of 2 ordered"),
    (shipped_one_too_many, 5, "line a: 3 shipped of 2 ordered"),
    (cancelled_and_shipped, 6, "the order is cancelled, and shipment order:shop:2/s1 left the house"),
    (cancelled_and_on_the_road, 6, "the order is cancelled, and the carrier has order:shop:2/s1"),
    (cancelled_and_money_kept, 6, "the order is cancelled, and 11.90 EUR were kept"),
    (lines_do_not_add_up, 7, "document says 11.90, its lines add up to 11.91"),
    (erp_total_off_by_a_cent, 7, "sale SO1 in the ERP says 35.59, the order is worth 35.58 EUR"),
    (erp_quantity_off, 7, "line a: sale SO1 in the ERP says 3 units, ordered are 2"),
    (erp_line_total_off, 7, "line b: sale SO1 in the ERP says 5.94, it is worth 5.95"),
    (erp_lacks_a_line, 7, "sale SO1 in the ERP lacks line b"),
    (erp_has_a_line_more, 7, "sale SO1 in the ERP holds a line extra that the order has not"),
    (erp_still_open, 7, "the order is cancelled, sale SO2 in the ERP is open"),
    (erp_booked_other_money, 7, "sale SO1 in the ERP has 35.00 received, captured were 35.58"),
    (shop_shows_less_paid, 7, "the storefront shows 0 paid, captured were 35.58"),
    (shop_total_off, 7, "the storefront says 35.60"),
    (shop_shows_it_open, 7, "the order is completed, the storefront shows it as open"),
    (invoice_off, 7, "35.57 invoiced (INV1) of 35.58 EUR"),
    (invoice_missing, 7, "0 invoiced (no invoice) of 35.58 EUR"),
    (ordersaga_quantity_off, 7, "line a: OrderSaga says 1 units, ordered are 2"),
    (ordersaga_total_off, 7, "OrderSaga says 35.57, the order is worth 35.58 EUR"),
    (two_sales, 8, "the ERP holds it 2 times: SO3, SO9"),
    (no_sale, 8, "the ERP holds no sale of it"),
    (two_customers_with_one_address, 8, "ERP: customers C1, C2 share one e-mail address"),
    (two_customers_with_one_vat_id, 8, "ERP: customers C1, C2 share one VAT id"),
    (sale_of_a_stranger, 8, "sale SO1 is of customer C99, whom the ERP does not know"),
    (two_starts, 8, "its workflow was started 2 times"),
    (two_sets_of_shipments, 8, "line a: shipments of 4 units, ordered are 2"),
    (workflow_of_no_order, 8, "a workflow runs for it, and the storefront has no such order"),
    (placed_and_never_seen, 9, "the shop took the order, and we have no trace of it"),
    (accepted_and_no_workflow, 9, "it is started, without a workflow and without a closed record"),
    (closed_and_not_kept, 9, "its workflow ended, and no closed record was kept"),
    (running_and_not_registered, 9, "its workflow runs, and it was never registered"),
    (document_lost, 9, "inbox item 9 is forwarded to no order"),
    (mail_twice_under_one_key, 9, "mail order:shop:1/mail/confirmed was sent 2 times"),
    (mail_twice_under_two_keys, 9, "one mail was sent as order:shop:1/mail/confirmed and"),
    (workflow_failed, 10, "its workflow failed"),
    (workflow_terminated, 10, "its workflow was terminated"),
    (workflow_timed_out, 10, "its workflow timed out"),
]
