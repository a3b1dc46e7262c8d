"""Orders for the contract suites. Every test gets ids of its own, so that suites may share one running system."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from domain.errors import OutcomeUnknown
from domain.ids import MAIN, ChannelId, LineId, Location, PlatformId, Sku, shipment_id
from domain.money import Money, total
from domain.orders import (
    Address,
    Customer,
    OrderLine,
    PaymentIntent,
    PaymentTerm,
    PlacedOrder,
    Surcharge,
    SurchargeKind,
    Tax,
)
from domain.reservations import Demand
from domain.shipments import Label, Labels, Package, PickRequest, ShipmentLine, ShipmentReport

T = TypeVar("T")
EUR = "EUR"
NONE = Money.zero(EUR)
RATE = Decimal("0.19")
_ATTEMPTS_MAX = 20

Wanted = tuple[Sku, int, str]  # SKU, quantity, unit price without tax


def unique(test: str) -> str:
    """A short id that belongs to one test: the same in every run, so that a kept database tells whose it is."""
    return hashlib.sha256(test.encode()).hexdigest()[:12]


def customer(name: str) -> Customer:
    return Customer(name=f"Buyer {name}", email=f"{name}@example.com")


def place(
    name: str,
    wanted: Sequence[Wanted],
    *,
    freight: str = "4.90",
    buyer: Customer | None = None,
    discount: Money = NONE,
) -> PlacedOrder:
    """A card order of the channel `contract`: German VAT on top of every line, and freight unless it is empty."""
    lines = tuple(
        OrderLine(
            line_id=LineId(str(number)),
            sku=sku,
            name=f"Goods {number}",
            quantity=quantity,
            unit_price=Decimal(price),
            discount=discount if number == 1 else NONE,
            order_discount=NONE,
            taxes=_vat(Decimal(price) * quantity - (discount.major if number == 1 else 0)),
            taxes_included=False,
        )
        for number, (sku, quantity, price) in enumerate(wanted, start=1)
    )
    surcharges = (
        (
            Surcharge(
                line_id=LineId("freight"),
                kind=SurchargeKind.FREIGHT,
                name="Freight",
                amount=Money.parse(freight, EUR),
                discount=NONE,
                order_discount=NONE,
                taxes=_vat(Decimal(freight)),
                taxes_included=False,
            ),
        )
        if freight
        else ()
    )
    return whole(name, lines, surcharges, buyer=buyer)


def whole(
    name: str,
    lines: tuple[OrderLine, ...],
    surcharges: tuple[Surcharge, ...] = (),
    *,
    buyer: Customer | None = None,
) -> PlacedOrder:
    return PlacedOrder(
        channel=ChannelId("contract"),
        platform_id=PlatformId(name),
        number=f"#{name}",
        placed_at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        currency=EUR,
        lines=lines,
        surcharges=surcharges,
        customer=buyer or customer(name),
        billing=_address(name),
        shipping=_address(name),
        payment=PaymentIntent(term=PaymentTerm.AUTHORIZE_THEN_CAPTURE),
        total=total((item.total for item in (*lines, *surcharges)), EUR),
    )


def shipment_lines(order: PlacedOrder) -> tuple[ShipmentLine, ...]:
    return tuple(
        ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in order.shippable
    )


def demand_of(order: PlacedOrder, location: Location = MAIN) -> tuple[Demand, ...]:
    return tuple(
        Demand(line_id=line.line_id, sku=line.sku, quantity=line.quantity, location=location)
        for line in order.shippable
    )


def pick_request(order: PlacedOrder, shipment: int = 1) -> PickRequest:
    return PickRequest(
        shipment_id=shipment_id(order.order_id, shipment),
        order_id=order.order_id,
        order_number=order.number,
        lines=shipment_lines(order),
        ship_to=order.shipping,
    )


def labels_for(packages: Sequence[Package], name: str) -> Labels:
    return Labels(
        carrier="DHL",
        labels=tuple(
            Label(package_id=package.package_id, tracking_number=f"{name}-{number}")
            for number, package in enumerate(packages, start=1)
        ),
    )


def report_of(order: PlacedOrder, labels: Labels) -> ShipmentReport:
    """Everything left in one shipment, and its whole value was captured."""
    return ShipmentReport(
        order_id=order.order_id,
        shipment_id=shipment_id(order.order_id, 1),
        lines=shipment_lines(order),
        labels=labels,
        captured=order.total,
        capture_reference=f"ch_{order.platform_id}",
    )


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """What the workflow does after an unknown outcome, without its waiting: the same call with the same key again."""
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await call()
        except OutcomeUnknown:
            continue
    raise AssertionError(f"still unknown after {_ATTEMPTS_MAX} attempts")


def _address(name: str) -> Address:
    return Address(
        name=f"Buyer {name}", street="1 Main Street", postal_code="10115", city="Berlin", country="DE"
    )


def _vat(net: Decimal) -> tuple[Tax, ...]:
    return (Tax(name="VAT 19%", rate=RATE, amount=Money.rounded(net * RATE, EUR)),)
