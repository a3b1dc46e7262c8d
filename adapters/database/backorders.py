"""Who waits for which article: the oldest promise is served first."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import insert_new, reading, writing
from adapters.database.schema import BackorderRow
from domain.ids import OrderId, Sku
from domain.records import Waiting


class SqlBackorders:
    """`domain.records.Backorders` in our own database. Of two promises of the same moment the smaller id is the older."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ahead(
        self, adapter: str, order: OrderId, promised_at: datetime, skus: Iterable[Sku]
    ) -> Mapping[Sku, int]:
        row = BackorderRow
        older = or_(row.promised_at < promised_at, (row.promised_at == promised_at) & (row.order_id < order))
        query = (
            select(row.sku, func.sum(row.units))
            .where(row.adapter == adapter, row.order_id != order, row.sku.in_(set(skus)), older)
            .group_by(row.sku)
        )
        async with reading(self._engine) as connection:
            return {Sku(sku): int(units) for sku, units in await connection.execute(query)}

    async def wait(
        self, adapter: str, order: OrderId, promised_at: datetime, units: Mapping[Sku, int]
    ) -> None:
        rows = [
            {"adapter": adapter, "order_id": order, "sku": sku, "units": count, "promised_at": promised_at}
            for sku, count in units.items()
            if count
        ]
        async with writing(self._engine) as connection:
            await connection.execute(
                delete(BackorderRow).where(BackorderRow.adapter == adapter, BackorderRow.order_id == order)
            )
            if rows:
                await connection.execute(insert_new(self._engine, BackorderRow).values(rows))

    async def waiting(self, adapter: str) -> tuple[Waiting, ...]:
        row = BackorderRow
        query = select(row.order_id, row.sku, row.units).where(row.adapter == adapter)
        async with reading(self._engine) as connection:
            found = await connection.execute(query.order_by(row.promised_at, row.order_id, row.sku))
            return tuple(
                Waiting(order_id=OrderId(order), sku=Sku(sku), units=units) for order, sku, units in found
            )
