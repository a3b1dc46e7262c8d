"""The way to Temporal: where it is, how the line is protected, and how payloads are written. Every process takes it."""

from temporalio.client import Client
from temporalio.common import HeaderCodecBehavior
from temporalio.converter import DataConverter
from temporalio.service import TLSConfig

from domain.errors import Refused, Unavailable
from workers.keys import keys_of
from workers.payloads import data_converter, encrypted
from workers.settings import Settings, TemporalTls


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client of the settings' Temporal, speaking our payloads. Unavailable when it cannot be reached.

    A lazy one connects when it is needed first: what it is asked then may fail in the SDK's own words.
    """
    key = settings.temporal_api_key.get_secret_value()
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.namespace,
            data_converter=converter_of(settings),
            header_codec_behavior=HeaderCodecBehavior.CODEC,
            tls=tls_of(settings.temporal_tls),
            api_key=key or None,
            lazy=lazy,
        )
    except RuntimeError as error:  # all that the SDK says of a server that does not answer
        raise Unavailable(
            f"Temporal does not answer at {settings.temporal_address}; `ordersaga up` starts one on this machine"
        ) from error


def converter_of(settings: Settings) -> DataConverter:
    """Refused when the key ring is not usable."""
    keys = keys_of(settings)
    return encrypted(keys) if keys else data_converter


def tls_of(wanted: TemporalTls | None) -> TLSConfig | None:
    """None: in clear, unless an API key is given, which goes over TLS alone. Refused: a file that cannot be read."""
    if wanted is None:
        return None
    try:
        return TLSConfig(
            server_root_ca_cert=wanted.ca_file.read_bytes() if wanted.ca_file else None,
            client_cert=wanted.cert_file.read_bytes() if wanted.cert_file else None,
            client_private_key=wanted.key_file.read_bytes() if wanted.key_file else None,
            domain=wanted.server_name,
        )
    except OSError as error:
        raise Refused(f"temporal_tls: {error.filename} cannot be read") from error
