from enum import StrEnum

from domain.base import Value


class Occasion(StrEnum):
    """Why somebody is written to; each has its mail template."""

    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    BACKORDERED = "backordered"
    AMENDED = "amended"
    PARTLY_CANCELLED = "partly_cancelled"
    DELIVERED = "delivered"
    RETURN_EXPECTED = "return_expected"
    RETURN_REJECTED = "return_rejected"
    RETURN_CREDITED = "return_credited"
    CANCELLED = "cancelled"
    PAYMENT_REMINDER = "payment_reminder"
    PAY_LINK = "pay_link"
    PAYMENT_DECLINED = "payment_declined"
    MONEY_RETURNED = "money_returned"
    SYSTEM_DOWN = "system_down"
    SYSTEM_UP = "system_up"
    NEEDS_PERSON = "needs_person"
    STILL_WAITING = "still_waiting"


class Mail(Value):
    """A rendered message. Sent once per key."""

    to: str
    subject: str
    plain: str
    html: str
