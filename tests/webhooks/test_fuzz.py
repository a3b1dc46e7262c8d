"""Thousands of broken bodies at every door: nothing breaks, nobody gets in unsigned, and nothing valid is lost."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random  # noqa: TID251  seeded: the same bodies every time
from typing import Any

import pytest

from adapters.connector import signatures
from adapters.database.inbox import InboxItem
from adapters.database.schema import InboxKind, InboxState
from adapters.documents import PARSERS, load
from domain.ids import OrderId
from domain.intake import UnusableDocument
from entrypoints.demo.documents import demo_documents
from tests.entrypoints.receiving import SHOP, document, forwarding, order, until
from tests.webhooks.senders import OWN, SECRETS, SHOPIFY, STRIPE, WOO, Senders, senders, signed, stripe_event

_NUMBERS = [0, -1, 2**63, 10**400, 1.5, -0.0, 1e308]
_STRANGE: list[Any] = [
    None,
    True,
    [],
    {},
    [[]],
    "",
    "\x00",
    "9" * 5_000,
    "\u202e",
    "\ud800",
    "1e999",
    *_NUMBERS,
]
_KNOWN = "1"  # an order that runs


def _order(platform: str) -> bytes:
    (demo,) = demo_documents(1, platforms=[platform])
    return json.dumps(demo.document).encode()


class Target:
    """A door, and a body that is right for it."""

    def __init__(self, system: str, body: bytes, topic: str = "") -> None:
        self.system = system
        self.right = body
        self.topic = topic

    def headers(self, senders: Senders, body: bytes, *, secret: str | None = None) -> dict[str, str]:
        secret = secret or SECRETS[SHOP, self.system]
        if self.system == SHOPIFY:
            return {"X-Shopify-Topic": self.topic, "X-Shopify-Hmac-Sha256": signed(secret, body)}
        if self.system == WOO:
            return {"X-WC-Webhook-Topic": self.topic, "X-WC-Webhook-Signature": signed(secret, body)}
        name = "Stripe-Signature" if self.system == STRIPE else signatures.HEADER
        return {name: signatures.sign(secret, body, senders.world.clock())}


def _event(number: int) -> bytes:
    told = {"event_id": f"evt_{number}", "event": "order_changed", "system": "erp", "order_id": order(_KNOWN)}
    return json.dumps(told | {"occurred_at": "2026-03-01T11:59:58Z"}).encode()


TARGETS = (
    Target(SHOPIFY, _order(SHOPIFY), "orders/create"),
    Target(SHOPIFY, b'{"order_id": 1}', "refunds/create"),
    Target(WOO, _order(WOO), "order.created"),
    Target(WOO, b'{"id": 1}', "order.deleted"),
    Target(STRIPE, stripe_event(order=order(_KNOWN))),
    Target(OWN, _order(OWN)),
    Target("erp", _event(1)),
)


def broken(body: bytes, random: Random) -> bytes:
    match random.randrange(8):
        case 0:  # some bits
            flipped = bytearray(body)
            for _ in range(random.randint(1, 8)):
                flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
            return bytes(flipped)
        case 1:  # cut off
            return body[: random.randrange(len(body))]
        case 2:  # deep
            depth = random.choice([10, 100, 5_000, 50_000])
            return random.choice([b"[", b'{"a":']) * depth + body
        case 3:  # noise
            return random.randbytes(random.randint(0, 300))
        case 4:  # a key twice
            return body[:-1] + b"," + body[1:] if body.startswith(b"{") else body * 2
        case _:  # other types and huge numbers, somewhere
            told = json.loads(body)
            for _ in range(random.randint(1, 3)):
                where, name = random.choice(list(_places(told)))
                where[name] = deepcopy(random.choice(_STRANGE))
            return json.dumps(told).encode()


def _places(told: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of every object and list."""
    members = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in list(members):
        yield told, name
        yield from _places(value)


@pytest.mark.parametrize(
    "count", [420, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
async def test_broken_bodies_are_refused_or_parked_and_right_ones_have_their_effect(
    tmp_path: Path, count: int
) -> None:
    random = Random(4711)  # noqa: S311  nothing secret hangs on it
    async with senders(tmp_path) as door:
        await door.world.accept(document(_KNOWN))
        answers: Counter[tuple[bool, int]] = Counter()
        stored: dict[int, tuple[Target, bytes]] = {}
        for number in range(count):
            target = TARGETS[number % len(TARGETS)]
            body = target.right if number % 50 == 0 else broken(target.right, random)
            is_signed = number % 2 == 0
            secret = None if is_signed else random.choice(["guessed", "secret of", "x" * 500])
            answer = await door.post(target.system, body, target.headers(door, body, secret=secret))
            answers[is_signed, answer.status_code] += 1
            if is_signed:
                stored[answer.json()["inbox_id"]] = (target, body)
        assert {code for was_signed, code in answers if was_signed} <= {200, 202, 400}
        assert {code for was_signed, code in answers if not was_signed} == {401}
        await _all_settled(door)
        items = {item.id: item for item in await door.world.inbox.list(limit=2 * count)}
        assert set(stored) == set(items) - {1}  # 1 is the order that runs
        await _had_their_effect(door, stored, items)


async def _all_settled(door: Senders) -> None:
    async def settled() -> bool:
        return not await door.world.inbox.due(1)

    async with forwarding(door.world.forwarder):
        await until(settled, seconds=1500)
        await asyncio.sleep(0)
    assert await door.world.inbox.list(InboxState.WAITING) == ()


async def _had_their_effect(
    door: Senders, stored: dict[int, tuple[Target, bytes]], items: dict[int, InboxItem]
) -> None:
    """Orders that can be read have started, all of them and no others; hints are for the order that runs alone."""
    readable: set[OrderId] = {order(_KNOWN)}
    for inbox_id, (target, body) in stored.items():
        item = items[inbox_id]
        read = _read(target, body) if item.kind is InboxKind.DOCUMENT else None
        if read:
            readable.add(read)
            assert item.state is InboxState.FORWARDED
        if body == target.right:
            assert item.state is InboxState.FORWARDED, item
        assert item.state is InboxState.FORWARDED or item.reason
    assert set(door.world.temporal.started) == readable
    assert {named for named, _ in door.world.temporal.told} <= readable
    registered = await asyncio.gather(*(door.world.orders.get(one) for one in readable))
    assert None not in registered


def _read(target: Target, body: bytes) -> OrderId | None:
    try:
        return PARSERS[target.system](load(body), channel=SHOP, skus={}).order_id
    except UnusableDocument:
        return None
