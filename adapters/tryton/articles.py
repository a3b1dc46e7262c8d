"""What Tryton sells: salable products with a code."""

from adapters.tryton.client import TrytonClient
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
