"""Every operation, every role, an order of the own and of another channel: who gets what."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from entrypoints.api.gate import PUBLIC
from entrypoints.api.roles import Role
from tests.api.serving import ASKS, OTHER, SHOP, Serving
from tests.api.test_orders import document
from workers.clock import now

WHY = {"reason": "because"}
RETRY = WHY | {"action": "retry"}
SERVICE, OPERATOR, ADMIN = Role.CUSTOMER_SERVICE, Role.OPERATOR, Role.ADMIN
EVERYBODY = frozenset(Role)
READERS = EVERYBODY - {Role.STOREFRONT}

# Operation → who may, as the requirement says it and not as the code does; and what is sent.
WHO_MAY: Mapping[tuple[str, str], frozenset[Role]] = {
    ("GET", "/v1/orders"): EVERYBODY,
    ("POST", "/v1/orders"): frozenset({Role.STOREFRONT, OPERATOR, ADMIN}),
    ("GET", "/v1/orders/{order_id}"): EVERYBODY,
    ("GET", "/v1/orders/{order_id}/timeline"): EVERYBODY,
    ("GET", "/v1/orders/{order_id}/commands/{command_id}"): EVERYBODY,
    ("POST", "/v1/orders/{order_id}/quote"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("POST", "/v1/orders/{order_id}/amend"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("POST", "/v1/orders/{order_id}/cancel"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("POST", "/v1/orders/{order_id}/hold"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("POST", "/v1/orders/{order_id}/release"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("POST", "/v1/orders/{order_id}/returns"): frozenset({SERVICE, OPERATOR, ADMIN}),
    ("GET", "/v1/attention"): READERS,
    ("POST", "/v1/attention/resolve"): frozenset({OPERATOR, ADMIN}),
    ("POST", "/v1/attention/{order_id}/resolve"): frozenset({OPERATOR, ADMIN}),
    ("GET", "/v1/audit"): frozenset({Role.AUDITOR, ADMIN}),
    ("GET", "/v1/tokens"): frozenset({ADMIN}),
    ("POST", "/v1/tokens"): frozenset({ADMIN}),
    ("DELETE", "/v1/tokens/{number}"): frozenset({ADMIN}),
}
CHANGES = {"changes": [{"kind": "set_quantity", "line_id": "1", "quantity": 1}]}
BODIES: Mapping[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/orders/{order_id}/quote"): CHANGES,
    ("POST", "/v1/orders/{order_id}/amend"): WHY | CHANGES,
    ("POST", "/v1/orders/{order_id}/cancel"): WHY,
    ("POST", "/v1/orders/{order_id}/hold"): WHY,
    ("POST", "/v1/orders/{order_id}/release"): WHY,
    ("POST", "/v1/orders/{order_id}/returns"): WHY | {"units": {"1": 1}},
    ("POST", "/v1/attention/resolve"): RETRY | {"filter": {"needs": "order_refused"}},
    ("POST", "/v1/attention/{order_id}/resolve"): RETRY,
}


def operations(api: Serving) -> set[tuple[str, str]]:
    served = {
        (method, route.path)
        for route in _routes(api.app.router)
        for method in route.methods or ()
        if route.path not in PUBLIC
    }
    assert served
    return served


def _routes(router: Any) -> list[APIRoute]:
    """However the framework nests them."""
    found = []
    for route in router.routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif hasattr(route, "original_router"):
            found += _routes(route.original_router)
    return found


async def test_no_operation_is_missing_from_this_matrix(api: Serving) -> None:
    assert operations(api) == set(WHO_MAY)
    described = api.app.openapi()["paths"]
    assert {
        (method.upper(), path)
        for path, methods in described.items()
        if path not in PUBLIC
        for method in methods
    } == set(WHO_MAY)


@pytest.mark.parametrize("role", Role)
async def test_a_role_may_what_it_may_for_its_own_channels_and_nothing_else_exists(
    api: Serving, role: Role
) -> None:
    await api("POST", f"/v1/orders/{ASKS}/hold", json=WHY, headers={"Idempotency-Key": "known"})
    for (method, path), who in sorted(WHO_MAY.items()):
        own = await _asked(api, role, method, path, own=True)
        foreign = await _asked(api, role, method, path, own=False)
        if role not in who:
            assert (own, foreign) == (403, 403), (method, path)
            continue
        assert own in {200, 201, 204}, (method, path, own)
        assert foreign == _of_a_foreign_channel(method, path), (method, path, foreign)


async def test_every_denial_is_written_down_with_who_and_what(api: Serving) -> None:
    for (method, path), who in sorted(WHO_MAY.items()):
        for role in sorted(set(Role) - who):
            before = await api.decisions()
            await _asked(api, role, method, path, own=True)
            (denial,) = (await api.decisions())[: len(await api.decisions()) - len(before)]
            assert (denial.actor, denial.role, denial.outcome) == (f"a {role}", role, "denied")
            assert (denial.code, denial.order_id) == ("forbidden", ASKS if "{order_id}" in path else "")


async def _asked(api: Serving, role: Role, method: str, path: str, *, own: bool) -> int:
    """The status. The same request of a bearer who sees the order's channel, and of one who does not."""
    channels = (SHOP,) if own else (OTHER,)
    request: dict[str, Any] = {}
    if (method, path) in BODIES:
        request["json"] = BODIES[method, path]
    if (method, path) == ("POST", "/v1/orders"):
        request |= {"params": {"channel": SHOP}, "content": document(id=f"of-{role}")}
    if (method, path) == ("POST", "/v1/tokens"):
        request["json"] = {"name": "new", "role": "storefront", "channels": [SHOP]}
    if path.endswith("/amend"):
        request["headers"] = {"If-Match": f'"{api.desk.documents[ASKS].revision}"'}
    old, _ = await api.tokens.create("old", Role.STOREFRONT, (SHOP,), now() + timedelta(days=1))
    address = path.format(order_id=ASKS, command_id="known", number=old.number)
    return (await api(method, address, role, channels, **request)).status_code


def _of_a_foreign_channel(method: str, path: str) -> int:
    """Lists hold the own ones only; a token for channels that one does not see is not made."""
    if (method, path) == ("POST", "/v1/tokens"):
        return 403
    of_many = method == "GET" or path == "/v1/attention/resolve"
    return 200 if of_many and "{" not in path else 404
