"""What stands still, and what operators decide about it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from domain.attention import Reason, Resolve
from domain.ids import System
from entrypoints.api.access import Api, OrderPath, TheApi, asker_of, commander_of, may
from entrypoints.api.asking import COMMAND
from entrypoints.api.commands import Asker, command_id, told_as
from entrypoints.api.desk import Wanted
from entrypoints.api.orders import Channel
from entrypoints.api.problems import ApiProblem, FieldProblem, answers, wrong_field
from entrypoints.api.roles import May, Principal
from entrypoints.api.shapes import (
    AttentionList,
    CommandAnswer,
    ManyAnswers,
    ResolveAskedFor,
    ResolveManyAskedFor,
)
from entrypoints.attention import Case, Which, summed_up
from entrypoints.doors import Outcome, Told

MANY_MAX = 200  # orders that one request resolves
_AT_ONCE = 16


routes = APIRouter(tags=["attention"])


@routes.get("/v1/attention", responses=answers(401, 403, 422, 429, 503), summary="List what stands still")
async def list_attention(
    *,
    api: TheApi,
    principal: Annotated[Principal, may(May.SEE_ATTENTION)],
    needs: Reason | None = None,
    blocked_on: System | None = None,
    on_hold: bool = False,
    channel: Channel | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AttentionList:
    """The longest standing first, as Temporal's visibility has it: it may lag behind the orders by a moment."""
    which = Which(needs=needs, blocked_on=blocked_on, on_hold=on_hold, channel=channel)
    found = [one for seen in _seen(principal, which) for one in await api.desk.standing(seen)]
    found.sort(key=lambda one: (one.since is None, one.since, one.order_id))
    incidents = await api.desk.incidents() if principal.channels is None else ()
    return AttentionList(total=len(found), orders=found[:limit], incidents=list(incidents))


@routes.post("/v1/attention/{order_id}/resolve", summary="Answer what an order needs a person for", **COMMAND)
async def resolve_order(
    api: TheApi,
    order_id: OrderPath,
    asked: ResolveAskedFor,
    asker: Annotated[Asker, commander_of(May.RESOLVE)],
) -> JSONResponse:
    order = await api.commands.find(asker.principal, May.RESOLVE, order_id)
    resolve = _resolve(
        action=asked.action,
        actor=asker.principal.name,
        reason=asked.reason,
        number=asked.number,
        reference=asked.reference,
        correction=asked.correction,
    )
    wanted = Wanted(id=command_id(asker.key), action=May.RESOLVE, asked=resolve)
    return told_as(await api.commands.give(asker, order, wanted))


@routes.post(
    "/v1/attention/resolve",
    response_model=ManyAnswers,
    responses={
        207: {
            "model": ManyAnswers,
            "description": "Not all was done; each order says what became of it.",
        },
        **answers(400, 401, 403, 413, 422, 429, 503),
    },
    summary="Answer for every order that a filter finds",
)
async def resolve_many(
    api: TheApi, asked: ResolveManyAskedFor, asker: Annotated[Asker, asker_of(May.RESOLVE)]
) -> JSONResponse:
    """Each order answers for itself. Repeated under the same key, no order is asked twice."""
    which = Which(**asked.filter.model_dump())
    if which == Which():
        raise wrong_field("filter", "name needs, blocked_on or channel")
    resolve = _resolve(
        action=asked.action,
        actor=asker.principal.name,
        reason=asked.reason,
        reference=asked.reference,
    )
    found = await _cases(api, asker.principal, which, resolve)
    told = await _each(api, asker, found, resolve)
    done = all(one.outcome is Outcome.DONE for one in told)
    answer = ManyAnswers(all_done=done, summary=summed_up(map(_as_told, told)), orders=told)
    return JSONResponse(answer.model_dump(mode="json"), 200 if done else 207)


def _seen(principal: Principal, which: Which) -> list[Which]:
    """The filter as far as the principal sees: one for each of their channels."""
    if principal.channels is None:
        return [which]
    wanted = principal.channels if which.channel is None else principal.channels & {which.channel}
    return [which.model_copy(update={"channel": channel}) for channel in sorted(wanted)]


async def _cases(api: Api, principal: Principal, which: Which, resolve: Resolve) -> list[Case]:
    seen = _seen(principal, which)
    count = sum([len(await api.desk.standing(one)) for one in seen])
    if count > MANY_MAX:
        raise wrong_field("filter", f"it finds {count} orders, at most {MANY_MAX} at once: narrow it")
    return [case for one in seen for case in await api.desk.cases(one, resolve.action)]


async def _each(api: Api, asker: Asker, found: list[Case], resolve: Resolve) -> list[CommandAnswer]:
    """Every order's own answer, under the same command id."""
    name, free = command_id(asker.key), asyncio.Semaphore(_AT_ONCE)

    async def decide(case: Case) -> CommandAnswer:
        def left(outcome: Outcome, why: str) -> CommandAnswer:
            return CommandAnswer(order_id=case.order.order_id, command_id=name, outcome=outcome, why=why)

        if case.not_asked:
            return left(Outcome.UNREACHED if case.unreached else Outcome.REFUSED, case.not_asked)
        asked = resolve.model_copy(update={"number": case.question})
        wanted = Wanted(id=name, action=May.RESOLVE, asked=asked)
        try:
            async with free:
                return await api.commands.give(asker, case.order, wanted)
        except ApiProblem as problem:
            away = problem.problem.status == 503  # noqa: PLR2004  the status says it best
            return left(Outcome.UNREACHED if away else Outcome.REFUSED, problem.problem.detail)

    return await asyncio.gather(*(decide(case) for case in found))


def _as_told(answer: CommandAnswer) -> Told:
    return Told(order_id=answer.order_id, number="", outcome=answer.outcome, why=answer.why)


def _resolve(**facts: object) -> Resolve:
    """ApiProblem 422 for what does not go together."""
    try:
        return Resolve.model_validate(facts)
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            field, _, reason = one["msg"].removeprefix("Value error, ").partition(": ")
            problems.append(FieldProblem(field=field, reason=reason))
        raise ApiProblem(422, "invalid", problems[0].reason, problems=problems) from error
