"""A worker process of the bench, its queue and all else from the settings."""

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from entrypoints.bench.figures import FLOOR, ORDER, SEQUENCE
from entrypoints.bench.floor import Floor
from entrypoints.bench.profiling import profiled
from entrypoints.bench.sequence import OrderInSequence
from workers.run import run_worker
from workers.settings import Settings
from workflows.order import Order
from workflows.sweep import SweepOnce, SweepOrders

# Which workflows, and whether their activities start eagerly.
SERVED: Mapping[str, tuple[Sequence[type], bool]] = {
    FLOOR: ((Floor,), True),
    ORDER: ((Order, SweepOnce, SweepOrders), True),
    SEQUENCE: ((OrderInSequence, SweepOnce, SweepOrders), False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=SERVED)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--profile", type=Path)
    chosen = parser.parse_args()
    workflows, eager = SERVED[chosen.workload]
    with profiled(chosen.profile):
        asyncio.run(run_worker(Settings(), chosen.ready_file.touch, workflows=workflows, eager=eager))
    os._exit(0)  # after the SDK was used an ordinary end may abort


if __name__ == "__main__":
    main()
