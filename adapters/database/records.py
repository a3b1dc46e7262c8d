from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.schema import MovementRow, OrderRow, SweepCursorRow
from domain.document import OrderDocument
from domain.errors import InvariantBroken
from domain.ids import OrderId
from domain.records import ClosedOrder, MoneyMovement, OrderState

_OPEN = (OrderState.ACCEPTED, OrderState.STARTED)


class SqlRecords:
    """`domain.records.Records` in our own database."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def record_movement(self, movement: MoneyMovement) -> None:
        content = {
            "order_id": movement.order_id,
            "kind": movement.kind,
            "amount_minor": movement.amount.minor,
            "currency": movement.amount.currency,
            "payment": movement.payment,
            "reference": movement.reference,
            "shipment": movement.shipment,
        }
        new = insert_new(self._engine, MovementRow).values(
            key=movement.key, recorded_at=self._clock(), **content
        )
        columns = [MovementRow.__table__.c[name] for name in content]
        async with writing(self._engine) as connection:
            await connection.execute(new.on_conflict_do_nothing(index_elements=["key"]))
            stored = (
                (await connection.execute(select(*columns).where(MovementRow.key == movement.key)))
                .mappings()
                .one()
            )
        if dict(stored) != content:
            raise InvariantBroken(f"another movement of money is recorded under the key {movement.key}")

    async def close_order(
        self, order: OrderId, state: OrderState, document: str, closed_at: datetime
    ) -> None:
        """InvariantBroken: never accepted, or closed already in another way."""
        if state in _OPEN:
            raise InvariantBroken(f"{order}: {state} is no way to be closed")
        async with writing(self._engine) as connection:
            await connection.execute(
                update(OrderRow)
                .where(OrderRow.order_id == order, OrderRow.state.in_(_OPEN))
                .values(state=state, closed_document=document, closed_at=closed_at)
            )
            stored = (
                await connection.execute(
                    select(OrderRow.state, OrderRow.closed_document).where(OrderRow.order_id == order)
                )
            ).first()
        if stored is None:
            raise InvariantBroken(f"{order}: closed, but never accepted")
        if tuple(stored) != (state, document):
            raise InvariantBroken(f"{order}: closed already, in another way")

    async def closed_order(self, order: OrderId) -> ClosedOrder | None:
        query = select(OrderRow.closed_document, OrderRow.closed_at).where(
            OrderRow.order_id == order, OrderRow.state.not_in(_OPEN)
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        document = OrderDocument.model_validate_json(row.closed_document)
        return ClosedOrder(document=document, closed_at=row.closed_at)

    async def reopen_order(self, order: OrderId, closed_at: datetime) -> None:
        closed_then = (OrderRow.order_id == order, OrderRow.closed_at == closed_at)
        async with writing(self._engine) as connection:
            await connection.execute(update(OrderRow).where(*closed_then).values(state=OrderState.STARTED))

    async def cursor(self, name: str) -> str | None:
        query = select(SweepCursorRow.cursor).where(SweepCursorRow.name == name)
        async with reading(self._engine) as connection:
            return await connection.scalar(query)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        new = insert_new(self._engine, SweepCursorRow).values(name=name, cursor=cursor)
        async with writing(self._engine) as connection:
            await connection.execute(
                new.on_conflict_do_update(index_elements=["name"], set_={"cursor": cursor})
            )
