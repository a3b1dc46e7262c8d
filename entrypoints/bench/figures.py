"""What the bench measures, and what is aimed at."""

from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from domain.base import Value

FLOOR, ORDER, SEQUENCE = "floor", "order", "sequence"
TITLES = {
    FLOOR: "(a) floor: start, one signal, end",
    ORDER: "(b) this order, over real HTTP",
    SEQUENCE: "(c) the same, every effect alone and in sequence",
}

SPEED_UP_MIN = 1.3
IDLE_KB_MAX = 90
AMEND_MS_MAX = 200
QUOTE_MS_MAX = 50


class CpuMs(Value):
    """CPU milliseconds per order: all threads, user and system. `receiver` takes the webhooks, `world` is outside."""

    server: float
    worker: float
    receiver: float
    world: float


class History(Value):
    """Per order, on average; all its `runs` together, and the longest of any order's runs."""

    state_transitions: float
    events: float
    bytes: float
    runs: float = 1
    longest_events: int = 0
    longest_bytes: int = 0


class Figures(Value):
    """Of one workload. Latencies are those of orders alone, in milliseconds."""

    orders: int
    orders_per_second: float
    latency_p50_ms: float
    latency_p99_ms: float
    cpu_ms: CpuMs
    history: History


class Idle(Value):
    """Worker memory per idle open order, in KB of 1000 bytes. `seconds`: how long it took to open them.

    `kept_max`: so many of them the worker keeps in memory; others are read anew from their history when they go on.
    """

    orders: int
    kept_max: int
    kb_per_order: float
    worker_mb_before: float
    worker_mb_after: float
    seconds: float


class Amendments(Value):
    """From the call to the answer that every system has followed, in milliseconds; one after the other.

    Each is asked for a quote first, which is answered from what the order knows.
    """

    amendments: int
    p50_ms: float
    p99_ms: float
    quote_p50_ms: float
    quote_p99_ms: float


class Aim(Value):
    aim: str
    measured: str
    met: bool


class BenchResult(Value):
    """Workloads and `idle` are missing where they were skipped."""

    at_once: int
    alone: int
    cores: int
    workloads: dict[str, Figures]
    idle: Idle | None
    amendments: Amendments | None = None
    seconds: float

    @property
    def aims(self) -> list[Aim]:
        """Those that were measured."""
        found = []
        order, alone = self.workloads.get(ORDER), self.workloads.get(SEQUENCE)
        if order and alone:
            speed_up = order.orders_per_second / alone.orders_per_second
            found.append(
                Aim(
                    aim=f"(b) at least {SPEED_UP_MIN} × (c) in orders/s",
                    measured=f"{speed_up:.2f} ×",
                    met=speed_up >= SPEED_UP_MIN,
                )
            )
        if self.idle:
            found.append(
                Aim(
                    aim=f"at most {IDLE_KB_MAX} KB of worker memory per idle open order",
                    measured=f"{self.idle.kb_per_order:.1f} KB",
                    met=self.idle.kb_per_order <= IDLE_KB_MAX,
                )
            )
        if self.amendments:
            found.append(
                Aim(
                    aim=f"an amendment holds everywhere within {AMEND_MS_MAX} ms, p50",
                    measured=f"{self.amendments.p50_ms:.0f} ms",
                    met=self.amendments.p50_ms <= AMEND_MS_MAX,
                )
            )
            found.append(
                Aim(
                    aim=f"a quote is answered within {QUOTE_MS_MAX} ms, p99",
                    measured=f"{self.amendments.quote_p99_ms:.0f} ms",
                    met=self.amendments.quote_p99_ms <= QUOTE_MS_MAX,
                )
            )
        return found

    def as_json(self) -> dict[str, Any]:
        return {**self.model_dump(mode="json"), "aims": [aim.model_dump() for aim in self.aims]}


def percentile(values: Sequence[float], percent: int) -> float:
    """Interpolated between the two nearest; of a single value that value."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
