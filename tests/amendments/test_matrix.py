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
    VALUES,
    Case,
    How,
    Money,
    Outcome,
    Step,
    Trouble,
    Value,
    What,
    When,
    Where,
    legal,
    outcome,
    sampled,
    steps,
    tried,
    why_not,
)
from tests.workflows.world import World

AT_ONCE = 5
TO_THE_END = 3  # every third
WHENCE = [
    (when, where)
    for when in When
    for where in Where
    if not why_not(Case(when, What.MORE, where, Money.INCREMENT))
]


# -- what is tried -------------------------------------------------------------------------------------------------


def test_the_matrix_is_large_and_most_of_it_is_no_refusal() -> None:
    found = Counter(outcome(case) for case in tried())
    print(f"{len(tried())} cases of {len(legal())}: {found}")  # noqa: T201  the figures of the proof
    assert len(tried()) >= 500
    assert found[Outcome.COMMITTED] >= 0.4 * len(tried())
    assert all(found[one] for one in Outcome)


def test_every_pair_of_values_that_can_be_is_tried() -> None:
    def pairs(cases: Sequence[Case]) -> set[object]:
        return {((i, c[i]), (j, c[j])) for c in cases for i in range(5) for j in range(i)}

    assert pairs(tried()) == pairs(legal())


def test_every_step_is_refused_and_its_reply_lost_whenever_it_is_taken() -> None:
    taken = {(case.when, step) for case in legal() if case.trouble is None for step in steps(case)}
    wanted = {(when, Trouble(step, how)) for when, step in taken for how in How}
    # The warehouse is too late for what is packed anyway; of two at once the first writes to the shop after the second.
    cannot_be = {
        (When.PACKED, Trouble(Step.WAREHOUSE, How.REFUSED)),
        *((When.IN_FLIGHT, Trouble(Step.SHOP, how)) for how in How),
    }
    assert {(case.when, case.trouble) for case in tried() if case.trouble} == wanted - cannot_be


def test_the_sample_meets_every_value() -> None:
    for place, values in enumerate(VALUES):
        met: Counter[Value] = Counter(case[place] for case in sampled())
        assert all(met[value] for value in values), met


def test_the_whole_of_it_is_in_the_parts_that_are_tried() -> None:
    assert {(case.when, case.where) for case in tried()} == set(WHENCE)


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


async def test_an_amendment_holds_everywhere_or_nowhere(
    world: World,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    await try_all(world, sampled(), subtests, record_property)


@pytest.mark.long
@pytest.mark.parametrize(("when", "where"), WHENCE)
async def test_the_whole_matrix(
    world: World,
    when: When,
    where: Where,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    cases = [case for case in tried() if (case.when, case.where) == (when, where)]
    await try_all(world, cases, subtests, record_property)
