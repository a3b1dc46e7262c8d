"""What Tryton sells: salable products with a code, at its list price and with its category's customer taxes."""

from decimal import Decimal

from adapters.tryton.client import TrytonClient
from domain.amendments import PricedArticle
from domain.customers import Article, Page
from domain.ids import Sku

PAGE_LENGTH = 1000


async def listed(tryton: TrytonClient, after: str | None) -> Page[Article]:
    """The services that stand for freight and fees too. Without a code an order's line could never lead to a product."""
    sold = [["id", ">", int(after or 0)], ["code", "!=", None], ["template.salable", "=", True]]
    found = await tryton.search("product.product", sold, ["code", "template.name"], limit=PAGE_LENGTH)
    return Page(
        items=tuple(
            Article(
                reference=str(product["id"]),
                sku=Sku(product["code"]),
                name=product["template"]["name"],
            )
            for product in found
            if product["code"]
        ),
        next_after=str(found[-1]["id"]) if len(found) == PAGE_LENGTH else None,
    )


async def priced(tryton: TrytonClient, sku: Sku, quantity: int, currency: int) -> PricedArticle | None:
    """Without taxes, as Tryton keeps its prices. None: not sold, or without a price. Price lists of customers are not asked."""
    found = await tryton.search(
        "product.product",
        [["code", "=", sku], ["template.salable", "=", True]],
        ["sale_price_uom", "template.name", "template.account_category.customer_taxes_used.rate"],
        limit=1,
        quantity=quantity,
        currency=currency,
    )
    if not found or found[0]["sale_price_uom"] is None:
        return None
    (record,) = found
    category = record["template"]["account_category"]
    rates = [tax["rate"] for tax in category["customer_taxes_used"]] if category else []
    return PricedArticle(
        sku=sku,
        name=record["template"]["name"],
        unit_price=record["sale_price_uom"],
        taxes_included=False,
        tax_rates=tuple(rate for rate in rates if isinstance(rate, Decimal)),
    )
