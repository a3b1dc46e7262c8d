"""What every payment gateway is held to, whatever its protocol: money moves exactly, once, and never by surprise.

A subclass `TestSomeGateway(PaymentGatewayContract)` gives two fixtures: `gateway`, the adapter, sending all it sends
through the fixture `network`; and `hands`, which acts as the shopper and reads the gateway's own books.
"""

import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import pytest

from domain.base import Value
from domain.errors import OutcomeUnknown, Refused
from domain.ids import ChannelId, OrderId, PaymentRef, PlatformId, order_id
from domain.keys import Key, effect_key
from domain.money import Money
from domain.payments import Capture, Declined, Payment, PaymentMethod, PaymentState, Refund, RefundState
from domain.ports import PaymentGateway
from tests.contracts.lossy import Fault, Lossy

UNKNOWN = PaymentRef("pi_nobodyknowsthis")
ATTEMPTS_MAX = 5

_numbers = itertools.count(1)
_Answer = TypeVar("_Answer")


class Books(Value):
    """What the gateway itself says: each movement with its amount, and what it still holds."""

    captured: tuple[Money, ...]
    refunded: tuple[Money, ...]
    held: Money


class Hands(Protocol):
    async def authorise(self, order: OrderId, amount: Money) -> PaymentRef:
        """Put a hold on a good card, as the shop's checkout does. Again: the shopper pays once more."""

    async def books(self, payment: PaymentRef) -> Books: ...


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def capture_key(order: OrderId, shipment: int = 1) -> Key:
    return effect_key(order, "capture", f"s{shipment}")


def refund_key(order: OrderId, number: int = 1) -> Key:
    return effect_key(order, "refund", f"r{number}")


async def taken(answer: Awaitable[Capture | Refund | Declined]) -> bool:
    """Whether money moved: a gateway may decline what it will not do, or refuse it."""
    try:
        return not isinstance(await answer, Declined)
    except Refused:
        return False


async def persist(network: Lossy, effect: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Repeat as the activities do: with the same key, and only once nothing is on its way any more."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return await effect()
        except OutcomeUnknown:
            await network.settle()
    pytest.fail(f"still unknown after {ATTEMPTS_MAX} attempts")


class PaymentGatewayContract:
    remembers_keys = True  # False: the counterpart of the test ignores idempotency keys
    card = PaymentMethod.CARD  # OTHER: the counterpart does not tell with what was paid

    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def gateway(self, network: Lossy) -> PaymentGateway:
        raise NotImplementedError

    @pytest.fixture
    def hands(self) -> Hands:
        raise NotImplementedError

    @pytest.fixture
    def order(self) -> OrderId:
        return order_id(ChannelId("contract"), PlatformId(f"{next(_numbers)}"))

    @pytest.fixture
    async def held(self, hands: Hands, order: OrderId) -> PaymentRef:
        return await hands.authorise(order, eur("50.00"))

    async def look(self, gateway: PaymentGateway, order: OrderId, reference: PaymentRef) -> Payment:
        (payment,) = [p for p in await gateway.look_up(order, reference) if p.reference == reference]
        return payment

    # Look-up

    async def test_a_hold_is_found_by_its_reference(
        self, gateway: PaymentGateway, order: OrderId, held: PaymentRef
    ) -> None:
        (payment,) = await gateway.look_up(order, held)
        assert (payment.reference, payment.state) == (held, PaymentState.AUTHORISED)
        assert payment.method is self.card
        assert (payment.authorised, payment.held) == (eur("50.00"), eur("50.00"))
        assert (payment.captures, payment.refunds) == ((), ())

    async def test_a_hold_is_found_by_our_order_id_alone(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        await hands.authorise(order_id(ChannelId("contract"), PlatformId(f"{next(_numbers)}")), eur("7.00"))
        assert await gateway.look_up(order, None) == await gateway.look_up(order, held)

    async def test_every_payment_of_the_order_is_told_oldest_first(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        again = await hands.authorise(order, eur("7.00"))
        for reference in (None, held, again):
            payments = await gateway.look_up(order, reference)
            assert [payment.reference for payment in payments] == [held, again]
            assert [payment.authorised for payment in payments] == [eur("50.00"), eur("7.00")]

    async def test_what_moves_on_one_payment_leaves_the_others(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        again = await hands.authorise(order, eur("7.00"))
        third = await hands.authorise(order, eur("8.00"))
        await gateway.void(held, key=effect_key(order, "void"))
        assert await taken(gateway.capture(again, eur("7.00"), key=capture_key(order), final=True))
        states = [payment.state for payment in await gateway.look_up(order, held)]
        assert states == [PaymentState.VOIDED, PaymentState.CAPTURED, PaymentState.AUTHORISED]
        assert await hands.books(third) == Books(captured=(), refunded=(), held=eur("8.00"))

    async def test_an_order_that_the_gateway_does_not_know_has_no_payments(
        self, gateway: PaymentGateway, order: OrderId
    ) -> None:
        assert await gateway.look_up(order, UNKNOWN) == ()
        assert await gateway.look_up(order, None) == ()

    # Capture

    async def test_a_capture_takes_exactly_its_amount_and_the_last_one_releases_the_rest(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        captured = await gateway.capture(held, eur("32.10"), key=capture_key(order), final=True)
        assert isinstance(captured, Capture)
        assert (captured.key, captured.amount) == (capture_key(order), eur("32.10"))
        assert captured.reference
        assert await hands.books(held) == Books(captured=(eur("32.10"),), refunded=(), held=eur("0.00"))
        payment = await self.look(gateway, order, held)
        assert (payment.state, payment.captures) == (PaymentState.CAPTURED, (captured,))
        assert (payment.authorised, payment.held, payment.refunds) == (eur("50.00"), eur("0.00"), ())

    async def test_the_whole_hold_can_be_captured(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert await taken(gateway.capture(held, eur("50.00"), key=capture_key(order), final=True))
        assert await hands.books(held) == Books(captured=(eur("50.00"),), refunded=(), held=eur("0.00"))

    async def test_the_same_key_takes_money_once_and_answers_the_same(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        first = await gateway.capture(held, eur("32.10"), key=capture_key(order), final=True)
        again = await gateway.capture(held, eur("32.10"), key=capture_key(order), final=True)
        assert isinstance(first, Capture)
        assert first == again
        assert (await hands.books(held)).captured == (eur("32.10"),)

    @pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.LATE])
    async def test_a_capture_of_unknown_outcome_is_looked_up_and_takes_money_once(
        self,
        gateway: PaymentGateway,
        hands: Hands,
        order: OrderId,
        held: PaymentRef,
        network: Lossy,
        *,
        fault: Fault,
    ) -> None:
        network.fault = fault
        captured = await persist(
            network, lambda: gateway.capture(held, eur("32.10"), key=capture_key(order), final=True)
        )
        assert isinstance(captured, Capture)
        assert captured.amount == eur("32.10")
        assert await hands.books(held) == Books(captured=(eur("32.10"),), refunded=(), held=eur("0.00"))
        assert (await self.look(gateway, order, held)).captures == (captured,)

    async def test_a_capture_that_commits_after_its_impatient_repeat_takes_money_once(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef, network: Lossy
    ) -> None:
        network.fault = Fault.LATE
        answer: Capture | Declined | None = None
        for _ in range(ATTEMPTS_MAX):
            with contextlib.suppress(OutcomeUnknown):
                answer = answer or await gateway.capture(
                    held, eur("32.10"), key=capture_key(order), final=True
                )
        assert isinstance(answer, Capture)
        await network.settle()
        assert (await hands.books(held)).captured == (eur("32.10"),)

    async def test_another_capture_after_the_last_one_takes_nothing(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert await taken(gateway.capture(held, eur("20.00"), key=capture_key(order, 1), final=True))
        assert not await taken(gateway.capture(held, eur("20.00"), key=capture_key(order, 2), final=True))
        assert (await hands.books(held)).captured == (eur("20.00"),)

    async def test_more_than_the_hold_is_not_taken(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert not await taken(gateway.capture(held, eur("50.01"), key=capture_key(order), final=True))
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("50.00"))

    async def test_a_declined_capture_leaves_the_hold_for_the_next(
        self, gateway: PaymentGateway, order: OrderId, held: PaymentRef
    ) -> None:
        assert not await taken(gateway.capture(held, eur("50.01"), key=capture_key(order, 1), final=True))
        assert await taken(gateway.capture(held, eur("50.00"), key=capture_key(order, 2), final=True))
        assert [c.key for c in (await self.look(gateway, order, held)).captures] == [capture_key(order, 2)]

    async def test_several_captures_only_where_the_payment_says_so(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        able = (await self.look(gateway, order, held)).capabilities.multicapture
        first = await taken(gateway.capture(held, eur("20.00"), key=capture_key(order, 1), final=False))
        assert first is able
        if able:
            assert (await self.look(gateway, order, held)).held == eur("30.00")
            assert await taken(gateway.capture(held, eur("30.00"), key=capture_key(order, 2), final=True))
            assert (await hands.books(held)).captured == (eur("20.00"), eur("30.00"))
        else:
            assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("50.00"))

    # Void

    async def test_a_voided_hold_is_gone_and_voiding_it_again_is_fine(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        for _ in range(2):
            await gateway.void(held, key=effect_key(order, "void"))
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("0.00"))
        payment = await self.look(gateway, order, held)
        assert (payment.state, payment.held) == (PaymentState.VOIDED, eur("0.00"))

    @pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.LATE])
    async def test_a_void_of_unknown_outcome_ends_with_no_hold(
        self,
        gateway: PaymentGateway,
        hands: Hands,
        order: OrderId,
        held: PaymentRef,
        network: Lossy,
        *,
        fault: Fault,
    ) -> None:
        network.fault = fault
        await persist(network, lambda: gateway.void(held, key=effect_key(order, "void")))
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("0.00"))

    async def test_nothing_is_captured_after_a_void(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        await gateway.void(held, key=effect_key(order, "void"))
        assert not await taken(gateway.capture(held, eur("20.00"), key=capture_key(order), final=True))
        assert (await hands.books(held)).captured == ()

    async def test_a_void_leaves_what_was_captured(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert await taken(gateway.capture(held, eur("20.00"), key=capture_key(order), final=True))
        await gateway.void(held, key=effect_key(order, "void"))
        assert await hands.books(held) == Books(captured=(eur("20.00"),), refunded=(), held=eur("0.00"))
        assert (await self.look(gateway, order, held)).state is PaymentState.CAPTURED

    async def test_voiding_an_unknown_payment_is_fine(self, gateway: PaymentGateway, order: OrderId) -> None:
        await gateway.void(UNKNOWN, key=effect_key(order, "void"))
        assert await gateway.look_up(order, UNKNOWN) == ()

    # Refund

    @pytest.fixture
    async def paid(self, gateway: PaymentGateway, order: OrderId, held: PaymentRef) -> PaymentRef:
        """32.10 captured of a hold of 50.00."""
        assert await taken(gateway.capture(held, eur("32.10"), key=capture_key(order), final=True))
        return held

    async def test_a_refund_gives_back_exactly_its_amount(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, paid: PaymentRef
    ) -> None:
        refund = await gateway.refund(paid, eur("12.09"), key=refund_key(order))
        assert isinstance(refund, Refund)
        assert (refund.key, refund.amount) == (refund_key(order), eur("12.09"))
        assert refund.state is RefundState.SUCCEEDED
        assert (await hands.books(paid)).refunded == (eur("12.09"),)
        payment = await self.look(gateway, order, paid)
        assert (payment.refunds, payment.captured) == ((refund,), eur("32.10"))

    async def test_refunds_of_the_same_key_give_back_once(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, paid: PaymentRef
    ) -> None:
        first = await gateway.refund(paid, eur("12.09"), key=refund_key(order))
        again = await gateway.refund(paid, eur("12.09"), key=refund_key(order))
        assert isinstance(first, Refund)
        assert first == again
        assert (await hands.books(paid)).refunded == (eur("12.09"),)

    @pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.LATE])
    async def test_a_refund_of_unknown_outcome_gives_back_once(
        self,
        gateway: PaymentGateway,
        hands: Hands,
        order: OrderId,
        paid: PaymentRef,
        network: Lossy,
        *,
        fault: Fault,
    ) -> None:
        network.fault = fault
        refund = await persist(network, lambda: gateway.refund(paid, eur("12.09"), key=refund_key(order)))
        assert isinstance(refund, Refund)
        assert (await hands.books(paid)).refunded == (eur("12.09"),)

    async def test_a_refund_that_commits_after_its_impatient_repeat_gives_back_once(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, paid: PaymentRef, network: Lossy
    ) -> None:
        if not self.remembers_keys:
            pytest.skip("the counterpart ignores idempotency keys, so only waiting protects")
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await gateway.refund(paid, eur("12.09"), key=refund_key(order))
        assert await taken(gateway.refund(paid, eur("12.09"), key=refund_key(order)))
        await network.settle()
        assert (await hands.books(paid)).refunded == (eur("12.09"),)

    async def test_refunds_of_different_keys_add_up(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, paid: PaymentRef
    ) -> None:
        assert await taken(gateway.refund(paid, eur("12.09"), key=refund_key(order, 1)))
        assert await taken(gateway.refund(paid, eur("20.01"), key=refund_key(order, 2)))
        assert sorted(r.minor for r in (await hands.books(paid)).refunded) == [1209, 2001]
        assert (await self.look(gateway, order, paid)).refunded == eur("32.10")

    async def test_more_than_is_left_of_the_captures_is_declined(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, paid: PaymentRef
    ) -> None:
        assert isinstance(await gateway.refund(paid, eur("32.11"), key=refund_key(order, 1)), Declined)
        assert await taken(gateway.refund(paid, eur("30.00"), key=refund_key(order, 2)))
        assert isinstance(await gateway.refund(paid, eur("2.11"), key=refund_key(order, 3)), Declined)
        assert (await hands.books(paid)).refunded == (eur("30.00"),)

    async def test_a_hold_that_was_not_captured_cannot_be_refunded(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert isinstance(await gateway.refund(held, eur("1.00"), key=refund_key(order)), Declined)
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("50.00"))

    async def test_money_of_another_currency_is_refused(
        self, gateway: PaymentGateway, hands: Hands, order: OrderId, held: PaymentRef
    ) -> None:
        assert not await taken(
            gateway.capture(held, Money(minor=100, currency="USD"), key=capture_key(order), final=True)
        )
        assert (await hands.books(held)).captured == ()
