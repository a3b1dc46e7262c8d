"""Settings: from a file that ORDERSAGA_SETTINGS names, from the environment, which wins, and from files of one secret each.

The folder of those is named by ORDERSAGA_SECRETS_DIR, each file like the environment's variable in any case; they win
over the settings' file. Secrets come no other way.
"""

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
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from adapters.smtp.line import Security
from domain.errors import Refused
from domain.ids import ChannelId, System
from domain.money import Currency
from domain.policies import OrderPolicies
from workers.logs import Level

SETTINGS_FILE = "ORDERSAGA_SETTINGS"
SECRETS_DIR = "ORDERSAGA_SECRETS_DIR"


GATEWAY_DOORS = ("stripe",)  # gateways that write to /webhooks/{channel}/{name} in their own way


class _Adapter(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

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


class WebhookSettings(_Adapter):
    """An address of the merchant's that is told by webhook, signed with the secret: a channel's `amendments_told_to`."""

    kind: Literal["webhook"]
    url: str
    secret: Annotated[SecretStr, Field(min_length=16)]


class SmtpSettings(_Adapter):
    """A mail server. `sender` is the address that mails come from, `sender_name` what people read beside it.

    The port is the usual one of the security where none is given. `ca_file`: the authority that signed the server's
    certificate, where the machine does not know it.
    """

    kind: Literal["smtp"]
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(gt=0, lt=65536)] | None = None
    security: Security = Security.STARTTLS
    ca_file: Path | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    sender_name: str = ""

    @model_validator(mode="after")
    def _passwords_are_not_said_in_clear(self) -> Self:
        if self.username and self.security is Security.NONE:
            raise ValueError("username: a login needs security starttls or tls")
        if bool(self.username) is not bool(self.password.get_secret_value()):
            raise ValueError("username and password: both, or none")
        if not (self.username + self.password.get_secret_value()).isascii():
            raise ValueError("username and password: ASCII alone, or no login can be written")
        return self


AdapterSettings = Annotated[
    ConnectorSettings | TrytonSettings | StripeSettings | SmtpSettings | WebhookSettings,
    Field(discriminator="kind"),
]


class TemporalTls(BaseModel):
    """All fields may stay empty: then the server is checked against the machine's own certificate authorities.

    `cert_file` and `key_file` show the server who we are (mTLS); `server_name` is the name in the server's
    certificate where it differs from the address.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            raise ValueError("cert_file and key_file: both, or none")
        return self


class ApiSettings(BaseModel):
    """Who gets in beside the bearers of our own tokens, and how far.

    `jwks_url` serves the keys of whoever issues JWTs; the claims named here say role and channels. `money_limits` are in
    major units per currency: what is worth more needs an operator. Without any nothing does; once there is one, so does
    every other currency. A token makes at most `rate_limit` requests of one process (`limits` notation). An order
    is given `answer_seconds` to answer before its asker is sent to the status address.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

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


class ChannelSettings(BaseModel):
    """One storefront: its platform, who serves each system, and the policies of its orders."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    platform: Literal["shopify", "woocommerce", "ordersaga"]
    policies: OrderPolicies


class Settings(BaseSettings):
    """Refused when the file that the environment names is not there; ValidationError when it says what cannot be."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERSAGA_", env_nested_delimiter="__", extra="forbid", hide_input_in_errors=True
    )

    temporal_address: str = "127.0.0.1:7233"
    temporal_ui: str = "http://127.0.0.1:8233"
    namespace: str = "default"
    # Of a namespace that `ordersaga migrate` makes: so long Temporal keeps the history of a closed order.
    history_retention_days: Annotated[float, Field(ge=1)] = 30
    # Without it the line to Temporal is in clear, unless an API key is given.
    temporal_tls: TemporalTls | None = None
    temporal_api_key: SecretStr = SecretStr("")
    # Payloads are encrypted with the first key and decrypted with any: docs/security.md. One of the two, or none.
    encryption_keys: SecretStr = SecretStr("")
    encryption_key_file: Path | None = None
    # Under which browsers reach the endpoint that decodes for the Web UI, and what they show there.
    codec_url: str = "http://127.0.0.1:8234"
    # Whether one needs a token there also on its own machine; where others reach it, one always does.
    codec_sign_in: bool = False
    task_queue: str = "orders"
    # At most so many attempts per second on a task queue, whatever the number of its workers.
    activities_per_second: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    database_url: str = "sqlite+aiosqlite:///ordersaga.sqlite"
    # So long the inbox keeps the words of what was passed on. Platforms send again for days, and people look for causes.
    inbox_retention_days: Annotated[float, Field(ge=7)] = 90
    # So long the audit trail knows who asked for what: as long as books are kept, in most countries.
    trail_retention_days: Annotated[float, Field(ge=365)] = 3650
    adapters: dict[str, AdapterSettings] = Field(default_factory=dict)
    channels: dict[ChannelId, ChannelSettings] = Field(default_factory=dict)
    # Of every webhook address that has none of its own in `webhook_secrets`: channel, then the address's last part.
    webhook_secret: SecretStr = SecretStr("")
    webhook_secrets: dict[ChannelId, dict[str, SecretStr]] = Field(default_factory=dict)
    webhooks_url: str = "http://127.0.0.1:8200"
    api: ApiSettings = Field(default_factory=ApiSettings)
    # Systems without webhooks, by adapter; and those whose webhooks may be missed, which are looked at all the same.
    sweeps: list[tuple[System, str]] = Field(default_factory=list)
    sweep_seconds: Annotated[float, Field(ge=1)] = 60
    catch_up: list[tuple[System, str]] = Field(default_factory=list)
    catch_up_seconds: Annotated[float, Field(ge=1)] = 300
    # So many open orders, those heard of last, stay in a worker's memory, 0.1 MB each; others are read anew when they go on.
    max_cached_orders: Annotated[int, Field(gt=0)] = 1000
    log_level: Level = "info"
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

    @model_validator(mode="after")
    def _amendments_are_told_to_webhooks(self) -> Self:
        for name, channel in self.channels.items():
            told = channel.policies.amendments_told_to
            if told and not isinstance(self.adapters.get(told), WebhookSettings):
                raise ValueError(
                    f"channels.{name}.policies.amendments_told_to: adapters has no webhook {told!r}"
                )
        return self

    @model_validator(mode="after")
    def _webhook_secrets_are_of_channels(self) -> Self:
        """A secret under a name that is none would leave its address with the usual one, or shut."""
        for name, secrets in self.webhook_secrets.items():
            if name not in self.channels:
                raise ValueError(f"webhook_secrets.{name}: channels has no such channel")
            doors = {*System, self.channels[name].platform, *GATEWAY_DOORS}
            if wrong := sorted(set(secrets) - doors):
                raise ValueError(f"webhook_secrets.{name}.{wrong[0]}: one of {', '.join(sorted(doors))}")
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
        del dotenv_settings, file_secret_settings
        file = os.environ.get(SETTINGS_FILE)
        if file and not Path(file).is_file():
            raise Refused(f"{SETTINGS_FILE} names {file}, and there is no such file")
        from_file = [JsonConfigSettingsSource(settings_cls, Path(file))] if file else []
        folder = os.environ.get(SECRETS_DIR)
        if folder and not Path(folder).is_dir():
            raise Refused(f"{SECRETS_DIR} names {folder}, and there is no such folder")
        secrets = [NestedSecretsSettingsSource(SecretsSettingsSource(settings_cls, folder))] if folder else []
        return (init_settings, env_settings, *secrets, *from_file)

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
