import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.stripe.payments import StripePayments
from adapters.tls import trusted
from domain.ids import ChannelId, PaymentRef, PlatformId, order_id
from domain.payments import PaymentState
from entrypoints.demo.shopper_stripe import card_hold
from entrypoints.embedded.localstripe import localstripe_server

pytestmark = pytest.mark.stripe

ORDER = order_id(ChannelId("shop"), PlatformId("17"))


async def test_its_books_outlive_a_restart_and_are_its_own(tmp_path: Path) -> None:
    async with localstripe_server(tmp_path / "one") as one:
        reference = PaymentRef(await card_hold(one.url, one.api_key, ORDER, 5000, "EUR"))
    async with (
        localstripe_server(tmp_path / "one") as again,
        localstripe_server(tmp_path / "two") as other,
        httpx.AsyncClient(verify=trusted()) as client,
    ):
        known, unknown = (
            StripePayments(client, api_key=server.api_key, url=server.url) for server in (again, other)
        )
        (payment,) = await known.look_up(ORDER, reference)
        assert payment.state is PaymentState.AUTHORISED
        assert await unknown.look_up(ORDER, reference) == ()


async def test_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    async with localstripe_server(tmp_path) as server:
        port = urlsplit(server.url).port
        with pytest.raises(OSError), socket.create_connection(("::1", port), timeout=1):  # noqa: PT011  the kernel's own
            pytest.fail("it answers on another address")


async def test_a_directory_whose_books_are_broken_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "localstripe.pickle").write_bytes(b"broken")
    with pytest.raises(RuntimeError, match="did not start"):
        async with localstripe_server(tmp_path):
            pytest.fail("it started")


async def test_a_bad_card_gives_no_hold(tmp_path: Path) -> None:
    async with localstripe_server(tmp_path) as server:
        with pytest.raises(httpx.HTTPStatusError):
            await card_hold(server.url, server.api_key, ORDER, 5000, "EUR", card="pm_card_chargeCustomerFail")
        async with httpx.AsyncClient(verify=trusted()) as client:
            gateway = StripePayments(client, api_key=server.api_key, url=server.url)
            (payment,) = await gateway.look_up(ORDER, None)
    assert payment.state is PaymentState.DECLINED
