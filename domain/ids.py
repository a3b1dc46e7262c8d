"""Identities. Each is a type of its own, so that one is never passed for another; `str` only at the edge."""

import re
from enum import StrEnum
from typing import NewType

ChannelId = NewType("ChannelId", str)  # one storefront of the merchant: "shopify-de"
PlatformId = NewType("PlatformId", str)  # the storefront's own immutable id of an order
OrderId = NewType("OrderId", str)  # order:{channel}:{platform id}; also the Temporal workflow id
LineId = NewType("LineId", str)  # the storefront's id of an order line, unique in its order
Sku = NewType("Sku", str)
ShipmentId = NewType("ShipmentId", str)  # {order id}/s{number}
ReturnId = NewType("ReturnId", str)  # {order id}/r{number}
Location = NewType(
    "Location", str
)  # one of the merchant's warehouses, by the name that the stock system has for it
CustomerRef = NewType("CustomerRef", str)  # the ERP's or CRM's id of a customer; opaque, not personal
PaymentRef = NewType("PaymentRef", str)  # the gateway's id of a payment

MAIN = Location("main")  # of a merchant who has one warehouse only

_CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PLATFORM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class System(StrEnum):
    """The outside systems an order can wait for."""

    STOREFRONT = "storefront"
    PAYMENTS = "payments"
    ERP = "erp"
    STOCK = "stock"
    WAREHOUSE = "warehouse"
    CARRIER = "carrier"
    CRM = "crm"
    NOTIFICATIONS = "notifications"
    DATABASE = "database"


def order_id(channel: ChannelId, platform_id: PlatformId) -> OrderId:
    """The one id of an order, in every system and for ever. ValueError names what is malformed."""
    if not _CHANNEL.fullmatch(channel):
        raise ValueError(f"channel {channel!r}: lower-case letters, digits and '-', at most 40")
    if not _PLATFORM_ID.fullmatch(platform_id):
        raise ValueError(f"order id {platform_id!r}: letters, digits, '.', '_' and '-', at most 100")
    return OrderId(f"order:{channel}:{platform_id}")


def channel_of(order: OrderId) -> ChannelId:
    return ChannelId(order.split(":", 2)[1])


def platform_id_of(order: OrderId) -> PlatformId:
    return PlatformId(order.split(":", 2)[2])


def shipment_id(order: OrderId, number: int) -> ShipmentId:
    return ShipmentId(f"{order}/s{number}")


def order_of(shipment: ShipmentId) -> OrderId:
    return OrderId(shipment.rpartition("/s")[0])


def shipment_name(shipment: ShipmentId) -> str:
    """Short, within its order: s1."""
    return shipment.rpartition("/")[2]


def shipment_number_of(shipment: ShipmentId) -> int:
    return int(shipment.rpartition("/s")[2])


def return_id(order: OrderId, number: int) -> ReturnId:
    return ReturnId(f"{order}/r{number}")


def order_of_return(returned: ReturnId) -> OrderId:
    return OrderId(returned.rpartition("/r")[0])


def return_name(returned: ReturnId) -> str:
    """Short, within its order: r1."""
    return returned.rpartition("/")[2]


def return_number_of(returned: ReturnId) -> int:
    return int(returned.rpartition("/r")[2])
