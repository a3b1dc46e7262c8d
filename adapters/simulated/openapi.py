"""`python -m adapters.simulated.openapi > docs/connector-openapi.json` writes the protocol's document."""

import json
import sys

from adapters.connector.protocol.common import Problem
from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.simulated.app import protocol_app
from adapters.simulated.webhooks import HEADER


def document() -> str:
    """The protocol alone: nothing of the world's own doings, faults and books. Ends with a line feed."""
    app = protocol_app()

    @app.webhooks.post(
        "order-changed",
        operation_id="webhooks.order_changed",
        summary="webhook: an order moved on",
        responses={"4XX": {"description": "Not taken: the signature or the body is wrong"}},
        tags=["webhooks"],
    )
    async def order_changed(body: WebhookEvent) -> None:
        """Posted by you to the address that OrderSaga gave you. Any 2xx means taken; repeat otherwise."""

    schema = app.openapi()
    schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    hook = schema["webhooks"]["order-changed"]["post"]
    hook["parameters"] = [
        {
            "name": HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": 't=<unix seconds>,v1=<hex HMAC-SHA256 of "{t}.{raw body}" with the shared secret>',
        }
    ]
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
