"""Shopify's order document to a `PlacedOrder`: what is left after edits and refunds, in the shop's currency."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from adapters.parsing import (
    Problems,
    find_sku,
    full_name,
    is_country,
    rate_of,
    read_shape,
    refusing,
    unmapped,
)
from adapters.shopify.amounts import Draft, drafts_of
from adapters.shopify.payment_terms import payment_of
from adapters.shopify.shapes import Order, PostalAddress
from domain.ids import ChannelId, PlatformId, Sku, order_id
from domain.intake import SkuMap
from domain.money import Money
from domain.orders import Address, Customer, OrderLine, PlacedOrder, Surcharge, Tax


def parse(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:
    """The order as it is now. UnusableDocument names every problem; see docs/order-document.md for the decisions."""
    order = read_shape(Order, document)
    problems = Problems()
    drafts = drafts_of(order, problems)
    _check_state(order, problems)
    with problems.at("id"):
        order_id(channel, PlatformId(str(order.id)))
    goods = [(draft, _find_sku(draft, skus, problems)) for draft in drafts if draft.kind is None]
    billing = _address(order.billing_address, "billing_address", problems)
    shipping = _address(order.shipping_address, "shipping_address", problems)
    payment = payment_of(order, problems)
    problems.check()
    lines = [_line(order, draft, sku, problems) for draft, sku in goods if sku]
    surcharges = [_surcharge(order, draft, problems) for draft in drafts if draft.kind is not None]
    problems.check()
    with refusing():
        return PlacedOrder(
            channel=channel,
            platform_id=PlatformId(str(order.id)),
            number=order.name,
            placed_at=order.created_at,
            currency=order.currency,
            lines=tuple(line for line in lines if line),
            surcharges=tuple(surcharge for surcharge in surcharges if surcharge),
            customer=_customer(order),
            billing=billing,
            shipping=shipping,
            payment=payment,
            total=Money.parse(order.current_total_price, order.currency),
        )


def _check_state(order: Order, problems: Problems) -> None:
    if order.cancelled_at:
        problems.add("cancelled_at", "the order is cancelled")
    if order.test:
        problems.add("test", "a test order: its payment is not real")
    if not order.confirmed:
        problems.add("confirmed", "not confirmed by the shop yet")
    if order.fulfillment_status:
        problems.add("fulfillment_status", "shipped in whole or part already: nothing may ship twice")
    if not any(line.current for line in order.line_items):
        problems.add("line_items", "no line has units left")
    rounding = order.total_cash_rounding_payment_adjustment_set
    if rounding and rounding.shop_money.amount:
        problems.add(
            "total_cash_rounding_payment_adjustment_set",
            f"cash was rounded by {rounding.shop_money.amount}: what was paid is not the order's total",
        )


def _find_sku(draft: Draft, skus: SkuMap, problems: Problems) -> Sku | None:
    if draft.source is None:
        return None
    sku = find_sku(draft.source.sku, draft.source.sku_keys, skus)
    if sku is None:
        problems.add(f"{draft.path}.sku", unmapped(draft.source.sku_keys))
    return sku


def _line(order: Order, draft: Draft, sku: Sku, problems: Problems) -> OrderLine | None:
    source = draft.source
    if source is None:
        return None
    with problems.at(draft.path):
        return OrderLine(
            line_id=draft.line_id,
            sku=sku,
            name=draft.name,
            quantity=source.current,
            unit_price=source.price,
            ships=bool(source.requires_shipping) and not source.gift_card,
            discount=_money(order, draft.discount),
            order_discount=_money(order, draft.order_discount),
            taxes=_taxes(order, draft),
            taxes_included=order.taxes_included,
        )
    return None


def _surcharge(order: Order, draft: Draft, problems: Problems) -> Surcharge | None:
    if draft.kind is None:
        return None
    with problems.at(draft.path):
        return Surcharge(
            line_id=draft.line_id,
            kind=draft.kind,
            name=draft.name,
            amount=draft.list_amount,
            discount=_money(order, draft.discount),
            order_discount=_money(order, draft.order_discount),
            taxes=_taxes(order, draft),
            taxes_included=order.taxes_included,
        )
    return None


def _taxes(order: Order, draft: Draft) -> tuple[Tax, ...]:
    """A rate that Shopify left open is what its amount is of the line's value without taxes."""
    included = sum(draft.settled_taxes) if order.taxes_included else 0
    base = draft.discounted - included
    return tuple(
        Tax(
            name=share.name,
            rate=rate_of(Fraction(minor), base) if share.rate is None else share.rate,
            amount=_money(order, minor),
        )
        for share, minor in zip(draft.taxes, draft.settled_taxes, strict=True)
    )


def _money(order: Order, minor: Fraction | int) -> Money:
    return Money(minor=int(minor), currency=order.currency)


def _customer(order: Order) -> Customer:
    buyer = order.customer
    addresses = [address for address in (order.billing_address, order.shipping_address) if address]
    name = full_name(
        f"{buyer.first_name} {buyer.last_name}" if buyer else "",
        *(_name(address) for address in addresses),
        f"Guest {order.name}",
    )
    return Customer(
        name=name,
        email=order.email or (buyer.email if buyer else ""),
        company=next((address.company for address in addresses if address.company), ""),
        phone=order.phone or (buyer.phone if buyer else ""),
    )


def _name(address: PostalAddress) -> str:
    return full_name(address.name, f"{address.first_name} {address.last_name}", address.company)


def _address(address: PostalAddress | None, path: str, problems: Problems) -> Address | None:
    if address is None or not (address.address1 or address.city or address.zip or address.country_code):
        return None
    if not is_country(address.country_code):
        problems.add(f"{path}.country_code", "two capital letters of ISO 3166-1 are needed")
        return None
    return Address(
        name=_name(address),
        company=address.company,
        street=address.address1,
        street2=address.address2,
        postal_code=address.zip,
        city=address.city,
        region=address.province_code or address.province,
        country=address.country_code,
        phone=address.phone,
    )
