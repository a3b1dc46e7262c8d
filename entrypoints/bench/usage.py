"""What processes have used so far, as Linux counts it under /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

from domain.errors import Refused

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER_TICKS, _SYSTEM_TICKS = (
    11,
    12,
)  # among the fields after the command's name in /proc/PID/stat, see proc(5)


def ensure_counted() -> None:
    """Refused where the system counts nothing under /proc."""
    if not (_PROC / "self" / "stat").exists():
        raise Refused("the bench reads from /proc what processes use, and only Linux has it")


def cpu_seconds(pid: int) -> float:
    """Of the process and its living children: all threads, in user and in system mode."""
    return sum(_own_cpu_seconds(member) for member in _tree(pid))


def memory_bytes(pid: int) -> int:
    """What of the process is in memory now, its RSS."""
    status = (_PROC / str(pid) / "status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _own_cpu_seconds(pid: int) -> float:
    # The command's name stands in brackets before the fields, and may hold anything.
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND
