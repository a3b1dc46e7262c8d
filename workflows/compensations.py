"""What must be undone when an order is cancelled: registered before the do, run in reverse."""

from collections.abc import Awaitable, Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.errors import InvariantBroken, Refused

Undo = Callable[[], Awaitable[None]]


class Compensations:
    """A stack of undos. Each ensures a target ("no hold is left") and tolerates that its do never happened."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []

    def add(self, undo: Undo) -> None:
        """Register before the do. The same again, as when a phase begins anew, changes nothing."""
        if undo not in self._undos:
            self._undos.append(undo)

    async def run(self) -> list[str]:
        """Undo in reverse; one that is refused does not skip the rest and stays for the next run.

        The answer tells why in words: it is empty when everything is undone.
        """
        refused: list[str] = []
        for undo in reversed(self._undos.copy()):
            try:
                await undo()
            except (Refused, InvariantBroken) as error:
                refused.append(str(error))
            else:
                self._undos.remove(undo)
        return refused
