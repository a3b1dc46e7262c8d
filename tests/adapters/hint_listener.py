"""Where the simulated world's hints arrive: a real server that checks their signatures."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.connector.signatures import HEADER, verify
from tests.contracts.simulator_process import SECRET


class Listener:
    """Where hints arrive. `deaf` of them are answered 500 first."""

    def __init__(self) -> None:
        self.heard: list[WebhookEvent] = []
        self.refused: list[WebhookEvent] = []
        self.paths: list[str] = []
        self.deaf = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = WebhookEvent.model_validate_json(body)
                good = verify(SECRET, body, self.headers[HEADER], _now())
                listener.paths.append(self.path)
                if listener.deaf:
                    listener.deaf -= 1
                    good = False
                (listener.heard if good else listener.refused).append(event)
                self.send_response(204 if good else 500)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/{{channel}}/{{system}}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def names(self, order: str) -> list[str]:
        return [event.event for event in self.heard if event.order_id == order]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the other side signs with real time
