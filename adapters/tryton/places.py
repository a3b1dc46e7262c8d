"""The merchant's warehouses. A location of ours is a warehouse by its code, or by its name where it has no code."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.tryton.client import Record, TrytonClient
from domain.errors import Refused
from domain.ids import MAIN, Location

LOCATION = "stock.location"
_ZONES = ("input_location", "storage_location", "picking_location", "output_location")


@dataclass(frozen=True)
class Place:
    """A warehouse and its zones. `storage` is where orders are picked from; `shelf` is where what came in is put."""

    id: int
    name: Location
    input: int
    shelf: int
    storage: int
    output: int


async def places(tryton: TrytonClient) -> tuple[Place, ...]:
    """All active warehouses; first the one that stands for `MAIN`, where orders are entered: by its name, else the oldest."""
    found = await tryton.search(LOCATION, [["type", "=", "warehouse"]], ["code", "name", *_ZONES])
    every = [
        Place(
            id=record["id"],
            name=named(record),
            input=record["input_location"],
            shelf=record["storage_location"],
            storage=record["picking_location"] or record["storage_location"],
            output=record["output_location"],
        )
        for record in found
    ]
    return tuple(sorted(every, key=lambda place: (place.name != MAIN, place.id)))


def named(warehouse: Record) -> Location:
    return Location(warehouse["code"] or warehouse["name"])


def place_called(known: Sequence[Place], location: Location) -> Place:
    """`MAIN` is the first where none is called so. Refused: Tryton has no such warehouse."""
    for place in known:
        if place.name == location:
            return place
    if location == MAIN and known:
        return known[0]
    raise Refused(f"Tryton has no warehouse {location}")
