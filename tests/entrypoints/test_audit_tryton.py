"""The auditor's reading of a real Tryton's books: a sale that shipped, one that is reserved, and one cancelled."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import pytest_asyncio
from proteus import config

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.ids import OrderId, ShipmentId, Sku
from domain.keys import Key
from domain.orders import PlacedOrder
from entrypoints.audit import from_tryton
from entrypoints.audit.books import Books, Sale, ShipmentState, State
from entrypoints.audit.sources import TrytonBooks
from entrypoints.demo.clerk import Clerk
from entrypoints.embedded.tryton import TrytonServer, tryton_server
from tests.contracts import erp, stock
from tests.contracts.placing import labels_for, pick_request, place, report_of

pytestmark = [pytest.mark.tryton, pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

SHIPPED = place("shipped", [(Sku("A-1"), 3, "10.00"), (Sku("A-2"), 7, "3.3333")])
RESERVED = place("reserved", [(Sku("A-1"), 2, "7.77")])
CANCELLED = place("cancelled", [(Sku("A-1"), 4, "7.77")])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def books(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Books]:
    stocked = {"A-1": 20, "A-2": 9}
    async with tryton_server(tmp_path_factory.mktemp("tryton"), stocked) as server:
        async with TrytonClient(server.url, server.database, server.api_key) as client:
            await _ship(server, client, SHIPPED)
            for order in (RESERVED, CANCELLED):
                await erp.enter(TrytonErp(client), order)
                await stock.reserve(TrytonStock(client), order)
            await TrytonErp(client).cancel_order(CANCELLED.order_id, key=Key("cancel"))
        source = TrytonBooks(url=server.url, database=server.database, api_key=server.api_key)
        yield await from_tryton.read(source)


async def _ship(server: TrytonServer, client: TrytonClient, order: PlacedOrder) -> None:
    warehouse, pick = TrytonWarehouse(client), pick_request(order)
    await erp.enter(TrytonErp(client), order)
    await stock.reserve(TrytonStock(client), order)
    await warehouse.request_pick(pick, key=Key("pick"))
    with config.set_xmlrpc_session(server.rpc_url, server.user, server.password) as session:
        clerk = Clerk(session)
        assert [clerk.work() for _ in range(2)] == [1, 1]
        packed = await warehouse.look_up_pick(ShipmentId(pick.shipment_id))
        assert packed is not None
        labels = labels_for(packed.packages, "T")
        await warehouse.hand_over(pick.shipment_id, labels, key=Key("hand-over"))
        assert clerk.work() == 1
    await TrytonErp(client).record_shipment(report_of(order, labels), key=Key("shipped"))
    await TrytonErp(client).post_invoice(order.order_id, key=Key("invoice"))


def sale(books: Books, order: OrderId) -> Sale:
    (found,) = [sale for sale in books.sales if sale.order_id == order]
    return found


async def test_sales_tell_their_state_lines_and_total(books: Books) -> None:
    states = {sale.order_id: sale.state for sale in books.sales}
    assert states == {
        SHIPPED.order_id: State.DONE,
        RESERVED.order_id: State.OPEN,
        CANCELLED.order_id: State.CANCELLED,
    }
    shipped = sale(books, SHIPPED.order_id)
    assert shipped.total == SHIPPED.total.major
    assert [(line.line_id, line.quantity) for line in shipped.lines] == [("1", Decimal(3)), ("2", Decimal(7))]
    for held, ordered in zip(shipped.lines, SHIPPED.lines, strict=True):
        assert abs(held.total - ordered.total.major) <= held.precision < Decimal("0.05")


async def test_invoices_and_received_money_are_the_sales(books: Books) -> None:
    total = SHIPPED.total.major
    assert [(invoice.order_id, invoice.total) for invoice in books.invoices] == [(SHIPPED.order_id, total)]
    assert {sale.order_id: sale.received for sale in books.sales} == {
        SHIPPED.order_id: total,
        RESERVED.order_id: 0,
        CANCELLED.order_id: 0,
    }


async def test_a_shipment_left_after_it_was_packed_and_before_it_was_last_written(books: Books) -> None:
    states = {shipment.order_id: shipment.state for shipment in books.shipments}
    assert states == {
        SHIPPED.order_id: ShipmentState.LEFT,
        RESERVED.order_id: ShipmentState.OPEN,
        CANCELLED.order_id: ShipmentState.CANCELLED,
    }
    (left,) = [shipment for shipment in books.shipments if shipment.state is ShipmentState.LEFT]
    assert left.units == {"1": 3, "2": 7}
    assert left.left is not None
    assert left.left.earliest is not None
    assert left.left.latest is not None
    assert left.left.earliest < left.left.latest


async def test_what_is_assigned_is_reserved_and_nothing_of_a_cancelled_sale(books: Books) -> None:
    kept = [(r.order_id, r.line_id, r.sku, r.units) for r in books.reservations]
    assert kept == [(RESERVED.order_id, "1", "A-1", Decimal(2))]
    shelves = {shelf.sku: (shelf.on_hand, shelf.reserved) for shelf in books.shelves if shelf.on_hand}
    assert {kept.location for kept in books.reservations} <= {shelf.location for shelf in books.shelves}
    assert shelves == {"A-1": (Decimal(17), Decimal(2)), "A-2": (Decimal(2), Decimal(0))}


async def test_customers_are_known_by_what_identifies_them(books: Books) -> None:
    customers = {customer.reference: dict(customer.identities) for customer in books.customers}
    shipped = customers[sale(books, SHIPPED.order_id).customer]
    assert shipped["e-mail address"] == SHIPPED.customer.email.casefold()
    assert shipped["account number"]


@pytest.mark.parametrize(
    ("state", "units", "good"), [("done", {"1": Decimal(3)}, {"1": Decimal(2)}), ("received", {}, {})]
)
async def test_what_came_back_is_told_when_it_is_put_away(
    state: str, units: Mapping[str, Decimal], good: Mapping[str, Decimal]
) -> None:
    """Three of line 1, which move 7 had brought out; one of them went to the losses."""
    put = [{"quantity": 2.0, "product": 5, "to_location": {"type": "storage"}}]
    put += [{"quantity": 1.0, "product": 5, "to_location": {"type": "lost_found"}}]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    told = {
        "reference": "order:shop:1/r1",
        "state": state,
        "create_date": now,
        "write_date": now,
        "incoming_moves": [{"quantity": 3.0, "origin": "stock.move,7", "product": 5}],
        "inventory_moves": put,
    }
    back = from_tryton._return(told, {7: "1"})
    assert (back.order_id, back.asked) == ("order:shop:1", {"1": Decimal(3)})
    assert (back.units, back.good, back.restocked) == (units, good, good)
    assert back.complete is (state == "done")
