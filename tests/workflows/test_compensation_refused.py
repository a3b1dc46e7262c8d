"""An undo that is refused is a visible state: the others are done, a person is asked, and a retry finishes the rest."""

from domain.attention import Reason
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows.books import undone
from tests.workflows.world import World
from workflows.visibility import ATTENTION


async def test_one_refused_undo_does_not_skip_the_rest_and_is_finished_by_a_retry(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.edit("sales_orders", story.id, lambda order: order.update(state="invoiced"))  # too soon, by a clerk
    assert (await story.cancel()).allowed

    attention = await story.needs_person()
    assert attention.reason is Reason.COMPENSATING
    assert "invoiced" in attention.what
    assert (await story.document()).phase is Phase.CANCELLING
    assert (await story.handle.describe()).typed_search_attributes[ATTENTION] == "compensating"
    await story.operators_know("needs_person")
    books = await story.books()
    assert (books.picks, books.reserved, books.payment) == (("cancelled",), 0, ("voided",))
    assert books.shop == ("open",)  # it is told when all is undone

    world.edit("sales_orders", story.id, lambda order: order.update(state="entered"))
    await story.retry()
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed,
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
        operators=("needs_person",),
    )
