"""The hints on their way to the subscriber: signed, in order per order, repeated a bounded number of times."""

import asyncio
import hashlib
import hmac
import sqlite3

import httpx

from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.simulated.world import World
from adapters.tls import trusted

HEADER = "OrderSaga-Signature"
BATCH_MAX = 50
RETRY_SECONDS_MIN = 0.2
RETRY_SECONDS_MAX = 10.0
TIMEOUT_SECONDS = 5.0

_DUE = """
SELECT id, body, attempts FROM outbox AS o WHERE due <= ? AND (in_line = 0 OR NOT EXISTS (
    SELECT 1 FROM outbox WHERE order_id = o.order_id AND in_line = 1 AND id < o.id))
ORDER BY id LIMIT ?
"""


async def keep_sending(world: World) -> None:
    """For ever: send what is due, then wait for the next or for news."""
    if world.settings.webhook_url is None:
        return
    async with httpx.AsyncClient(verify=trusted(), timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        while True:
            world.stirred_outbox.clear()
            now = world.state.clock().timestamp()
            rows = world.state.db.execute(_DUE, (now, BATCH_MAX)).fetchall()
            for row in rows:
                await _send(world, client, world.settings.webhook_url, row)
            if rows:
                continue
            (due,) = world.state.db.execute("SELECT min(due) FROM outbox WHERE due > ?", (now,)).fetchone()
            try:
                await asyncio.wait_for(
                    world.stirred_outbox.wait(), None if due is None else max(0, due - now)
                )
            except TimeoutError:
                continue


async def _send(world: World, client: httpx.AsyncClient, template: str, row: sqlite3.Row) -> None:
    event = WebhookEvent.model_validate_json(row["body"])
    channel = event.order_id.split(":")[1]
    url = template.replace("{channel}", channel).replace("{system}", event.system)
    at = int(world.state.clock().timestamp())
    try:
        response = await client.post(
            url,
            content=row["body"],
            headers={
                "Content-Type": "application/json",
                HEADER: signature(world.settings.webhook_secret, row["body"], at),
            },
        )
        arrived = response.is_success
    except httpx.TransportError:
        arrived = False
    attempts = row["attempts"] + 1
    with world.state.transaction():
        if arrived or attempts >= world.settings.webhook_attempts_max:
            world.state.db.execute("DELETE FROM outbox WHERE id = ?", (row["id"],))
            world.state.count("webhooks_sent" if arrived else "webhooks_given_up")
        else:
            wait = min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2 ** (attempts - 1))
            world.state.db.execute(
                "UPDATE outbox SET attempts = ?, due = ? WHERE id = ?",
                (attempts, world.state.clock().timestamp() + wait, row["id"]),
            )


def signature(secret: str, body: str, at: int) -> str:
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
