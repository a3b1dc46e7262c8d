"""What payment gateways are held to that can do more with a payment than capture, void and refund it.

A class per ability: an adapter takes those that its gateway has. Subclasses give the fixtures `gateway`, `hands`,
`network` and `order`, as those of `PaymentGatewayContract` have them.
"""

from typing import Protocol

import pytest

from domain.errors import Refused
from domain.ids import OrderId, PaymentRef
from domain.keys import Key, effect_key
from domain.money import Money
from domain.payments import Declined, DisputeState, PayLink, Payment, PaymentState
from domain.ports import PaymentGateway
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.payments import Books, capture_key, eur, persist, refund_key, taken


class AbleHands(Protocol):
    async def authorise(self, order: OrderId, amount: Money) -> PaymentRef:
        """Put a hold on a good card, with which the gateway can do what the class is about."""

    async def authorise_plainly(self, order: OrderId, amount: Money) -> PaymentRef:
        """Put a hold on a card with which it cannot."""

    async def books(self, payment: PaymentRef) -> Books: ...


class DisputingHands(AbleHands, Protocol):
    async def dispute(self, payment: PaymentRef, amount: Money) -> None:
        """The customer takes so much back through their bank."""

    async def decide(self, payment: PaymentRef, state: DisputeState) -> None:
        """The banks say who was right."""


class LinkHands(AbleHands, Protocol):
    async def follow(self, link: PayLink) -> PaymentRef:
        """The shopper opens the page, and their card is good for it."""


class _Able:
    @pytest.fixture
    async def held(self, hands: AbleHands, order: OrderId) -> PaymentRef:
        return await hands.authorise(order, eur("50.00"))


async def of(gateway: PaymentGateway, order: OrderId, reference: PaymentRef) -> Payment:
    (payment,) = [p for p in await gateway.look_up(order, reference) if p.reference == reference]
    return payment


def hold_key(order: OrderId, number: int = 1) -> Key:
    return effect_key(order, "hold", f"r{number}")


class IncrementContract(_Able):
    async def test_the_hold_becomes_larger_and_stays_the_same_payment(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        assert (await of(gateway, order, held)).capabilities.increment
        for _ in range(2):
            larger = await gateway.increment(held, eur("62.50"), key=hold_key(order))
            assert isinstance(larger, Payment)
            assert (larger.reference, larger.authorised, larger.held) == (held, eur("62.50"), eur("62.50"))
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("62.50"))
        assert await taken(gateway.capture(held, eur("62.50"), key=capture_key(order), final=True))

    @pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.LATE])
    async def test_an_increment_of_unknown_outcome_ends_at_its_target(
        self,
        gateway: PaymentGateway,
        hands: AbleHands,
        order: OrderId,
        held: PaymentRef,
        network: Lossy,
        *,
        fault: Fault,
    ) -> None:
        network.fault = fault
        larger = await persist(network, lambda: gateway.increment(held, eur("62.50"), key=hold_key(order)))
        assert isinstance(larger, Payment)
        assert (await hands.books(held)).held == eur("62.50")

    async def test_a_hold_never_becomes_smaller(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        assert isinstance(await gateway.increment(held, eur("49.99"), key=hold_key(order)), Declined)
        assert (await hands.books(held)).held == eur("50.00")

    async def test_a_hold_that_is_gone_is_not_made_larger(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        await gateway.void(held, key=effect_key(order, "void"))
        assert isinstance(await gateway.increment(held, eur("62.50"), key=hold_key(order)), Declined)
        assert (await hands.books(held)).held == eur("0.00")

    async def test_only_where_the_payment_says_so(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId
    ) -> None:
        plain = await hands.authorise_plainly(order, eur("50.00"))
        assert not (await of(gateway, order, plain)).capabilities.increment
        assert isinstance(await gateway.increment(plain, eur("62.50"), key=hold_key(order)), Declined)
        assert (await hands.books(plain)).held == eur("50.00")


class NewHoldContract(_Able):
    async def test_a_new_hold_stands_beside_the_old_one(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        assert (await of(gateway, order, held)).capabilities.stored_credential
        made = await gateway.hold(held, eur("62.50"), key=hold_key(order))
        assert isinstance(made, Payment)
        assert (made.state, made.held) == (PaymentState.AUTHORISED, eur("62.50"))
        assert made.reference != held
        told = [(p.reference, p.held) for p in await gateway.look_up(order, held)]
        assert told == [(held, eur("50.00")), (made.reference, eur("62.50"))]
        assert (await hands.books(made.reference)).held == eur("62.50")

    async def test_the_old_one_is_voided_and_the_new_one_captured(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        made = await gateway.hold(held, eur("62.50"), key=hold_key(order))
        assert isinstance(made, Payment)
        await gateway.void(held, key=effect_key(order, "void"))
        assert await taken(gateway.capture(made.reference, eur("62.50"), key=capture_key(order), final=True))
        assert (await hands.books(held)).held == eur("0.00")
        assert (await hands.books(made.reference)).captured == (eur("62.50"),)

    async def test_never_two_holds_under_one_key(
        self, gateway: PaymentGateway, order: OrderId, held: PaymentRef
    ) -> None:
        first = await gateway.hold(held, eur("62.50"), key=hold_key(order))
        again = await gateway.hold(held, eur("62.50"), key=hold_key(order))
        assert isinstance(first, Payment)
        assert first == again
        assert len(await gateway.look_up(order, held)) == 2

    @pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.LATE])
    async def test_a_hold_of_unknown_outcome_is_made_once(
        self, gateway: PaymentGateway, order: OrderId, held: PaymentRef, network: Lossy, *, fault: Fault
    ) -> None:
        network.fault = fault
        made = await persist(network, lambda: gateway.hold(held, eur("62.50"), key=hold_key(order)))
        assert isinstance(made, Payment)
        network.fault = Fault.NONE
        assert len(await gateway.look_up(order, held)) == 2

    async def test_a_hold_that_was_let_go_can_be_had_anew(
        self, gateway: PaymentGateway, order: OrderId, held: PaymentRef
    ) -> None:
        await gateway.void(held, key=effect_key(order, "void"))
        assert isinstance(await gateway.hold(held, eur("50.00"), key=hold_key(order)), Payment)

    async def test_only_where_the_card_is_kept(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId
    ) -> None:
        plain = await hands.authorise_plainly(order, eur("50.00"))
        assert not (await of(gateway, order, plain)).capabilities.stored_credential
        assert isinstance(await gateway.hold(plain, eur("62.50"), key=hold_key(order)), Declined)
        assert len(await gateway.look_up(order, plain)) == 1


class PayLinkContract(_Able):
    async def test_what_is_paid_by_link_is_another_payment_of_the_order(
        self, gateway: PaymentGateway, hands: LinkHands, order: OrderId, held: PaymentRef
    ) -> None:
        assert (await of(gateway, order, held)).capabilities.pay_link
        link = await ask(gateway, order, "12.50")
        assert link.amount == eur("12.50")
        assert link.url.startswith("https://")
        assert [p.reference for p in await gateway.look_up(order, held)] == [held]
        paid = await hands.follow(link)
        payment = await of(gateway, order, paid)
        assert (payment.state, payment.held) == (PaymentState.AUTHORISED, eur("12.50"))

    async def test_the_same_key_offers_the_same_page(
        self, gateway: PaymentGateway, network: Lossy, order: OrderId, held: PaymentRef
    ) -> None:
        assert held
        network.fault = Fault.REPLY_LOST
        first = await persist(network, lambda: ask(gateway, order, "12.50"))
        network.fault = Fault.NONE
        assert await ask(gateway, order, "12.50") == first

    async def test_only_where_a_payment_says_so(
        self, gateway: PaymentGateway, hands: LinkHands, order: OrderId
    ) -> None:
        plain = await hands.authorise_plainly(order, eur("50.00"))
        assert not (await of(gateway, order, plain)).capabilities.pay_link
        with pytest.raises(Refused):
            await ask(gateway, order, "12.50")


class MinimumContract(_Able):
    async def test_less_than_the_minimum_is_declined_and_the_hold_stays(
        self, gateway: PaymentGateway, hands: AbleHands, order: OrderId, held: PaymentRef
    ) -> None:
        minimum = (await of(gateway, order, held)).capabilities.minimum
        assert minimum is not None
        less = Money(minor=minimum.minor - 1, currency=minimum.currency)
        answer = await gateway.capture(held, less, key=capture_key(order, 1), final=True)
        assert answer == Declined(reason="amount_too_small")
        assert await hands.books(held) == Books(captured=(), refunded=(), held=eur("50.00"))
        assert await taken(gateway.capture(held, minimum, key=capture_key(order, 2), final=True))


class DisputeContract(_Able):
    @pytest.fixture
    async def disputed(
        self, gateway: PaymentGateway, hands: DisputingHands, order: OrderId, held: PaymentRef
    ) -> PaymentRef:
        """All of the 32.10 that were captured."""
        assert await taken(gateway.capture(held, eur("32.10"), key=capture_key(order), final=True))
        await hands.dispute(held, eur("32.10"))
        return held

    async def test_a_dispute_is_told_with_its_capture(
        self, gateway: PaymentGateway, order: OrderId, disputed: PaymentRef
    ) -> None:
        payment = await of(gateway, order, disputed)
        (dispute,) = payment.disputes
        assert (dispute.state, dispute.amount) == (DisputeState.OPEN, eur("32.10"))
        assert dispute.capture == payment.captures[0].reference

    async def test_disputed_money_is_not_refunded(
        self, gateway: PaymentGateway, hands: DisputingHands, order: OrderId, disputed: PaymentRef
    ) -> None:
        answer = await gateway.refund(disputed, eur("1.00"), key=refund_key(order))
        assert answer == Declined(reason="charge_disputed")
        assert (await hands.books(disputed)).refunded == ()

    async def test_won_the_money_is_there_again(
        self, gateway: PaymentGateway, hands: DisputingHands, order: OrderId, disputed: PaymentRef
    ) -> None:
        await hands.decide(disputed, DisputeState.WON)
        (dispute,) = (await of(gateway, order, disputed)).disputes
        assert dispute.state is DisputeState.WON
        assert await taken(gateway.refund(disputed, eur("1.00"), key=refund_key(order)))

    async def test_lost_it_stays_away(
        self, gateway: PaymentGateway, hands: DisputingHands, order: OrderId, disputed: PaymentRef
    ) -> None:
        await hands.decide(disputed, DisputeState.LOST)
        (dispute,) = (await of(gateway, order, disputed)).disputes
        assert dispute.state is DisputeState.LOST
        assert isinstance(await gateway.refund(disputed, eur("1.00"), key=refund_key(order)), Declined)


async def ask(gateway: PaymentGateway, order: OrderId, amount: str) -> PayLink:
    return await gateway.pay_link(order, eur(amount), key=effect_key(order, "pay-link", "r2"))
