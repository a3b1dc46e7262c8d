"""Orders in memory, behind the API's own protocol: what they answer is what the test says."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from adapters.database.order_pages import ListedOrder
from adapters.database.orders import Accepted, AlreadyKnown, RegisteredOrder
from adapters.documents import PARSERS, load
from domain.amendments import (
    Amended,
    Amendment,
    AmendmentRecord,
    AmendmentState,
    Changes,
    Quote,
    in_words,
)
from domain.attention import Action, Attention, Reason
from domain.document import Happening, OrderDocument
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId
from domain.intake import UnusableDocument
from domain.orders import PlacedOrder
from domain.policies import OrderPolicies
from domain.quoting import quote
from domain.records import Incident, OrderState
from entrypoints.api.desk import PLATFORM, Wanted
from entrypoints.api.roles import May
from entrypoints.api.shapes import Health
from entrypoints.attention import Case, Standing, Which
from entrypoints.doors import Outcome, Told
from entrypoints.intake import Parked
from tests.contracts.placing import place

_COMMANDS = {May.AMEND, May.CANCEL, May.HOLD, May.RELEASE, May.RETURN, May.RESOLVE}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def placed(channel: str, name: str, *, units: int = 2, price: str = "12.50") -> PlacedOrder:
    order = place(name, [("MUG", units, price)])  # type: ignore[list-item]  # a SKU is a text
    return PlacedOrder.model_validate(order.model_dump() | {"channel": ChannelId(channel), "number": name})


class MemoryDesk:
    def __init__(self) -> None:
        self.registered: dict[OrderId, RegisteredOrder] = {}
        self.documents: dict[OrderId, OrderDocument] = {}
        self.given: list[tuple[OrderId, Wanted]] = []
        self.outcome: dict[OrderId, Outcome] = {}  # what an order answers; otherwise that it is done
        self.away: set[str] = set()  # `temporal`, `database`
        self.amended = AmendmentState.COMMITTED  # what becomes of an amendment
        self._answers: dict[tuple[OrderId, str], Told] = {}
        self._kept: dict[tuple[OrderId, str], Told] = {}  # what waits for a worker, or for Temporal

    def add(
        self, order: PlacedOrder, state: OrderState = OrderState.STARTED, *, asks: bool = False
    ) -> OrderId:
        at = NOON + timedelta(seconds=len(self.registered))
        document = OrderDocument.begun(order)
        document.timeline.append(Happening(at=at, what="received"))
        if asks:
            document.attention = Attention(
                number=1, reason=Reason.ORDER_REFUSED, what="unknown SKU", can=(Action.RETRY,), since=at
            )
        self.documents[order.order_id] = document
        self.registered[order.order_id] = RegisteredOrder(
            order_id=order.order_id,
            channel=order.channel,
            number=order.number,
            state=state,
            placed=order,
            accepted_at=at,
            closed_at=at if state in {OrderState.COMPLETED, OrderState.CANCELLED} else None,
            closed_document=None,
        )
        return order.order_id

    async def page(
        self,
        *,
        channels: Collection[ChannelId] | None,
        number: str | None,
        state: OrderState | None,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[ListedOrder]:
        found = [
            one
            for one in sorted(self.registered.values(), key=lambda one: one.accepted_at, reverse=True)
            if (channels is None or one.channel in channels)
            and number in (None, one.number)
            and state in (None, one.state)
            and (after is None or one.accepted_at < after[0])
        ]
        return [
            ListedOrder(
                order_id=one.order_id,
                channel=one.channel,
                number=one.number,
                state=one.state,
                total=one.placed.total,
                placed_at=one.placed.placed_at,
                accepted_at=one.accepted_at,
                closed_at=one.closed_at,
            )
            for one in found[:limit]
        ]

    async def order(self, order: OrderId) -> RegisteredOrder | None:
        return self.registered.get(order)

    async def read(self, order: RegisteredOrder) -> OrderDocument:
        self._needs("temporal")
        return self.documents[order.order_id]

    async def place(self, document: bytes, channel: ChannelId) -> Accepted | AlreadyKnown | Parked:
        self._needs("database")
        try:
            order = PARSERS[PLATFORM](load(document), channel=channel, skus={})
        except UnusableDocument as unusable:
            return Parked(inbox_id=1, problems=unusable.problems)
        if order.order_id in self.registered:
            return AlreadyKnown(order_id=order.order_id)
        return Accepted(order_id=self.add(order))

    async def give(self, order: RegisteredOrder, wanted: Wanted) -> Told:
        self._needs("database")
        self.given.append((order.order_id, wanted))
        outcome = self.outcome.get(order.order_id, Outcome.DONE)
        if "temporal" in self.away:
            outcome = Outcome.UNREACHED
        told = Told(
            order_id=order.order_id, number=order.number, outcome=outcome, why=f"{wanted.action}: {outcome}"
        )
        name = order.order_id, wanted.id
        if outcome is Outcome.UNREACHED:
            self._kept[name] = told
            return told
        if isinstance(wanted.asked, Amendment) and outcome is Outcome.DONE:
            told = self._amend(order, wanted.asked)
        return self._answers.setdefault(name, told)

    def _amend(self, order: RegisteredOrder, amendment: Amendment) -> Told:
        """The same again changes nothing; another revision is refused, as the order's own validator does."""
        document = self.documents[order.order_id]
        told = Told(order_id=order.order_id, number=order.number, outcome=Outcome.DONE, why="amended")
        known = [one.amendment for one in document.amendments]
        if amendment not in known and amendment.expected_revision != document.revision:
            why = f"not accepted: expected_revision: the order changed: revision {document.revision}"
            return told.model_copy(update={"outcome": Outcome.REFUSED, "why": why})
        if amendment not in known:
            record = AmendmentRecord(
                amendment=amendment,
                asked_at=NOON,
                state=self.amended,
                revision_before=document.revision,
                total_before=document.order.total,
                words=in_words(amendment.changes),
                why="amended",
            )
            document.amendments.append(record)
            document.revision += self.amended is AmendmentState.COMMITTED
        amended = Amended(
            amendment_id=amendment.amendment_id,
            state=self.amended,
            revision=document.revision,
            total=document.order.total,
            why="amended",
        )
        return told.model_copy(update={"amended": amended})

    def settle_amendment(self, order: OrderId, state: AmendmentState) -> None:
        """The customer pays, or does not."""
        document = self.documents[order]
        document.amendments[-1] = document.amendments[-1].model_copy(update={"state": state})

    def settle(self, order: OrderId, command: str, outcome: Outcome) -> None:
        """The order comes to its answer after all."""
        known = self._answers[order, command]
        self._answers[order, command] = known.model_copy(update={"outcome": outcome})

    def forget(self) -> None:
        """Temporal's retention is over."""
        self._answers.clear()

    async def answer(self, order: RegisteredOrder, command: str, action: May) -> Told | None:
        assert action in _COMMANDS
        kept = self._kept.get((order.order_id, command))
        if kept is None:
            self._needs("temporal")
        return self._answers.get((order.order_id, command)) or kept

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote:
        self._needs("temporal")
        document = self.documents[order.order_id]
        return quote(document, changes.changes, policies=OrderPolicies(adapters={}), now=NOON)

    async def standing(self, which: Which) -> Sequence[Standing]:
        self._needs("temporal")
        return [
            Standing(
                order_id=order,
                number=document.order.number,
                channel=document.order.channel,
                phase=document.phase,
                needs=document.attention.reason,
                blocked_on=(),
                on_hold=False,
                since=document.attention.since,
            )
            for order, document in self.documents.items()
            if document.attention is not None
            and which.channel in (None, document.order.channel)
            and which.needs in (None, document.attention.reason)
            and which.blocked_on is None
            and not which.on_hold
        ]

    async def cases(self, which: Which, action: Action) -> Sequence[Case]:
        def case(order: OrderId) -> Case:
            attention = self.documents[order].attention
            assert attention is not None
            helps = action in attention.can
            not_asked = "" if helps else f"{action} does not help here"
            return Case(order=self.registered[order], question=attention.number, not_asked=not_asked)

        return [case(one.order_id) for one in await self.standing(which)]

    async def incidents(self) -> Sequence[Incident]:
        return []

    async def health(self) -> dict[str, Health]:
        return {name: Health.DOWN if name in self.away else Health.UP for name in ("database", "temporal")}

    def _needs(self, system: str) -> None:
        if system in self.away:
            raise Unavailable(f"{system} is away")
