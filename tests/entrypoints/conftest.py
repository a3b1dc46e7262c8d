from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.terminal import Terminal, terminal

if TYPE_CHECKING:
    from tests.entrypoints.office import Office, Running

__all__ = ["terminal"]


@pytest.fixture(scope="session")
def running_office(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Running]":
    from tests.entrypoints.office import Running  # noqa: PLC0415  it imports every adapter: seconds for other tests

    running = Running(tmp_path_factory.mktemp("office"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def office(
    terminal: Terminal, running_office: "Running", monkeypatch: pytest.MonkeyPatch
) -> "Iterator[Office]":
    """A terminal at a running world, whose orders and faults end with the test."""
    from entrypoints.cli import output  # noqa: PLC0415  as above
    from tests.entrypoints.office import Office  # noqa: PLC0415  as above

    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(running_office.settings_file))
    monkeypatch.setenv("USER", "anna")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(output.console, "_width", 200)  # it may have been made when the terminal was narrow
    yield Office(running_office, terminal)
    running_office.clear()
