"""One effect, tried until it is done or refused: what it means that its system does not answer, and what people can press."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from activities.steps import step_of
    from domain.attention import Action, Blocked
    from domain.policies import OrderPolicies
    from workflows.story import Story
    from workflows.todo import Todo, business_error_or_outage, was_cut_off

R = TypeVar("R")

# Hears of an outage as it begins, and can ask whether it is over.
OnOutage = Callable[[Blocked, Callable[[], bool]], None]


@dataclass
class Stuck:
    """A blocked effect, and what somebody wants of it."""

    mark: Blocked
    pressed: Action | None = None
    over: bool = False

    def begun_anew(self) -> None:
        self.pressed = None


class Attempts:
    def __init__(self, story: Story, on_outage: OnOutage) -> None:
        self.story = story
        self.document = story.document
        self.on_outage = on_outage
        self.policies = OrderPolicies(adapters={})  # until the channel's are resolved
        self.stuck: list[Stuck] = []
        self.under_way = 0

    async def carry_out(self, todo: Todo[R]) -> R:
        """The first run is bounded by the attention delay, so that the happy path pays for no timer."""
        bound = timedelta(seconds=self.policies.attention_seconds)
        try:
            return await self.attempt(todo, bound=bound)
        except ActivityError as error:
            return await self._carry_on_blocked(todo, business_error_or_outage(error))

    async def _carry_on_blocked(self, todo: Todo[R], last_error: str) -> R:
        step = step_of(todo.method)
        can = (Action.RETRY, Action.SKIP, Action.CANCEL) if todo.may_skip else (Action.RETRY, Action.CANCEL)
        mark = Blocked(
            system=step.system, step=todo.summary, since=workflow.now(), last_error=last_error, can=can
        )
        stuck = Stuck(mark)
        self.document.blocked.append(mark)
        self.stuck.append(stuck)
        self.story.note(f"blocked: {step.system} does not answer ({todo.summary})")
        self.on_outage(mark, lambda: stuck.over)
        answered = False
        try:
            result = await self._until_answered(todo, stuck)
            answered = stuck.pressed is not Action.SKIP
        except ActivityError as error:
            answered = not was_cut_off(error)
            business_error_or_outage(error)
            raise
        else:
            return result
        finally:
            stuck.over = True
            self.stuck.remove(stuck)
            self.document.blocked.remove(mark)
            if answered:
                self.story.note(f"{mark.system} answers again")
            self.story.show()

    async def _until_answered(self, todo: Todo[R], stuck: Stuck) -> R:
        """Somebody may press for another attempt at once, which begins the intervals anew, or go on without."""
        while True:
            # The last attempt of the bounded run may still be on its way.
            await asyncio.sleep(self.policies.request_seconds_max)
            if stuck.pressed is Action.SKIP:
                return cast("R", None)
            stuck.begun_anew()
            try:
                return await self._pressed(asyncio.create_task(self.attempt(todo, bound=None)), stuck)
            except ActivityError as error:
                if stuck.pressed is None or not was_cut_off(error):
                    raise

    async def _pressed(self, attempts: asyncio.Task[R], stuck: Stuck) -> R:
        """The attempts, to their end; cut off when somebody presses."""
        try:
            await workflow.wait_condition(lambda: attempts.done() or stuck.pressed is not None)
        except asyncio.CancelledError:
            stuck.pressed = None  # cut off for good
        if not attempts.done():
            attempts.cancel()
        return await attempts

    async def attempt(self, todo: Todo[R], *, bound: timedelta | None) -> R:
        self.under_way += 1
        try:
            return await self._activity(todo, bound)
        finally:
            self.under_way -= 1

    async def _activity(self, todo: Todo[R], bound: timedelta | None) -> R:
        policies = self.policies
        result: R = await workflow.execute_activity(
            todo.method,  # type: ignore[arg-type]  # the SDK knows methods by their classes, not bound to Any
            todo.call,
            activity_id=todo.name,
            summary=todo.summary,
            task_queue=policies.task_queues.get(step_of(todo.method).system),
            schedule_to_close_timeout=bound,
            start_to_close_timeout=timedelta(seconds=policies.attempt_seconds),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=policies.retry_seconds_min),
                maximum_interval=timedelta(seconds=policies.retry_seconds_max),
            ),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return result
