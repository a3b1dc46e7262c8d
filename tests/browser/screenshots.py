"""`python -m tests.browser.screenshots` takes the pictures of docs/images anew, whenever the pages say something else."""

import asyncio
import gc
import tempfile
import time
from pathlib import Path

from tests.browser.chromium import opened_page, read
from tests.browser.scene import ATTEMPTS, STORY, scene

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_LEFT, _TOP = 272, 72  # beyond the Web UI's own menus
_SDK_ENDS_SECONDS = 0.5


async def take() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        async with scene(Path(directory)) as seen, opened_page() as page:
            blocked, asking, lists = seen.links(seen.blocked), seen.links(seen.asking), seen.links()
            for picture, url, shown, width, height in (
                ("blocked-orders", lists["blocked on erp"], "of 1", 1110, 250),
                ("blocked-order", blocked[STORY], "Blocked on", 1110, 900),
                ("blocked-order-attempts", blocked[ATTEMPTS], "Next Retry", 565, 450),
                ("order-that-needs-a-person", asking[STORY], "Needs a person", 1110, 900),
            ):
                await read(page, url, shown)
                await page.screenshot(
                    path=IMAGES / f"{picture}.png",
                    clip={"x": _LEFT, "y": _TOP, "width": width, "height": height},
                )


if __name__ == "__main__":
    asyncio.run(take())
    gc.collect()  # the SDK's threads need a moment, or the interpreter aborts
    time.sleep(_SDK_ENDS_SECONDS)
