"""What is found before go-live: groups of duplicate customers, and articles that some side does not know."""

import time
from collections.abc import Sequence
from typing import TypeVar

from domain.customers import Article, CustomerRecord, Page
from domain.errors import Unavailable
from domain.ids import ChannelId, CustomerRef, Sku, System
from entrypoints.checks import TITLE, WHAT_TO_DO, Channel, Kind, Report, Sources, check, duplicates

T = TypeVar("T")

PAGE_LENGTH = 1000
ADAPTERS = {System.ERP: "books", System.CRM: "contacts", System.STOREFRONT: "shop"}


class Lists:
    """An ERP, CRM or shop with these lists; counts how often it is asked for a page."""

    def __init__(self, customers: Sequence[CustomerRecord] = (), articles: Sequence[Article] = ()) -> None:
        self._customers, self._articles = customers, articles
        self.asked = 0

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        return self._page(self._customers, after)

    async def articles(self, after: str | None) -> Page[Article]:
        return self._page(self._articles, after)

    def _page(self, items: Sequence[T], after: str | None) -> Page[T]:
        self.asked += 1
        start = int(after or 0)
        more = start + PAGE_LENGTH
        return Page(items=tuple(items[start:more]), next_after=str(more) if more < len(items) else None)


class Away(Lists):
    def _page(self, items: Sequence[T], after: str | None) -> Page[T]:
        del items, after
        raise Unavailable("cannot be reached")


class Endless(Lists):
    def _page(self, items: Sequence[T], after: str | None) -> Page[T]:
        del after
        return Page(items=tuple(items), next_after="again")


def record(customer: str, *, account: str = "", vat: str = "", email: str = "") -> CustomerRecord:
    return CustomerRecord(customer=CustomerRef(customer), account_number=account, vat_id=vat, email=email)


def article(reference: str, sku: str | None, name: str = "") -> Article:
    return Article(reference=reference, sku=Sku(sku) if sku else None, name=name)


def channel(name: str = "shop-de", skus: dict[str, str] | None = None, **adapters: str) -> Channel:
    mapped = {key: Sku(sku) for key, sku in (skus or {}).items()}
    chosen = ADAPTERS | {System(system): adapter for system, adapter in adapters.items()}
    return Channel(channel=ChannelId(name), adapters=chosen, skus=mapped)


async def found(
    *channels: Channel, erp: Lists | None = None, crm: Lists | None = None, shop: Lists | None = None
) -> Report:
    sources = Sources({"shop": shop or Lists()}, {"books": erp or Lists()}, {"contacts": crm or Lists()})
    return await check(channels or [channel()], sources, lambda _what, _count: None)


def told(report: Report) -> list[tuple[Kind, str, tuple[str, ...]]]:
    return [(finding.kind, finding.subject, finding.records) for finding in report.findings]


# -- customers


def test_customers_are_duplicates_however_their_identities_are_written() -> None:
    groups = duplicates(
        [
            record("1", account=" A-1 "),
            record("2", vat="DE 123.456-789"),
            record("3", email="Ada@Example.com"),
            record("4", account="A-1"),
            record("5", vat="de123456789"),
            record("6", email=" ada@example.COM"),
            record("7", account="a-1", vat="DE123456780", email="bob@example.com"),
        ]
    )
    assert groups == [
        (["account number A-1"], ["1", "4"]),
        (["VAT id DE123456789"], ["2", "5"]),
        (["e-mail ada@example.com"], ["3", "6"]),
    ]


def test_records_that_are_linked_through_different_identities_are_one_group() -> None:
    groups = duplicates(
        [
            record("1", vat="DE1", email="a@example.com"),
            record("2", email="b@example.com", account="7"),
            record("3", email="c@example.com"),
            record("4", vat="DE1", email="b@example.com"),
            record("5", account="7"),
        ]
    )
    assert groups == [(["VAT id DE1", "e-mail b@example.com", "account number 7"], ["1", "4", "2", "5"])]


def test_a_customer_with_several_addresses_is_no_duplicate_of_itself() -> None:
    several = [record("1", email="a@example.com"), record("1", email="b@example.com", vat="DE1")]
    assert duplicates([*several, *several]) == []
    assert duplicates([*several, record("2", email="B@example.com")]) == [
        (["e-mail b@example.com"], ["1", "2"])
    ]


def test_records_without_any_identity_have_nothing_in_common() -> None:
    assert duplicates([record("1"), record("2", vat=" . ", email=" ")]) == []


async def test_erp_and_crm_are_each_looked_through_once_for_all_their_channels() -> None:
    twins = [record("1", email="a@example.com"), record("2", email="a@example.com")]
    erp, crm = Lists(twins), Lists(twins)
    report = await found(channel("de"), channel("fr"), erp=erp, crm=crm)
    assert [(finding.system, finding.adapter, finding.channels) for finding in report.findings] == [
        (System.ERP, "books", ("de", "fr")),
        (System.CRM, "contacts", ("de", "fr")),
    ]
    assert (erp.asked, crm.asked) == (2, 1)  # customers and articles; customers


async def test_twenty_thousand_customers_take_seconds() -> None:
    many = [record(str(n), vat=f"DE{n % 19_000}", email=f"{n}@example.com") for n in range(20_000)]
    erp = Lists(many)
    begun = time.perf_counter()
    report = await found(erp=erp)
    assert time.perf_counter() - begun < 5
    assert len(report.findings) == 1000
    assert report.read["customers of erp books"] == 20_000
    assert erp.asked == 21


# -- articles


async def test_shop_articles_must_lead_to_an_article_of_the_erp() -> None:
    erp = Lists(articles=[article("1", "MUG"), article("2", "TEA")])
    shop = Lists(
        articles=[
            article("variant:1", "MUG"),
            article("variant:2", "CUP"),
            article("variant:3", None, "Lamp"),
            article("variant:4", None, "Tea"),
        ]
    )
    report = await found(channel(skus={"variant:4": "TEA", "variant:2": "MUG"}), erp=erp, shop=shop)
    assert told(report) == [
        (Kind.ARTICLE_UNKNOWN, "CUP", ("variant:2",)),  # its mapping does not count: it has a SKU
        (Kind.ARTICLE_WITHOUT_SKU, "Lamp", ("variant:3",)),
    ]


async def test_a_mapping_must_lead_to_an_article_of_the_erp() -> None:
    erp = Lists(articles=[article("1", "MUG")])
    report = await found(channel(skus={"variant:1": "MUG", "product:2": "GONE"}), erp=erp)
    assert told(report) == [(Kind.MAPPING_TO_NOWHERE, "GONE", ("product:2",))]


async def test_a_sku_belongs_to_one_article_of_the_erp() -> None:
    erp = Lists(articles=[article("1", "MUG"), article("2", "TEA"), article("3", "MUG"), article("4", None)])
    assert told(await found(erp=erp)) == [(Kind.SKU_TWICE, "MUG", ("1", "3"))]


async def test_channels_of_one_shop_have_mappings_of_their_own() -> None:
    shop = Lists(articles=[article("variant:1", None, "Mug")])
    mapped = channel("de", skus={"variant:1": "MUG"})
    report = await found(mapped, channel("fr"), erp=Lists(articles=[article("1", "MUG")]), shop=shop)
    assert [(finding.kind, finding.channels) for finding in report.findings] == [
        (Kind.ARTICLE_WITHOUT_SKU, ("fr",))
    ]
    assert shop.asked == 1


# -- what cannot be read


async def test_a_list_that_cannot_be_read_is_told_and_the_others_are_checked() -> None:
    twins = [record("1", email="a@example.com"), record("2", email="a@example.com")]
    shop = Lists(articles=[article("variant:1", "MUG"), article("variant:2", None)])
    report = await found(erp=Away(), crm=Lists(twins), shop=shop)
    assert [(unread.what, unread.why, unread.channels) for unread in report.unread] == [
        ("customers of erp books", "cannot be reached", ("shop-de",)),
        ("articles of erp books", "cannot be reached", ("shop-de",)),
    ]
    assert [finding.kind for finding in report.findings] == [
        Kind.DUPLICATE_CUSTOMERS,
        Kind.ARTICLE_WITHOUT_SKU,  # whether the ERP knows the mug cannot be told
    ]


async def test_a_list_that_leads_back_to_itself_is_left() -> None:
    report = await found(crm=Endless([record("1")]))
    (unread,) = report.unread
    assert unread.why == "its pages do not come to an end"


async def test_a_channel_without_a_crm_is_checked_all_the_same() -> None:
    bare = Channel(channel=ChannelId("bare"), adapters={System.ERP: "books"}, skus={})
    report = await found(bare)
    assert (report.findings, report.unread) == ((), ())
    assert set(report.read) == {"customers of erp books", "articles of erp books"}


def test_every_kind_of_finding_says_what_to_do() -> None:
    assert set(TITLE) == set(WHAT_TO_DO) == set(Kind)
