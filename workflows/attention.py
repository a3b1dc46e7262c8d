"""How an order asks for a person, and tells operators what it waits for."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.document import Attention, Blocked, Reason
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.notifications import Occasion
    from workflows.effects import Effects
    from workflows.owner import Owner


class Desk:
    def __init__(self, owner: Owner, effects: Effects) -> None:
        self._owner = owner
        self._effects = effects
        owner.on_outage = self.tell_outage

    async def ask(self, reason: Reason, what: str) -> None:
        """Stop here until somebody says to try again; a cancel is heard too where it is possible."""
        order = self._owner.document.order.order_id
        can_do = f"Mend the cause, then `ordersaga orders retry {order} --reason …`."
        if self._owner.too_late is None:
            can_do += f" Or `ordersaga orders cancel {order} --reason …`."
        attention = Attention(reason=reason, what=what, can_do=can_do, since=workflow.now())
        self._owner.document.attention = attention
        self._owner.note(f"needs a person: {what}")
        self._tell_operators(Occasion.NEEDS_PERSON, None, what, can_do)
        self._owner.retry_wanted = False
        try:
            await self._owner.until(lambda: self._owner.retry_wanted)
        finally:
            self._owner.document.attention = None
            self._owner.show()

    def tell_outage(self, blocked: Blocked, occasion: Occasion) -> None:
        """Once when a system is down, once when it answers again. About the mail itself nobody can be mailed."""
        if blocked.system is System.NOTIFICATIONS:
            return
        if occasion is Occasion.SYSTEM_DOWN:
            what = f"{blocked.system} does not answer: {blocked.last_error}"
            next_step = "It is tried until it answers."
        else:
            what, next_step = f"{blocked.system} answers again.", "Nothing is to be done."
        self._tell_operators(occasion, blocked.system, what, next_step)

    def _tell_operators(self, occasion: Occasion, system: System | None, what: str, next_step: str) -> None:
        if self._owner.policies.operators:
            self._owner.in_background(self._effects.tell_operators(occasion, system, what, next_step))


class _AtDesk(Protocol):
    desk: Desk


S = TypeVar("S", bound=_AtDesk)
Step = Callable[[S], Coroutine[Any, Any, None]]


def asks_a_person(step: Step[S]) -> Step[S]:
    """A refusal in this step stops the order there, asks a person, and begins the step again when told to.

    A step may begin again because all it does states a target.
    """

    @wraps(step)
    async def run(holder: S) -> None:
        while True:
            try:
                return await step(holder)
            except Refused as refusal:
                await holder.desk.ask(Reason.REFUSED, str(refusal))
            except InvariantBroken as broken:
                await holder.desk.ask(Reason.BOOKS_DISAGREE, str(broken))

    return run
