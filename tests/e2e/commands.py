"""Our command as a process, as a person at a terminal starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contracts.simulator_process import ROOT, wait_until

COMMAND = [sys.executable, "-m", "entrypoints.cli"]
SECONDS_MAX = 200.0


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The one object that --json prints as the last line."""
        return json.loads(self.out.splitlines()[-1])


def ordersaga(
    *arguments: str | int | Path, settings: Path | None = None, seconds_max: float = SECONDS_MAX
) -> Answer:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=_environment(settings),
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


class Up:
    """`ordersaga up`, and what it has said so far."""

    def __init__(self, state: Path, said: Path) -> None:
        self.state = state
        self._said = said
        with said.open("wb") as out:
            self._process = subprocess.Popen(
                [*COMMAND, "up", "--state", str(state)],
                cwd=ROOT,
                stdout=out,
                stderr=out,
                env=_environment(None),
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def pids(self) -> dict[int, str]:
        """Every process of this installation, from its lock file."""
        lines = (self.state / "lock").read_text().splitlines()
        return {int(pid): name for pid, _, name in (line.partition(" ") for line in lines)}

    @property
    def living(self) -> dict[int, str]:
        return {pid: name for pid, name in self.pids.items() if _lives(pid)}

    def is_up(self) -> None:
        def up() -> bool:
            assert self.runs, self.said
            return "Ctrl-C stops everything" in self.said

        wait_until(up, SECONDS_MAX, lambda: self.said)

    def end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        return self._process.wait(SECONDS_MAX)

    def clean_up(self) -> None:
        """Whatever a failed test left behind: only processes that this installation started."""
        if self.runs:
            self._process.kill()
            self._process.wait()
        for pid in self.living if (self.state / "lock").exists() else ():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def up(state: Path) -> Iterator[Up]:
    running = Up(state, state.with_name(f"{state.name}.said"))
    try:
        running.is_up()
        yield running
    finally:
        running.clean_up()


def _lives(pid: int) -> bool:
    """It runs, and is no more than an exit code that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _environment(settings: Path | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERSAGA_")}
    return inherited | ({"ORDERSAGA_SETTINGS": str(settings)} if settings else {})
