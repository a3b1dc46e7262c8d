"""What in the merchant's data would trouble orders, looked for before go-live: duplicate customers, articles nobody knows.

Every list is read once, page by page, however many channels it serves. What is found holds personal data: it is for
who asked at a terminal, never for a log.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from domain.base import Value
from domain.customers import Article, CustomerRecord, Page
from domain.errors import OrderError, Refused
from domain.ids import ChannelId, CustomerRef, Sku, System

T = TypeVar("T")

Progress = Callable[[str, int], None]  # which list, and how many of it are read


class Kind(StrEnum):
    DUPLICATE_CUSTOMERS = "duplicate_customers"
    SKU_TWICE = "sku_twice"
    ARTICLE_WITHOUT_SKU = "article_without_sku"
    ARTICLE_UNKNOWN = "article_unknown"
    MAPPING_TO_NOWHERE = "mapping_to_nowhere"


TITLE: Mapping[Kind, str] = {
    Kind.DUPLICATE_CUSTOMERS: "Customers with several records",
    Kind.SKU_TWICE: "SKUs that several ERP articles have",
    Kind.ARTICLE_WITHOUT_SKU: "Shop articles without SKU",
    Kind.ARTICLE_UNKNOWN: "Shop articles that the ERP does not have",
    Kind.MAPPING_TO_NOWHERE: "SKU mappings that lead to no ERP article",
}
WHAT_TO_DO: Mapping[Kind, str] = {
    Kind.DUPLICATE_CUSTOMERS: "Merge them in that system: orders go to one of them, and the others' history is missed.",
    Kind.SKU_TWICE: "Give each article a SKU of its own in the ERP: an order cannot say which of them it means.",
    Kind.ARTICLE_WITHOUT_SKU: "Enter the SKU in the shop, or map it: `ordersaga skus map CHANNEL REFERENCE SKU`. "
    "Until then its orders are parked.",
    Kind.ARTICLE_UNKNOWN: "Create the article in the ERP, or correct the SKU in the shop: "
    "the ERP will not take its orders.",
    Kind.MAPPING_TO_NOWHERE: "Map to a SKU that the ERP has: `ordersaga skus map CHANNEL REFERENCE SKU`.",
}


class Finding(Value):
    """`subject` is what is wrong with the `records`, which are named as their system names them."""

    kind: Kind
    channels: tuple[ChannelId, ...]
    system: System
    adapter: str
    subject: str
    records: tuple[str, ...] = ()


class Unread(Value):
    """A list that did not come whole, so that nothing can be said of it."""

    what: str
    channels: tuple[ChannelId, ...]
    why: str


class Report(Value):
    """`read` counts what was read of each list."""

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    read: dict[str, int]


class Channel(Value):
    """A storefront, the adapter that serves each system for it, and its SKU mappings."""

    channel: ChannelId
    adapters: dict[System, str]
    skus: dict[str, Sku]


class ArticlesOf(Protocol):
    async def articles(self, after: str | None) -> Page[Article]: ...


class CustomersOf(Protocol):
    async def customers(self, after: str | None) -> Page[CustomerRecord]: ...


class ErpLists(ArticlesOf, CustomersOf, Protocol):
    """Both."""


@dataclass(frozen=True)
class Sources:
    """The adapters by their names."""

    storefronts: Mapping[str, ArticlesOf]
    erps: Mapping[str, ErpLists]
    crms: Mapping[str, CustomersOf]


async def check(channels: Sequence[Channel], sources: Sources, progress: Progress) -> Report:
    lists = _Lists(progress)
    findings: list[Finding] = []
    for name, served in _served(channels, System.ERP):
        findings += await _duplicates(lists, System.ERP, name, sources.erps[name], served)
    for name, served in _served(channels, System.CRM):
        findings += await _duplicates(lists, System.CRM, name, sources.crms[name], served)
    sold: dict[str, set[Sku]] = {}
    for name, served in _served(channels, System.ERP):
        if (articles := await lists.articles(System.ERP, name, sources.erps[name], served)) is not None:
            findings += _twice(name, articles, _ids(served))
            sold[name] = {article.sku for article in articles if article.sku}
    for name, served in _served(channels, System.STOREFRONT):
        shown = await lists.articles(System.STOREFRONT, name, sources.storefronts[name], served)
        for channel in served:
            findings += _unsold(channel, name, shown or (), sold.get(channel.adapters.get(System.ERP, "")))
    return Report(findings=tuple(findings), unread=tuple(lists.unread), read=lists.read)


def duplicates(records: Iterable[CustomerRecord]) -> list[tuple[list[str], list[CustomerRef]]]:
    """What several customers share, and who they are. Who is linked through different identifiers is one group."""
    groups = _Groups()
    owners: dict[str, CustomerRef] = {}
    shared: list[tuple[str, CustomerRef]] = []
    for record in records:
        for identity in _identities(record):
            owner = owners.setdefault(identity, record.customer)
            if owner != record.customer:
                groups.join(owner, record.customer)
                shared.append((identity, owner))
    why: dict[CustomerRef, list[str]] = defaultdict(list)
    for identity, owner in dict.fromkeys(shared):
        why[groups.head(owner)].append(identity)
    return [(why[head], members) for head, members in groups.members().items()]


@dataclass
class _Groups:
    """Who belongs together, however it became known (a disjoint-set forest)."""

    _above: dict[CustomerRef, CustomerRef] = field(default_factory=dict)

    def head(self, customer: CustomerRef) -> CustomerRef:
        path = []
        while (above := self._above.setdefault(customer, customer)) != customer:
            path.append(customer)
            customer = above
        self._above.update(dict.fromkeys(path, customer))
        return customer

    def join(self, one: CustomerRef, other: CustomerRef) -> None:
        self._above[self.head(other)] = self.head(one)

    def members(self) -> dict[CustomerRef, list[CustomerRef]]:
        members: dict[CustomerRef, list[CustomerRef]] = defaultdict(list)
        for customer in tuple(self._above):
            members[self.head(customer)].append(customer)
        return members


@dataclass
class _Lists:
    """Reads lists, counts, and remembers which did not come whole."""

    _progress: Progress
    read: dict[str, int] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)

    async def articles(
        self, system: System, name: str, source: ArticlesOf, served: Sequence[Channel]
    ) -> list[Article] | None:
        return await self._whole(f"articles of {system} {name}", source.articles, served)

    async def customers(
        self, system: System, name: str, source: CustomersOf, served: Sequence[Channel]
    ) -> list[CustomerRecord] | None:
        return await self._whole(f"customers of {system} {name}", source.customers, served)

    async def _whole(
        self, what: str, page: Callable[[str | None], Awaitable[Page[T]]], served: Sequence[Channel]
    ) -> list[T] | None:
        items: list[T] = []
        try:
            async for some in _pages(page):
                items += some
                self._progress(what, len(items))
        except OrderError as error:
            self.unread.append(Unread(what=what, channels=_ids(served), why=str(error)))
            return None
        self.read[what] = len(items)
        return items


async def _pages(page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[Sequence[T]]:
    """Refused: a list that leads back to itself."""
    asked: set[str | None] = set()
    after: str | None = None
    while after not in asked:
        asked.add(after)
        found = await page(after)
        yield found.items
        if found.next_after is None:
            return
        after = found.next_after
    raise Refused("its pages do not come to an end")


async def _duplicates(
    lists: _Lists, system: System, name: str, source: CustomersOf, served: Sequence[Channel]
) -> list[Finding]:
    records = await lists.customers(system, name, source, served)
    return [
        Finding(
            kind=Kind.DUPLICATE_CUSTOMERS,
            channels=_ids(served),
            system=system,
            adapter=name,
            subject=", ".join(shared),
            records=tuple(customers),
        )
        for shared, customers in duplicates(records or ())
    ]


def _twice(name: str, articles: Iterable[Article], channels: tuple[ChannelId, ...]) -> list[Finding]:
    by_sku: dict[Sku, list[str]] = defaultdict(list)
    for article in articles:
        if article.sku:
            by_sku[article.sku].append(article.reference)
    return [
        Finding(
            kind=Kind.SKU_TWICE,
            channels=channels,
            system=System.ERP,
            adapter=name,
            subject=sku,
            records=tuple(references),
        )
        for sku, references in by_sku.items()
        if len(references) > 1
    ]


def _unsold(channel: Channel, name: str, shown: Iterable[Article], sold: set[Sku] | None) -> list[Finding]:
    """A mapping counts for lines without SKU only, so it does not help an article whose SKU is wrong."""

    def found(kind: Kind, subject: str, *records: str) -> Finding:
        return Finding(
            kind=kind,
            channels=(channel.channel,),
            system=System.STOREFRONT,
            adapter=name,
            subject=subject,
            records=records,
        )

    findings = []
    for article in shown:
        if not article.sku and article.reference not in channel.skus:
            findings.append(found(Kind.ARTICLE_WITHOUT_SKU, article.name, article.reference))
        elif article.sku and sold is not None and article.sku not in sold:
            findings.append(found(Kind.ARTICLE_UNKNOWN, article.sku, article.reference))
    for key, sku in sorted(channel.skus.items()):
        if sold is not None and sku not in sold:
            findings.append(found(Kind.MAPPING_TO_NOWHERE, sku, key))
    return findings


def _served(channels: Sequence[Channel], system: System) -> list[tuple[str, list[Channel]]]:
    """Each adapter of the system, with the channels that it serves."""
    served: dict[str, list[Channel]] = defaultdict(list)
    for channel in channels:
        if system in channel.adapters:
            served[channel.adapters[system]].append(channel)
    return list(served.items())


def _ids(channels: Iterable[Channel]) -> tuple[ChannelId, ...]:
    return tuple(channel.channel for channel in channels)


def _identities(record: CustomerRecord) -> list[str]:
    values = {
        "account number": record.account_number.strip(),
        "VAT id": re.sub(r"[^A-Z0-9]", "", record.vat_id.upper()),
        "e-mail": record.email.strip().casefold(),
    }
    return [f"{name} {value}" for name, value in values.items() if value]
