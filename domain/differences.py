"""What differs between what the ERP holds now, what we last knew it to hold, and what we want it to hold.

By content, cell by cell: times and versions only say "look". What we wrote ourselves is no difference however late its
echo arrives, and what a person wrote is one however close to our own write it was made.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from domain.base import Value
from domain.erp import ErpLine, ErpOrder

Content = str | Decimal | None  # None: the line is not there


class Field(StrEnum):
    SKU = "sku"
    QUANTITY = "quantity"
    UNIT_PRICE = "unit_price"


class Change(Value):
    """One cell. `line` is our line id, or `erp:` and the ERP's own for a line that someone added there."""

    line: str
    field: Field
    known: Content
    now: Content
    target: Content


class Differences(Value):
    """`edits`: someone changed it and we do not want it otherwise, so it is to be carried to the other systems.
    `outstanding`: we want it otherwise and nobody touched it, so it is still to be written.
    `conflicts`: someone changed what we are changing, to something else: a person decides.
    """  # noqa: D205  three names, three sentences

    edits: tuple[Change, ...] = ()
    outstanding: tuple[Change, ...] = ()
    conflicts: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.edits or self.outstanding or self.conflicts)


def differences(now: ErpOrder, known: ErpOrder, target: ErpOrder) -> Differences:
    """All cells in which the ERP and our target differ, sorted by who moved. Empty: the ERP holds what we want."""
    held, remembered, wanted = _cells(now.lines), _cells(known.lines), _cells(target.lines)
    changes = [
        Change(
            line=line,
            field=field,
            known=remembered.get((line, field)),
            now=held.get((line, field)),
            target=wanted.get((line, field)),
        )
        for line, field in dict.fromkeys([*wanted, *remembered, *held])
    ]
    apart = [change for change in changes if change.now != change.target]
    return Differences(
        edits=tuple(change for change in apart if change.target == change.known),
        outstanding=tuple(change for change in apart if change.now == change.known),
        conflicts=tuple(change for change in apart if change.known not in (change.target, change.now)),
    )


def _cells(lines: Iterable[ErpLine]) -> dict[tuple[str, Field], Content]:
    cells: dict[tuple[str, Field], Content] = {}
    for line in lines:
        # Of two lines under one id the later is a person's copy: the mark was copied with it.
        ours = line.line_id is not None and (line.line_id, Field.QUANTITY) not in cells
        name = str(line.line_id) if ours else f"erp:{line.erp_line}"
        cells |= {
            (name, Field.SKU): line.sku,
            (name, Field.QUANTITY): line.quantity,
            (name, Field.UNIT_PRICE): line.unit_price,
        }
    return cells
