"""What moved on in Tryton since a moment, as far as its `write_date` can tell."""

from collections.abc import Sequence
from datetime import datetime

from adapters.tryton.client import TrytonClient
from domain.erp import Changes
from domain.ids import OrderId

_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  Tryton's times are UTC without a zone, and so is the cursor


async def changed(
    tryton: TrytonClient,
    model: str,
    since: str | None,
    *,
    followers: Sequence[str] = (),
) -> Changes:
    """The orders of the records under our references that were written since the cursor, or whose `followers` were.

    The cursor is the latest time seen. Each look goes back behind it by the longest that a request may take: a
    transaction is stamped when it starts (PostgreSQL) and seen when it ends, so a later one may show an earlier time.
    """
    seen = datetime.fromisoformat(since) if since else _BEGINNING
    horizon = seen - tryton.settled_after if since else _BEGINNING
    stamps = [f"{path}{stamp}" for path in ("", *(f"{name}." for name in followers)) for stamp in _STAMPS]
    written = ["OR", *([stamp, ">=", horizon] for stamp in stamps)]
    found = await tryton.search(model, [["reference", "like", "order:%"], written], ["reference", *_STAMPS])
    times = [record[stamp] for record in found for stamp in _STAMPS if record[stamp]]
    orders = dict.fromkeys(OrderId(record["reference"].partition("/")[0]) for record in found)
    return Changes(orders=tuple(orders), cursor=max([seen, *times]).isoformat())


_STAMPS = ("create_date", "write_date")
