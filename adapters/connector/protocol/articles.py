"""Articles, as ERP and storefront speak of them."""

from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import Model, Sku, Text


class Article(Model):
    """Something that is sold, under the system's own id of it. Nobody can match one without `sku`."""

    reference: Annotated[str, Field(min_length=1, max_length=128, examples=["variant:39072856"])]
    sku: Sku | None = None
    name: Text = ""


class Articles(Model):
    """Some of all articles; `next_after` asks for those that follow, and is null at the end."""

    items: tuple[Article, ...]
    next_after: str | None = None
