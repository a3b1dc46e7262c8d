"""The connector's payments, over real HTTP, against the simulated world in a process of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.connector.client import connector
from adapters.connector.payments import ConnectorPayments
from domain.ids import OrderId, PaymentRef
from domain.keys import effect_key
from domain.money import Money, total
from domain.payments import (
    Capture,
    Declined,
    DisputeState,
    PayLink,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
)
from domain.ports import PaymentGateway
from tests.contracts.lossy import Lossy
from tests.contracts.payments import Books, PaymentGatewayContract, capture_key, eur, refund_key, taken
from tests.contracts.payments_afterwards import (
    DisputeContract,
    IncrementContract,
    MinimumContract,
    NewHoldContract,
    PayLinkContract,
    hold_key,
)
from tests.contracts.simulator_process import Simulator, simulator

SETTLED_AFTER = timedelta(seconds=5)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One for all: every test has an order of its own."""
    with simulator(
        Path(tmp_path_factory.mktemp("world")), pick_seconds="off", deliver_seconds="off"
    ) as running:
        yield running


def _wire(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}


def _money(wire: dict[str, str]) -> Money:
    return Money.parse(wire["amount"], wire["currency"])


class PaymentHands:
    """Acts as the shopper, the bank and the gateway's people, and reads the gateway's books."""

    def __init__(self, world: Simulator, *, multicapture: bool) -> None:
        self._world = world
        self._multicapture = multicapture

    async def authorise(self, order: OrderId, amount: Money) -> PaymentRef:
        return self.pay(order, amount, multicapture=self._multicapture)

    def pay(self, order: OrderId, amount: Money, **how: Any) -> PaymentRef:
        self._world.place_order(order, [], _wire(eur("50.00")))
        paid = self._world.call(
            "POST", "/world/payments/pay", {"order_id": order, "amount": _wire(amount), **how}
        )
        return PaymentRef(paid["reference"])

    def transfer(self, order: OrderId, amount: str, bank_reference: str) -> None:
        body = {"order_id": order, "amount": _wire(eur(amount)), "bank_reference": bank_reference}
        self._world.call("POST", "/world/payments/transfer", body)

    def refunds_are(self, order: OrderId, state: RefundState) -> None:
        """From now on those that are asked for."""
        self._world.call("PUT", "/world/payments/script", {"order_id": order, "refunds": state})

    def refunds_become(self, order: OrderId, state: RefundState) -> None:
        """Those that are pending."""
        self._world.call("POST", "/world/payments/refunds", {"order_id": order, "state": state})

    async def books(self, payment: PaymentRef) -> Books:
        (kept,) = [p for p in self._world.books()["payments"] if p["reference"] == payment]
        captured = tuple(_money(capture["amount"]) for capture in kept["captures"])
        held = _money(kept["authorised"]) - total(captured, "EUR")
        return Books(
            captured=captured,
            refunded=tuple(_money(refund["amount"]) for refund in kept["refunds"]),
            held=held if kept["state"] == "authorised" else Money.zero("EUR"),
        )


class AbleHands(PaymentHands):
    """The shopper's card and the gateway can do all there is; the minimum is 0.50."""

    def __init__(self, world: Simulator) -> None:
        super().__init__(world, multicapture=False)

    async def authorise(self, order: OrderId, amount: Money) -> PaymentRef:
        able = dict.fromkeys(("increment", "stored_credential", "pay_link"), True)
        return self.pay(order, amount, minimum=_wire(eur("0.50")), **able)

    async def authorise_plainly(self, order: OrderId, amount: Money) -> PaymentRef:
        return self.pay(order, amount)

    async def follow(self, link: PayLink) -> PaymentRef:
        (known,) = [k for k in self._world.books()["pay_links"] if k["reference"] == link.reference]
        paid = self._world.call("POST", "/world/payments/follow-link", {"order_id": known["order_id"]})
        return PaymentRef(paid["reference"])

    async def dispute(self, payment: PaymentRef, amount: Money) -> None:
        told = {"order_id": self._order(payment), "payment": payment, "amount": _wire(amount)}
        self._world.call("POST", "/world/payments/dispute", told)

    async def decide(self, payment: PaymentRef, state: DisputeState) -> None:
        told = {"order_id": self._order(payment), "state": state}
        self._world.call("POST", "/world/payments/dispute/decide", told)

    def _order(self, payment: PaymentRef) -> str:
        (kept,) = [p for p in self._world.books()["payments"] if p["reference"] == payment]
        return str(kept["order_id"])


class Connected:
    multicapture = False

    @pytest.fixture
    def order(self) -> OrderId:
        return OrderId(f"order:contract:{next(_numbers)}")

    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def hands(self, world: Simulator) -> PaymentHands:
        return PaymentHands(world, multicapture=self.multicapture)

    @pytest.fixture
    async def gateway(self, world: Simulator, network: Lossy) -> AsyncIterator[PaymentGateway]:
        async with httpx.AsyncClient(transport=network, base_url=world.url) as client:
            yield ConnectorPayments(client, SETTLED_AFTER)


class TestPayments(Connected, PaymentGatewayContract):
    pass


class TestMulticapturePayments(TestPayments):
    multicapture = True

    async def test_void_between_two_captures_keeps_the_first(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId, held: PaymentRef
    ) -> None:
        first = await gateway.capture(held, eur("20.00"), key=capture_key(order, 1), final=False)
        assert isinstance(first, Capture)
        await gateway.void(held, key=effect_key(order, "void"))
        second = await gateway.capture(held, eur("5.00"), key=capture_key(order, 2), final=True)
        assert second == Declined(reason="already_captured")
        assert await hands.books(held) == Books(captured=(eur("20.00"),), refunded=(), held=eur("0.00"))


class Able(Connected):
    @pytest.fixture
    def hands(self, world: Simulator) -> AbleHands:
        return AbleHands(world)


class TestIncrement(Able, IncrementContract):
    pass


class TestNewHold(Able, NewHoldContract):
    async def test_a_declined_card_leaves_the_old_hold(
        self, gateway: PaymentGateway, world: Simulator, order: OrderId, held: PaymentRef
    ) -> None:
        world.call("PUT", "/world/payments/script", {"order_id": order, "decline_holds": "card_expired"})
        declined = Declined(reason="card_expired")
        assert await gateway.hold(held, eur("62.50"), key=hold_key(order)) == declined
        assert await gateway.increment(held, eur("62.50"), key=hold_key(order, 2)) == declined
        world.call("PUT", "/world/payments/script", {"order_id": order})
        assert isinstance(await gateway.hold(held, eur("62.50"), key=hold_key(order)), Payment)


class TestPayLink(Able, PayLinkContract):
    async def test_only_the_last_page_that_was_asked_for_takes_money(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        first = await gateway.pay_link(order, eur("12.50"), key=effect_key(order, "pay-link", "r2"))
        same = await gateway.pay_link(order, eur("12.50"), key=effect_key(order, "pay-link", "r3"))
        other = await gateway.pay_link(order, eur("20.00"), key=effect_key(order, "pay-link", "r4"))
        assert first == same != other
        paid = await hands.follow(other)
        references = [payment.reference for payment in await gateway.look_up(order, None)]
        assert references == [held, paid]
        with pytest.raises(AssertionError, match="already_paid"):
            await hands.follow(other)


class TestMinimum(Able, MinimumContract):
    pass


class TestDispute(Able, DisputeContract):
    async def test_what_is_not_disputed_is_refunded(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        assert await taken(gateway.capture(held, eur("32.10"), key=capture_key(order), final=True))
        await hands.dispute(held, eur("12.10"))
        assert await gateway.refund(held, eur("20.01"), key=refund_key(order)) == Declined(
            reason="charge_disputed"
        )
        assert await taken(gateway.refund(held, eur("20.00"), key=refund_key(order, 2)))


class TestOtherWaysToPay(Connected):
    """What the counterparts of other gateways cannot be made to do here."""

    @pytest.fixture
    def paid(self, hands: PaymentHands, order: OrderId) -> PaymentRef:
        return hands.pay(order, eur("32.10"), state="captured")

    async def one(self, gateway: PaymentGateway, order: OrderId) -> Payment:
        (payment,) = await gateway.look_up(order, None)
        return payment

    async def test_a_declined_try_stays_in_sight_before_the_next(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId
    ) -> None:
        hands.pay(order, eur("50.00"), state="declined")
        hands.pay(order, eur("50.00"))
        states = [payment.state for payment in await gateway.look_up(order, None)]
        assert states == [PaymentState.DECLINED, PaymentState.AUTHORISED]

    async def test_a_transfer_is_pending_until_all_of_it_arrived(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId
    ) -> None:
        hands.pay(order, eur("50.00"), method="bank_transfer")
        asked = await self.one(gateway, order)
        assert (asked.method, asked.state) == (PaymentMethod.BANK_TRANSFER, PaymentState.PENDING)
        assert (asked.authorised, asked.held, asked.captured) == (eur("50.00"), eur("0.00"), eur("0.00"))
        hands.transfer(order, "20.00", "bank-1")
        part = await self.one(gateway, order)
        assert (part.state, part.captured) == (PaymentState.PENDING, eur("20.00"))
        hands.transfer(order, "30.50", "bank-2")
        whole = await self.one(gateway, order)
        assert whole.state is PaymentState.CAPTURED
        arrived = [(capture.key, capture.reference, capture.amount) for capture in whole.captures]
        assert arrived == [("bank-1", "bank-1", eur("20.00")), ("bank-2", "bank-2", eur("30.50"))]

    async def test_a_voided_transfer_comes_to_nothing_and_money_that_arrives_later_goes_back(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId
    ) -> None:
        asked = hands.pay(order, eur("50.00"), method="bank_transfer")
        await gateway.void(asked, key=effect_key(order, "void"))
        assert (await self.one(gateway, order)).state is PaymentState.VOIDED
        hands.transfer(order, "50.00", "bank-3")
        assert (await self.one(gateway, order)).kept == eur("50.00")
        assert await taken(gateway.refund(asked, eur("50.00"), key=refund_key(order)))
        assert (await self.one(gateway, order)).kept == eur("0.00")

    async def test_a_hold_that_the_bank_lets_go_before_its_time_is_gone(
        self, gateway: PaymentGateway, hands: PaymentHands, world: Simulator, order: OrderId
    ) -> None:
        held = hands.pay(order, eur("50.00"))
        world.call("POST", "/world/payments/expire", {"order_id": order})
        gone = await self.one(gateway, order)
        assert (gone.state, gone.held) == (PaymentState.VOIDED, eur("0.00"))
        answer = await gateway.capture(held, eur("50.00"), key=capture_key(order), final=True)
        assert answer == Declined(reason="hold_is_gone")

    async def test_a_gift_card_and_a_card_pay_together(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId
    ) -> None:
        hands.pay(order, eur("20.00"), method="gift_card", state="captured")
        hands.pay(order, eur("9.63"))
        gift, card = await gateway.look_up(order, None)
        assert (gift.method, gift.captured, gift.held) == (
            PaymentMethod.GIFT_CARD,
            eur("20.00"),
            eur("0.00"),
        )
        assert (card.method, card.captured, card.held) == (PaymentMethod.CARD, eur("0.00"), eur("9.63"))

    @pytest.mark.parametrize("end", [RefundState.SUCCEEDED, RefundState.FAILED])
    async def test_a_refund_may_stay_pending_and_the_look_up_tells_its_end(
        self,
        gateway: PaymentGateway,
        hands: PaymentHands,
        order: OrderId,
        paid: PaymentRef,
        *,
        end: RefundState,
    ) -> None:
        hands.refunds_are(order, RefundState.PENDING)
        refund = await gateway.refund(paid, eur("32.10"), key=refund_key(order))
        assert isinstance(refund, Refund)
        assert refund.state is RefundState.PENDING
        waiting = await self.one(gateway, order)
        assert (waiting.refunds, waiting.kept) == ((refund,), eur("0.00"))
        hands.refunds_become(order, end)
        assert [told.state for told in (await self.one(gateway, order)).refunds] == [end]

    async def test_what_a_failed_refund_did_not_give_back_may_be_refunded_under_another_key(
        self, gateway: PaymentGateway, hands: PaymentHands, order: OrderId, paid: PaymentRef
    ) -> None:
        hands.refunds_are(order, RefundState.PENDING)
        assert await taken(gateway.refund(paid, eur("32.10"), key=refund_key(order, 1)))
        assert not await taken(gateway.refund(paid, eur("0.01"), key=refund_key(order, 2)))
        hands.refunds_become(order, RefundState.FAILED)
        assert (await self.one(gateway, order)).kept == eur("32.10")
        hands.refunds_are(order, RefundState.SUCCEEDED)
        again = await gateway.refund(paid, eur("32.10"), key=refund_key(order, 3))
        assert isinstance(again, Refund)
        assert again.state is RefundState.SUCCEEDED
        assert (await self.one(gateway, order)).kept == eur("0.00")


async def test_orders_whose_payments_moved_on_are_named_since_a_cursor(world: Simulator) -> None:
    order = OrderId(f"order:shop-de:swept{next(_numbers)}")
    async with connector(world.url, "none", timeout=SETTLED_AFTER) as client:
        gateway = ConnectorPayments(client, SETTLED_AFTER)
        before = (await gateway.changes(None)).cursor
        PaymentHands(world, multicapture=False).pay(order, eur("10.00"))
        changed = await gateway.changes(before)
        assert changed.orders == (order,)
        assert (await gateway.changes(changed.cursor)).orders == ()
