"""The receiver as a process that is killed, stopped and started again."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import create_server

import httpx
import pytest
from temporalio.client import WorkflowHandle

from adapters.connector.signatures import HEADER, sign
from adapters.database.schema import InboxState
from domain.ids import System
from tests.entrypoints.order_workflow import QUEUE, StandInOrder, temporal
from tests.entrypoints.receiving import SHOP, document, order, receiver, until
from workers.temporal import start_order

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = "whsec_of_the_erp"
NOBODY = "127.0.0.1:1"  # where no Temporal answers
_PATIENCE_SECONDS = 90  # a process takes seconds of CPU to import what it needs


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class ReceiverProcess:
    def __init__(self, folder: Path, temporal: str) -> None:
        self.sent = b""
        self.address = f"http://127.0.0.1:{_free_port()}"
        arguments = [f"sqlite:///{folder}/orders.db", temporal, self.address.rpartition(":")[2], SECRET]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.entrypoints.receiver_process", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def is_ready(self) -> None:
        async with httpx.AsyncClient(base_url=self.address) as http:

            async def answers() -> bool:
                assert self.process.poll() is None, "the receiver ended"
                try:
                    return (await http.get("/readyz")).is_success
                except httpx.ConnectError:
                    return False

            await until(answers, seconds=_PATIENCE_SECONDS)

    async def send(self, event_id: str) -> httpx.Response:
        event = {"event_id": event_id, "event": "order_changed", "system": "erp", "order_id": order("1")}
        now = datetime.now(UTC)  # noqa: TID251  the process under test looks at the same clock
        body = json.dumps(event | {"occurred_at": now.isoformat()}).encode()
        self.sent = body
        async with httpx.AsyncClient(base_url=self.address) as http:
            headers = {HEADER: sign(SECRET, body, now)}
            return await http.post(f"/webhooks/{SHOP}/erp", content=body, headers=headers)

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Its exit code and what it wrote."""
        self.process.send_signal(how)
        written, _ = self.process.communicate(timeout=30)
        return self.process.returncode, written


@contextmanager
def process(folder: Path, temporal: str) -> Iterator[ReceiverProcess]:
    running = ReceiverProcess(folder, temporal)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


async def test_what_a_killed_receiver_acknowledged_reaches_its_order_after_the_restart(
    tmp_path: Path,
) -> None:
    async with receiver(tmp_path) as world, temporal() as environment:
        world.intake = world.intake_with(partial(start_order, environment.client, task_queue=QUEUE))
        await world.accept(document("1"))
        with process(tmp_path, NOBODY) as killed:
            await killed.is_ready()
            answer = await killed.send("evt_1")
            assert answer.status_code == 202
            assert killed.end(signal.SIGKILL)[0] == -signal.SIGKILL
        inbox_id = answer.json()["inbox_id"]
        assert (await world.item(inbox_id)).state is InboxState.WAITING

        async def forwarded() -> bool:
            return (await world.item(inbox_id)).state is InboxState.FORWARDED

        server = environment.client.service_client.config.target_host
        with process(tmp_path, server) as restarted:
            await restarted.is_ready()
            assert (await restarted.send("evt_1")).status_code == 200
            await until(forwarded, seconds=_PATIENCE_SECONDS)
            assert restarted.end(signal.SIGTERM) == (0, "stopped in order\n")
        handle: WorkflowHandle[StandInOrder, str] = environment.client.get_workflow_handle_for(
            StandInOrder.run, order("1")
        )
        assert await handle.query(StandInOrder.told) == [System.ERP]


async def test_a_receiver_that_is_interrupted_keeps_what_it_took_and_stops_in_order(tmp_path: Path) -> None:
    async with receiver(tmp_path) as world:
        with process(tmp_path, NOBODY) as stopped:
            await stopped.is_ready()
            answer = await stopped.send("evt_1")
            assert answer.status_code == 202
            assert stopped.end(signal.SIGINT) == (0, "stopped in order\n")
        assert (await world.item(answer.json()["inbox_id"])).body == stopped.sent
