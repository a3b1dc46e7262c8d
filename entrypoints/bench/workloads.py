"""What is measured: each carries one order at a time, or many at once, on a worker of its own."""

import json
from abc import ABC, abstractmethod
from typing import Any

from temporalio.client import Client

from domain.errors import OrderError
from domain.ids import ChannelId
from domain.records import OrderState
from entrypoints.bench.floor import Floor
from entrypoints.demo.cart import CATALOGUE, cart, of_articles
from entrypoints.demo.documents import demo_document
from entrypoints.demo.shopper import checkout
from entrypoints.embedded.processes import Child
from entrypoints.intake import Intake, Parked
from workers.settings import Settings

CHANNEL = ChannelId("shop-demo")
PLATFORM = "ordersaga"


class BenchFailed(OrderError):  # noqa: N818  it reads as what happened
    """An order did not go its way; the message names it."""


class Workload(ABC):
    """`name` is that of `figures.TITLES`."""

    def __init__(self, name: str, worker: Child, client: Client) -> None:
        self.name = name
        self.worker = worker
        self.client = client

    @abstractmethod
    async def prepare(self, number: int) -> None:
        """What has happened before the order is ours: not measured."""

    @abstractmethod
    async def carry(self, number: int) -> str:
        """One order from its start to its end; its workflow id."""


class Floors(Workload):
    def __init__(self, name: str, worker: Child, client: Client, task_queue: str) -> None:
        super().__init__(name, worker, client)
        self._task_queue = task_queue

    async def prepare(self, number: int) -> None:
        """Nothing has."""

    async def carry(self, number: int) -> str:
        handle = await self.client.start_workflow(
            Floor.run, id=f"floor:{number}", task_queue=self._task_queue
        )
        await handle.signal(Floor.tell)
        await handle.result()
        return handle.id


class Orders(Workload):
    """Documents of a shop, as in the demo: the n-th of every workload has the same content, under an id of its own."""

    def __init__(
        self, name: str, worker: Child, client: Client, settings: Settings, intake: Intake, *, shipments: int
    ) -> None:
        super().__init__(name, worker, client)
        self._shipments = shipments
        self._settings = settings
        self._intake = intake
        self._documents: dict[int, bytes] = {}

    async def prepare(self, number: int) -> None:
        """The shopper checks out: the shop has the order, the gateway holds its money."""
        document = numbered_document(self.name, number, self._shipments)
        self._documents[number] = await checkout(self._settings, CHANNEL, json.dumps(document).encode())

    async def carry(self, number: int) -> str:
        content = self._documents.pop(number)
        answer = await self._intake.accept(content, channel=CHANNEL, platform=PLATFORM)
        if isinstance(answer, Parked):
            raise BenchFailed(f"order {number} was parked: {answer.problems}")
        state = await self.client.get_workflow_handle(answer.order_id, result_type=OrderState).result()
        if state is not OrderState.COMPLETED:
            raise BenchFailed(f"{answer.order_id} ended as {state}")
        return answer.order_id


def warehouse_of(place: int, shipments: int) -> str:
    """Where the article lies that stands there in the catalogue: so many warehouses, each its shipment."""
    return "main" if shipments == 1 else f"warehouse-{place % shipments + 1}"


def numbered_document(prefix: str, number: int, shipments: int = 1) -> dict[str, Any]:
    """`shipments`: so many lines, each in a warehouse of its own; 1: lines as they come, all in one."""
    content = cart(number, ("EUR",))
    if shipments > 1:
        content = of_articles(content, list(CATALOGUE)[:shipments])
    document = demo_document(content, PLATFORM)
    name = f"{prefix}-{number}"
    return document.document | {"id": name, "number": name}
