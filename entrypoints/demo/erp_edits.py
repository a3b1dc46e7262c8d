"""The story of a day: one order in ten is changed by phone, in the ERP alone, while it is being carried out.

Nobody touches another system; all of them must hold the same order in the end, and the money must be what was shipped.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.amendments import AmendmentState
from domain.ids import Location
from domain.money import digits_of
from domain.phases import Phase
from domain.policies import OrderPolicies
from entrypoints.audit.report import AuditReport
from entrypoints.audit.run import audit
from entrypoints.books import books_of
from entrypoints.demo import plays, tenders
from entrypoints.demo.cart import CATALOGUE, Cart, of_articles
from entrypoints.demo.kinds import CARD, COMPLETED, Kind
from entrypoints.demo.progress import Part, Progress, parts_of
from entrypoints.demo.run import wishes
from entrypoints.demo.scene import Scene
from entrypoints.demo.staging import opened_stage, place, watch_all
from entrypoints.demo.watching import LOOK_SECONDS, DemoFailed, Say
from entrypoints.embedded.installation import Installation, Wishes, installation

ORDERS = 500  # of a day
_ONE_IN = 10
_EACH = 3  # units of each of the two articles of an order that will be edited
_ARTICLES = ("KETTLE-17", "MUG-BLUE")
_ADDED = "FILTER-100"
_ON_HAND = 100_000
_OPEN_MAX = 20  # so many orders are on their way at once
_PICK_SECONDS = "5"  # in which an order can still be changed
_REQUEST_SECONDS = 15.0  # nothing is lost on purpose: no request is given up early
_AGAIN_SECONDS = 0.3
_ENTERED_SECONDS_MAX = 120

Edit = Callable[[Scene], Mapping[str, Any]]
Order = dict[str, Any]


@dataclass(frozen=True)
class EditsResult:
    """`agreed`: orders edited in the ERP that ERP, shop and gateway hold alike; `elsewhere`: edits in other systems.

    `raised` counts those that came to cost more, and had to be authorised for it.
    """

    report: AuditReport
    orders: int
    edits: int
    agreed: int
    raised: int
    elsewhere: int
    kinds: dict[str, int]
    otherwise: list[str]
    seconds: float

    @property
    def good(self) -> bool:
        as_told = self.agreed == self.edits and not self.elsewhere and not self.otherwise
        return as_told and self.report.kept and not self.report.orders.open


async def run_erp_edits(
    directory: Path, orders: int, say: Say, watch: Callable[[Progress], None]
) -> EditsResult:
    """DemoFailed, StartFailed: the message says where it stopped; logs are in `directory`."""
    loop = asyncio.get_running_loop()
    async with installation(directory, _wishes(), say) as running, opened_stage(running) as stage:
        progress = Progress(stage, parts_of(orders, frozenset(), stage, kinds_of(orders)))
        await stage.world.lies(Location("main"), dict.fromkeys(CATALOGUE, _ON_HAND))
        edited = [part for part in progress.parts if part.kind is not AS_PLACED]
        say(f"{orders} orders, {len(edited)} of them are edited in the ERP alone while they are carried out")
        began = loop.time()
        try:
            await _play(running, progress, watch)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        took = loop.time() - began
        say("auditing the books of all systems")
        report = await audit(books_of(running.settings))
        books = await stage.world.books()
    names = [part.order for part in edited]
    return EditsResult(
        report,
        orders,
        edits=_edits(books, "sales_orders"),
        agreed=sum(agree(books, order) for order in names),
        raised=sum(_raised(books, part) for part in edited),
        elsewhere=_edits(books, "orders") + sum(bool(pick.get("by_hand")) for pick in books["picks"]),
        kinds=dict(Counter(part.kind.name for part in progress.parts)),
        otherwise=progress.otherwise(),
        seconds=took,
    )


def _wishes() -> Wishes:
    usual = wishes(frozenset())

    def patient(policies: OrderPolicies) -> OrderPolicies:
        times = {"attempt_seconds": _REQUEST_SECONDS + 1, "request_seconds_max": _REQUEST_SECONDS}
        return usual.policies(policies).model_copy(update=times)

    return replace(
        usual,
        policies=patient,
        pick_seconds=_PICK_SECONDS,
        adapter_timeout_seconds=_REQUEST_SECONDS,
        settled_after_seconds=_REQUEST_SECONDS,
    )


# -- what is edited ----------------------------------------------------------------------------------------------------


def _more(scene: Scene) -> Mapping[str, Any]:
    return {"set": [{"line_id": scene.placed.lines[0].line_id, "quantity": _EACH + 2}]}


def _fewer(scene: Scene) -> Mapping[str, Any]:
    return {"set": [{"line_id": scene.placed.lines[0].line_id, "quantity": _EACH - 1}]}


def _another(scene: Scene) -> Mapping[str, Any]:
    return {"add": [{"sku": _ADDED, "quantity": 2, "unit_price": _price(scene, "0.5")}]}


def _without(scene: Scene) -> Mapping[str, Any]:
    return {"remove": [scene.placed.lines[1].line_id]}


def _dearer(scene: Scene) -> Mapping[str, Any]:
    return {"set": [{"line_id": scene.placed.lines[0].line_id, "unit_price": _price(scene, "1.1")}]}


def _discounted(scene: Scene) -> Mapping[str, Any]:
    return {"set": [{"line_id": scene.placed.lines[0].line_id, "discount": _price(scene, "0.4")}]}


def _elsewhere(_: Scene) -> Mapping[str, Any]:
    home = {"name": "Roald Weiss", "street": "Hafenweg 3", "postal_code": "20457", "city": "Hamburg"}
    return {"shipping": {**home, "country": "DE"}}


def _price(scene: Scene, part: str) -> str:
    """So much of the first line's price, in the currency's own digits."""
    digits = digits_of(scene.placed.currency)
    return f"{round(scene.placed.lines[0].unit_price * Decimal(part), digits):f}"


def _of_two_articles(content: Cart) -> Cart:
    plain = of_articles(content, _ARTICLES)
    return replace(plain, lines=tuple(replace(line, quantity=_EACH, discount=0) for line in plain.lines))


def _edited(name: str, edit: Edit, *, picking: bool) -> Kind:
    """At once when the ERP has it, or while it is picked."""

    async def act(scene: Scene) -> None:
        if picking:
            await scene.world.pickers_wait(scene.order, wait=True)  # however long the call takes
            await scene.reaches(Phase.FULFILLING)
        await _edit_in_erp(scene, edit(scene))
        record = await scene.amendment_is(AmendmentState.COMMITTED)
        await scene.world.pickers_wait(scene.order, wait=False)
        await scene.completes(
            lambda document: document.amendments == [record] and document.kept == document.order.total,
            "as the ERP has it",
        )

    return Kind(
        f"{name}, {'picking' if picking else 'just entered'}",
        CARD,
        COMPLETED,
        act,
        pays=tenders.by_card_on_file,
        cart=_of_two_articles,
    )


AS_PLACED = Kind("as placed", CARD, COMPLETED, plays.nothing, pays=tenders.by_card_on_file)
_EDITS: tuple[tuple[str, Edit], ...] = (
    ("more", _more),
    ("fewer", _fewer),
    ("a line more", _another),
    ("a line less", _without),
    ("dearer", _dearer),
    ("discounted", _discounted),
    ("to elsewhere", _elsewhere),
)
EDITED: tuple[Kind, ...] = tuple(
    _edited(name, edit, picking=picking) for picking in (False, True) for name, edit in _EDITS
)


def kinds_of(orders: int) -> list[Kind]:
    """One in ten is edited, each of them in another way."""
    return [
        EDITED[number // _ONE_IN % len(EDITED)] if number % _ONE_IN == _ONE_IN // 2 else AS_PLACED
        for number in range(orders)
    ]


async def _edit_in_erp(scene: Scene, edit: Mapping[str, Any]) -> None:
    try:
        async with asyncio.timeout(_ENTERED_SECONDS_MAX):
            while not await scene.world.edits_in_erp(scene.order, **edit):  # noqa: ASYNC110  the ERP is another process
                await asyncio.sleep(_AGAIN_SECONDS)
    except TimeoutError:
        raise DemoFailed(f"{scene.order} was not entered within {_ENTERED_SECONDS_MAX} s") from None


# -- the day -----------------------------------------------------------------------------------------------------------


async def _play(running: Installation, progress: Progress, watch: Callable[[Progress], None]) -> None:
    """Until every order is at rest; no more are on their way at once than a shop has open."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch_all(running, progress, watch))
        for number, part in enumerate(progress.parts):
            while number - len(progress.watch.closed) >= _OPEN_MAX:  # noqa: ASYNC110  orders end in another process
                await asyncio.sleep(LOOK_SECONDS)
            await place(running, part)
            part.play = tasks.create_task(part.perform())


# -- what the systems' own books say of it -----------------------------------------------------------------------------


def agree(books: Mapping[str, Any], order: str) -> bool:
    """ERP and shop hold the same lines and the same total, which is what the gateway took and what was invoiced."""
    (sale,), (shop,) = _of(books, "sales_orders", order), _of(books, "orders", order)
    total = Decimal(sale["order"]["total"]["amount"])
    sold = {(line["line_id"], line["quantity"], line["total"]["amount"]) for line in sale["order"]["lines"]}
    shown = {
        (line["line_id"], line["quantity"], line["total"]["amount"]) for line in shop["lines"] if line["sku"]
    }
    taken = sum(Decimal(capture["amount"]["amount"]) for capture in _of(books, "captures", order))
    returned = sum(Decimal(refund["amount"]["amount"]) for refund in _of(books, "refunds", order))
    invoiced = sum(Decimal(invoice["total"]["amount"]) for invoice in _of(books, "invoices", order))
    same_place = sale["order"]["shipping"] == shop["shipping"]
    return (
        bool(sale["by_hand"])
        and sold == shown
        and same_place
        and {Decimal(shop["total"]["amount"]), taken - returned, invoiced} == {total}
    )


def _raised(books: Mapping[str, Any], part: Part) -> bool:
    (sale,) = _of(books, "sales_orders", part.order)
    return Decimal(sale["order"]["total"]["amount"]) > part.scene.total.major


def _edits(books: Mapping[str, Any], kind: str) -> int:
    """By people, in the system's own screens."""
    return sum(len(record["by_hand"]) for record in books[kind])


def _of(books: Mapping[str, Any], kind: str, order: str) -> Sequence[Order]:
    return [record for record in books[kind] if record["order_id"] == order]
