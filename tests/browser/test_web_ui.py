"""What an operator sees in Temporal's Web UI, looked at in a real browser by the links of `ordersaga ui`."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.ids import System
from entrypoints.cli.commands import COMMANDS
from tests.browser.scene import ATTEMPTS, STORY, Scene, scene
from tests.e2e.commands import ordersaga

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.async_api import Page

from tests.browser.chromium import CHROMIUM, opened_page, read

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with scene(tmp_path_factory.mktemp("browser")) as playing:
        yield playing


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    async with opened_page() as opened:
        yield opened


async def test_the_page_of_a_blocked_order_tells_what_it_waits_for_since_when_and_what_a_person_can_do(
    seen: Scene, page: Page
) -> None:
    story = await read(page, seen.links(seen.blocked)[STORY], "Blocked on")
    (blocked,) = (await seen.document(seen.blocked)).blocked
    assert f"Blocked on {System.ERP}" in story
    assert f"since {blocked.since:%Y-%m-%d %H:%M} UTC" in story
    assert "unavailable, down for the moment" in story
    commands = re.findall(rf"ordersaga (\w+) (.+) {seen.blocked}", story)
    assert {command for command, _ in commands} <= COMMANDS.keys()
    assert {words.split()[-1] for _, words in commands} == {"retry", "cancel"}


@pytest.mark.long
async def test_the_page_of_a_blocked_order_tells_when_it_is_tried_again(seen: Scene, page: Page) -> None:
    # The failure is encrypted, and shown once the codec endpoint has answered; while an attempt is made there is no next one.
    attempts = await read(
        page,
        seen.links("BLOCKED")[ATTEMPTS],
        "unavailable, down for the moment",
        re.compile(r"Next Retry\s+\w{3} \d+, \d{4}, \d+:\d\d:\d\d"),
    )
    assert "register_customer_in_erp" in attempts
    assert re.search(r"Attempt\s+\d+\s+/\s+unlimited", attempts, re.IGNORECASE)


@pytest.mark.long
async def test_the_page_of_a_held_order_tells_who_holds_it_and_how_it_goes_on(
    seen: Scene, page: Page
) -> None:
    story = await read(page, seen.links(seen.held)[STORY], "On hold")
    assert "by customer service" in story
    assert f"ordersaga orders release {seen.held}" in story


async def test_the_page_of_an_order_that_needs_a_person_tells_why(seen: Scene, page: Page) -> None:
    story = await read(page, seen.links("ASKING")[STORY], "Needs a person")
    assert "NOBODY-KNOWS" in story
    assert f"ordersaga attention resolve correct --correction FILE {seen.asking}" in story


@pytest.mark.long
async def test_each_link_lists_the_orders_that_it_names_and_no_others(seen: Scene, page: Page) -> None:
    everybody = {seen.blocked, seen.asking, seen.held, seen.quiet}
    wanted = {
        "needs a person": {seen.asking},
        "blocked": {seen.blocked},
        "blocked on erp": {seen.blocked},
        "blocked on payments": set(),
        "on hold": {seen.held},
        "open": everybody,
        "cannot go on with this code": set(),
    }
    urls = seen.links()
    assert {f"blocked on {system}" for system in System} | wanted.keys() == urls.keys()
    for name, orders in wanted.items():
        shown = await read(page, urls[name], f"of {len(orders)}" if orders else "No Workflows")
        assert {order for order in everybody if order in shown} == orders, name


async def test_an_order_that_temporal_does_not_have_is_told_in_words(seen: Scene) -> None:
    answer = ordersaga("ui", 'no"such', settings=seen.directory / "settings.json")
    assert answer.code == 1
    assert 'Temporal has no order no"such' in answer.err
