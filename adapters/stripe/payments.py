"""The payment gateway over Stripe: a payment intent per try of the shopper, captured by hand.

Stripe forgets idempotency keys after 24 hours, and an order may wait longer than that for its next attempt. So every
change reads the payment first and makes only what is still missing; the key protects two attempts that overlap.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import stripe

from adapters.stripe.amounts import to_stripe
from adapters.stripe.errors import declined, not_found, replayed_breakdown, translated
from adapters.stripe.http import Http
from adapters.stripe.parsing import (
    KEY,
    ORDER_ID,
    Intent,
    StripeDispute,
    StripeRefund,
    announcement,
    parse,
    refund_state,
)
from adapters.stripe.webhooks import changes_of, events_since
from domain.base import Value
from domain.erp import Changes
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import OrderId, PaymentRef, platform_id_of
from domain.keys import Key
from domain.money import Money
from domain.payments import Capture, Declined, DisputeState, PayLink, Payment, PaymentState, Refund

REQUEST_SECONDS_MAX = 80  # after this the SDK itself gives up on a request
_PAGE_SIZE = 100
_PAGES_MAX = 10  # two days of intents for 500 orders a day; Stripe's search lags by an hour at the very most
_EVENT_PAGES_MAX = 1000  # 30 days of events for 500 orders a day
_REPLAYS_MAX = 5

_EXPAND = ["latest_charge"]

_Answer = TypeVar("_Answer")


class _Told(Value):
    """What Stripe tells at this moment: the parsed payment, and what only this adapter needs to know."""

    payment: Payment
    intent: Intent

    @property
    def expired(self) -> bool:
        return self.intent.cancellation_reason == "automatic"


class StripePayments:
    """`client` carries the requests and belongs to the caller, timeouts included."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        api_key: str,
        url: str = "https://api.stripe.com",
        settled_after: timedelta = timedelta(seconds=REQUEST_SECONDS_MAX),
    ) -> None:
        self._settled_after = settled_after
        self._stripe = stripe.StripeClient(
            api_key,
            base_addresses={"api": url},
            http_client=Http(client, settled_after),
            max_network_retries=0,  # Temporal repeats
        ).v1

    async def look_up(self, order: OrderId, reference: PaymentRef | None) -> tuple[Payment, ...]:
        named = await self._told(reference) if reference else None
        # Shops that fill the metadata themselves (WooCommerce does) know the order by its platform id.
        if named and named.intent.order not in {None, order, platform_id_of(order)}:
            raise InvariantBroken(f"payment {named.payment.reference} belongs to another order than {order}")
        found = {told.payment.reference: told for told in await self._find(order, known=named is not None)}
        if named:
            found[named.payment.reference] = named
        return tuple(told.payment for told in sorted(found.values(), key=lambda told: told.intent.created))

    async def changes(self, since: str | None) -> Changes:
        """Of the last 30 days: Stripe forgets its events then."""
        newest = None if since else 1
        asked: Any = events_since(since) | {"limit": newest or _PAGE_SIZE}
        listed = await self._all(self._stripe.events.list_async(asked), pages=newest or _EVENT_PAGES_MAX)
        return changes_of(listed, since)

    async def capture(
        self, payment: PaymentRef, amount: Money, *, key: Key, final: bool
    ) -> Capture | Declined:
        told = await self._needed(payment, amount)
        for capture in told.payment.captures:
            if capture.key == key:
                return _same(capture, amount)
        if reason := _not_capturable(told, amount, final=final):
            return Declined(reason=reason)
        await self._announce(told.payment, key, amount)
        wanted: Any = {"amount_to_capture": to_stripe(amount), "expand": _EXPAND}
        if told.payment.capabilities.multicapture:
            wanted["final_capture"] = final
        answer = await self._change(
            lambda options: self._stripe.payment_intents.capture_async(payment, wanted, options), key
        )
        if isinstance(answer, Declined):
            return answer
        intent = Intent.model_validate(answer.to_dict())
        if intent.latest_charge is None:
            raise OutcomeUnknown("Stripe: a capture without a charge", settled_after=self._settled_after)
        return Capture(key=key, reference=intent.latest_charge.id, amount=amount)

    async def increment(self, payment: PaymentRef, authorised: Money, *, key: Key) -> Payment | Declined:
        told = await self._needed(payment, authorised)
        if told.payment.state is PaymentState.AUTHORISED and told.payment.authorised == authorised:
            return told.payment
        if reason := _not_larger(told.payment, authorised):
            return Declined(reason=reason)
        wanted: Any = {"amount": to_stripe(authorised), "expand": _EXPAND}
        answer = await self._change(
            lambda options: self._stripe.payment_intents.increment_authorization_async(
                payment, wanted, options
            ),
            key,
        )
        return answer if isinstance(answer, Declined) else parse(Intent.model_validate(answer.to_dict()), ())

    async def hold(self, like: PaymentRef, amount: Money, *, key: Key) -> Payment | Declined:
        """An off-session payment with the card that the shopper left for this order.

        It bears the key, so that it is found also when Stripe has forgotten it.
        """
        told = await self._needed(like, amount)
        if not told.intent.keeps_the_card:
            return Declined(reason="no_stored_credential")
        known = await self._find(OrderId(str(told.intent.order)), known=True)
        for other in known:
            if other.intent.metadata.get(KEY) == key:
                return _stands(other.payment, other.intent, amount)
        wanted = _like(told, amount, key)
        answer = await self._change(
            lambda options: self._stripe.payment_intents.create_async(wanted, options), key
        )
        if isinstance(answer, Declined):
            return answer
        intent = Intent.model_validate(answer.to_dict())
        return _stands(parse(intent, ()), intent, amount)

    async def pay_link(self, order: OrderId, amount: Money, *, key: Key) -> PayLink:  # noqa: ARG002  the port's
        """No payment through this adapter says that it can."""
        raise Refused(
            f"Stripe: no page where {amount} more can be paid: it needs a page of the shop to return to, and none is set up"
        )

    async def void(self, payment: PaymentRef, *, key: Key) -> None:
        told = await self._told(payment)
        if told is None or told.intent.status in {"succeeded", "canceled"}:
            return
        answer = await self._change(
            lambda options: self._stripe.payment_intents.cancel_async(payment, {}, options), key
        )
        if isinstance(answer, Declined):
            raise Unavailable(f"Stripe: {answer.reason}: the payment moved on meanwhile")

    async def refund(self, payment: PaymentRef, amount: Money, *, key: Key) -> Refund | Declined:
        told = await self._needed(payment, amount)
        for refund in told.payment.refunds:
            if refund.key == key:
                return _same(refund, amount)
        if amount > told.payment.captured - told.payment.refunded:
            return Declined(reason="charge_already_refunded" if told.payment.refunds else "amount_too_large")
        if any(dispute.state is not DisputeState.WON for dispute in told.payment.disputes):
            return Declined(reason="charge_disputed")
        wanted: Any = {"payment_intent": payment, "amount": to_stripe(amount), "metadata": {KEY: key}}
        answer = await self._change(lambda options: self._stripe.refunds.create_async(wanted, options), key)
        if isinstance(answer, Declined):
            return answer
        state = refund_state(answer.id, str(answer.status))
        return Refund(key=key, reference=answer.id, amount=amount, state=state)

    async def _announce(self, payment: Payment, key: Key, amount: Money) -> None:
        """Write the key beside the payment, so that whoever looks later knows whose capture it was.

        Without an idempotency key of ours: an answer that Stripe replays would announce nothing.
        """
        metadata = announcement(payment, key, amount)
        answer = await self._change(
            lambda options: self._stripe.payment_intents.update_async(
                payment.reference, {"metadata": metadata}, options
            ),
            key=None,
        )
        if isinstance(answer, Declined):
            raise Unavailable(f"Stripe: {answer.reason} for a note on the payment")

    async def _find(self, order: OrderId, *, known: bool) -> list[_Told]:
        """The order's payment intents by their metadata. `known`: its first is found already, so that few may be missing.

        The search is a minute behind (an hour in bad times), so the newest page of the list is read as well; where
        neither the search nor the document knows any, far more of it.
        """
        searched = await self._search(order)
        listed = await self._list(order, pages=1 if searched or known else _PAGES_MAX)
        exact = {intent.id for intent in listed}
        older = [await self._told(PaymentRef(name)) for name in searched if name not in exact]
        return [told for told in older if told] + [await self._with_refunds(intent) for intent in listed]

    async def _search(self, order: OrderId) -> list[str]:
        """Which payment intents there are: what the search tells of them may be old. None where there is no search."""
        query: Any = {"query": f"metadata['{ORDER_ID}']:'{order}'", "limit": _PAGE_SIZE}
        page = await self._read(self._stripe.payment_intents.search_async(query))
        return [str(item.id) for item in page.data] if page else []

    async def _list(self, order: OrderId, *, pages: int) -> list[Intent]:
        """Exact, and slow: the newest intents, one by one."""
        listed = await self._all(
            self._stripe.payment_intents.list_async({"limit": _PAGE_SIZE, "expand": ["data.latest_charge"]}),
            pages=pages,
        )
        intents = [Intent.model_validate(item) for item in listed]
        return [intent for intent in intents if intent.order == order]

    async def _needed(self, payment: PaymentRef, amount: Money) -> _Told:
        """The payment that money is to move on. Refused: there is none, or not in this money."""
        told = await self._told(payment)
        if told is None:
            raise Refused(f"Stripe knows no payment {payment}")
        if amount.currency != told.payment.currency or amount.minor <= 0:
            raise Refused(f"{amount} of a payment in {told.payment.currency}")
        try:
            to_stripe(amount)
        except ValueError as error:
            raise Refused(str(error)) from error
        return told

    async def _told(self, payment: PaymentRef) -> _Told | None:
        intent = await self._read(self._stripe.payment_intents.retrieve_async(payment, {"expand": _EXPAND}))
        return await self._with_refunds(Intent.model_validate(intent.to_dict())) if intent else None

    async def _with_refunds(self, intent: Intent) -> _Told:
        listed: list[dict[str, Any]] = []
        if intent.may_have_refunds:
            listed = await self._all(
                self._stripe.refunds.list_async({"payment_intent": intent.id, "limit": _PAGE_SIZE})
            )
        refunds = tuple(StripeRefund.model_validate(item) for item in listed)
        return _Told(payment=parse(intent, refunds, await self._disputes(intent)), intent=intent)

    async def _disputes(self, intent: Intent) -> tuple[StripeDispute, ...]:
        if intent.latest_charge is None or not intent.latest_charge.disputed:
            return ()
        listed = await self._all(
            self._stripe.disputes.list_async({"payment_intent": intent.id, "limit": _PAGE_SIZE})
        )
        return tuple(StripeDispute.model_validate(item) for item in listed)

    async def _all(
        self, request: Awaitable[stripe.ListObject[Any]], *, pages: int = _PAGES_MAX
    ) -> list[dict[str, Any]]:
        """The items of page after page; no list of one payment reaches the limit."""
        items: list[dict[str, Any]] = []
        page = await self._read(request)
        while page:
            items += [item.to_dict() for item in page.data]
            pages -= 1
            page = await self._read(page.next_page_async()) if page.has_more and pages else None
        return items

    async def _read(self, request: Awaitable[_Answer]) -> _Answer | None:
        """What Stripe has, or None where it has nothing. A read changes nothing, so its failures are Unavailable."""
        try:
            return await request
        except stripe.StripeError as error:
            if not_found(error):
                return None
            raise translated(error, changing=False, settled_after=self._settled_after) from error

    async def _change(
        self, send: Callable[[stripe.RequestOptions], Awaitable[_Answer]], key: Key | None
    ) -> _Answer | Declined:
        """Stripe's answer to a change that is sent under its key.

        A breakdown that is only replayed tells nothing new: the payment was read before and shows that the change was
        not made, so it is sent again under a key of the same descent.
        """
        for number in range(_REPLAYS_MAX):
            options: stripe.RequestOptions = {}
            if key:
                options["idempotency_key"] = f"{key}/{number}" if number else key
            try:
                return await send(options)
            except stripe.StripeError as error:
                if replayed_breakdown(error):
                    continue
                if answer := declined(error):
                    return answer
                raise translated(error, changing=True, settled_after=self._settled_after) from error
        raise Unavailable("Stripe: repeats its breakdowns only")


_Moved = TypeVar("_Moved", Capture, Refund)


def _same(moved: _Moved, amount: Money) -> _Moved:
    if moved.amount != amount:
        raise InvariantBroken(f"{moved.amount} moved under the key {moved.key}, asked for {amount}")
    return moved


def _not_larger(payment: Payment, authorised: Money) -> str | None:
    if payment.state is not PaymentState.AUTHORISED:
        return "payment_intent_unexpected_state"
    if not payment.capabilities.increment:
        return "incremental_authorization_unavailable"
    return "increment_only_upwards" if authorised < payment.authorised else None


def _like(told: _Told, amount: Money, key: Key) -> Any:
    """What is asked for as a new hold: able to do what the old one is able to, where the card's bank allows."""
    able = told.payment.capabilities
    abilities = {
        "request_multicapture": able.multicapture,
        "request_incremental_authorization": able.increment,
        "request_overcapture": able.over_capture is not None,
    }
    requested = {name: "if_available" for name, wanted in abilities.items() if wanted}
    wanted = {
        "amount": to_stripe(amount),
        "currency": amount.currency.lower(),
        "customer": told.intent.customer,
        "payment_method": told.intent.payment_method,
        "payment_method_types": list(told.intent.payment_method_types),
        "capture_method": "manual",
        "setup_future_usage": "off_session",
        "off_session": True,
        "confirm": True,
        "metadata": {ORDER_ID: told.intent.order, KEY: key},
        "expand": _EXPAND,
    }
    return {**wanted, "payment_method_options": {"card": requested}} if requested else wanted


def _stands(payment: Payment, intent: Intent, amount: Money) -> Payment | Declined:
    """The hold, or why the bank gave none. An intent whose card was declined stays in sight as such."""
    if payment.state in (PaymentState.PENDING, PaymentState.DECLINED):
        error = intent.last_payment_error or {}
        return Declined(reason=str(error.get("decline_code") or error.get("code") or intent.status))
    if payment.authorised != amount:
        raise InvariantBroken(f"{payment.authorised} held under a key, asked for {amount}")
    return payment


def _not_capturable(told: _Told, amount: Money, *, final: bool) -> str | None:
    """Stripe's code for why it would not, asked of the facts: a lax counterpart captures after a cancel."""
    payment = told.payment
    if payment.state is PaymentState.CAPTURED:
        return "charge_already_captured"
    if told.expired:
        return "charge_expired_for_capture"
    if payment.state is not PaymentState.AUTHORISED:
        return "payment_intent_unexpected_state"
    if amount > payment.capturable_max - payment.captured:
        return "amount_too_large"
    if not final and not payment.capabilities.multicapture:
        return "multicapture_unavailable"
    return None
