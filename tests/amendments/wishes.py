"""What a case asks for, in the words of whom it is asked: customer service, the screens of ERP and shop, the gateway."""

from decimal import Decimal
from typing import Any

from domain.amendments import (
    AddLine,
    CancelRest,
    Change,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.ids import LineId, Sku
from domain.orders import Address, PaymentTerm
from tests.amendments.matrix import Case, Money, Step, What, When

ONE, TWO = LineId("1"), LineId("2")
ELSEWHERE = Address(name="Jenny Rosen", street="Kai 7", postal_code="20457", city="Hamburg", country="DE")
OVER = Decimal(100)

_OPERATIONS = {
    Step.WAREHOUSE: ("warehouse", "cancel_pick"),
    Step.STOCK: ("stock", "reserve"),
    Step.ERP: ("erp", "enter_order"),
    Step.SHOP: ("storefront", "amend_order"),
}
_PAYMENTS = {
    Money.INCREMENT: ("payments", "increment"),
    Money.STORED_CREDENTIAL: ("payments", "hold"),
    Money.PREPAID: ("payments", "hold"),
    Money.PAY_LINK: ("payments", "pay_link"),
    Money.ON_ACCOUNT: ("erp", "approve_credit"),
}
TERMS = {
    Money.PREPAID: PaymentTerm.PREPAID,
    Money.ON_ACCOUNT: PaymentTerm.ON_ACCOUNT,
    Money.BANK_TRANSFER: PaymentTerm.BANK_TRANSFER,
}
_CAPABILITIES: dict[Money, dict[str, Any]] = {
    Money.MULTICAPTURE: {"multicapture": True},
    Money.INCREMENT: {"multicapture": True, "increment": True},
    Money.STORED_CREDENTIAL: {"stored_credential": True},
    Money.PAY_LINK: {"multicapture": True, "pay_link": True},
    Money.PREPAID: {"state": "captured", "stored_credential": True},
}


def operation_of(case: Case, step: Step) -> tuple[str, str]:
    """The system and its operation that does the step. KeyError where the case does not get to it."""
    return _PAYMENTS[case.money] if step is Step.PAYMENT else _OPERATIONS[step]


def tender_of(case: Case, whole: str) -> dict[str, Any]:
    """How it is paid at the checkout, in the words of the simulated gateway."""
    amount = {"amount": whole, "currency": "EUR"}
    if case.money is Money.BANK_TRANSFER:
        return {"amount": amount, "method": "bank_transfer"}
    told = {"amount": amount, "state": "authorised"} | _CAPABILITIES.get(case.money, {})
    if case.money is Money.OVER_CAPTURE:
        told["over_capture"] = {"amount": f"{Decimal(whole) + OVER}", "currency": "EUR"}
    if case.when is When.AWAITING_PAYMENT:
        told["state"] = "pending"
    return told


def changes_of(case: Case, other: Sku) -> tuple[Change, ...]:
    """As customer service asks for them. `other` is an article that was not ordered."""
    partly = case.when is When.PARTLY_SHIPPED
    several: list[Change] = [
        SetQuantity(line_id=ONE, quantity=4),
        SetUnitPrice(line_id=TWO, unit_price=Decimal("4.00")),
    ]
    wanted: dict[What, list[Change]] = {
        What.ADD: [AddLine(sku=other, quantity=2)],
        What.REMOVE: [RemoveLine(line_id=TWO)],
        What.MORE: [SetQuantity(line_id=ONE, quantity=3)],
        What.LESS: [SetQuantity(line_id=ONE, quantity=1)],
        What.UNIT_PRICE: [SetUnitPrice(line_id=ONE, unit_price=Decimal("12.50"))],
        What.LINE_DISCOUNT: [SetDiscount(line_id=ONE, percent=Decimal(10))],
        What.ORDER_DISCOUNT: [SetDiscount(percent=Decimal(10))],
        What.ADDRESS: [SetAddress(shipping=ELSEWHERE)],
        What.SHIPPING: [SetShipping(method="Express", amount=Decimal("1.00" if partly else "9.90"))],
        What.CANCEL_REST: [CancelRest(lines=() if partly else (TWO,))],
        What.SEVERAL: [*several, SetAddress(shipping=ELSEWHERE)],
    }
    return tuple(wanted[case.what])


def edit_of(case: Case, other: Sku) -> dict[str, Any]:
    """Likewise on the screens of ERP and shop."""
    partly = case.when is When.PARTLY_SHIPPED
    address = ELSEWHERE.model_dump()
    wanted: dict[What, dict[str, Any]] = {
        What.ADD: {"add": [{"sku": other, "quantity": 2}]},
        What.REMOVE: {"remove": ["2"]},
        What.MORE: {"set": [{"line_id": "1", "quantity": 3}]},
        What.LESS: {"set": [{"line_id": "1", "quantity": 1}]},
        What.UNIT_PRICE: {"set": [{"line_id": "1", "unit_price": "12.50"}]},
        What.LINE_DISCOUNT: {"set": [{"line_id": "1", "discount": "2.00"}]},
        What.ADDRESS: {"shipping": address},
        What.SHIPPING: {"freight": "1.00" if partly else "9.90"},
        What.SEVERAL: {
            "set": [{"line_id": "1", "quantity": 4}, {"line_id": "2", "unit_price": "4.00"}],
            "shipping": address,
        },
    }
    return wanted[case.what]
