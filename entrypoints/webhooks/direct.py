"""While our own database is away: a webhook acts on its order at once, if Temporal alone can keep it from acting twice."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from adapters.database.engine import Clock
from adapters.documents import load
from adapters.webhooks import Hint, Notification, OrderCame
from domain.errors import Unavailable
from domain.ids import OrderId, System
from domain.intake import DocumentParser, UnusableDocument
from domain.orders import PlacedOrder
from entrypoints.webhooks.app import Webhook
from workers.temporal import Started, Told

# Temporal refuses a second start for as long as it remembers the first order: at least this long after it was placed.
REMEMBERED = timedelta(hours=20)


class Direct:
    """Unavailable: nothing was done, and the sender is to repeat it. A sweep writes the row of an order started so."""

    def __init__(
        self,
        start: Callable[[PlacedOrder], Awaitable[Started]],
        look_again: Callable[[OrderId, System], Awaitable[Told]],
        parsers: Mapping[str, DocumentParser],
        clock: Clock,
    ) -> None:
        self._start = start
        self._look_again = look_again
        self._parsers = parsers
        self._clock = clock

    async def act(self, webhook: Webhook, told: Notification) -> None:
        if isinstance(told, OrderCame):
            await self._order(webhook, told)
        else:
            await self._hint(told)

    async def _order(self, webhook: Webhook, told: OrderCame) -> None:
        try:
            placed = self._parsers[webhook.system](load(webhook.body), channel=webhook.channel, skus={})
        except UnusableDocument:  # a SKU may be mapped in the database
            raise Unavailable("database: away, and the order is not understood without it") from None
        if self._clock() - placed.placed_at > REMEMBERED:
            raise Unavailable("database: away, and the order is too old to tell whether it is new")
        if await self._start(placed) is Started.KNOWN:
            for system in told.news:
                await self._look_again(placed.order_id, system)

    async def _hint(self, hint: Hint) -> None:
        if hint.order_id is None:
            raise Unavailable("database: away, and it alone knows which order this is about")
        if await self._look_again(hint.order_id, hint.system) is Told.NOT_RUNNING:
            raise Unavailable("database: away, and no such order runs")
