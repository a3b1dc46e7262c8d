"""The API on a database of its own, with orders in memory, and a bearer of each role for the channel `shop`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import open_database
from adapters.database.tokens import Tokens
from adapters.database.trail import Decision, Trail
from domain.ids import ChannelId, OrderId
from domain.records import OrderState
from entrypoints.api.app import create_app
from entrypoints.api.roles import Role
from tests.api.desk import MemoryDesk, placed
from workers.clock import now
from workers.settings import ApiSettings

SHOP, OTHER = ChannelId("shop"), ChannelId("other")
MINE, ASKS, CLOSED = (OrderId(f"order:shop:{name}") for name in ("mine", "asks", "closed"))
FOREIGN = OrderId("order:other:foreign")


def seeded() -> MemoryDesk:
    """An order that goes its way, one that needs a person, one that is over, and two of another channel."""
    desk = MemoryDesk()
    desk.add(placed("shop", "mine"))
    desk.add(placed("shop", "asks"), asks=True)
    desk.add(placed("shop", "closed"), OrderState.COMPLETED)
    desk.add(placed("other", "foreign"))
    desk.add(placed("other", "foreign-asks"), asks=True)
    return desk


class Serving:
    def __init__(self, app: FastAPI, engine: AsyncEngine, desk: MemoryDesk, http: httpx.AsyncClient) -> None:
        self.app = app
        self.desk = desk
        self.http = http
        self.tokens = Tokens(engine, now)
        self.trail = Trail(engine, now)
        self._bearers: dict[tuple[Role, tuple[str, ...]], str] = {}

    async def bearer(self, role: Role, channels: Sequence[str] = (SHOP,)) -> str:
        """A token, made once for each role and its channels."""
        known = role, tuple(channels)
        if known not in self._bearers:
            until = now() + timedelta(days=1)
            _, self._bearers[known] = await self.tokens.create(f"a {role}", role, tuple(channels), until)
        return self._bearers[known]

    async def __call__(
        self,
        method: str,
        address: str,
        role: Role = Role.OPERATOR,
        channels: Sequence[str] = (SHOP,),
        **request: Any,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self.bearer(role, channels)}"} | request.pop(
            "headers", {}
        )
        return await self.http.request(method, address, headers=headers, **request)

    async def written(self) -> list[tuple[str, str, str]]:
        """The trail, the oldest first: action, outcome, code."""
        return [(one.action, one.outcome, one.code) for one in reversed(await self.decisions())]

    async def decisions(self) -> Sequence[Decision]:
        return await self.trail.page(limit=1000)


@asynccontextmanager
async def served(database: Path, **settings: Any) -> AsyncIterator[Serving]:
    engine = open_database(f"sqlite:///{database}")
    desk = seeded()
    app = create_app(
        desk=desk,
        tokens_known=Tokens(engine, now),
        trail=Trail(engine, now),
        clock=now,
        settings=ApiSettings(**settings),
        channels={SHOP, OTHER},
    )
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield Serving(app, engine, desk, http)
    await engine.dispose()
