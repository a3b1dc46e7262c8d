"""WooCommerce's order document to a `PlacedOrder`. Its lines are net with the taxes on top, whatever the shop displays."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.parsing import (
    Problems,
    find_sku,
    full_name,
    is_country,
    read_shape,
    refusing,
    unit_price,
    unmapped,
)
from adapters.woocommerce.amounts import Draft, drafts_of, rates_of, taxes_of
from adapters.woocommerce.payment_terms import payment_of
from adapters.woocommerce.shapes import Order, PostalAddress
from domain.ids import ChannelId, PlatformId, Sku, order_id
from domain.intake import SkuMap
from domain.money import Money
from domain.orders import Address, Customer, OrderLine, PlacedOrder, Surcharge

_VAT_ID_KEYS = ("_billing_vat_number", "_vat_number", "billing_vat", "_billing_vat")


def parse(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:
    """The order as it is now. UnusableDocument names every problem; see docs/order-document.md for the decisions."""
    order = read_shape(Order, document)
    problems = Problems()
    drafts = drafts_of(order, problems)
    with problems.at("id"):
        order_id(channel, PlatformId(str(order.id)))
    if not order.line_items:
        problems.add("line_items", "no lines")
    goods = [(draft, _find_sku(draft, skus, problems)) for draft in drafts if draft.kind is None]
    billing = _address(order.billing, "billing", problems)
    shipping = _address(order.shipping, "shipping", problems)
    payment = payment_of(order, problems)
    problems.check()
    rates = rates_of(order, drafts)
    lines = [_line(order, draft, sku, rates, problems) for draft, sku in goods if sku]
    surcharges = [_surcharge(order, draft, rates, problems) for draft in drafts if draft.kind is not None]
    problems.check()
    with refusing():
        return PlacedOrder(
            channel=channel,
            platform_id=PlatformId(str(order.id)),
            number=order.number,
            placed_at=order.date_created_gmt,
            currency=order.currency,
            lines=tuple(line for line in lines if line),
            surcharges=tuple(surcharge for surcharge in surcharges if surcharge),
            customer=_customer(order),
            billing=billing,
            shipping=shipping or billing,
            payment=payment,
            total=Money.parse(order.total, order.currency),
        )


def _find_sku(draft: Draft, skus: SkuMap, problems: Problems) -> Sku | None:
    if draft.source is None:
        return None
    sku = find_sku(draft.source.sku, draft.source.sku_keys, skus)
    if sku is None:
        problems.add(f"{draft.path}.sku", unmapped(draft.source.sku_keys))
    return sku


def _line(
    order: Order, draft: Draft, sku: Sku, rates: dict[int, Decimal], problems: Problems
) -> OrderLine | None:
    """Virtual goods are not marked in the document, so every line ships."""
    if draft.source is None:
        return None
    with problems.at(draft.path):
        quantity = draft.source.quantity
        return OrderLine(
            line_id=draft.line_id,
            sku=sku,
            name=draft.name,
            quantity=quantity,
            unit_price=unit_price(_money(order, draft.list_amount), quantity),
            discount=_money(order, draft.discount),
            order_discount=_money(order, draft.order_discount),
            taxes=taxes_of(order, draft, rates),
            taxes_included=False,
        )
    return None


def _surcharge(order: Order, draft: Draft, rates: dict[int, Decimal], problems: Problems) -> Surcharge | None:
    if draft.kind is None:
        return None
    with problems.at(draft.path):
        return Surcharge(
            line_id=draft.line_id,
            kind=draft.kind,
            name=draft.name,
            amount=_money(order, draft.list_amount),
            discount=_money(order, draft.discount),
            order_discount=_money(order, draft.order_discount),
            taxes=taxes_of(order, draft, rates),
            taxes_included=False,
        )
    return None


def _money(order: Order, minor: int) -> Money:
    return Money(minor=minor, currency=order.currency)


def _customer(order: Order) -> Customer:
    """WooCommerce's customer id is no account number of the ERP: it would match a stranger's."""
    addresses = [address for address in (order.billing, order.shipping) if address]
    return Customer(
        name=full_name(*(_name(address) for address in addresses), f"Guest {order.number}"),
        email=next((address.email for address in addresses if address.email), ""),
        vat_id=order.meta(*_VAT_ID_KEYS),
        company=next((address.company for address in addresses if address.company), ""),
        phone=next((address.phone for address in addresses if address.phone), ""),
    )


def _name(address: PostalAddress) -> str:
    return full_name(f"{address.first_name} {address.last_name}", address.company)


def _address(address: PostalAddress | None, path: str, problems: Problems) -> Address | None:
    if address is None or not (address.address_1 or address.city or address.postcode or address.country):
        return None
    if not is_country(address.country):
        problems.add(f"{path}.country", "two capital letters of ISO 3166-1 are needed")
        return None
    return Address(
        name=_name(address),
        company=address.company,
        street=address.address_1,
        street2=address.address_2,
        postal_code=address.postcode,
        city=address.city,
        region=address.state,
        country=address.country,
        phone=address.phone,
    )
