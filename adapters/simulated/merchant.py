"""What the merchant's own people decide: accounts, credit limits, records and articles made by hand. Under /world."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from adapters.connector.protocol.articles import Article
from adapters.connector.protocol.common import Money, OrderId, Sku, Text
from adapters.connector.protocol.customers import Customer
from adapters.connector.protocol.erp import Approval
from adapters.simulated import credit, customers
from adapters.simulated.records import CustomerRecord, ErpArticle, PriceRecord, ShopArticle
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/world", tags=["world"])

AT_ONCE_MAX = 50_000

Rate = Annotated[str, Field(pattern=r"^0(\.[0-9]{1,6})?$")]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddCustomers(Asked):
    """Made by hand: always new records, also where there are such customers already. `limit` is the ERP's to keep."""

    system: Literal["erp", "crm"]
    customers: Annotated[list[Customer], Field(max_length=AT_ONCE_MAX)]
    approval: Approval = Approval.APPROVED
    limit: Money | None = None


class Added(BaseModel):
    customers: list[str]


class SetApproval(Asked):
    customer: str
    approval: Approval


class SetLimit(Asked):
    """None: as much as they like."""

    customer: str
    limit: Money | None


class SetPolicy(Asked):
    """How the ERP begins an account with a company name, a VAT id or an account number."""

    new_business_accounts: Literal[Approval.APPROVED, Approval.PENDING]


class SetArticles(Asked):
    system: Literal["storefront", "erp"]
    articles: Annotated[list[Article], Field(max_length=AT_ONCE_MAX)]


class Price(Asked):
    """`unit_price` with its taxes in it or on top; `tax_rates` are fractions, one per tax: "0.19"."""

    sku: Sku
    name: Text
    unit_price: Money
    taxes_included: bool
    tax_rates: tuple[Rate, ...]


class SetPrices(Asked):
    prices: Annotated[list[Price], Field(max_length=AT_ONCE_MAX)]


class PayInvoice(Asked):
    order_id: OrderId


class InvoicePaid(BaseModel):
    order_id: str
    amount: Money


def _world(request: Request) -> World:
    world: World = request.app.state.desk.world
    return world


@router.post("/customers")
async def add_customers(request: Request, asked: AddCustomers) -> Added:
    world = _world(request)
    with world.transaction():
        added = []
        for customer in asked.customers:
            record = customers.create(world, asked.system, customer, asked.approval)
            if asked.limit is not None:
                record.limit = asked.limit
                world.state.save(record, record.reference)
            added.append(record.reference)
    return Added(customers=added)


@router.put("/customers/approval")
async def set_approval(request: Request, asked: SetApproval) -> SetApproval:
    """Approve or reject an account, or put it back to pending. Its orders that waited for that are told."""
    world = _world(request)
    with world.transaction():
        record = _kept(world, asked.customer)
        if record.approval is not asked.approval:
            record.approval = asked.approval
            world.state.save(record, record.reference)
            credit.tell_of_approval(world, record)
    return asked


@router.put("/customers/limit")
async def set_limit(request: Request, asked: SetLimit) -> SetLimit:
    """The customer's orders that were refused credit are told."""
    world = _world(request)
    with world.transaction():
        record = _kept(world, asked.customer)
        if record.limit != asked.limit:
            record.limit = asked.limit
            world.state.save(record, record.reference)
            credit.tell_waiting(world, record.reference, "credit_limit_changed")
    return asked


@router.put("/customers/policy")
async def set_policy(request: Request, asked: SetPolicy) -> SetPolicy:
    """Whether new business accounts wait for the merchant. Known ones stay as they are."""
    world = _world(request)
    with world.transaction():
        merchant = customers.merchant(world)
        merchant.new_business_accounts = asked.new_business_accounts
        world.state.save(merchant, merchant.kind)
    return asked


@router.put("/articles")
async def set_articles(request: Request, asked: SetArticles) -> dict[str, int]:
    """Sell these too, each under its reference; the same reference again replaces the article."""
    world = _world(request)
    kind = ShopArticle if asked.system == "storefront" else ErpArticle
    with world.transaction():
        for article in asked.articles:
            world.state.save(kind(article=article), article.reference)
    return {"articles": len(asked.articles)}


@router.put("/erp/prices")
async def set_prices(request: Request, asked: SetPrices) -> dict[str, int]:
    """The ERP's price list: one price per article and currency, in place of the one before."""
    world = _world(request)
    with world.transaction():
        for price in asked.prices:
            amount, currency = price.unit_price.amount, price.unit_price.currency
            told = price.model_dump(exclude={"unit_price"})
            record = PriceRecord(**told, unit_price=amount, currency=currency)
            world.state.save(record, f"{currency}/{price.sku}")
    return {"prices": len(asked.prices)}


@router.post("/invoices/pay")
async def pay_invoice(request: Request, asked: PayInvoice) -> InvoicePaid:
    """The customer pays an order on account, by bank: its credit is free again."""
    world = _world(request)
    with world.transaction():
        return InvoicePaid(order_id=asked.order_id, amount=credit.pay(world, asked.order_id))


def _kept(world: World, customer: str) -> CustomerRecord:
    record = customers.kept(world, "erp", customer)
    if record is None:
        raise Refusal("unknown_customer", "the ERP has no such customer", field="customer", status=404)
    return record
