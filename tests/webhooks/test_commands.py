"""What people ask of orders is kept until the order has it, once, and is answered where somebody waits."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError
from sqlalchemy import text
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.database.engine import writing
from adapters.database.orders import Orders, RegisteredOrder
from adapters.database.schema import InboxKind, InboxState
from adapters.database.trail import Deed, Trail, Verdict
from domain.amendments import Amended, Amendment, AmendmentState, CancelRest
from domain.attention import Action, Answer, Resolve
from domain.errors import Refused, Unavailable
from domain.ids import OrderId
from domain.money import Money
from domain.orders import PlacedOrder
from domain.records import OrderState
from entrypoints.commands import Command, Commands, Kind, amending, by_hand, commands_of
from entrypoints.doors import Outcome
from entrypoints.webhooks.deliveries import Deliveries, Wake
from entrypoints.webhooks.forwarder import Forwarder
from tests.entrypoints.receiving import Receiver, document, forwarding, order, receiver, until
from tests.workers.conftest import temporal
from workers.temporal import start_order

__all__ = ["temporal"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUE = "commanded"


@workflow.defn(name="Order")
class Commanded:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self._asked: list[str] = []

    @workflow.run
    async def run(self, placed: PlacedOrder) -> str:
        await workflow.wait_condition(lambda: "end" in self._asked)
        return placed.number

    @workflow.update
    async def cancel(self, actor: str, reason: str) -> Answer:
        self._asked.append(f"cancel {actor}: {reason}")
        await workflow.wait_condition(lambda: reason != "slowly" or "hold" in self._asked)
        return Answer(allowed=reason != "too late", why=f"as {actor} wishes")

    @cancel.validator
    def check_cancel(self, actor: str, reason: str) -> None:
        if not reason:
            raise ValueError(f"reason: say why, {actor}")

    @workflow.update
    async def hold(self, _actor: str, reason: str) -> Answer:
        self._asked.append("end" if reason == "end" else "hold")
        return Answer(allowed=True, why="held")

    @workflow.update
    async def resolve(self, resolve: Resolve) -> Answer:
        self._asked.append(f"{resolve.action} {resolve.number}")
        return Answer(allowed=True, why="resolved")

    @workflow.update
    async def amend(self, amendment: Amendment) -> Amended:
        self._asked.append(f"amend {amendment.amendment_id}")
        return Amended(
            amendment_id=amendment.amendment_id,
            state=AmendmentState.COMMITTED,
            revision=2,
            total=Money(minor=100, currency="EUR"),
            why="amended",
        )

    @workflow.query
    def asked(self) -> list[str]:
        return self._asked


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path, temporal: Client) -> AsyncIterator["Desk"]:
    async with receiver(tmp_path) as opened:
        yield Desk(opened, temporal, tmp_path.name)


AMENDMENT = Amendment(
    amendment_id="call-1", expected_revision=1, actor="anna", reason="less", changes=(CancelRest(),)
)


class Desk:
    """An order runs; `client` is how commands reach it, which may lead nowhere."""

    def __init__(self, world: Receiver, client: Client, name: str) -> None:
        self.world = world
        self.client = client
        self.number = name.replace("_", "-").strip("-")[-60:]
        self.order = order(self.number)

    @property
    def commands(self) -> Commands:
        return commands_of(self.world.engine, self.client, self.world.clock)

    @property
    def forwarder(self) -> Forwarder:
        deliver = Deliveries(
            self.world.inbox,
            self.world.orders,
            self.world.intake,
            self.commands,
            Wake(self.world.temporal.look_again, self.world.temporal.look_after),
        ).deliver
        return Forwarder(self.world.inbox, deliver, {InboxKind.COMMAND})

    async def begin(self) -> WorkflowHandle[Any, Any]:
        await self.world.accept(document(self.number))
        placed = (await self.world.registered(self.number)).placed
        await start_order(self.client, placed, task_queue=QUEUE)
        return self.client.get_workflow_handle(self.order)

    def worker(self) -> Worker:
        return Worker(
            self.client,
            task_queue=QUEUE,
            workflows=[Commanded],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )

    def cancel(self, reason: str = "changed their mind", name: str = "c-1") -> Command:
        return Command(
            id=f"{name}-{self.number}",
            order_id=self.order,
            kind=Kind.CANCEL,
            actor="anna",
            reason=reason,
            asked_at=self.world.clock(),
        )

    async def kept(self) -> Any:
        (item,) = [item for item in await self.world.inbox.list() if item.kind is InboxKind.COMMAND]
        return item

    async def is_settled(self) -> bool:
        self.world.clock.advance(seconds=61)
        return (await self.kept()).state is not InboxState.WAITING


def unconnected() -> Any:
    return Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)


async def test_an_answer_is_given_and_the_same_command_again_gets_the_same_one(world: Desk) -> None:
    handle = await world.begin()
    async with world.worker():
        first = await world.commands.give(world.cancel())
        world.world.clock.advance(minutes=1)
        again = await world.commands.give(world.cancel())
        assert (first.outcome, first.why, again) == (Outcome.DONE, "as anna wishes", first)
        assert await handle.query("asked") == ["cancel anna: changed their mind"]
    assert (await world.kept()).state is InboxState.FORWARDED


@pytest.mark.parametrize(
    ("reason", "why"), [("too late", "as anna wishes"), ("", "not accepted: reason: say why, anna")]
)
async def test_an_order_says_no_in_its_own_words(world: Desk, reason: str, why: str) -> None:
    await world.begin()
    async with world.worker():
        told = await world.commands.give(world.cancel(reason))
        assert (told.outcome, told.why) == (Outcome.REFUSED, why)
    assert (await world.kept()).state is InboxState.FORWARDED


async def test_a_body_reaches_the_order_as_what_it_is(world: Desk) -> None:
    handle = await world.begin()
    resolve = Resolve(action=Action.RETRY, actor="ben", reason="it is up again", number=3)
    async with world.worker():
        asked = by_hand(world.order, Kind.RESOLVE, "ben", "it is up again", resolve, clock=world.world.clock)
        assert (await world.commands.give(asked)).done
        assert await handle.query("asked") == ["retry 3"]


async def test_what_no_build_knows_yet_is_refused_in_words(world: Desk) -> None:
    await world.begin()
    release = world.cancel().model_copy(update={"kind": Kind.RELEASE})
    async with world.worker():
        told = await world.commands.give(release)
    assert (told.outcome, "release" in told.why) == (Outcome.REFUSED, True)


async def test_an_amendment_is_answered_with_how_the_order_stands(world: Desk) -> None:
    handle = await world.begin()
    asked = amending(world.order, AMENDMENT)
    async with world.worker():
        first, again = [await world.commands.give(asked) for _ in range(2)]
        assert first.amended is not None
        assert (first.done, first.amended.revision, again) == (True, 2, first)
        assert await handle.query("asked") == ["amend call-1"]


async def test_a_body_that_is_not_what_the_kind_needs_is_no_command(world: Desk) -> None:
    with pytest.raises(ValidationError, match="expected_revision"):
        by_hand(
            world.order, Kind.AMEND, "anna", "less", AMENDMENT.model_copy(update={"expected_revision": None})
        )


async def test_ids_belong_to_their_order(world: Desk) -> None:
    await world.begin()
    elsewhere = world.cancel().model_copy(update={"order_id": order("another"), "reason": "elsewhere"})
    async with world.worker():
        assert (await world.commands.give(world.cancel())).done
        told = await world.commands.give(elsewhere)
    assert (told.outcome, told.why) == (Outcome.REFUSED, "it names an order that was never accepted")


async def test_another_command_under_the_same_id_is_refused(world: Desk) -> None:
    await world.begin()
    async with world.worker():
        await world.commands.give(world.cancel())
        with pytest.raises(Refused, match="another command"):
            await world.commands.give(world.cancel("something else"))


async def test_while_nobody_carries_the_order_a_command_is_kept_and_given_once_later(world: Desk) -> None:
    handle = await world.begin()
    told = await world.commands.give(world.cancel(), seconds_max=0.5)
    assert (told.outcome, "kept as inbox item" in told.why) == (Outcome.UNREACHED, True)
    waits = (await world.kept()).next_attempt_at - world.world.clock()
    assert waits <= timedelta(seconds=1)  # nobody has it in hand any more
    async with world.worker(), forwarding(world.forwarder):
        await until(world.is_settled)
        assert (await world.kept()).state is InboxState.FORWARDED
        assert await handle.query("asked") == ["cancel anna: changed their mind"]


async def test_while_temporal_is_away_a_command_is_kept_and_given_later(world: Desk) -> None:
    handle = await world.begin()
    here, world.client = world.client, await unconnected()
    told = await world.commands.give(world.cancel("too late"), seconds_max=3)
    assert told.outcome is Outcome.UNREACHED
    world.client = here
    async with world.worker(), forwarding(world.forwarder):
        await until(world.is_settled)
        assert await handle.query("asked") == ["cancel anna: too late"]
    assert (await world.kept()).reason == "refused: as anna wishes"


async def test_a_forwarder_that_died_after_the_order_had_it_asks_nothing_twice(world: Desk) -> None:
    handle = await world.begin()
    async with world.worker():
        await world.commands.give(world.cancel())
        item = await world.kept()
        await world.world.inbox.replay(item.id)  # as if it had never been marked
        async with forwarding(world.forwarder):
            await until(world.is_settled)
        assert await handle.query("asked") == ["cancel anna: changed their mind"]


async def test_a_slow_answer_is_not_waited_for_longer_than_was_said(world: Desk) -> None:
    await world.begin()
    async with world.worker():
        told = await world.commands.give(world.cancel("slowly"), seconds_max=2)
        assert (told.outcome, told.why.startswith("taken, and no answer within 2 s")) == (
            Outcome.UNKNOWN,
            True,
        )
        assert (await world.kept()).state is InboxState.FORWARDED


async def test_an_order_that_has_ended_says_how(world: Desk) -> None:
    handle = await world.begin()
    async with world.worker():
        await world.commands.give(by_hand(world.order, Kind.HOLD, "anna", "end", clock=world.world.clock))
        await handle.result()
    await world.world.records.close_order(world.order, OrderState.COMPLETED, "{}", world.world.clock())
    world.world.clock.advance(seconds=1)
    told = await world.commands.give(
        by_hand(world.order, Kind.HOLD, "anna", "too late", clock=world.world.clock)
    )
    assert (told.outcome, told.why) == (Outcome.REFUSED, "the order is completed already")


async def test_an_order_that_is_started_in_that_moment_is_asked_again(
    world: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.world.accept(document(world.number))
    registered, first = world.world.orders.get, iter([True])

    async def started_meanwhile(order: OrderId) -> RegisteredOrder | None:
        if next(first, False):
            placed = (await world.world.registered(world.number)).placed
            await start_order(world.client, placed, task_queue=QUEUE)
            await world.world.orders.started(order)
        return await registered(order)

    monkeypatch.setattr(Orders, "get", lambda _, order: started_meanwhile(order))
    async with world.worker():
        told = await world.commands.give(world.cancel())
    assert (told.outcome, told.why) == (Outcome.DONE, "as anna wishes")


async def test_a_command_that_waited_for_an_order_that_ended_meanwhile_is_shown_to_a_person(
    world: Desk,
) -> None:
    handle = await world.begin()
    await world.commands.give(world.cancel(), seconds_max=0.2)
    await handle.terminate()
    async with forwarding(world.forwarder):
        await until(world.is_settled)
    item = await world.kept()
    assert (item.state, item.reason) == (InboxState.PARKED, "its workflow was ended in Temporal by somebody")


async def test_without_our_database_a_command_is_given_at_once_and_without_both_not_taken(
    world: Desk,
) -> None:
    await world.begin()
    async with world.worker():
        commands = world.commands
        await _lose_the_inbox(world)
        told = await commands.give(world.cancel())
        assert told.outcome is Outcome.DONE
    world.client = await unconnected()
    with pytest.raises(Unavailable):
        await world.commands.give(world.cancel(name="c-2"), seconds_max=1)


async def test_commands_that_are_kept_are_given_in_turn_and_before_any_later_one(world: Desk) -> None:
    handle = await world.begin()
    for reason in ("first", "second"):
        await world.commands.give(world.cancel(reason, reason), seconds_max=0.2)
    async with world.worker():
        assert (await world.commands.give(world.cancel("third", "third"))).done
        assert await handle.query("asked") == [
            f"cancel anna: {each}" for each in ("first", "second", "third")
        ]
    states = {item.state for item in await world.world.inbox.list() if item.kind is InboxKind.COMMAND}
    assert states == {InboxState.FORWARDED}


async def test_what_became_of_a_kept_command_is_written_where_it_was_asked_for(world: Desk) -> None:
    await world.begin()
    trail = Trail(world.world.engine, world.world.clock)
    command = world.cancel("too late")
    deed = Deed(actor="anna", role="operator", action="cancel", order_id=world.order, command=command.id)
    await trail.end(await trail.begin(deed), Verdict.UNREACHED)
    await world.commands.give(command, seconds_max=0.2)
    registered = await world.world.registered(world.number)
    waiting = await world.commands.waiting(registered, command.id)
    assert waiting is not None
    assert waiting.outcome is Outcome.UNREACHED
    async with world.worker(), forwarding(world.forwarder):
        await until(world.is_settled)
    assert await world.commands.waiting(registered, command.id) is None
    (written,) = await trail.page()
    assert written.outcome is Verdict.REFUSED


async def _lose_the_inbox(world: Desk) -> None:
    async with writing(world.world.engine) as connection:
        await connection.execute(text("DROP TABLE inbox"))
