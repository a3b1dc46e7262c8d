"""What an item of ours is in Tryton: product, quantity, net price; and the line that takes up cents of rounding."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from adapters.tryton.client import Record, TrytonClient
from domain.errors import Refused
from domain.ids import LineId, Sku
from domain.money import Money
from domain.orders import OrderLine, PlacedOrder, Surcharge, SurchargeKind

PRICE_DIGITS = Decimal("0.0001")  # what Tryton keeps of a unit price unless configured otherwise
ROUNDING_SKU = Sku("ROUNDING")
ROUNDING_LINE = LineId("rounding")
SURCHARGE_SKUS: Mapping[SurchargeKind, Sku] = {kind: Sku(kind.value.upper()) for kind in SurchargeKind}


async def products(tryton: TrytonClient, skus: set[Sku]) -> dict[Sku, Record]:
    found = await tryton.search("product.product", [["code", "in", sorted(skus)]], ["code", "sale_uom"])
    products = {Sku(product["code"]): product for product in reversed(found)}
    if missing := sorted(skus - products.keys()):
        raise Refused(f"Tryton has no product {', '.join(missing)}")
    return products


def sku_of(item: OrderLine | Surcharge) -> Sku:
    return item.sku if isinstance(item, OrderLine) else SURCHARGE_SKUS[item.kind]


def quantity_of(item: OrderLine | Surcharge) -> int:
    return item.quantity if isinstance(item, OrderLine) else 1


def net_unit_price(item: OrderLine | Surcharge) -> Decimal:
    net: Money = item.net
    return (net.major / quantity_of(item)).quantize(PRICE_DIGITS, ROUND_HALF_UP)


def rounding_minor_max(order: PlacedOrder) -> int:
    """A minor unit per line and per tax; more is a difference that a person must see."""
    return sum(1 + len(item.taxes) for item in order.priced)
