"""Who gets in, how often, and for how much money."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from adapters.database.tokens import Tokens
from domain.errors import Unavailable
from entrypoints.api.roles import Role
from tests.api.issuing import AUDIENCE, ISSUER, issuing
from tests.api.serving import FOREIGN, MINE, OTHER, SHOP, Serving, served
from workers.clock import now
from workers.settings import ApiSettings

WHY = {"reason": "the customer has changed their mind"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# -- our own tokens ----------------------------------------------------------------------------------------------------


async def test_a_token_gets_in_until_it_expires_or_is_revoked(api: Serving) -> None:
    async def read(token: str) -> int:
        return (await api.http.get(f"/v1/orders/{MINE}", headers=bearer(token))).status_code

    known, token = await api.tokens.create("shop", Role.STOREFRONT, (SHOP,), now() + timedelta(days=1))
    _, expired = await api.tokens.create("shop", Role.STOREFRONT, (SHOP,), now() - timedelta(seconds=1))
    assert (await read(token), await read(expired), await read(token + "x")) == (200, 401, 401)
    assert await api.tokens.revoke(known.number)
    assert await read(token) == 401
    assert await api.written() == [("authenticate", "denied", "unauthenticated")] * 3


async def test_of_a_token_only_its_digest_is_kept(api: Serving, database: Path) -> None:
    _, token = await api.tokens.create("shop", Role.STOREFRONT, (SHOP,), now() + timedelta(days=1))
    files = [path.read_bytes() for path in database.parent.iterdir() if path.is_file()]
    assert b"shop" in b"".join(files)
    assert token.encode() not in b"".join(files)
    assert token not in (await api("GET", "/v1/tokens", Role.ADMIN, ("*",))).text


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic b3NrXzE6", "Bearer osk_", "Bearer a.b.c", "osk_x"]
)
async def test_without_a_token_nothing_is_told_not_even_what_exists(api: Serving, header: str) -> None:
    for address in ("/v1/orders", f"/v1/orders/{MINE}", "/v1/nothing", "/"):
        answer = await api.http.get(address, headers={"Authorization": header} if header else {})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json()["code"] == "unauthenticated"


async def test_an_admin_makes_and_revokes_tokens_of_the_own_channels(api: Serving) -> None:
    asked = {"name": "shop backend", "role": "storefront", "channels": [SHOP], "days": 30}
    made = await api("POST", "/v1/tokens", Role.ADMIN, json=asked)
    assert made.status_code == 201
    token, number = made.json()["token"], made.json()["known_as"]["number"]
    assert (await api.http.get(f"/v1/orders/{MINE}", headers=bearer(token))).status_code == 200
    assert (await api("DELETE", f"/v1/tokens/{number}", Role.ADMIN)).status_code == 204
    assert (await api.http.get(f"/v1/orders/{MINE}", headers=bearer(token))).status_code == 401
    for channels in (["*"], [SHOP, OTHER]):
        wider = await api("POST", "/v1/tokens", Role.ADMIN, json=asked | {"channels": channels})
        assert (wider.status_code, wider.json()["code"]) == (403, "foreign_channel")
    all_seeing, _ = await api.tokens.create("all", Role.ADMIN, ("*",), now() + timedelta(days=1))
    assert (await api("DELETE", f"/v1/tokens/{all_seeing.number}", Role.ADMIN)).status_code == 404
    listed = (await api("GET", "/v1/tokens", Role.ADMIN)).json()["tokens"]
    assert {tuple(one["channels"]) for one in listed} == {(SHOP,)}
    assert [code for action, _, code in await api.written() if action == "tokens.manage"] == [
        f"token {number} created",
        f"token {number} revoked",
        "foreign_channel",
        "foreign_channel",
    ]


# -- JWT ---------------------------------------------------------------------------------------------------------------


async def test_a_jwt_of_the_issuer_gets_in_as_its_claims_say(database: Path) -> None:
    with issuing() as issuer:
        async with served(database, **issuer.settings) as api:
            headers = bearer(issuer.token())
            assert (await api.http.get(f"/v1/orders/{MINE}", headers=headers)).status_code == 200
            assert (await api.http.get(f"/v1/orders/{FOREIGN}", headers=headers)).status_code == 404
            assert (await api.http.get("/v1/audit", headers=headers)).status_code == 403
            held = await api.http.post(f"/v1/orders/{MINE}/hold", headers=headers, json=WHY)
            assert held.status_code == 200
            assert {one.actor for one in await api.decisions()} == {"jwt:agent-7"}
            auditor = bearer(issuer.token(role="auditor", channels=["*"]))
            assert (await api.http.get(f"/v1/orders/{FOREIGN}", headers=auditor)).status_code == 200


async def test_a_jwt_that_is_not_whole_or_not_the_issuers_gets_nobody_in(database: Path) -> None:
    with issuing() as issuer:
        public = issuer.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": now() + timedelta(minutes=5)} | {
            "role": "admin",
            "channels": ["*"],
        }
        forged = [
            issuer.token(key=generate_private_key(SECP256R1())),
            issuer.token(kid="k2"),
            issuer.token(iss="https://evil.example.com"),
            issuer.token(aud="another"),
            issuer.token(exp=now() - timedelta(minutes=2)),
            issuer.token(exp=None),
            issuer.token(sub=None),
            issuer.token(role=None),
            issuer.token(role="emperor"),
            issuer.token(channels=None),
            issuer.token(channels="shop"),
            issuer.token(channels=["a' OR 'b'='b"]),
            jwt.encode(claims, public, algorithm="HS256", headers={"kid": "k1"}),
            jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"}),
        ]
        async with served(database, **issuer.settings) as api:
            for token in forged:
                answer = await api.http.get("/v1/orders", headers=bearer(token))
                assert answer.status_code == 401, jwt.decode(token, options={"verify_signature": False})


async def test_while_the_issuer_is_away_nobody_can_tell(database: Path) -> None:
    with issuing() as issuer:
        token, settings = issuer.token(), issuer.settings
    async with served(database, **settings) as api:
        answer = await api.http.get("/v1/orders", headers=bearer(token))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await api("GET", "/v1/orders")).status_code == 200  # with a token of ours


def test_an_issuer_is_named_whole_and_its_keys_come_over_tls() -> None:
    ApiSettings(jwks_url="https://login.example.com/keys", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    for wrong in (
        {"jwks_url": "https://login.example.com/keys"},
        {"jwks_url": "http://login.example.com/keys", "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE},
        {"jwks_url": "http://127.0.0.1.example.com/", "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE},
        {"rate_limit": "plenty"},
    ):
        with pytest.raises(ValidationError):
            ApiSettings.model_validate(wrong)


# -- how often ---------------------------------------------------------------------------------------------------------


async def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_not(database: Path) -> None:
    async with served(database, rate_limit="3/minute") as api:
        answers = [await api("GET", f"/v1/orders/{MINE}") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["code"] == "too_many"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert (await api("GET", f"/v1/orders/{MINE}", Role.AUDITOR)).status_code == 200


async def test_guessing_tokens_is_slowed_down(api: Serving) -> None:
    async def guess(number: int) -> httpx.Response:
        return await api.http.get("/v1/orders", headers=bearer(f"osk_{number}"))

    codes = [(await guess(number)).status_code for number in range(70)]
    assert (codes[0], codes[-1]) == (401, 429)
    assert len(await api.decisions()) == codes.count(401) <= 60 * 2  # a minute may end between them


async def test_while_tokens_cannot_be_told_nobody_gets_in(
    api: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("database: OperationalError")

    monkeypatch.setattr(Tokens, "valid", away)
    answer = await api.http.get("/v1/orders", headers=bearer("osk_x"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


# -- for how much money ------------------------------------------------------------------------------------------------


async def test_money_beyond_the_limit_needs_an_operator(database: Path) -> None:
    async with served(database, money_limits={"EUR": "20.00"}) as api:
        worth = str(api.desk.documents[MINE].order.total)
        for verb in ("cancel", "release"):
            answer = await api("POST", f"/v1/orders/{MINE}/{verb}", Role.CUSTOMER_SERVICE, json=WHY)
            assert (answer.status_code, answer.json()["code"]) == (403, "needs_operator")
            assert worth in answer.json()["detail"]
        assert api.desk.given == []
        assert await api.written() == [
            ("orders.cancel", "denied", "needs_operator"),
            ("orders.release", "denied", "needs_operator"),
        ]
        for role, verb in ((Role.CUSTOMER_SERVICE, "hold"), (Role.OPERATOR, "cancel")):
            assert (await api("POST", f"/v1/orders/{MINE}/{verb}", role, json=WHY)).status_code == 200


async def test_of_a_return_the_units_count(database: Path) -> None:
    async with served(database, money_limits={"EUR": "20.00"}) as api:

        async def send_back(units: int) -> int:
            asked = WHY | {"units": {"1": units}}
            answer = await api("POST", f"/v1/orders/{MINE}/returns", Role.CUSTOMER_SERVICE, json=asked)
            return answer.status_code

        assert (await send_back(1), await send_back(2)) == (200, 403)  # 14.88 and 29.75 with their tax


@pytest.mark.parametrize(("limits", "status"), [({}, 200), ({"USD": "1000"}, 403), ({"EUR": "1000"}, 200)])
async def test_a_currency_without_a_limit_is_free_only_where_there_are_none(
    database: Path, limits: dict[str, str], status: int
) -> None:
    async with served(database, money_limits=limits) as api:
        answer = await api("POST", f"/v1/orders/{MINE}/cancel", Role.CUSTOMER_SERVICE, json=WHY)
        assert answer.status_code == status


async def test_a_denied_command_may_be_given_by_an_operator_under_the_same_id(database: Path) -> None:
    async with served(database, money_limits={"EUR": "0"}) as api:
        keyed: dict[str, Any] = {"json": WHY, "headers": {"Idempotency-Key": "a"}}
        denied = await api("POST", f"/v1/orders/{MINE}/cancel", Role.CUSTOMER_SERVICE, **keyed)
        assert denied.status_code == 403
        assert (await api("GET", f"/v1/orders/{MINE}/commands/a")).status_code == 404
        assert (await api("POST", f"/v1/orders/{MINE}/cancel", Role.OPERATOR, **keyed)).status_code == 200


# -- the trail ---------------------------------------------------------------------------------------------------------


async def test_the_trail_is_read_by_auditors_page_by_page_and_says_nothing_of_customers(api: Serving) -> None:
    secret = "Amelie Sommer, Lindenweg 4"
    for number in range(3):
        await api(
            "POST",
            f"/v1/orders/{MINE}/hold",
            json={"reason": secret},
            headers={"Idempotency-Key": f"hold-{number}"},
        )
    await api("GET", f"/v1/orders/{FOREIGN}")
    pages: list[str] = []
    found: list[dict[str, Any]] = []
    wishes: dict[str, Any] = {"limit": 2}
    while True:
        page = await api("GET", "/v1/audit", Role.AUDITOR, ("*",), params=wishes)
        pages.append(page.text)
        found += page.json()["decisions"]
        if page.json()["next"] is None:
            break
        wishes["cursor"] = page.json()["next"]
    assert [(one["command"], one["outcome"]) for one in found] == [
        (None, "denied"),
        ("hold-2", "done"),
        ("hold-1", "done"),
        ("hold-0", "done"),
    ]
    assert secret not in "".join(pages)
    mine = await api("GET", "/v1/audit", Role.AUDITOR)
    assert {one["order_id"] for one in mine.json()["decisions"]} == {MINE}
    for wish, count in (({"order_id": FOREIGN}, 1), ({"actor": "nobody"}, 0), ({"outcome": "done"}, 3)):
        filtered = await api("GET", "/v1/audit", Role.AUDITOR, ("*",), params=wish)
        assert len(filtered.json()["decisions"]) == count
