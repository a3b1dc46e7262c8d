"""Debian's Chromium, which looks at the Web UI as a person does."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Error, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
_WIDTH, _HEIGHT = 1400, 1000
PATIENCE_SECONDS = 60  # two cores may be shared by many tests
_RELOAD_SECONDS = 15
_LOOK_SECONDS = 0.2


@asynccontextmanager
async def opened_page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        page = await browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page
        await browser.close()


async def read(page: Page, url: str, *until: str | re.Pattern[str]) -> str:
    """The visible text of a page, once it shows all of these words: the Web UI fills its pages after they are there.

    What an order says of itself is Markdown, which the Web UI shows in a frame of its own. What it asked of a worker that was
    busy it does not ask again: people press reload then.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await page.goto(url)
            reload_at = asyncio.get_running_loop().time() + _RELOAD_SECONDS
            while asyncio.get_running_loop().time() < reload_at:
                text = await _text(page)
                if all(words in text if isinstance(words, str) else words.search(text) for words in until):
                    return text
                await asyncio.sleep(_LOOK_SECONDS)


async def _text(page: Page) -> str:
    texts = []
    for frame in page.frames:
        try:
            texts.append(await frame.locator("body").inner_text())
        except Error:  # it was replaced meanwhile
            continue
    return "\n".join(texts)
