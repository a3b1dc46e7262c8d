"""The recorded histories: one per way that an order goes. Orders of the last release run on with this code."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.workflows import flows
from tests.workflows.story import Story
from tests.workflows.world import World

FOLDER = Path(__file__).parent / "histories"
FLOWS: dict[str, Callable[[World], Awaitable[Story]]] = {
    "settled": flows.settled,
    "cancelled_while_picking": flows.cancelled_while_picking,
    "cancelled_with_labels": flows.cancelled_with_labels,
    "cancelled_at_the_deadline": flows.cancelled_at_the_deadline,
    "erp_down_for_a_while": flows.erp_down_for_a_while,
    "capture_declined_and_mended": flows.capture_declined_and_mended,
    "refused_by_the_erp": flows.refused_by_the_erp,
}
