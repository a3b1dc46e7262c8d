"""API tokens: drawn once, shown once, and kept as a digest."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import Clock, reading, writing
from adapters.database.schema import TokenRow
from domain.base import Value

PREFIX = "osk_"  # so that scanners for leaked secrets, and people, know what they have found
ALL_CHANNELS = "*"
_TOKEN_BYTES = 32


class ApiToken(Value):
    """`channels` are those whose orders exist for its bearer; `*` stands for all."""

    number: int
    name: str
    role: str
    channels: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Tokens:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def create(
        self, name: str, role: str, channels: tuple[str, ...], expires_at: datetime
    ) -> tuple[ApiToken, str]:
        """The token's record, and the token itself: it can never be read again."""
        token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        new = insert(TokenRow).values(
            digest=_digest(token),
            name=name,
            role=role,
            channels=list(channels),
            created_at=self._clock(),
            expires_at=expires_at,
        )
        async with writing(self._engine) as connection:
            row = (await connection.execute(new.returning(TokenRow))).one()
        return _token(row), token

    async def valid(self, token: str) -> ApiToken | None:
        """Who bears it; None: unknown, expired or revoked. Looked up by its digest, whose bytes tell no guesser anything."""
        query = select(TokenRow).where(
            TokenRow.digest == _digest(token),
            TokenRow.revoked_at.is_(None),
            TokenRow.expires_at > self._clock(),
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        return row and _token(row)

    async def get(self, number: int) -> ApiToken | None:
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(TokenRow).where(TokenRow.number == number))).first()
        return row and _token(row)

    async def list(self) -> tuple[ApiToken, ...]:
        """All that were ever created, the newest first."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(TokenRow).order_by(TokenRow.number.desc()))
            return tuple(_token(row) for row in rows)

    async def revoke(self, number: int) -> bool:
        """From now on nobody gets in with it. False: there is no such token."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(TokenRow)
                .where(TokenRow.number == number, TokenRow.revoked_at.is_(None))
                .values(revoked_at=self._clock())
            )
            known = await connection.execute(select(TokenRow.number).where(TokenRow.number == number))
            return known.first() is not None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        number=row.number,
        name=row.name,
        role=row.role,
        channels=tuple(row.channels),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
