"""Goods, agreement, durability: one changed fact each, the promise it breaks, and words that the audit has for it."""

from copy import deepcopy
from typing import Any

from tests.entrypoints.audit_world import CANCELLED, DONE, LATER, OPEN, Break, World, minor, money, movement


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


def _boxed(world: World) -> Any:
    pick = world.of("picks")
    pick["packages"] = deepcopy(pick["packages"])
    return pick["packages"][0]["lines"]


BREAKS: list[Break] = [
    (shipped_one_too_few, 1, "35.58 EUR kept, but goods for 23.68 shipped"),
    (more_reserved_than_on_hand, 5, "stock of SKU-A in main: 1 reserved of 0 on hand"),
    (reserved_for_nobody, 5, "stock of SKU-A in main: 2 reserved, for orders 1"),
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
    (erp_booked_other_money, 7, "sale SO1 in the ERP has 35.00 received, paid were 35.58"),
    (shop_shows_less_paid, 7, "the storefront shows 0 paid of 35.58"),
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
