"""From a bearer token to who asks: one of our own, or a JWT of the issuer in the settings."""

import asyncio
from typing import Any

import jwt
from pydantic import TypeAdapter, ValidationError

from adapters.database.tokens import ALL_CHANNELS, PREFIX, Tokens
from domain.base import Value
from domain.errors import Unavailable
from domain.ids import ChannelId
from entrypoints.api.roles import Principal, Role
from workers.settings import ApiSettings

# Only what is signed with a private key: with a shared secret whoever can check a token could make one.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS = 30  # for clocks that differ
_KEYS_SECONDS_MAX = 5
_TOKEN_LENGTH_MAX = 8192
_CHANNELS = TypeAdapter(list[str])


class Bearer(Value):
    """`key` names the token for the rate limit."""

    key: str
    principal: Principal


class Authentication:
    def __init__(self, tokens: Tokens, settings: ApiSettings) -> None:
        self._tokens = tokens
        self._settings = settings
        # It follows no redirects, keeps the keys for minutes, and asks for an unknown one twice a minute at most.
        self._keys = (
            jwt.PyJWKClient(settings.jwks_url, timeout=_KEYS_SECONDS_MAX) if settings.jwks_url else None
        )

    async def bearer(self, authorization: str) -> Bearer | None:
        """Of the header `Authorization`; None: nobody whom we know. Unavailable: it cannot be told now."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.isascii() or len(token) > _TOKEN_LENGTH_MAX:
            return None
        if token.startswith(PREFIX):
            return await self._ours(token)
        return await self._theirs(token, self._keys) if self._keys else None

    async def _ours(self, token: str) -> Bearer | None:
        if (known := await self._tokens.valid(token)) is None:
            return None
        principal = Principal(name=known.name, role=Role(known.role), channels=_channels(known.channels))
        return Bearer(key=f"token/{known.number}", principal=principal)

    async def _theirs(self, token: str, keys: jwt.PyJWKClient) -> Bearer | None:
        try:
            claims = await asyncio.to_thread(self._claims, token, keys)
            channels = _channels(_CHANNELS.validate_python(claims[self._settings.jwt_channels_claim]))
            role, name = Role(claims[self._settings.jwt_role_claim]), str(claims["sub"])
            principal = Principal(name=f"jwt:{name}"[:160], role=role, channels=channels)
        except jwt.PyJWKClientConnectionError as error:
            raise Unavailable("the issuer of the token does not serve its keys") from error
        except (jwt.PyJWTError, ValidationError, KeyError, ValueError):
            return None
        return Bearer(key=f"jwt/{name}", principal=principal)

    def _claims(self, token: str, keys: jwt.PyJWKClient) -> dict[str, Any]:
        return jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=_ALGORITHMS,
            issuer=self._settings.jwt_issuer,
            audience=self._settings.jwt_audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )


def _channels(named: list[str] | tuple[str, ...]) -> frozenset[ChannelId] | None:
    return None if ALL_CHANNELS in named else frozenset(map(ChannelId, named))
