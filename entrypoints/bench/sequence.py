"""The same order with every effect alone and in sequence: what it would cost if nothing of it ran together."""

import asyncio
from datetime import timedelta
from functools import cached_property
from typing import TypeVar

from temporalio import workflow

from domain.records import OrderState
from workflows.attempts import Attempts
from workflows.next_run import Beginning
from workflows.order import Order
from workflows.todo import Todo

R = TypeVar("R")


class OneByOne(Attempts):
    """Whatever the order lets run together waits for its turn here."""

    @cached_property
    def _turn(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def attempt(self, todo: Todo[R], *, bound: timedelta | None) -> R:
        async with self._turn:
            return await super().attempt(todo, bound=bound)


@workflow.defn(name="Order")
class OrderInSequence(Order):
    @workflow.init
    def __init__(self, begun_with: Beginning) -> None:
        super().__init__(begun_with)
        self.owner.answers.attempts.__class__ = OneByOne  # the order's parts hold these already

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:
        return await super().run(begun_with)
