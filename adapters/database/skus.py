from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import insert_new, reading, writing
from adapters.database.schema import SkuMappingRow
from domain.ids import ChannelId, Sku


class SkuMappings:
    """The merchant's SKUs for lines that a storefront sends without one, per channel."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, channel: ChannelId) -> dict[str, Sku]:
        """Platform key ("variant:39072856", "product:632910392") → SKU."""
        query = select(SkuMappingRow.platform_key, SkuMappingRow.sku).where(SkuMappingRow.channel == channel)
        async with reading(self._engine) as connection:
            return {key: Sku(sku) for key, sku in await connection.execute(query)}

    async def map(self, channel: ChannelId, platform_key: str, sku: Sku) -> None:
        """From now on this is its SKU; a later mapping replaces an earlier one."""
        new = insert_new(self._engine, SkuMappingRow).values(
            channel=channel, platform_key=platform_key, sku=sku
        )
        async with writing(self._engine) as connection:
            await connection.execute(
                new.on_conflict_do_update(index_elements=["channel", "platform_key"], set_={"sku": sku})
            )
