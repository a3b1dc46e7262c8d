from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.stripe.payments import StripePayments
from adapters.tls import trusted
from domain.ids import OrderId, PaymentRef
from domain.money import Money
from domain.payments import PaymentMethod
from domain.ports import PaymentGateway
from entrypoints.demo.shopper_stripe import card_hold
from entrypoints.embedded.localstripe import LocalStripe, localstripe_server
from tests.contracts.lossy import Lossy
from tests.contracts.payments import Books, Hands, PaymentGatewayContract


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def localstripe(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStripe]:
    async with localstripe_server(Path(tmp_path_factory.mktemp("localstripe"))) as server:
        yield server


class LocalStripeHands:
    """Reads localstripe's books without the adapter: the charge, its balance transactions, its refunds."""

    def __init__(self, server: LocalStripe) -> None:
        self._server = server

    async def authorise(self, order: OrderId, amount: Money) -> PaymentRef:
        return PaymentRef(
            await card_hold(self._server.url, self._server.api_key, order, amount.minor, amount.currency)
        )

    async def books(self, payment: PaymentRef) -> Books:
        async with httpx.AsyncClient(
            verify=trusted(), base_url=self._server.url, auth=(self._server.api_key, "")
        ) as http:
            intent = (await http.get(f"/v1/payment_intents/{payment}")).json()
            charge = intent["latest_charge"]["id"]
            refunds = await self._all(http, "/v1/refunds", charge=charge)
            charges = [
                moved
                for moved in await self._all(http, "/v1/balance_transactions")
                if moved["source"] == charge and moved["type"] == "charge"
            ]

        def money(minor: int) -> Money:
            return Money(minor=minor, currency=intent["currency"].upper())

        # What a partial capture releases is kept as a refund that names no payment intent.
        released = sum(refund["amount"] for refund in refunds if refund["payment_intent"] is None)
        return Books(
            captured=tuple(money(moved["amount"] - released) for moved in charges),
            refunded=tuple(money(refund["amount"]) for refund in refunds if refund["payment_intent"]),
            held=money(intent["amount"] if intent["status"] == "requires_capture" else 0),
        )

    async def _all(self, http: httpx.AsyncClient, path: str, **query: str) -> list[dict[str, Any]]:
        answer = (await http.get(path, params={"limit": 1000, **query})).json()
        assert not answer["has_more"]
        return list(answer["data"])


@pytest.mark.stripe
class TestStripe(PaymentGatewayContract):
    remembers_keys = False
    card = PaymentMethod.OTHER

    @pytest.fixture
    async def gateway(self, network: Lossy, localstripe: LocalStripe) -> AsyncIterator[PaymentGateway]:
        async with httpx.AsyncClient(transport=network) as client:
            yield StripePayments(client, api_key=localstripe.api_key, url=localstripe.url)

    @pytest.fixture
    def hands(self, localstripe: LocalStripe) -> Hands:
        return LocalStripeHands(localstripe)
