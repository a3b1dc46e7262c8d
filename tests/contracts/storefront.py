"""What every shop is held to: it shows each shipment once, and is never cancelled behind the goods' back.

A subclass `TestSomeShop(StorefrontContract)` gives two fixtures: `shop`, the adapter, sending all it sends through the
fixture `network`; and `hands`, which places orders as a shopper and reads what the shop shows.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import pytest

from domain.customers import Article
from domain.errors import OutcomeUnknown, Refused
from domain.ids import ChannelId, OrderId, PlatformId, Sku, shipment_id
from domain.keys import effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.ports import Storefront
from domain.shipments import Package, ShipmentLine, ShipmentReport
from domain.storefront import StorefrontOrder, StorefrontState
from tests.contracts.customers import every
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, labels_for, place, shipment_lines, unique


class StorefrontHands(Protocol):
    async def placed(self, order: PlacedOrder) -> None:
        """The shopper has ordered this, and it is authorised."""

    async def sells(self, articles: Sequence[Article]) -> None:
        """The shop sells these, too."""

    async def tracking_numbers(self, order: OrderId) -> list[str]:
        """What the shop shows of all shipments, in their order."""

    async def paid(self, order: OrderId) -> Money:
        """What the shop shows as paid."""


class StorefrontContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def order(self, request: pytest.FixtureRequest, hands: StorefrontHands) -> PlacedOrder:
        name = unique(request.node.nodeid)
        order = place(name, [(Sku(f"MUG-{name}"), 3, "19.99"), (Sku(f"TEA-{name}"), 1, "5.00")])
        await hands.placed(order)
        return order

    async def test_an_order_nobody_placed_is_not_there(self, shop: Storefront, order: PlacedOrder) -> None:
        assert await shop.look_up_order(OrderId(f"{order.order_id}x")) is None

    async def test_an_order_is_shown_as_it_was_placed(self, shop: Storefront, order: PlacedOrder) -> None:
        shown = await _shown(shop, order)
        assert shown.state is StorefrontState.OPEN
        assert shown.total == order.total
        extras = {surcharge.line_id for surcharge in order.surcharges}
        assert [
            (line.line_id, line.quantity, line.total) for line in shown.lines if line.line_id not in extras
        ] == [(line.line_id, line.quantity, line.total) for line in order.lines]

    async def test_what_was_placed_or_changed_since_is_told_with_its_document(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        begin = await shop.orders_since(order.channel, None)
        assert begin.orders == ()
        assert (await shop.orders_since(order.channel, begin.cursor)).orders == ()
        later = order.model_copy(update={"platform_id": PlatformId(f"{order.platform_id}later")})
        await hands.placed(later)
        news = await shop.orders_since(order.channel, begin.cursor)
        assert [one.order_id for one in news.orders] == [later.order_id]
        assert isinstance(json.loads(news.orders[0].document), dict)
        assert (await shop.orders_since(order.channel, news.cursor)).orders == ()
        assert (await shop.orders_since(ChannelId("another"), begin.cursor)).orders == ()

    # -- shipments

    async def test_a_shipment_told_twice_is_shown_once(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        for _ in range(2):
            await tell(shop, everything(order))
        assert await hands.tracking_numbers(order.order_id) == ["T1-1"]
        assert await hands.paid(order.order_id) == order.total
        assert (await _shown(shop, order)).state is StorefrontState.FULFILLED

    async def test_a_shipment_is_shown_once_though_every_reply_is_lost(
        self, shop: Storefront, hands: StorefrontHands, network: Lossy, order: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: tell(shop, everything(order)))
        assert await hands.tracking_numbers(order.order_id) == ["T1-1"]
        assert await hands.paid(order.order_id) == order.total

    async def test_a_shipment_whose_first_telling_arrives_late_is_shown_once(
        self, shop: Storefront, hands: StorefrontHands, network: Lossy, order: PlacedOrder
    ) -> None:
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await tell(shop, everything(order))
        await insist(lambda: tell(shop, everything(order)))
        await network.settle()
        assert await hands.tracking_numbers(order.order_id) == ["T1-1"]
        assert await hands.paid(order.order_id) == order.total

    async def test_an_order_of_which_part_has_left_stays_open(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        first, second = shipment_lines(order)
        await tell(shop, part(order, 1, first, "71.37"))
        assert (await _shown(shop, order)).state is StorefrontState.OPEN
        await tell(shop, part(order, 2, second, "11.78"))
        assert (await _shown(shop, order)).state is StorefrontState.FULFILLED
        assert await hands.tracking_numbers(order.order_id) == ["T1-1", "T2-1"]
        assert (await hands.paid(order.order_id)).major == Decimal("83.15")

    async def test_an_order_that_the_shop_has_not_takes_no_shipment(
        self, shop: Storefront, order: PlacedOrder
    ) -> None:
        stranger = OrderId(f"{order.order_id}x")
        report = everything(order).model_copy(
            update={"order_id": stranger, "shipment_id": shipment_id(stranger, 1)}
        )
        with pytest.raises(Refused):
            await tell(shop, report)

    # -- articles

    async def test_every_article_is_listed_once_with_or_without_its_sku(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        named = Article(reference=f"variant:{order.platform_id}1", sku=order.lines[0].sku, name="Mug")
        nameless = Article(reference=f"variant:{order.platform_id}2", sku=None)
        for _ in range(2):
            await hands.sells([named, nameless])
        listed = [article async for article in every(shop.articles)]
        assert [listed.count(article) for article in (named, nameless)] == [1, 1]

    # -- cancelling

    async def test_a_cancelled_order_is_shown_so(self, shop: Storefront, order: PlacedOrder) -> None:
        for _ in range(2):
            await cancel(shop, order)
        assert (await _shown(shop, order)).state is StorefrontState.CANCELLED

    async def test_what_is_captured_later_for_a_shipment_is_shown_as_paid(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        first, rest = order.total.split((2, 1))
        told = everything(order).model_copy(update={"captured": first})
        more = told.model_copy(update={"captured": rest, "capture_reference": "ch_rest"})
        for report in (told, more, told, more):
            await tell(shop, report)
        assert await hands.paid(order.order_id) == order.total

    async def test_an_order_is_cancelled_though_every_reply_is_lost(
        self, shop: Storefront, network: Lossy, order: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: cancel(shop, order))
        assert (await _shown(shop, order)).state is StorefrontState.CANCELLED

    async def test_what_left_is_not_cancelled(self, shop: Storefront, order: PlacedOrder) -> None:
        await tell(shop, everything(order))
        with pytest.raises(Refused):
            await cancel(shop, order)
        assert (await _shown(shop, order)).state is StorefrontState.FULFILLED

    async def test_a_cancelled_order_takes_no_shipment(
        self, shop: Storefront, hands: StorefrontHands, order: PlacedOrder
    ) -> None:
        await cancel(shop, order)
        with pytest.raises(Refused):
            await tell(shop, everything(order))
        assert await hands.tracking_numbers(order.order_id) == []


async def tell(shop: Storefront, report: ShipmentReport) -> None:
    name = report.shipment_id.rpartition("/")[2]
    key = effect_key(report.order_id, "report-shipment", f"{name}-{report.capture_reference}")
    await shop.report_shipment(report, key=key)


async def cancel(shop: Storefront, order: PlacedOrder) -> None:
    key = effect_key(order.order_id, "cancel-shop-order")
    await shop.cancel_order(order.order_id, "customer changed their mind", key=key)


def everything(order: PlacedOrder) -> ShipmentReport:
    return _report(order, 1, shipment_lines(order), order.total)


def part(order: PlacedOrder, number: int, line: ShipmentLine, captured: str) -> ShipmentReport:
    return _report(order, number, (line,), Money.parse(captured, EUR))


def _report(
    order: PlacedOrder, number: int, lines: tuple[ShipmentLine, ...], captured: Money
) -> ShipmentReport:
    return ShipmentReport(
        order_id=order.order_id,
        shipment_id=shipment_id(order.order_id, number),
        lines=lines,
        labels=labels_for([Package(package_id=f"p{number}", lines=lines)], f"T{number}"),
        captured=captured,
        capture_reference=f"ch_{order.platform_id}_{number}",
    )


async def _shown(shop: Storefront, order: PlacedOrder) -> StorefrontOrder:
    shown = await shop.look_up_order(order.order_id)
    assert shown is not None
    return shown
