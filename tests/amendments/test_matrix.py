"""The proof of the amendments: whenever, whatever, from wherever, however paid, whatever goes wrong: all of it, or nothing.

Each case is an order of its own in the simulated world. ERP, shop, stock, warehouse and gateway hold the same afterwards,
which is the order at its new revision or entirely at the old; then it goes on, a third of them to their settled end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.amendments.acting import Acting
from tests.amendments.matrix import (
    CASES,
    LEGAL,
    SAMPLE,
    VALUES,
    Case,
    How,
    Outcome,
    Step,
    Trouble,
    Value,
    When,
    outcome,
    steps,
)
from tests.workflows.world import World

AT_ONCE = 5
BATCH = 12
TO_THE_END = 3  # every third


def batches(cases: Sequence[Case]) -> list[Sequence[Case]]:
    return [cases[at : at + BATCH] for at in range(0, len(cases), BATCH)]


# -- what is tried -------------------------------------------------------------------------------------------------


def test_the_matrix_is_large_and_most_of_it_is_no_refusal() -> None:
    found = Counter(outcome(case) for case in CASES)
    print(f"{len(CASES)} cases of {len(LEGAL)}: {found}")  # noqa: T201  the figures of the proof
    assert len(CASES) >= 500
    assert found[Outcome.COMMITTED] >= 0.4 * len(CASES)
    assert all(found[one] for one in Outcome)


def test_every_pair_of_values_that_can_be_is_tried() -> None:
    def pairs(cases: Sequence[Case]) -> set[object]:
        return {((i, c[i]), (j, c[j])) for c in cases for i in range(5) for j in range(i)}

    assert pairs(CASES) == pairs(LEGAL)


def test_every_step_is_refused_and_its_reply_lost_whenever_it_is_taken() -> None:
    taken = {(case.when, step) for case in LEGAL if case.trouble is None for step in steps(case)}
    wanted = {(when, Trouble(step, how)) for when, step in taken for how in How}
    # The warehouse is too late for what is packed anyway; of two at once the first writes to the shop after the second.
    cannot_be = {
        (When.PACKED, Trouble(Step.WAREHOUSE, How.REFUSED)),
        *((When.IN_FLIGHT, Trouble(Step.SHOP, how)) for how in How),
    }
    assert {(case.when, case.trouble) for case in CASES if case.trouble} == wanted - cannot_be


def test_the_sample_meets_every_value() -> None:
    for place, values in enumerate(VALUES):
        met: Counter[Value] = Counter(case[place] for case in SAMPLE)
        assert all(met[value] for value in values), met


# -- trying it -----------------------------------------------------------------------------------------------------


async def try_all(
    world: World,
    cases: Sequence[Case],
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    """Several at once; each is told of by itself."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, case: Case) -> Outcome:
        async with room:
            return await Acting(world, case).act(to_the_end=number % TO_THE_END == 0)

    found = await asyncio.gather(*(one(*each) for each in enumerate(cases)), return_exceptions=True)
    for case, came in zip(cases, found, strict=True):
        with subtests.test(case=str(case)):
            if isinstance(came, BaseException):
                raise came
    record_property("amendments", dict(Counter(str(came) for came in found if isinstance(came, Outcome))))


@pytest.mark.parametrize("cases", batches(SAMPLE), ids=lambda cases: str(cases[0].when))
async def test_an_amendment_holds_everywhere_or_nowhere(
    world: World,
    cases: Sequence[Case],
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    await try_all(world, cases, subtests, record_property)


@pytest.mark.long
@pytest.mark.parametrize("cases", batches(CASES), ids=lambda cases: str(cases[0].when))
async def test_the_whole_matrix(
    world: World,
    cases: Sequence[Case],
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    await try_all(world, cases, subtests, record_property)
