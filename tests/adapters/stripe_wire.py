"""Stripe's objects in the shape of API 2026-10-28, and a Stripe that answers from a script."""

from typing import Any
from urllib.parse import parse_qs

import httpx

CREATED = 1_780_000_000
CAPTURE_BEFORE = 1_780_604_800

Answer = httpx.Response | type[httpx.TransportError]


def charge(**other: Any) -> dict[str, Any]:
    card = {
        "amount_authorized": 5000,
        "brand": "visa",
        "capture_before": CAPTURE_BEFORE,
        "multicapture": {"status": "unavailable"},
        "overcapture": {"maximum_amount_capturable": 5000, "status": "unavailable"},
        **other.pop("card", {}),
    }
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 5000,
        "amount_captured": 0,
        "captured": False,
        "currency": "eur",
        "payment_method_details": {"type": "card", "card": card},
        "status": "succeeded",
        **other,
    }


def intent(**other: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 5000,
        "amount_capturable": 5000,
        "amount_received": 0,
        "cancellation_reason": None,
        "capture_method": "manual",
        "created": CREATED,
        "currency": "eur",
        "last_payment_error": None,
        "latest_charge": charge(),
        "metadata": {"order_id": "order:shop:17"},
        "payment_method_types": ["card"],
        "status": "requires_capture",
        **other,
    }


def captured_intent(units: int, *, metadata: dict[str, str] | None = None, **other: Any) -> dict[str, Any]:
    """Its last capture is made: `units` of 5000."""
    return intent(
        status="succeeded",
        amount_received=units,
        latest_charge=charge(amount_captured=units, captured=True),
        metadata={"order_id": "order:shop:17", **(metadata or {})},
        **other,
    )


def refund(units: int, *, key: str | None = None, **other: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": units,
        "charge": "ch_1",
        "created": CREATED + 60,
        "currency": "eur",
        "metadata": {"ordersaga_key": key} if key else {},
        "payment_intent": "pi_1",
        "status": "succeeded",
        **other,
    }


def listed(*items: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": has_more, "url": "/v1/payment_intents"}


def answer(body: dict[str, Any], status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={"request-id": "req_1", **headers})


def failure(status: int, code: str | None = None, **error: Any) -> httpx.Response:
    """A failure whose words quote the customer, as Stripe's may."""
    headers = error.pop("headers", {})
    kind = error.pop(
        "type", "card_error" if status == httpx.codes.PAYMENT_REQUIRED else "invalid_request_error"
    )
    body = {"code": code, "type": kind, "message": "the card of jenny@example.com", **error}
    return answer({"error": body}, status, **headers)


class Script:
    """Answers by method and path, each answer once and the last for ever; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}

    def on(self, method: str, path: str, *answers: Answer) -> "Script":
        self._answers[method, path] = list(answers)
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self._answers[request.method, request.url.path]
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(now, httpx.Response):
            return httpx.Response(now.status_code, content=now.content, headers=now.headers)
        raise now("scripted", request=request)

    def sent(self, path: str) -> list[dict[str, str]]:
        """The form of every POST to this path, its idempotency key beside it."""
        return [
            {**_form(request), "key": request.headers["idempotency-key"]}
            for request in self.asked
            if (request.method, request.url.path) == ("POST", path)
        ]


def _form(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
