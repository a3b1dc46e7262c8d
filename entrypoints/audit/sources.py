"""Where the books are."""

from pydantic import BaseModel, ConfigDict, Field
from temporalio.converter import PayloadCodec
from temporalio.service import TLSConfig


class _Source(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StripeBooks(_Source):
    url: str
    api_key: str = Field(repr=False)


class TrytonBooks(_Source):
    url: str
    database: str
    api_key: str = Field(repr=False)
    company: int = 1


class AuditSources(_Source):
    """`payload_codec` reads what the workflows tell, where that is encrypted.

    Stripe and Tryton where some orders are paid or sold there; the other systems are the simulator's.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    simulator_url: str
    simulator_token: str | None = Field(default=None, repr=False)
    stripe: StripeBooks | None = None
    tryton: TrytonBooks | None = None
    temporal_address: str
    namespace: str = "default"
    temporal_tls: TLSConfig | None = Field(default=None, repr=False)
    temporal_api_key: str | None = Field(default=None, repr=False)
    payload_codec: PayloadCodec | None = Field(default=None, repr=False)
    database_url: str = Field(repr=False)
