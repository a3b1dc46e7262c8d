"""Tokens and the audit trail, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import RowRefused, migrate, open_database, reading
from adapters.database.schema import TokenRow
from adapters.database.tokens import ALL_CHANNELS, PREFIX, Tokens
from adapters.database.trail import Deed, KeyReused, Trail, Verdict
from domain.ids import ChannelId
from tests.postgres import KINDS, migrated_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHOP, OTHER = ChannelId("shop-de"), ChannelId("shop-at")
HOLD = Deed(
    actor="ada",
    role="operator",
    action="orders.hold",
    channel=SHOP,
    order_id="order:shop-de:1",
    command="h-1",
)


class Clock:
    time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = await asyncio.to_thread(migrated_url, request.param, tmp_path)
    await migrate(url)
    engine = open_database(url)
    yield engine
    await engine.dispose()


@pytest.fixture
def tokens(engine: AsyncEngine, clock: Clock) -> Tokens:
    return Tokens(engine, clock)


@pytest.fixture
def trail(engine: AsyncEngine, clock: Clock) -> Trail:
    return Trail(engine, clock)


async def test_a_token_is_known_until_it_expires(tokens: Tokens, clock: Clock) -> None:
    made, token = await tokens.create("till", "storefront", (SHOP, OTHER), NOON + DAY)
    assert token.startswith(PREFIX)
    assert await tokens.valid(token) == made == await tokens.get(made.number)
    assert (made.channels, made.created_at, made.expires_at) == ((SHOP, OTHER), NOON, NOON + DAY)
    assert await tokens.valid(f"{token}x") is None
    clock.time = NOON + DAY
    assert await tokens.valid(token) is None


async def test_a_revoked_token_opens_nothing_and_stays_listed(tokens: Tokens, clock: Clock) -> None:
    (first, kept), (second, token) = [
        await tokens.create(name, "operator", (ALL_CHANNELS,), NOON + DAY) for name in ("one", "two")
    ]
    assert await tokens.revoke(second.number)
    clock.time += timedelta(hours=1)
    assert await tokens.revoke(second.number), "as often as one likes"
    assert not await tokens.revoke(second.number + 1)
    assert await tokens.valid(token) is None
    assert await tokens.valid(kept) == first
    assert [(one.number, one.revoked_at) for one in await tokens.list()] == [
        (second.number, NOON),
        (first.number, None),
    ]


async def test_the_database_does_not_know_the_token(tokens: Tokens, engine: AsyncEngine) -> None:
    _, token = await tokens.create("till", "storefront", (SHOP,), NOON + DAY)
    async with reading(engine) as connection:
        row = (await connection.execute(select(TokenRow))).one()
    assert token.removeprefix(PREFIX) not in str(row)


async def test_a_command_that_is_repeated_is_one_entry_also_when_all_come_at_once(trail: Trail) -> None:
    entries = await asyncio.gather(*(trail.begin(HOLD) for _ in range(10)))
    assert len(set(entries)) == 1
    with pytest.raises(KeyReused):
        await trail.begin(HOLD.model_copy(update={"digest": "another"}))
    assert await trail.begin(HOLD.model_copy(update={"order_id": "order:shop-de:2"})) != entries[0]


async def test_an_entry_says_what_became_of_it(trail: Trail) -> None:
    entry = await trail.begin(HOLD)
    asked = await trail.command(HOLD.order_id, "h-1")
    assert asked is not None
    assert (asked.outcome, asked.at, asked.actor) == (Verdict.ASKED, NOON, "ada")
    await trail.end(entry, Verdict.REFUSED, "too_late")
    told = await trail.command(HOLD.order_id, "h-1")
    assert told is not None
    assert (told.id, told.outcome, told.code) == (entry, Verdict.REFUSED, "too_late")
    assert await trail.command(HOLD.order_id, "h-2") is None


async def test_what_was_denied_may_be_given_again_under_its_id(trail: Trail) -> None:
    for _ in range(2):
        await trail.deny(HOLD, "forbidden")
    await trail.begin(HOLD)
    assert [one.outcome for one in await trail.page()] == [Verdict.ASKED, Verdict.DENIED, Verdict.DENIED]


async def test_a_page_is_of_what_was_asked_for_the_newest_first(trail: Trail) -> None:
    for number in range(4):
        channel, actor = (SHOP, "ada") if number % 2 else (OTHER, "bob")
        await trail.begin(
            HOLD.model_copy(update={"command": f"h-{number}", "channel": channel, "actor": actor})
        )
    commands = [one.command for one in await trail.page()]
    assert commands == ["h-3", "h-2", "h-1", "h-0"]
    assert [one.command for one in await trail.page(channels=[SHOP])] == ["h-3", "h-1"]
    assert await trail.page(channels=[]) == ()
    assert [one.command for one in await trail.page(actor="bob")] == ["h-2", "h-0"]
    first, second = await trail.page(limit=2)
    assert [one.command for one in await trail.page(before=second.id)] == ["h-1", "h-0"]
    assert await trail.page(outcome=Verdict.DONE, before=first.id) == ()


async def test_what_does_not_fit_is_refused_without_its_words(engine: AsyncEngine, trail: Trail) -> None:
    """SQLite takes text of any length."""
    long = HOLD.model_copy(update={"actor": "ada lovelace" * 100})
    if engine.dialect.name == "sqlite":
        await trail.begin(long)
        return
    with pytest.raises(RowRefused) as refused:
        await trail.begin(long)
    assert "lovelace" not in str(refused.value)
