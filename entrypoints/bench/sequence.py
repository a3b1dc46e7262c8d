"""The same order with every effect alone and in sequence: what it would cost without `Owner.together`."""

from typing import Any

from temporalio import workflow

from domain.orders import PlacedOrder
from domain.records import OrderState
from workflows.order import Order
from workflows.owner import Owner, Todo


class OneByOne(Owner):
    async def together(self, *todos: Todo[Any]) -> tuple[Any, ...]:
        return tuple([await self.do(todo) for todo in todos])


@workflow.defn(name="Order")
class OrderInSequence(Order):
    @workflow.init
    def __init__(self, placed: PlacedOrder) -> None:
        super().__init__(placed)
        self.owner.__class__ = OneByOne  # everything the order is made of holds this owner already

    @workflow.run
    async def run(self, placed: PlacedOrder) -> OrderState:
        return await super().run(placed)
