"""Which warehouse gives what: as few warehouses as can give all that can be given, then the merchant's order of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from domain.base import Value
from domain.ids import MAIN, LineId, Location, Sku
from domain.orders import Quantity
from domain.reservations import Demand, Shelf

EXACT_MAX = 12  # warehouses that have something: 4,095 choices of them; with more they are chosen greedily

Stocks = Mapping[Location, Mapping[Sku, int]]


class Wanted(Value):
    """Units of a line that are still to ship."""

    line_id: LineId
    sku: Sku
    quantity: Quantity


def allocate(
    wanted: Sequence[Wanted], shelves: Sequence[Shelf], *, warehouses: Sequence[Location]
) -> tuple[Demand, ...]:
    """Demands that cover everything wanted: what there is where it is, and the rest at the preferred warehouse.

    Fewest warehouses first, then the earliest in `warehouses` (those not named come after them, by name). A line comes
    from several only when no chosen one has all of it. Preferred for what nobody has: the first of `warehouses`, else
    the one that gives most, else `MAIN`. Same question, same answer, in whatever order shelves are told.
    """
    stocks = _stocks(wanted, shelves)
    ranked = sorted(stocks, key=lambda location: _rank(location, warehouses))
    chosen = _fewest(_needs(wanted), stocks, ranked)
    given = _give(wanted, stocks, chosen)
    preferred = _preferred(given, chosen, warehouses)
    for line in wanted:
        missing = line.quantity - sum(given[line.line_id, place] for place in chosen)
        given[line.line_id, preferred] += missing
    places = sorted({*chosen, preferred}, key=lambda location: _rank(location, warehouses))
    return tuple(
        Demand(line_id=line.line_id, sku=line.sku, quantity=given[line.line_id, place], location=place)
        for line in wanted
        for place in places
        if given[line.line_id, place]
    )


def _rank(location: Location, warehouses: Sequence[Location]) -> tuple[int, Location]:
    position = warehouses.index(location) if location in warehouses else len(warehouses)
    return position, location


def _needs(wanted: Iterable[Wanted]) -> dict[Sku, int]:
    needs: dict[Sku, int] = {}
    for line in wanted:
        needs[line.sku] = needs.get(line.sku, 0) + line.quantity
    return needs


def _stocks(wanted: Sequence[Wanted], shelves: Iterable[Shelf]) -> dict[Location, dict[Sku, int]]:
    """What each warehouse has of what is wanted; a warehouse without any of it is left out."""
    needs = _needs(wanted)
    stocks: dict[Location, dict[Sku, int]] = {}
    for shelf in shelves:
        if shelf.units and shelf.sku in needs:
            of_warehouse = stocks.setdefault(shelf.location, {})
            of_warehouse[shelf.sku] = of_warehouse.get(shelf.sku, 0) + shelf.units
    return stocks


def _fewest(needs: Mapping[Sku, int], stocks: Stocks, ranked: Sequence[Location]) -> tuple[Location, ...]:
    """The first of the smallest choices, in the merchant's order, that give as much as all warehouses together do."""
    most = {sku: _units(sku, units, stocks, ranked) for sku, units in needs.items()}
    if len(ranked) > EXACT_MAX:
        return _greedy(most, stocks, ranked)
    scarce = sorted(
        most, key=lambda sku: sum(sku in shelf for shelf in stocks.values())
    )  # fails early, so quick
    choices = (choice for size in range(len(ranked) + 1) for choice in combinations(ranked, size))
    return next(
        choice
        for choice in choices
        if all(_units(sku, most[sku], stocks, choice) == most[sku] for sku in scarce)
    )


def _greedy(most: Mapping[Sku, int], stocks: Stocks, ranked: Sequence[Location]) -> tuple[Location, ...]:
    """One after the other that adds most; not always the fewest. What turns out not to be needed is left out again."""

    def covered(choice: Sequence[Location]) -> int:
        return sum(_units(sku, units, stocks, choice) for sku, units in most.items())

    chosen: list[Location] = []
    while covered(chosen) < sum(most.values()):
        chosen.append(max(ranked, key=lambda location: covered([*{*chosen, location}])))
    for location in reversed(ranked):
        without = [other for other in chosen if other != location]
        if covered(without) == sum(most.values()):
            chosen = without
    return tuple(location for location in ranked if location in chosen)


def _units(sku: Sku, at_most: int, stocks: Stocks, choice: Sequence[Location]) -> int:
    """How many units of it these warehouses could give together."""
    return min(at_most, sum(stocks[location].get(sku, 0) for location in choice))


def _give(
    wanted: Sequence[Wanted], stocks: Stocks, chosen: Sequence[Location]
) -> Counter[tuple[LineId, Location]]:
    """Whole lines first, the largest before the others, from the first that has all; what is left, from the fullest."""
    left = {place: dict(stocks[place]) for place in chosen}
    given: Counter[tuple[LineId, Location]] = Counter()
    for line in sorted(wanted, key=lambda line: -line.quantity):
        whole = [place for place in chosen if left[place].get(line.sku, 0) >= line.quantity]
        fullest = sorted(chosen, key=lambda place: -left[place].get(line.sku, 0))
        missing = line.quantity
        for place in whole[:1] or fullest:
            units = min(missing, left[place].get(line.sku, 0))
            left[place][line.sku] = left[place].get(line.sku, 0) - units
            given[line.line_id, place] += units
            missing -= units
    return given


def _preferred(
    given: Counter[tuple[LineId, Location]], chosen: Sequence[Location], warehouses: Sequence[Location]
) -> Location:
    if warehouses:
        return warehouses[0]
    gives = Counter(dict.fromkeys(chosen, 0))
    for (_, place), units in given.items():
        gives[place] += units
    return max(chosen, key=lambda place: gives[place], default=MAIN)
