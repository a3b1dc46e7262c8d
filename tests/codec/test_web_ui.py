"""An encrypted order in Temporal's Web UI, looked at in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.database.engine import open_database
from adapters.database.tokens import ALL_CHANNELS, Tokens
from entrypoints.cli.ui import order_links
from entrypoints.embedded.installation import Installation
from entrypoints.embedded.processes import Child, free_port, python
from tests.e2e.product import document, product
from tests.personal import TRACES, bought_by_her, traces_in
from workers.clock import now

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.async_api import Response

from tests.browser.chromium import CHROMIUM, opened_page, read

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]


@dataclass(frozen=True)
class Seen:
    """An order, and the page where the Web UI shows the message that started it."""

    running: Installation
    url: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    async with product(tmp_path_factory.mktemp("codec")) as running:
        order = await running.take(json.dumps(bought_by_her(json.loads(document("SEEN")))).encode())
        described = await running.temporal.get_workflow_handle(order).describe()
        story = order_links(running.running.settings, described)[0].url
        yield Seen(running.running, story.rpartition("/")[0] + "/history")


async def test_an_encrypted_order_is_shown_decoded(seen: Seen) -> None:
    async with opened_page() as page:
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer) if "/decode" in answer.url else None)
        shown = await read(page, seen.url, '"platform_id": "SEEN"')
        assert "binary/encrypted" not in shown
        # The panel shows of a long message what fits into it; the browser has all of it, since the page was loaded last.
        told = await asyncio.gather(*(answer.body() for answer in answers), return_exceptions=True)
        assert set(TRACES) in [traces_in(body) for body in told if isinstance(body, bytes)]


async def test_where_the_endpoint_wants_a_token_only_who_has_signed_in_reads(
    seen: Seen, tmp_path: Path
) -> None:
    async with guarded(seen.running, tmp_path) as url, opened_page() as page:
        # What TEMPORAL_CODEC_ENDPOINT and TEMPORAL_CODEC_INCLUDE_CREDENTIALS set; the dev server knows no such flag.
        wanted = {"endpoint": url, "includeCredentials": True, "overrideRemoteCodecConfiguration": True}
        await page.goto(seen.running.settings.temporal_ui)
        await page.evaluate(
            "wanted => Object.entries(wanted).forEach(([k, v]) => localStorage.setItem(k, JSON.stringify(v)))",
            wanted,
        )
        answers: list[int] = []
        page.on("response", lambda answer: answers.append(answer.status) if "/decode" in answer.url else None)
        closed = await read(page, seen.url, "Input")
        assert "platform_id" not in closed
        assert set(answers) == {401}
        await page.goto(f"{url}/sign-in")
        await page.fill("input", await _token(seen.running))
        await page.click("button")
        await page.wait_for_url(f"{seen.running.settings.temporal_ui}/**")
        await read(page, seen.url, '"platform_id": "SEEN"')


async def _token(running: Installation) -> str:
    engine = open_database(running.settings.database_url)
    _, token = await Tokens(engine, now).create("ada", "operator", (ALL_CHANNELS,), now() + timedelta(days=1))
    await engine.dispose()
    return token


@asynccontextmanager
async def guarded(running: Installation, logs: Path) -> AsyncIterator[str]:
    """One more endpoint for the same keys, with a token."""
    url = f"http://127.0.0.1:{free_port()}"
    env = {
        "ORDERSAGA_SETTINGS": str(running.directory / "settings.json"),
        "ORDERSAGA_CODEC_URL": url,
        "ORDERSAGA_CODEC_SIGN_IN": "true",
    }
    child = Child("codec", python("-m", "entrypoints.cli", "codec"), log=logs / "codec.log", env=env)

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        except ConnectionRefusedError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    await child.start(answers)
    yield url
    await child.stop()
    assert await child.ended() == 0
