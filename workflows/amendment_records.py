"""What an order knows of its amendments: what was asked, what became of it, and who waits for the answer."""

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.amendments import Amended, Amendment, AmendmentRecord, AmendmentState
    from domain.orders import PlacedOrder
    from workflows.owner import Owner
    from workflows.requests import AmendRequest
    from workflows.telling import Telling


class AmendmentRecords:
    """`standing`: the order at its revision."""

    def __init__(self, owner: Owner, tell: Telling, standing: Callable[[], PlacedOrder]) -> None:
        self.owner = owner
        self.document = owner.document
        self.standing = standing
        self.tell = tell
        self._waiting: list[AmendRequest] = []
        self._to_be_told: set[str] = set()  # amendments whose senders hear by webhook how they ended

    def wait(self, request: AmendRequest) -> None:
        """Whoever asked waits for the answer; or hears of the outcome by webhook, when that is wanted."""
        self._waiting.append(request)
        known = self.find(request.amendment.amendment_id)
        if request.signalled and self.owner.policies.amendments_told_to and not (known and known.ended):
            self._to_be_told.add(request.amendment.amendment_id)

    def stale(self, amendment: Amendment) -> str:
        """What changed since whoever asks has looked; empty when nothing did."""
        seen, revision = amendment.expected_revision, self.document.revision
        if seen is None or seen == revision:
            return ""
        since = [one for one in self.document.amendments if (one.revision_after or 0) > seen]
        words = "; ".join(words for one in since for words in one.words)
        return f"the order changed: revision {revision}, you saw {seen}" + (f" ({words})" if words else "")

    def find(self, amendment_id: str) -> AmendmentRecord | None:
        found = (one for one in self.document.amendments if one.amendment.amendment_id == amendment_id)
        return next(found, None)

    def known(self, amendment_id: str) -> AmendmentRecord:
        """KeyError for one that was never asked for."""
        record = self.find(amendment_id)
        if record is None:
            raise KeyError(amendment_id)
        return record

    def change(self, record: AmendmentRecord, **facts: object) -> AmendmentRecord:
        """Whatever else was noted of it since `record` was read stays."""
        at = [one.amendment.amendment_id for one in self.document.amendments]
        number = at.index(record.amendment.amendment_id)
        changed = self.document.amendments[number].model_copy(update=facts)
        self.document.amendments[number] = changed
        return changed

    def end(self, record: AmendmentRecord, state: AmendmentState, why: str) -> None:
        ended = self.change(record, state=state, why=why, ended_at=workflow.now())
        self.owner.note(f"amendment by {record.amendment.actor} {state}: {why}")
        self.answer(ended)

    def answer(self, record: AmendmentRecord) -> None:
        standing = self.standing() if not record.ended else self.document.order
        told = Amended(
            amendment_id=record.amendment.amendment_id,
            state=record.state,
            revision=self.document.revision,
            total=standing.total,
            why=record.why,
        )
        for request in self._waiting:
            if request.amendment.amendment_id == record.amendment.amendment_id:
                request.told = told
        self._waiting = [request for request in self._waiting if request.told is None]
        if record.ended and told.amendment_id in self._to_be_told:
            self._to_be_told.remove(told.amendment_id)
            self.owner.beside(self.tell.sender(told))
