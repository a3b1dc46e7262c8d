"""Which books the audit reads, of an installation's settings."""

from domain.errors import Refused
from entrypoints.audit.sources import AuditSources, StripeBooks, TrytonBooks
from workers.connection import converter_of, tls_of
from workers.settings import ConnectorSettings, Settings, StripeSettings, TrytonSettings


def books_of(settings: Settings) -> AuditSources:
    """Refused when these settings name no simulated world: others are not audited yet."""
    simulator = stripe = tryton = None
    for adapter in settings.adapters.values():
        match adapter:
            case ConnectorSettings():
                simulator = adapter
            case StripeSettings():
                stripe = StripeBooks(url=adapter.url, api_key=adapter.api_key.get_secret_value())
            case TrytonSettings():
                key = adapter.api_key.get_secret_value()
                tryton = TrytonBooks(url=adapter.url, database=adapter.database, api_key=key)
    if simulator is None:
        raise Refused("there is nothing to audit here: `ordersaga up` makes settings with a simulated world")
    return AuditSources(
        simulator_url=simulator.url,
        simulator_token=simulator.token.get_secret_value(),
        stripe=stripe,
        tryton=tryton,
        temporal_address=settings.temporal_address,
        namespace=settings.namespace,
        temporal_tls=tls_of(settings.temporal_tls),
        temporal_api_key=settings.temporal_api_key.get_secret_value() or None,
        payload_codec=converter_of(settings).payload_codec,
        database_url=settings.database_url,
    )
