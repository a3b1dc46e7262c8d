"""Whatever goes wrong on the wire, an effect happens once: every mutating call, lost and late, against a real process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from domain import ports
from domain.errors import OutcomeUnknown, Unavailable
from domain.payments import Capture
from tests.adapters.simulated_scenes import Call, Scene, Systems, every_mutation, systems
from tests.contracts.simulator_process import Simulator, simulator, wait_until

NAMES = [
    f"{system}.{operation}"
    for system, operations in {
        "storefront": ("report_shipment", "amend_order", "record_refund", "cancel_order"),
        "payments": ("capture", "increment", "hold", "pay_link", "void", "refund"),
        "erp": (
            "register_customer",
            "approve_credit",
            "enter_order",
            "cancel_order",
            "record_shipment",
            "post_invoice",
            "post_credit_note",
        ),
        "stock": ("reserve", "release", "restock"),
        "warehouse": ("request_pick", "adopt", "expect_return", "cancel_pick", "hand_over"),
        "carrier": ("create_labels", "create_return_label", "void_labels"),
        "crm": ("register_customer", "note"),
        "notifications": ("send",),
    }.items()
    for operation in operations
]
READS = (
    "look_up",
    "look_up_account",
    "look_up_order",
    "look_up_reservation",
    "look_up_pick",
    "look_up_shelves",
    "look_up_unasked",
    "price_article",
    "look_up_return",
    "track",
    "changes",
    "orders_since",
    "customers",
    "articles",
)
IMPATIENT_SECONDS = 0.2
LATE_SECONDS = 0.5
WAIT_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(
        Path(tmp_path_factory.mktemp("world")), pick_seconds="off", deliver_seconds="off"
    ) as running:
        yield running


@pytest.fixture
def scene(world: Simulator) -> Iterator[Scene]:
    yield Scene(world)
    world.clear_faults()


@asynccontextmanager
async def opened(world: Simulator, *, seconds: float = 10) -> AsyncIterator[Systems]:
    made = systems(world, seconds=seconds)
    async with made.client:
        yield made


def effects(world: Simulator) -> dict[str, Any]:
    """The books without what only counts requests."""
    return {name: kept for name, kept in world.books().items() if name not in ("requests", "webhooks")}


def outcomes(world: Simulator, name: str, scene: Scene) -> dict[str, int]:
    system, operation = name.split(".")
    (asked,) = [
        request
        for request in world.books()["requests"]
        if (request["system"], request["operation"]) == (system, operation) and scene.name in request["key"]
    ]
    counted: dict[str, int] = asked["outcomes"]
    return counted


async def made_ready(scene: Scene, to: Systems, name: str) -> Call:
    prepare, call = {known: (before, then) for known, before, then in every_mutation(scene)}[name]
    await prepare(to)
    return call


def test_the_table_names_every_mutating_method_of_the_ports() -> None:
    protocols = (
        ports.Storefront,
        ports.PaymentGateway,
        ports.Erp,
        ports.Stock,
        ports.Warehouse,
        ports.Carrier,
        ports.Crm,
        ports.Notifier,
    )
    methods = [name for port in protocols for name in vars(port) if not name.startswith("_")]
    mutating = sorted(name for name in methods if name not in READS)
    assert mutating == sorted(name.split(".")[1] for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_lost_reply_and_its_repeats_have_one_effect(
    world: Simulator, scene: Scene, name: str
) -> None:
    system, operation = name.split(".")
    async with opened(world) as to:
        call = await made_ready(scene, to, name)
        before = effects(world)
        world.fault(system, "reply_lost", operation, times=1)
        with pytest.raises(OutcomeUnknown):
            await call(to)
        once = effects(world)
        assert once != before
        answers = [await call(to) for _ in range(2)]
    assert answers[0] == answers[1]
    assert effects(world) == once
    assert sum(outcomes(world, name, scene).values()) == 4  # three requests, and one of them was also lost


@pytest.mark.long  # the effects of an order meet it, too
@pytest.mark.parametrize("name", NAMES)
async def test_a_late_commit_and_its_repeat_have_one_effect(
    world: Simulator, scene: Scene, name: str
) -> None:
    system, operation = name.split(".")
    async with opened(world) as to, opened(world, seconds=IMPATIENT_SECONDS) as impatient:
        call = await made_ready(scene, to, name)
        before = effects(world)
        world.fault(system, "late_commit", operation, times=1, seconds=LATE_SECONDS)
        with pytest.raises(OutcomeUnknown):
            await call(impatient)
        wait_until(lambda: not world.call("GET", "/faults"), WAIT_SECONDS_MAX)
        await call(to)
        once = effects(world)
        assert once != before
    wait_until(lambda: sum(outcomes(world, name, scene).values()) == 3, WAIT_SECONDS_MAX)
    assert effects(world) == once


async def test_a_late_commit_has_its_effect_though_the_caller_has_gone(
    world: Simulator, scene: Scene
) -> None:
    def captures() -> int:
        return len([c for c in world.books()["captures"] if c["payment"] == scene.payment])

    world.fault("payments", "late_commit", "capture", times=1, seconds=10 * IMPATIENT_SECONDS)
    async with opened(world, seconds=IMPATIENT_SECONDS) as impatient:
        with pytest.raises(OutcomeUnknown):
            await scene.capture(impatient)
    assert captures() == 0
    wait_until(lambda: captures() == 1, WAIT_SECONDS_MAX)


@pytest.mark.parametrize("kind", ["down", "rate_limited"])
async def test_who_is_away_says_so_and_nothing_happens(world: Simulator, scene: Scene, kind: str) -> None:
    world.fault("payments", kind, times=2, retry_after=7)
    before = effects(world)
    async with opened(world) as to:
        with pytest.raises(Unavailable) as capture:
            await scene.capture(to)
        with pytest.raises(Unavailable) as look:
            await to.payments.look_up(scene.order.order_id, None)
        waits = [error.value.retry_after for error in (capture, look)]
        assert [wait.total_seconds() for wait in waits if wait] == [7, 7]
        assert effects(world) == before
        assert isinstance(await scene.capture(to), Capture)


async def test_a_server_error_may_have_had_an_effect_as_far_as_the_caller_knows(
    world: Simulator, scene: Scene
) -> None:
    world.fault("payments", "error5xx", times=2)
    async with opened(world) as to:
        with pytest.raises(OutcomeUnknown):
            await scene.capture(to)
        with pytest.raises(Unavailable):
            await to.payments.look_up(scene.order.order_id, None)


async def test_an_answer_of_garbage_hides_an_effect_that_happened(world: Simulator, scene: Scene) -> None:
    world.fault("payments", "garbage", "capture", times=1)
    async with opened(world) as to:
        with pytest.raises(OutcomeUnknown):
            await scene.capture(to)
        (payment,) = await to.payments.look_up(scene.order.order_id, None)
        assert payment.captured == scene.order.total


async def test_slow_is_late_and_answered(world: Simulator, scene: Scene) -> None:
    world.fault("payments", "slow", "capture", times=1, seconds=LATE_SECONDS)
    started = asyncio.get_running_loop().time()
    async with opened(world) as to:
        assert isinstance(await scene.capture(to), Capture)
    assert asyncio.get_running_loop().time() - started >= LATE_SECONDS


async def test_a_fault_meets_exactly_as_many_requests_as_it_was_told_to(
    world: Simulator, scene: Scene
) -> None:
    world.fault("stock", "down", "look_up_reservation", times=3)

    async def asked(to: Systems) -> bool:
        try:
            await to.stock.look_up_reservation(scene.order.order_id)
        except Unavailable:
            return False
        return True

    async with opened(world) as to:
        answers = await asyncio.gather(*(asked(to) for _ in range(10)))
    assert answers.count(False) == 3


async def test_a_fault_stays_until_it_is_cleared_and_over_a_restart(tmp_path: Path) -> None:
    with simulator(tmp_path) as world:
        world.fault("erp", "down", "changes")
        world.stop()
        world.start()
        async with opened(world) as to:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await to.erp.changes(None)
            world.call("DELETE", "/faults/erp")
            assert (await to.erp.changes(None)).orders == ()


async def test_faults_of_several_kinds_act_one_after_the_other(world: Simulator, scene: Scene) -> None:
    world.fault("payments", "down", "capture", times=1)
    world.fault("payments", "reply_lost", "capture", times=1)
    async with opened(world) as to:
        with pytest.raises(Unavailable):
            await scene.capture(to)
        with pytest.raises(OutcomeUnknown):
            await scene.capture(to)
        assert isinstance(await scene.capture(to), Capture)
