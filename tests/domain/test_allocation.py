"""Fewest warehouses, then the merchant's order: checked against every choice there is."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allocation import EXACT_MAX, Wanted, allocate
from domain.ids import MAIN, LineId, Location, Sku
from domain.reservations import Demand, Shelf

EAST, NORTH, WEST = Location("east"), Location("north"), Location("west")
LAMP, BULB = Sku("LAMP"), Sku("BULB")


def want(quantity: int, sku: Sku = LAMP, line_id: str = "1") -> Wanted:
    return Wanted(line_id=LineId(line_id), sku=sku, quantity=quantity)


def shelf(location: Location, units: int, sku: Sku = LAMP) -> Shelf:
    return Shelf(location=location, sku=sku, units=units)


def told(demands: Sequence[Demand]) -> list[tuple[str, str, int]]:
    return [(demand.line_id, demand.location, demand.quantity) for demand in demands]


def allocated(
    wanted: Sequence[Wanted], shelves: Sequence[Shelf], *warehouses: Location
) -> list[tuple[str, str, int]]:
    return told(allocate(wanted, shelves, warehouses=warehouses))


def test_one_warehouse_that_has_all_beats_two_that_are_preferred() -> None:
    wanted = [want(2), want(1, BULB, "2")]
    shelves = [shelf(EAST, 2), shelf(WEST, 1, BULB), shelf(NORTH, 2), shelf(NORTH, 1, BULB)]
    assert allocated(wanted, shelves, EAST, WEST, NORTH) == [("1", "north", 2), ("2", "north", 1)]


def test_of_equally_many_the_merchants_order_decides_and_then_the_name() -> None:
    shelves = [shelf(WEST, 2), shelf(NORTH, 2), shelf(EAST, 2)]
    assert allocated([want(2)], shelves, WEST) == [("1", "west", 2)]
    assert allocated([want(2)], shelves) == [("1", "east", 2)]


def test_a_line_is_split_only_when_no_warehouse_has_all_of_it() -> None:
    shelves = [shelf(EAST, 3), shelf(WEST, 4)]
    assert allocated([want(4)], shelves, EAST) == [("1", "west", 4)]
    assert allocated([want(5)], shelves, EAST) == [("1", "east", 1), ("1", "west", 4)]


def test_the_larger_line_of_an_article_is_served_first_so_that_both_stay_whole() -> None:
    shelves = [shelf(EAST, 3), shelf(WEST, 2)]
    wanted = [want(2, line_id="1"), want(3, line_id="2")]
    assert allocated(wanted, shelves, EAST) == [("1", "west", 2), ("2", "east", 3)]


def test_what_nobody_has_is_wanted_of_the_merchants_first_warehouse() -> None:
    shelves = [shelf(WEST, 2)]
    assert allocated([want(5)], shelves, EAST, WEST) == [("1", "east", 3), ("1", "west", 2)]
    assert allocated([want(5)], [], EAST) == [("1", "east", 5)]


def test_without_an_order_of_warehouses_it_is_wanted_of_the_one_that_gives_most() -> None:
    shelves = [shelf(EAST, 1), shelf(WEST, 2)]
    assert allocated([want(5)], shelves) == [("1", "east", 1), ("1", "west", 4)]
    assert allocated([want(5)], []) == [("1", MAIN, 5)]


def test_what_other_lines_want_is_not_given_twice() -> None:
    wanted = [want(2, line_id="1"), want(2, line_id="2")]
    assert allocated(wanted, [shelf(EAST, 3)], WEST) == [("1", "east", 2), ("2", "west", 1), ("2", "east", 1)]


def test_more_warehouses_than_can_be_tried_are_chosen_one_by_one() -> None:
    places = [Location(f"w{number:02}") for number in range(EXACT_MAX + 3)]
    shelves = [shelf(place, 1) for place in places[:-1]] + [shelf(places[-1], 20)]
    assert allocated([want(12)], shelves) == [("1", places[-1], 12)]
    assert sum(units for _, _, units in allocated([want(30)], shelves)) == 30


LOCATIONS = [EAST, NORTH, WEST, Location("south")]
SKUS = [LAMP, BULB, Sku("CORD")]
wishes = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(SKUS)), min_size=1, max_size=5).map(
    lambda items: [want(units, sku, str(n)) for n, (units, sku) in enumerate(items)]
)
stores = st.dictionaries(
    st.tuples(st.sampled_from(LOCATIONS), st.sampled_from(SKUS)), st.integers(0, 6), max_size=12
).map(lambda units: [shelf(place, count, sku) for (place, sku), count in units.items()])
preferences = st.lists(st.sampled_from(LOCATIONS), unique=True, max_size=3)


def could_give(wanted: list[Wanted], shelves: list[Shelf], places: Sequence[Location]) -> int:
    return sum(
        min(
            sum(line.quantity for line in wanted if line.sku == sku),
            sum(one.units for one in shelves if one.sku == sku and one.location in places),
        )
        for sku in SKUS
    )


@given(wishes, stores, preferences, st.data())
def test_all_is_demanded_all_there_is_is_found_and_no_fewer_warehouses_would_do(
    wanted: list[Wanted], shelves: list[Shelf], warehouses: list[Location], data: st.DataObject
) -> None:
    demands = allocate(wanted, shelves, warehouses=warehouses)
    for line in wanted:
        assert sum(d.quantity for d in demands if d.line_id == line.line_id) == line.quantity
    assert len({(d.line_id, d.location) for d in demands}) == len(demands)
    has = {(one.location, one.sku): one.units for one in shelves}
    asked = {
        (place, sku): sum(d.quantity for d in demands if (d.location, d.sku) == (place, sku))
        for place in (*LOCATIONS, MAIN)
        for sku in SKUS
    }
    given = {key: min(units, has.get(key, 0)) for key, units in asked.items()}
    most = could_give(wanted, shelves, LOCATIONS)
    assert sum(given.values()) == most
    used = {place for (place, _), units in given.items() if units}
    if used:
        assert not any(
            could_give(wanted, shelves, choice) == most for choice in combinations(LOCATIONS, len(used) - 1)
        )
    assert len({place for (place, sku), units in asked.items() if units > given[place, sku]}) <= 1
    assert allocate(wanted, data.draw(st.permutations(shelves)), warehouses=warehouses) == demands


@pytest.mark.parametrize("size", [EXACT_MAX, EXACT_MAX + 1])
def test_five_hundred_lines_in_twelve_warehouses_are_allocated_while_a_worker_can_wait(size: int) -> None:
    wanted = [want(3, Sku(f"S{n}"), str(n)) for n in range(500)]
    shelves = [shelf(Location(f"w{n % size:02}"), 3 if n % 7 else 1, Sku(f"S{n}")) for n in range(500)]
    demands = allocate(wanted, shelves, warehouses=())
    assert len({demand.location for demand in demands}) == size
