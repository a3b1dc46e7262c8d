"""The codec endpoint's process."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from domain.errors import Refused
from entrypoints.codec.app import Authorised, create_app
from entrypoints.serving import serve_until_signalled
from workers.codec import EncryptedPayloads
from workers.keys import keys_of
from workers.settings import Settings

PORT = 8234
TOKEN_LENGTH_MIN = 24


async def serve(settings: Settings, *, host: str, port: int | None = None) -> None:
    """Until SIGTERM or SIGINT; the port is that of `codec_url` where none is given. Refused: there is nothing to decode with, or anybody could ask."""
    keys = keys_of(settings)
    if keys is None:
        raise Refused("payloads are not encrypted: the settings name no key, so there is nothing to decode")
    app = create_app(
        EncryptedPayloads(keys),
        authorised(settings, host),
        ours=settings.codec_url,
        web_ui=settings.temporal_ui,
    )
    await serve_until_signalled(app, host=host, port=port or urlsplit(settings.codec_url).port or PORT)


def authorised(settings: Settings, host: str) -> Authorised:
    """Who knows the settings' token. Without one the process listens to its own machine only, and answers whoever is on it.

    Refused: no token, or one that could be guessed, and an address that others reach.
    """
    wanted = settings.codec_token.get_secret_value()
    if not wanted and not _loopback(host):
        raise Refused(f"others reach {host}: set ORDERSAGA_CODEC_TOKEN, or listen on 127.0.0.1")
    if wanted and len(wanted) < TOKEN_LENGTH_MIN:
        raise Refused(
            f"ORDERSAGA_CODEC_TOKEN is shorter than {TOKEN_LENGTH_MIN} characters: it could be guessed"
        )

    async def knows(token: str) -> bool:
        return not wanted or hmac.compare_digest(token.encode(), wanted.encode())

    return knows


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
