"""A simulated world of its own for a test: a real process on a free port, restartable on the same state."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
SECRET = "whsec-of-the-tests"
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
LOOK_SECONDS = 0.05


class Simulator:
    """`options` are those of `python -m adapters.simulated`, as keywords: pick_seconds="off"."""

    def __init__(self, state: Path, **options: str | float) -> None:
        self._state = state
        self._options = options
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self._http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def start(self) -> None:
        """Serve, on the same port and state as before; back when it answers."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._options.items()]
        command = [
            sys.executable,
            "-m",
            "adapters.simulated",
            f"--port={self._port}",
            f"--state={self._state}",
        ]
        log = self._state.with_suffix(".log")
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *options], cwd=ROOT, stdout=output, stderr=output, env=dict(os.environ)
            )
        wait_until(self._answers, START_SECONDS_MAX, lambda: f"no simulator: {log.read_text()}")

    def stop(self) -> None:
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """As a power cut would: no goodbye."""
        self._end(subprocess.Popen.kill)

    def close(self) -> None:
        self.stop()
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request of the world's side; AssertionError shows the answer that is not a success."""
        response = self._http.request(method, path, json=body, params=query or None)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    def books(self, *about: str) -> dict[str, Any]:
        """Of those orders, articles and customers alone, if they are named: the books of a thousand orders are long."""
        books: dict[str, Any] = self.call("GET", "/books", about=about)
        return books

    def fault(self, system: str, kind: str, operation: str = "*", **more: float | str | None) -> None:
        self.call("PUT", f"/faults/{system}", {"kind": kind, "operation": operation, **more})

    def clear_faults(self) -> None:
        self.call("DELETE", "/faults")

    def stock(self, **on_hand: int) -> None:
        """Units on hand; a SKU's "-" is written "_"."""
        self.call(
            "PUT", "/world/stock", {"on_hand": {sku.replace("_", "-"): n for sku, n in on_hand.items()}}
        )

    def place_order(
        self,
        order_id: str,
        lines: list[dict[str, Any]],
        total: dict[str, str],
        *,
        document: dict[str, Any] | None = None,
        shipping: dict[str, str] | None = None,
        payment: dict[str, Any] | None = None,
        payments: list[dict[str, Any]] | None = None,
        platform: str = "connector",
    ) -> str | None:
        """The shopper orders; the gateway's reference of the first payment, if there is one."""
        placed = self.call(
            "POST",
            "/world/orders",
            {
                "channel": order_id.split(":")[1],
                "platform": platform,
                "order_id": order_id,
                "document": document or {},
                "lines": lines,
                "total": total,
                "shipping": shipping,
                "payment": payment,
                "payments": payments or [],
            },
        )
        reference: str | None = placed["payment"]
        return reference

    def pick(self, shipment: str | None = None) -> list[str]:
        return self._move("/world/warehouse/pick", shipment)

    def pack(self, shipment: str | None = None) -> list[str]:
        return self._move("/world/warehouse/pack", shipment)

    def ship(self, shipment: str | None = None) -> list[str]:
        return self._move("/world/warehouse/ship", shipment)

    def deliver(self, shipment: str | None = None) -> list[str]:
        return self._move("/world/carrier/deliver", shipment)

    def _move(self, path: str, shipment: str | None) -> list[str]:
        moved: list[str] = self.call("POST", path, {"shipment_id": shipment})["shipments"]
        return moved

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended: {self._state.with_suffix('.log').read_text()}"
        try:
            return self._http.get("/livez").is_success
        except httpx.TransportError:
            return False

    def _end(self, how: Any) -> None:
        if self._process is None:
            return
        how(self._process)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS_MAX)
        self._process = None


@contextmanager
def simulator(directory: Path, **options: str | float) -> Iterator[Simulator]:
    """A running world whose state lies in the directory. Deterministic with pick_seconds="off", deliver_seconds="off"."""
    world = Simulator(directory / "simulated.sqlite", **options)
    try:
        world.start()
        yield world
    finally:
        world.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    true: Any,
    seconds_max: float,
    why: Any = lambda: "it never came true",
    *,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Look until the condition holds; AssertionError with `why()` when it does not in time."""
    deadline = time.perf_counter() + seconds_max
    while not true():
        assert time.perf_counter() < deadline, why()
        time.sleep(look_seconds)
