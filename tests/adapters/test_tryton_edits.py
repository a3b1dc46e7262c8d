"""What a clerk's edit of a processed sale looks like from outside, and that it is found by content (docs/adr/0003).

Tryton 8.2 lets nobody write to a processed sale; its `sale.amendment` is the one way to change a line. The clerk works
through proteus; ours is the same amendment over REST, as an amendment of the order writes it.
"""

import asyncio
from decimal import Decimal
from xmlrpc.client import Fault as Refusal

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.sale_records import Sale
from adapters.tryton.sales import sale_of
from domain.differences import Differences, Field, differences
from domain.erp import Edited, ErpOrder
from domain.ids import LineId
from domain.orders import PlacedOrder
from tests.contracts.erp import enter
from tests.contracts.erp_edits import write
from tests.contracts.lossy import Lossy
from tests.contracts.placing import place, unique
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, server, shelves, tryton

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # TestTrytonEdited holds the adapter to the like


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def erp(tryton: TrytonClient) -> TrytonErp:
    return TrytonErp(tryton)


@pytest.fixture
async def order(request: pytest.FixtureRequest, hands: Hands) -> PlacedOrder:
    wanted = [(await hands.stocked(100), 3, "19.99"), (await hands.stocked(100), 1, "5.00")]
    return place(unique(request.node.nodeid), wanted, buyer=REGULAR)


@pytest.fixture
async def known(erp: TrytonErp, order: PlacedOrder) -> ErpOrder:
    """What we last knew: the order as it was entered, processed."""
    return await enter(erp, order)


async def test_an_amendment_by_hand_is_an_edit_cell_by_cell(
    erp: TrytonErp, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    hands.amend(order, 0, quantity=2)
    hands.amend(order, 1, price="4.5000")
    found = differences(await held(erp, order), known, known)
    assert edits(found) == {
        ("1", Field.QUANTITY): Decimal(2),
        ("2", Field.UNIT_PRICE): Decimal("4.5"),
    }
    assert not found.conflicts


async def test_lines_keep_their_number_and_our_mark_while_shipments_and_invoices_are_new(
    tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    before = await sale(tryton, order)
    hands.amend(order, 0, quantity=5)
    after = await sale(tryton, order)
    assert [(line.id, line.line_id) for line in after.lines] == [
        (line.id, line.line_id) for line in before.lines
    ]
    assert {one.id for one in after.shipments}.isdisjoint({one.id for one in before.shipments})
    assert {one.id for one in after.invoices}.isdisjoint({one.id for one in before.invoices})
    assert [part.revision for part in after.parts] == [1]
    assert known.version == before.version != after.version


async def test_an_echo_of_our_own_write_is_no_difference(
    erp: TrytonErp, tryton: TrytonClient, order: PlacedOrder, known: ErpOrder
) -> None:
    target = wanting(known, "1", 2)
    await our_amendment(tryton, await sale(tryton, order), target, "1")
    assert not differences(await held(erp, order), known, target)


async def test_an_edit_a_moment_after_our_write_is_not_lost(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    target = wanting(known, "1", 2)
    await our_amendment(tryton, await sale(tryton, order), target, "1")
    hands.amend(order, 0, price="18.0000")
    found = differences(await held(erp, order), known, target)
    assert edits(found) == {("1", Field.UNIT_PRICE): Decimal(18)}
    assert not found.outstanding


async def test_an_edit_of_another_line_between_our_read_and_our_write_survives_both(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    target, read = wanting(known, "1", 2), await sale(tryton, order)
    hands.amend(order, 1, quantity=4)
    await our_amendment(tryton, read, target, "1")
    found = differences(await held(erp, order), known, target)
    assert edits(found) == {("2", Field.QUANTITY): Decimal(4)}


async def test_an_edit_of_the_same_line_between_our_read_and_our_write_is_told_by_the_revision_only(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    """An amendment writes the whole line, so ours takes the clerk's price back and no content shows it any more.

    The revision counts every amendment: one of ours and one too many. The amendments themselves keep what was lost.
    """
    target, read = wanting(known, "1", 2), await sale(tryton, order)
    hands.amend(order, 0, price="18.0000")
    await our_amendment(tryton, read, target, "1")
    assert not differences(await held(erp, order), known, target)
    assert (await sale(tryton, order)).parts[0].revision == read.parts[0].revision + 2
    fields = ["create_uid.login", "lines.unit_price"]
    kept = await tryton.search("sale.amendment", [["sale", "=", read.id]], fields)
    assert [(one["create_uid"]["login"], one["lines"][0]["unit_price"]) for one in kept] == [
        ("clerk", Decimal("18.0000")),
        ("ordersaga", Decimal("19.9900")),
    ]


async def test_both_at_the_same_moment_keep_both(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    target, read = wanting(known, "1", 2), await sale(tryton, order)
    await asyncio.gather(
        our_amendment(tryton, read, target, "1"),
        asyncio.to_thread(hands.amend, order, 1, quantity=4),
    )
    found = differences(await held(erp, order), known, target)
    assert edits(found) == {("2", Field.QUANTITY): Decimal(4)}
    assert not found.outstanding
    assert not found.conflicts


async def test_two_wishes_for_one_cell_are_a_conflict(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    target = wanting(known, "1", 2)
    await our_amendment(tryton, await sale(tryton, order), target, "1")
    hands.amend(order, 0, quantity=7)
    (conflict,) = differences(await held(erp, order), known, target).conflicts
    assert (conflict.known, conflict.now, conflict.target) == (Decimal(3), Decimal(7), Decimal(2))


@pytest.mark.usefixtures("known")
async def test_a_processed_sale_takes_no_line_and_loses_none(hands: Hands, order: PlacedOrder) -> None:
    sale = hands.sale(order)
    with pytest.raises(Refusal, match="draft"):
        sale.click("draft")
    sale.lines.remove(sale.lines[1])
    with pytest.raises(Refusal, match="To delete line"):
        sale.save()
    sale = hands.sale(order)
    sale.lines.new(product=sale.lines[0].product, quantity=1.0, unit_price=Decimal("3.0000"))
    with pytest.raises(Refusal):
        sale.save()
    sale = hands.sale(order)
    sale.lines[0].quantity = 9.0
    with pytest.raises(Refusal, match="not allowed to modify"):
        sale.save()


async def test_a_line_amended_to_nothing_is_told_as_gone(
    erp: TrytonErp, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    hands.amend(order, 1, quantity=0)
    gone = {("2", field): None for field in Field}
    assert edits(differences(await held(erp, order), known, known)) == gone


async def test_another_article_in_a_line_is_an_edit_and_taken_back_when_it_is_not_wanted(
    erp: TrytonErp, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    other = await hands.stocked(100)
    amendment = hands.clerk.model("sale.amendment")(sale=hands.sale(order))
    change = amendment.lines.new(action="line")
    change.line = hands.sale(order).lines[0]
    (change.product,) = hands.clerk.model("product.product").find([("code", "=", other)])
    amendment.save()
    amendment.click("validate_amendment")
    now = await held(erp, order)
    assert edits(differences(now, known, known)) == {("1", Field.SKU): other}
    assert await write(erp, order, 2, known.version) == Edited(version=now.version)
    back = await write(erp, order, 3, now.version)
    assert isinstance(back, ErpOrder)
    assert not differences(back, known, known)


async def test_a_second_sale_under_our_reference_is_how_a_line_is_added(
    erp: TrytonErp, hands: Hands, order: PlacedOrder, known: ErpOrder
) -> None:
    """A copy carries the marks of our lines but not the reference; with the reference typed in it is told as added."""
    copy = hands.copy_sale(order)
    assert copy.reference is None
    assert copy.lines[0].note == "Shop line 1"
    assert not differences(await held(erp, order), known, known)
    copy.reference = order.order_id
    copy.save()
    assert await held(erp, order) == known  # as long as it is a draft
    for button in ("quote", "confirm"):
        copy.click(button)
    now = await held(erp, order)
    found = differences(now, known, known)
    assert {edit.line for edit in found.edits} == {f"erp:{line.id}" for line in copy.lines if line.quantity}
    assert now.total == known.total + known.total
    assert now.version != known.version


async def our_amendment(tryton: TrytonClient, read: Sale, target: ErpOrder, line_id: str) -> None:
    """Over REST, one line, from what we read of it: Tryton wants all of the line, not only what changes."""
    (line,) = (line for line in read.lines if line.line_id == line_id)
    (wanted,) = (line for line in target.lines if line.line_id == line_id)
    (stored,) = await tryton.search("sale.line", [["id", "=", line.id]], ["product", "unit", "description"])
    values = {
        "action": "line",
        "line": line.id,
        "product": stored["product"],
        "unit": stored["unit"],
        "description": stored["description"],
        "quantity": int(wanted.quantity),
        "unit_price": line.unit_price,
    }
    made = await tryton.create("sale.amendment", {"sale": read.id, "lines": [["create", [values]]]}, ["id"])
    await tryton.act("sale.amendment", made["id"], "validate_amendment")


def wanting(known: ErpOrder, line_id: str, quantity: int) -> ErpOrder:
    lines = tuple(
        line.model_copy(update={"quantity": Decimal(quantity)}) if line.line_id == LineId(line_id) else line
        for line in known.lines
    )
    return known.model_copy(update={"lines": lines})


async def held(erp: TrytonErp, order: PlacedOrder) -> ErpOrder:
    found = await erp.look_up_order(order.order_id)
    assert found is not None
    return found


async def sale(tryton: TrytonClient, order: PlacedOrder) -> Sale:
    found = await sale_of(tryton, order.order_id)
    assert found is not None
    return found


def edits(found: Differences) -> dict[tuple[str, Field], object]:
    return {(edit.line, edit.field): edit.now for edit in found.edits}
