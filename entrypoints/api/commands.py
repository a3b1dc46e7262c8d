"""A command on its way to an order: who may give it, under which id, and what became of it."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from fastapi.responses import JSONResponse

from adapters.database.orders import RegisteredOrder
from adapters.database.trail import Decision, Deed, KeyReused, Trail, Verdict
from domain.amendments import Amended, AmendmentState, Changes, Quote
from domain.base import Value
from domain.errors import Refused, Unavailable
from domain.ids import OrderId
from entrypoints.api.desk import Desk, Wanted
from entrypoints.api.problems import ApiProblem, FieldProblem, unavailable, wrong_field
from entrypoints.api.roles import May, Principal
from entrypoints.api.shapes import CommandAnswer
from entrypoints.api.worth import MOVES_MONEY, worth_of
from entrypoints.doors import Outcome, Told

_VERDICTS = {
    Outcome.DONE: Verdict.DONE,
    Outcome.REFUSED: Verdict.REFUSED,
    Outcome.UNKNOWN: Verdict.PENDING,
    Outcome.UNREACHED: Verdict.UNREACHED,
}
_WRITTEN = {Verdict.DONE: Outcome.DONE, Verdict.REFUSED: Outcome.REFUSED}
_TAKEN = frozenset({Verdict.DONE, Verdict.REFUSED, Verdict.PENDING})
_AMENDED = {
    AmendmentState.COMMITTED: Outcome.DONE,
    AmendmentState.QUEUED: Outcome.UNKNOWN,
    AmendmentState.PENDING: Outcome.UNKNOWN,
}
_STALE = "not accepted: expected_revision:"
_REFUSED_FIELD = re.compile(r"not accepted: ([a-z_]+[\w.\[\]]*): (.+)", re.DOTALL)
_ETAG = re.compile(r'"([0-9]{1,9})"')


class Asker(Value):
    """Who gives a command, under which id (none: it gets one), expecting which revision."""

    principal: Principal
    key: str | None = None
    if_match: str | None = None


class FrontDesk:
    """`money_limits` in major units per currency: what is worth more needs an operator."""

    def __init__(self, desk: Desk, trail: Trail, money_limits: Mapping[str, Decimal]) -> None:
        self._desk = desk
        self._trail = trail
        self._limits = money_limits

    async def find(self, principal: Principal, what: May, order_id: OrderId) -> RegisteredOrder:
        """ApiProblem 404 for one of another channel as for one that never was; the trail tells them apart."""
        order = await self._desk.order(order_id)
        if order is not None and not principal.sees(order.channel):
            await self._trail.deny(_deed(principal, what, order), "foreign_channel")
            order = None
        if order is None:
            raise ApiProblem(404, "not_found", "there is no such order")
        return order

    async def give(self, asker: Asker, order: RegisteredOrder, wanted: Wanted) -> CommandAnswer:
        """ApiProblem when it may not be given, or its id was given to another one. What the order says is an answer."""
        deed = _deed(asker.principal, wanted.action, order, wanted)
        before = await self._trail.command(order.order_id, wanted.id)
        if not order.closed and not (before and before.outcome in _TAKEN):
            # Of a repeat of what the order has taken that may be otherwise by now, and does not matter.
            await self._check(asker, order, wanted, deed)
        try:
            entry = await self._trail.begin(deed)
        except KeyReused as reused:
            raise _reused(str(reused)) from reused
        if before and before.outcome is Verdict.DONE:
            return await self.answer(order, wanted.id)
        told = await self._given(order, wanted, entry)
        await self._trail.end(entry, _VERDICTS[told.outcome])
        if told.why.startswith(_STALE):
            _expect(None, (await self._desk.read(order)).revision)
        return _answer(told, wanted.id)

    async def _given(self, order: RegisteredOrder, wanted: Wanted, entry: int) -> Told:
        try:
            told = await self._desk.give(order, wanted)
        except Unavailable as away:
            await self._trail.end(entry, Verdict.UNREACHED)
            raise unavailable(str(away), command_id=wanted.id) from away
        except Refused as another:  # by the command line, say, which writes no trail
            await self._trail.end(entry, Verdict.REFUSED, "key_reused")
            raise _reused(str(another)) from another
        if told.amended is not None and told.amended.state is AmendmentState.PENDING:
            return told.model_copy(update={"outcome": Outcome.UNKNOWN})
        return told

    async def answer(self, order: RegisteredOrder, command: str) -> CommandAnswer:
        """What became of a command that somebody gave through this API."""
        entry = await self._trail.command(order.order_id, command)
        if entry is None:
            raise ApiProblem(404, "not_found", "there is no such command of this order")
        told = await self._told(order, entry) or _as_written(order, entry)
        if entry.outcome is not _VERDICTS[told.outcome]:
            await self._trail.end(entry.id, _VERDICTS[told.outcome])
        return _answer(told, command)

    async def _told(self, order: RegisteredOrder, entry: Decision) -> Told | None:
        try:
            told = await self._desk.answer(order, entry.command or "", May(entry.action))
        except Unavailable:
            told = await self._of_amendment(order, entry)
            if told is None and entry.outcome not in _WRITTEN:
                raise
            return told
        if told and told.outcome is Outcome.UNREACHED:
            return told
        return await self._of_amendment(order, entry) or told

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote:
        if order.closed:
            raise ApiProblem(409, "refused", f"the order is {order.state} already")
        return await self._desk.quote(order, changes)

    async def _check(self, asker: Asker, order: RegisteredOrder, wanted: Wanted, deed: Deed) -> None:
        """What the order does not check itself. Unavailable: it has to be read for that, and cannot be."""
        unlimited = asker.principal.may(May.UNLIMITED) or not self._limits
        limited = wanted.action in MOVES_MONEY and not unlimited
        expecting = asker.if_match is not None and wanted.action is not May.AMEND
        if not (limited or expecting or wanted.action is May.RETURN):
            return
        try:
            document = await self._desk.read(order)
            _expect(asker.if_match or "*", document.revision)
            worth = await worth_of(wanted, document, partial(self._desk.quote, order))
        except Unavailable:
            if limited or expecting:
                raise
            return
        if limited and worth.major > self._limits.get(worth.currency, Decimal(0)):
            await self._trail.deny(deed, "needs_operator")
            raise ApiProblem(403, "needs_operator", f"it is worth {worth}, which an operator decides")

    async def _of_amendment(self, order: RegisteredOrder, entry: Decision) -> Told | None:
        """As the order itself has it: one that waits for the customer's payment is answered, and not over.

        None: it is none, the order does not have it, or cannot be read.
        """
        if entry.action != May.AMEND:
            return None
        try:
            document = await self._desk.read(order)
        except Unavailable:
            return None
        for one in document.amendments:
            if one.amendment.amendment_id == entry.command:
                amended = Amended(
                    amendment_id=one.amendment.amendment_id,
                    state=one.state,
                    revision=one.revision_after or document.revision,
                    total=one.total_after or document.order.total,
                    why=one.why or "; ".join(one.words),
                )
                outcome = _AMENDED.get(one.state, Outcome.REFUSED)
                return Told(
                    order_id=order.order_id,
                    number=order.number,
                    outcome=outcome,
                    why=amended.why,
                    amended=amended,
                )
        return None


def command_id(key: str | None) -> str:
    """The sender's own, or one that nobody can guess, for a command that will never be repeated."""
    return key or secrets.token_hex(16)


def told_as(answer: CommandAnswer) -> JSONResponse:
    """A command's answer over HTTP. Taken or kept, and not answered yet: 202, and where to look."""
    match answer.outcome:
        case Outcome.DONE:
            return JSONResponse(answer.model_dump(mode="json"))
        case Outcome.UNKNOWN | Outcome.UNREACHED:
            status_address = f"/v1/orders/{answer.order_id}/commands/{answer.command_id}"
            return JSONResponse(answer.model_dump(mode="json"), 202, {"Location": status_address})
        case Outcome.REFUSED:
            field = _REFUSED_FIELD.fullmatch(answer.why)
            problems = [FieldProblem(field=field[1], reason=field[2])] if field else []
            raise ApiProblem(409, "refused", answer.why, problems=problems, command_id=answer.command_id)


def digest_of(action: str, actor: str, content: str | bytes) -> str:
    digest = hashlib.sha256(f"{action}\n{actor}\n".encode())
    digest.update(content.encode() if isinstance(content, str) else content)
    return digest.hexdigest()


def _deed(principal: Principal, what: May, order: RegisteredOrder, wanted: Wanted | None = None) -> Deed:
    return Deed(
        actor=principal.name,
        role=principal.role,
        action=what,
        channel=order.channel,
        order_id=order.order_id,
        command=wanted and wanted.id,
        digest=digest_of(what, principal.name, wanted.asked.model_dump_json()) if wanted else "",
    )


def _answer(told: Told, command: str) -> CommandAnswer:
    return CommandAnswer(
        order_id=told.order_id,
        command_id=command,
        outcome=told.outcome,
        why=told.why,
        amended=told.amended,
    )


def _as_written(order: RegisteredOrder, entry: Decision) -> Told:
    """Of what neither Temporal nor the inbox knows: a command is refused before it is in a history, or that is gone."""
    outcome = _WRITTEN.get(entry.outcome, Outcome.UNREACHED)
    why = "it could not be kept, and nobody has taken it: repeat it under the same id"
    if outcome is not Outcome.UNREACHED:
        why = f"it was {outcome}; the order's own words cannot be had"
    return Told(order_id=order.order_id, number=order.number, outcome=outcome, why=why)


def _reused(why: str) -> ApiProblem:
    return wrong_field("Idempotency-Key", why, code="key_reused")


def revision_in(if_match: str) -> int:
    """ApiProblem 422: it is no revision."""
    wanted = _ETAG.fullmatch(if_match)
    if wanted is None:
        raise wrong_field("If-Match", 'the revision in quotes: "3"')
    return int(wanted[1])


def _expect(if_match: str | None, revision: int) -> None:
    """None: it is known already to be another one."""
    if if_match is None or (if_match != "*" and revision_in(if_match) != revision):
        raise ApiProblem(412, "other_revision", f"the order is at revision {revision}", revision=revision)
