"""Which worker does what: the queue of the orders, and those that channels give to single systems."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from activities.incidents import IncidentActivities
from activities.steps import step_of
from activities.sweeps_orders import OrderSweepActivities
from domain.errors import Refused
from domain.ids import System
from workers.settings import Settings

Activity = Callable[..., Any]


def served(
    settings: Settings, activities: Iterable[Activity], queue: str | None
) -> Mapping[str, list[Activity]]:
    """The activities of each queue: of all queues, or of one. Refused when nothing of these settings comes to it.

    A channel's policies name the queues of its systems (`task_queues`); what has none is asked for on the orders' own.
    So is always what schedules ask for: our database, the telling of incidents, and the looking after orders.
    """
    main = settings.task_queue
    named = [channel.policies.task_queues for channel in settings.channels.values()] or [{}]
    by_queue: dict[str, list[Activity]] = defaultdict(list, {main: []})
    for activity in activities:
        system = step_of(activity).system
        holder = getattr(activity, "__self__", None)
        ours = system is System.DATABASE or isinstance(holder, IncidentActivities | OrderSweepActivities)
        wanted = {queues.get(system, main) for queues in named} | ({main} if ours else set())
        for name in wanted:
            by_queue[name].append(activity)
    if queue is None:
        return by_queue
    if queue not in by_queue:
        raise Refused(
            f"nothing is asked for on the queue {queue!r}; the settings have: {', '.join(sorted(by_queue))}"
        )
    return {queue: by_queue[queue]}
