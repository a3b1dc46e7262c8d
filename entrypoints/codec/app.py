"""Temporal's codec server protocol, for people: the Web UI asks here for what it may show. Nobody needs `/encode`."""

from urllib.parse import parse_qs, urlsplit

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from domain.errors import OrderError, Unavailable
from entrypoints.codec.access import Authorised, Readable
from workers.codec import order_of

BODY_BYTES_MAX = 16 * 1024 * 1024  # the Web UI asks for a whole page of a history at once
_FORM_BYTES_MAX = 8 * 1024
_COOKIE = "ordersaga_codec"
_SESSION_SECONDS = 12 * 3600

_SIGN_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>OrderSaga: read encrypted orders</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto}}input,button{{font:inherit;padding:.4rem}}</style>
<h1>Read encrypted orders</h1><p>{said}</p><form method="post"><label>Token
<input type="password" name="token" autocomplete="off" autofocus></label> <button>Sign in</button></form></html>"""


def create_app(codec: PayloadCodec, authorised: Authorised, *, ours: str, web_ui: str) -> Starlette:
    """`ours` and `web_ui` are the addresses under which browsers know this process and the Web UI.

    A browser shows who it is by a bearer token, which the Web UI passes on where it has its own sign-in, or by the
    cookie of `/sign-in`.
    """
    door = _Door(codec, authorised, secure=urlsplit(ours).scheme == "https", web_ui=web_ui)
    return Starlette(
        routes=[
            Route("/decode", door.decode, methods=["POST"]),
            Route("/sign-in", door.sign_in, methods=["GET", "POST"]),
            Route("/livez", _live),
        ],
        middleware=[
            # A name that somebody else lets point here is not ours: what its pages ask is not answered.
            Middleware(
                TrustedHostMiddleware, allowed_hosts=[urlsplit(ours).hostname or "", "localhost", "127.0.0.1"]
            ),
            Middleware(
                CORSMiddleware,
                allow_origins=[origin_of(web_ui)],
                allow_methods=["POST"],
                allow_headers=["Authorization", "Content-Type", "X-Namespace"],
                allow_credentials=True,
            ),
        ],
        exception_handlers={OrderError: _unreadable},
    )


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class _Door:
    def __init__(self, codec: PayloadCodec, authorised: Authorised, *, secure: bool, web_ui: str) -> None:
        self._codec = codec
        self._authorised = authorised
        self._secure = secure
        self._web_ui = web_ui

    async def decode(self, request: Request) -> Response:
        readable = await self._authorised(_token(request))
        if readable is None:
            raise HTTPException(401, "sign in first: /sign-in", {"WWW-Authenticate": "Bearer"})
        try:
            asked = Parse(await _body(request, BODY_BYTES_MAX), Payloads(), ignore_unknown_fields=True)
        except (ParseError, UnicodeDecodeError) as error:
            raise HTTPException(400, "the body is no JSON of payloads") from error
        decoded = Payloads(payloads=[await self._shown(payload, readable) for payload in asked.payloads])
        return Response(MessageToJson(decoded, indent=None), media_type="application/json", headers=_UNKEPT)

    async def _shown(self, payload: Payload, readable: Readable) -> Payload:
        """As it is where it is of somebody else's channel. That it says so truly, its decoding finds out."""
        return (await self._codec.decode([payload]))[0] if readable(order_of(payload)) else payload

    async def sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            return _form("With an API token of your own: <code>ordersaga tokens create</code> makes one.")
        fields = parse_qs((await _body(request, _FORM_BYTES_MAX)).decode(errors="replace"))
        token = fields.get("token", [""])[0].strip()
        if await self._authorised(token) is None:
            return _form("With this token nobody reads orders here.", status=401)
        answer = RedirectResponse(self._web_ui, status_code=303)
        answer.set_cookie(
            _COOKIE, token, max_age=_SESSION_SECONDS, secure=self._secure, httponly=True, samesite="lax"
        )
        return answer


_UNKEPT = {"Cache-Control": "no-store"}


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.cookies.get(_COOKIE, "")


async def _body(request: Request, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise HTTPException(413, f"at most {bytes_max} bytes")
    return bytes(body)


def _form(said: str, *, status: int = 200) -> Response:
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse(_SIGN_IN.format(said=said), status, headers=_UNKEPT | policy)


async def _live(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _unreadable(_request: Request, error: Exception) -> Response:
    """A key that is not here yet, or a payload that somebody changed."""
    return JSONResponse({"error": str(error)}, 503 if isinstance(error, Unavailable) else 422)
