from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import Inbox
from adapters.database.schema import InboxKind, InboxState
from domain.ids import ChannelId
from tests.e2e.product import until
from workers.retention import forgetting
from workers.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_running_worker_forgets_what_is_older_than_its_settings_say(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/orders.db", inbox_retention_days=30)
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    times = [NOON]
    inbox = Inbox(engine, lambda: times[-1])
    for day in (0, 29):
        times.append(NOON + timedelta(days=day))
        stored = await inbox.store(
            InboxKind.WEBHOOK, channel=ChannelId("shop"), system="erp", key=str(day), body=b"Ada", headers={}
        )
        await inbox.mark_forwarded(stored.id)
    async with forgetting(settings, lambda: NOON + timedelta(days=31), every_seconds=0.01):

        async def forgotten() -> bool:
            return b"" in {item.body for item in await inbox.list()}

        await until(forgotten)
    assert [item.body for item in await inbox.list(InboxState.FORWARDED)] == [b"Ada", b""]
    await engine.dispose()


async def test_a_database_that_is_away_stops_no_worker(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/not-migrated.db")
    with capture_logs() as logs:
        async with forgetting(settings, lambda: NOON, every_seconds=0.01):

            async def said() -> bool:
                return len(logs) > 1

            await until(said)
    assert {entry["log_level"] for entry in logs} == {"warning"}


def test_words_cannot_be_kept_for_less_than_a_week_of_resends() -> None:
    with pytest.raises(ValueError, match="inbox_retention_days"):
        Settings(inbox_retention_days=1)
