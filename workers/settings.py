"""Settings: from a file named by ORDERSAGA_SETTINGS, and from the environment, which wins. Secrets come no other way."""

import json
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.errors import Refused
from domain.ids import ChannelId, System
from domain.money import Currency
from domain.policies import OrderPolicies

SETTINGS_FILE = "ORDERSAGA_SETTINGS"


class _Adapter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    # Longer than the slowest answer worth waiting for, shorter than an attempt.
    timeout_seconds: Annotated[float, Field(gt=0)] = 15
    # The longest that the system, and whatever stands before it, still works on a request whose caller has gone.
    settled_after_seconds: Annotated[float, Field(gt=0)] = 20

    @property
    def settled_after(self) -> timedelta:
        return timedelta(seconds=self.settled_after_seconds)


class ConnectorSettings(_Adapter):
    """A system that speaks the open connector protocol."""

    kind: Literal["connector"]
    url: str
    token: SecretStr


class TrytonSettings(_Adapter):
    kind: Literal["tryton"]
    url: str
    database: str
    api_key: SecretStr


class StripeSettings(_Adapter):
    """`url` is another only in tests."""

    kind: Literal["stripe"]
    api_key: SecretStr
    url: str = "https://api.stripe.com"


AdapterSettings = Annotated[ConnectorSettings | TrytonSettings | StripeSettings, Field(discriminator="kind")]


class ChannelSettings(BaseModel):
    """One storefront: its platform, who serves each system, and the policies of its orders."""

    model_config = ConfigDict(extra="forbid")

    platform: Literal["shopify", "woocommerce", "ordersaga"]
    policies: OrderPolicies


class ApiSettings(BaseModel):
    """Who gets in beside the bearers of our own tokens, and how far.

    `jwks_url` serves the keys of whoever issues JWTs; the claims named here say role and channels. `money_limits` are in
    major units per currency: what is worth more needs an operator. Without any nothing does; once there is one, so does
    every other currency. A token makes at most `rate_limit` requests of one process (`limits` notation). An order
    is given `answer_seconds` to answer before its asker is sent to the status address.
    """

    model_config = ConfigDict(extra="forbid")

    jwks_url: Annotated[str, Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/]).*")] | None = (
        None
    )
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_role_claim: str = "role"
    jwt_channels_claim: str = "channels"
    money_limits: dict[Currency, Annotated[Decimal, Field(ge=0)]] = Field(default_factory=dict)
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]*/(second|minute|hour)$")] = "1200/minute"
    answer_seconds: Annotated[float, Field(gt=0, le=60)] = 5

    @model_validator(mode="after")
    def _issuers_are_known(self) -> Self:
        if self.jwks_url and not (self.jwt_issuer and self.jwt_audience):
            raise ValueError(
                "api.jwks_url: name jwt_issuer and jwt_audience too, or anybody's token would do"
            )
        return self


class Settings(BaseSettings):
    """Refused when the file that the environment names is not there; ValidationError when it says what cannot be."""

    model_config = SettingsConfigDict(env_prefix="ORDERSAGA_", env_nested_delimiter="__", extra="forbid")

    temporal_address: str = "127.0.0.1:7233"
    temporal_ui: str = "http://127.0.0.1:8233"
    namespace: str = "default"
    task_queue: str = "orders"
    database_url: str = "sqlite+aiosqlite:///ordersaga.sqlite"
    adapters: dict[str, AdapterSettings] = Field(default_factory=dict)
    channels: dict[ChannelId, ChannelSettings] = Field(default_factory=dict)
    webhook_secret: SecretStr = SecretStr("")
    webhooks_url: str = "http://127.0.0.1:8200"
    api: ApiSettings = Field(default_factory=ApiSettings)
    sweeps: list[tuple[System, str]] = Field(default_factory=list)
    sweep_seconds: Annotated[float, Field(ge=1)] = 60
    max_cached_orders: Annotated[int, Field(gt=0)] = 10_000
    # Where a build is named, orders go to the build that was made current, and to no other: docs/versioning.md.
    build_id: Annotated[str, Field(pattern=r"^[\w.+-]+$")] | None = None
    deployment: Annotated[str, Field(pattern=r"^[\w-]+$")] = "ordersaga"

    @model_validator(mode="after")
    def _channels_wait_for_their_adapters(self) -> Self:
        """An undo waits for the policies' time: no adapter of the channel may need a longer one."""
        for name, channel in self.channels.items():
            for system, adapter in channel.policies.adapters.items():
                if adapter not in self.adapters:
                    raise ValueError(
                        f"channels.{name}: {system} is served by {adapter!r}, which adapters does not have"
                    )
                if self.adapters[adapter].settled_after_seconds > channel.policies.request_seconds_max:
                    raise ValueError(
                        f"channels.{name}.policies.request_seconds_max: less than adapters.{adapter}.settled_after_seconds"
                    )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings
        file = os.environ.get(SETTINGS_FILE)
        if file and not Path(file).is_file():
            raise Refused(f"{SETTINGS_FILE} names {file}, and there is no such file")
        from_file = [JsonConfigSettingsSource(settings_cls, Path(file))] if file else []
        return (init_settings, env_settings, *from_file, file_secret_settings)

    def as_file(self) -> str:
        """JSON for a settings file, secrets in clear: keep it where only its owner may read."""
        return json.dumps(_clear(self.model_dump()), indent=2, default=str)


def _clear(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {str(key): _clear(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clear(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value
