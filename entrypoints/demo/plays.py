"""What happens to the orders of the demo: their carts, what is prepared for them, and what people do to them."""

from dataclasses import replace

from domain.attention import Action, Correction, Reason
from domain.money import Money
from domain.orders import Address
from domain.phases import Phase
from entrypoints.demo.cart import Buyer, Cart
from entrypoints.demo.scene import Scene

# -- carts -------------------------------------------------------------------------------------------------------------


def as_it_is(content: Cart) -> Cart:
    return content


def of_a_business(content: Cart) -> Cart:
    """A buyer of its own, so that nobody else uses up its credit."""
    name = f"Feinkost {content.number} GmbH"
    email = f"einkauf-{content.number}@example.com"
    buyer = replace(content.buyer, name="Erika Einkauf", company=name, email=email)
    return replace(content, buyer=buyer)


def to_nowhere(content: Cart) -> Cart:
    """To Antarctica, where the carrier does not go."""
    buyer = Buyer("Roald Weiss", "roald.weiss@example.com", "", "Station 3", "", "Queen Maud Land", "AQ")
    return replace(content, buyer=buyer)


def of_an_unknown_article(content: Cart) -> Cart:
    first, *others = content.lines
    return replace(content, lines=(replace(first, sku="TEAPOT-NEW", name="Teapot, just announced"), *others))


# -- before the order is placed ----------------------------------------------------------------------------------------


async def has_credit(scene: Scene) -> None:
    await _account(scene, scene.total * 2)


async def has_little_credit(scene: Scene) -> None:
    await _account(scene, _half(scene.total))


async def is_new(scene: Scene) -> None:
    """The account was applied for, and nobody has approved it yet."""
    await _account(scene, None, approval="pending")


async def slow_refunds(scene: Scene) -> None:
    await scene.world.next_refunds(scene.order, "pending")


async def _account(scene: Scene, limit: Money | None, approval: str = "approved") -> None:
    scene.account = await scene.world.add_account(scene.placed.customer, limit=limit, approval=approval)


# -- after it was placed -----------------------------------------------------------------------------------------------


async def nothing(_: Scene) -> None:
    """It goes its way."""


async def changes_mind(scene: Scene) -> None:
    await scene.is_cancelled()


async def pays_with_another(scene: Scene) -> None:
    await scene.says("another try to pay")
    await scene.world.pay_again(scene.order, scene.total)


async def pays_when_reminded(scene: Scene) -> None:
    await scene.mailed("payment_reminder")
    await scene.world.transfer(scene.order, scene.total, f"{scene.order}/late")


async def pays_told_twice(scene: Scene) -> None:
    """The bank tells of one transfer twice."""
    for _ in range(2):
        await scene.world.transfer(scene.order, scene.total, f"{scene.order}/once")


async def pays_in_two_parts(scene: Scene) -> None:
    first = _half(scene.total)
    await scene.world.transfer(scene.order, first, f"{scene.order}/first")
    await scene.says("the rest of the payment")
    await scene.world.transfer(scene.order, scene.total - first, f"{scene.order}/second")


async def pays_too_much(scene: Scene) -> None:
    await scene.world.transfer(scene.order, scene.total + _half(scene.total), f"{scene.order}/much")


async def pays_after_the_cancel(scene: Scene) -> None:
    await scene.says("the payment, which is pending")
    await scene.is_cancelled()
    await scene.reaches(Phase.CANCELLED)
    await scene.world.transfer(scene.order, scene.total, f"{scene.order}/too-late")
    await scene.until(lambda document: document.payments.refunds and not document.kept, "sent back")


async def waits_for_the_refund(scene: Scene) -> None:
    await scene.is_cancelled()
    await scene.says("which the gateway calls pending")
    await scene.world.refunds_end(scene.order, "succeeded")


async def has_it_given_back_again(scene: Scene) -> None:
    await scene.is_cancelled()
    await scene.says("which the gateway calls pending")
    await scene.world.next_refunds(scene.order, "succeeded")
    await scene.world.refunds_end(scene.order, "failed")
    await scene.is_resolved(Reason.REFUND_FAILED, Action.RETRY)


async def has_the_limit_raised(scene: Scene) -> None:
    await scene.asks(Reason.CREDIT_REFUSED)
    await scene.world.set_limit(scene.account, scene.total * 2)


async def is_approved(scene: Scene) -> None:
    await scene.asks(Reason.APPROVAL_NEEDED)
    await scene.world.approve(scene.account)


async def is_held_and_released(scene: Scene) -> None:
    await scene.is_stopped()
    await scene.is_seen_held()
    await scene.is_released()


async def is_cancelled_in_the_shop(scene: Scene) -> None:
    """While customer service holds it: by itself it might be gone before."""
    await scene.is_stopped()
    await scene.is_seen_held()
    await scene.world.cancel_in_shop(scene.order)


async def has_its_address_corrected(scene: Scene) -> None:
    home = Address(name="Roald Weiss", street="Hafenweg 3", postal_code="20457", city="Hamburg", country="DE")
    await scene.is_resolved(Reason.LABELS_REFUSED, Action.CORRECT, Correction(shipping=home))


async def is_given_up_at_the_carrier(scene: Scene) -> None:
    await scene.is_resolved(Reason.LABELS_REFUSED, Action.CANCEL)


async def is_given_up_at_the_erp(scene: Scene) -> None:
    await scene.is_resolved(Reason.ORDER_REFUSED, Action.CANCEL)


def _half(amount: Money) -> Money:
    return amount.split([1, 1])[0]
