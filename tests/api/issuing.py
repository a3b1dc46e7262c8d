"""An issuer of JWTs: it serves its public keys, and signs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from tests.api.serving import SHOP
from workers.clock import now

ISSUER, AUDIENCE = "https://login.example.com", "ordersaga"


class Issuer:
    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        self.settings = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}

    def keys(self) -> bytes:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [public | {"kid": "k1", "use": "sig", "alg": "ES256"}]}).encode()

    def token(self, *, key: EllipticCurvePrivateKey | None = None, kid: str = "k1", **claims: Any) -> str:
        facts = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "agent-7",
            "exp": now() + timedelta(minutes=30),
            "role": "customer_service",
            "channels": [SHOP],
        }
        named = {name: value for name, value in (facts | claims).items() if value is not None}
        return jwt.encode(named, key or self.key, algorithm="ES256", headers={"kid": kid})


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(issuer.keys())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    issuer.settings["jwks_url"] = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
