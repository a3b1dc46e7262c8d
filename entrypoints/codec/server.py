"""The codec endpoint's process."""

from urllib.parse import urlsplit

from adapters.database.engine import open_database
from adapters.database.tokens import Tokens
from domain.errors import Refused
from entrypoints.api.authentication import Authentication
from entrypoints.codec.access import anybody, by_tokens, is_private
from entrypoints.codec.app import create_app
from entrypoints.serving import serve_until_signalled
from workers.clock import now
from workers.codec import EncryptedPayloads
from workers.keys import keys_of
from workers.settings import Settings

PORT = 8234


async def serve(settings: Settings, *, host: str, port: int | None = None) -> None:
    """Until SIGTERM or SIGINT; the port is that of `codec_url` where none is given. Refused: there is nothing to decode with."""
    keys = keys_of(settings)
    if keys is None:
        raise Refused("payloads are not encrypted: the settings name no key, so there is nothing to decode")
    engine = open_database(settings.database_url)
    people = by_tokens(Authentication(Tokens(engine, now), settings.api))
    app = create_app(
        EncryptedPayloads(keys),
        anybody if is_private(settings, host) else people,
        ours=settings.codec_url,
        web_ui=settings.temporal_ui,
    )
    try:
        await serve_until_signalled(app, host=host, port=port or urlsplit(settings.codec_url).port or PORT)
    finally:
        await engine.dispose()
