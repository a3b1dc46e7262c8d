"""A notice board in Tryton, seen by every worker: identifiers without a type, on a party, that identify nobody.

Tryton's own notes are no use: without a user interface nobody but its administrators can remove one.
"""

from dataclasses import dataclass
from datetime import datetime

from adapters.tryton.client import Domain, Record, TrytonClient
from domain.errors import OutcomeUnknown, Refused

IDENTIFIER = "party.identifier"
MARK = "OrderSaga: "  # begins every notice; customers have no such number

_FIELDS = ["code", "party", "create_date"]


@dataclass(frozen=True)
class Notice:
    """`pinned_at` is the server's time, in UTC without a zone."""

    id: int
    party: int
    says: str
    pinned_at: datetime


class Board:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton
        self._merchant: int | None = None

    async def pin(self, says: str, party: int) -> Notice:
        values = {"party": party, "type": None, "code": f"{MARK}{says}"}
        return _notice(await self._tryton.create(IDENTIFIER, values, _FIELDS))

    async def on(self, party: int, begins: str) -> list[Notice]:
        """What is pinned to the party and begins so, oldest first."""
        return await self._search(begins, [["party", "=", party]])

    async def anywhere(self, begins: str) -> list[Notice]:
        return await self._search(begins, [])

    async def take_down(self, notice: Notice) -> None:
        """Fine when it is gone, whoever was quicker, and whatever became of the answer."""
        try:
            await self._tryton.delete(IDENTIFIER, notice.id)
        except (Refused, OutcomeUnknown):
            if await self._tryton.search(IDENTIFIER, [["id", "=", notice.id]], ["id"]):
                raise

    async def merchant(self) -> int:
        """The company's own party."""
        if self._merchant is None:
            domain = [["id", "=", self._tryton.company]]
            (company,) = await self._tryton.search("company.company", domain, ["party"])
            self._merchant = int(company["party"])
        return self._merchant

    async def _search(self, begins: str, more: Domain) -> list[Notice]:
        domain = [["code", "like", f"{MARK}{begins}%"], *more]
        found = [_notice(record) for record in await self._tryton.search(IDENTIFIER, domain, _FIELDS)]
        return [
            notice for notice in found if notice.says.startswith(begins)
        ]  # in SQL "_" stands for any letter


def _notice(record: Record) -> Notice:
    says = str(record["code"]).removeprefix(MARK)
    return Notice(id=record["id"], party=record["party"], says=says, pinned_at=record["create_date"])
