"""Customers, as ERP and CRM speak of them."""

from adapters.connector.protocol.common import Model, Text


class Customer(Model):
    name: Text
    email: Text = ""
    account_number: Text = ""
    vat_id: Text = ""
    company: Text = ""
    phone: Text = ""


class RegisterCustomer(Model):
    """Find the customer by account number, VAT id, e-mail, in that order; create one otherwise, never a second."""

    customer: Customer


class CustomerRegistered(Model):
    customer: str


class CustomerRecord(Model):
    """What identifies a customer. Personal data."""

    customer: str
    account_number: str = ""
    vat_id: str = ""
    email: str = ""


class Customers(Model):
    """Some of all records; `next_after` asks for those that follow, and is null at the end."""

    items: tuple[CustomerRecord, ...]
    next_after: str | None = None
