"""The shopper at the checkout of a shop that takes cards through Stripe: what the shop's page does in the browser."""

import httpx

from adapters.tls import trusted

GOOD_CARD = "pm_card_visa"


async def card_hold(
    url: str, api_key: str, order_id: str, amount_minor: int, currency: str, *, card: str = GOOD_CARD
) -> str:
    """Authorise a card for the order, to be captured by hand; the answer is the payment intent's id.

    `amount_minor` in Stripe's units. httpx.HTTPStatusError when the card is declined.
    """
    wanted = {
        "amount": str(amount_minor),
        "currency": currency.lower(),
        "capture_method": "manual",
        "confirm": "true",
        "payment_method": card,
        "payment_method_types[]": "card",
        "metadata[order_id]": order_id,
    }
    async with httpx.AsyncClient(verify=trusted(), base_url=url, auth=(api_key, "")) as http:
        response = await http.post("/v1/payment_intents", data=wanted)
        response.raise_for_status()
        return str(response.json()["id"])
