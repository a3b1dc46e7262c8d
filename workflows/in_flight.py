"""What was asked of systems and has not been answered yet."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows.requests import Superseded


@dataclass
class _Running:
    """Effects of one step. `superseded`: they were ended because the order is being amended."""

    tasks: Sequence[asyncio.Task[Any]]
    superseded: bool = False


class InFlight:
    def __init__(self) -> None:
        self._steps: list[_Running] = []

    def __len__(self) -> int:
        return len(self._steps)

    @contextmanager
    def counted(self, tasks: Sequence[asyncio.Task[Any]]) -> Iterator[None]:
        """While the caller waits for them. Superseded: an amendment ended them, and not the caller's own end."""
        caller = asyncio.current_task()
        running = _Running(tasks)
        self._steps.append(running)
        try:
            yield
        except (ActivityError, asyncio.CancelledError) as ended:
            if running.superseded and not (caller and caller.cancelling()):
                raise Superseded from ended
            raise
        finally:
            self._steps.remove(running)

    def supersede(self) -> None:
        """End them all."""
        for running in self._steps:
            running.superseded = True
            for task in running.tasks:
                task.cancel()
