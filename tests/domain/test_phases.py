import itertools

import pytest

from domain.errors import InvariantBroken
from domain.phases import Phase, advance

STORY = [
    Phase.RECEIVED,
    Phase.CUSTOMER_CHECK,
    Phase.AWAITING_PAYMENT,
    Phase.ENTERING_ERP,
    Phase.RESERVING,
    Phase.FULFILLING,
    Phase.SETTLING,
    Phase.AFTER_SALES,
    Phase.COMPLETED,
]
BEFORE_SETTLING = STORY[: STORY.index(Phase.SETTLING)]
LEGAL = {
    *itertools.pairwise(STORY),
    *((phase, Phase.CANCELLING) for phase in BEFORE_SETTLING),
    (Phase.CANCELLING, Phase.CANCELLED),
}


@pytest.mark.parametrize(("current", "wanted"), sorted(LEGAL))
def test_an_order_goes_on_or_is_cancelled_before_it_settles(current: Phase, wanted: Phase) -> None:
    assert advance(current, wanted) is wanted


@pytest.mark.parametrize(("current", "wanted"), sorted({*itertools.product(Phase, Phase)} - LEGAL))
def test_every_other_move_breaks_the_invariant(current: Phase, wanted: Phase) -> None:
    with pytest.raises(InvariantBroken):
        advance(current, wanted)
