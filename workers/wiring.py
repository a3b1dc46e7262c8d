"""The one place that chooses adapters: from the settings' names to the systems behind them."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from temporalio.client import Client

from activities.crm import CrmActivities
from activities.erp import ErpActivities
from activities.fulfilment import FulfilmentActivities
from activities.incidents import IncidentActivities
from activities.notifications import NotificationActivities
from activities.payments import PaymentActivities
from activities.records import RecordActivities
from activities.steps import steps_of
from activities.stock import StockActivities
from activities.storefront import StorefrontActivities
from activities.sweeps import Changing, Shop, SweepActivities
from activities.sweeps_orders import OrderSweepActivities, Outside
from activities.sweeps_stock import StockSweepActivities
from adapters.connector.carrier import ConnectorCarrier
from adapters.connector.client import connector
from adapters.connector.crm import ConnectorCrm
from adapters.connector.erp import ConnectorErp
from adapters.connector.notifications import ConnectorNotifier
from adapters.connector.payments import ConnectorPayments
from adapters.connector.stock import ConnectorStock
from adapters.connector.storefront import ConnectorStorefront
from adapters.connector.subscriber import WebhookSubscriber
from adapters.connector.warehouse import ConnectorWarehouse
from adapters.database.backorders import SqlBackorders
from adapters.database.engine import open_database
from adapters.database.incidents import SqlIncidents
from adapters.database.records import SqlRecords
from adapters.database.sweeps import SqlSweeps
from adapters.smtp.line import USUAL_PORTS, Server
from adapters.smtp.messages import address
from adapters.smtp.notifications import SmtpNotifier
from adapters.tls import trusted
from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.ids import System
from domain.ports import Carrier, Crm, Erp, Notifier, PaymentGateway, Stock, Storefront, Subscriber, Warehouse
from domain.records import Backorders, Incidents, Records
from workers.clock import now
from workers.hints import TemporalHints
from workers.settings import (
    ConnectorSettings,
    Settings,
    SmtpSettings,
    StripeSettings,
    TrytonSettings,
    WebhookSettings,
)


class Systems:
    """Every adapter of the settings, under its name, for each need that it serves."""

    def __init__(self) -> None:
        self.storefronts: dict[str, Storefront] = {}
        self.gateways: dict[str, PaymentGateway] = {}
        self.erps: dict[str, Erp] = {}
        self.stocks: dict[str, Stock] = {}
        self.warehouses: dict[str, Warehouse] = {}
        self.carriers: dict[str, Carrier] = {}
        self.crms: dict[str, Crm] = {}
        self.notifiers: dict[str, Notifier] = {}
        self.subscribers: dict[str, Subscriber] = {}

    def activities(
        self,
        records: Records,
        incidents: Incidents,
        backorders: Backorders,
        settings: Settings,
    ) -> list[Callable[..., Any]]:
        """All steps of all systems, for one worker to serve."""
        policies = {channel: known.policies for channel, known in settings.channels.items()}
        holders = [
            StorefrontActivities(self.storefronts),
            PaymentActivities(self.gateways, records),
            ErpActivities(self.erps),
            StockActivities(self.stocks, backorders),
            FulfilmentActivities(self.warehouses, self.carriers),
            CrmActivities(self.crms),
            NotificationActivities(self.notifiers, self.subscribers),
            RecordActivities(records, policies),
            IncidentActivities(incidents, self.notifiers),
        ]
        return [step for holder in holders for step in steps_of(holder)]

    def sweeps(
        self, books: SqlSweeps, backorders: Backorders, hints: TemporalHints, settings: Settings
    ) -> list[Callable[..., Any]]:
        """What schedules run, for one worker to serve."""
        changing: dict[tuple[System, str], Changing] = {
            (System.ERP, name): erp for name, erp in self.erps.items()
        }
        changing |= {(System.WAREHOUSE, name): warehouse for name, warehouse in self.warehouses.items()}
        changing |= {(System.PAYMENTS, name): gateway for name, gateway in self.gateways.items()}
        shops = {
            channel: Shop(self.storefronts[known.policies.adapters[System.STOREFRONT]], known.platform)
            for channel, known in settings.channels.items()
            if known.policies.adapters.get(System.STOREFRONT) in self.storefronts
        }
        policies = {channel: known.policies for channel, known in settings.channels.items()}
        outside = Outside(policies, self.gateways, self.stocks, self.notifiers)
        return [
            *steps_of(SweepActivities(changing, shops, hints, books)),
            *steps_of(OrderSweepActivities(hints, books, outside)),
            *steps_of(StockSweepActivities(self.stocks, backorders, hints, books)),
        ]


@asynccontextmanager
async def systems(settings: Settings) -> AsyncIterator[Systems]:
    """Clients of every system in the settings, closed on leaving."""
    found = Systems()
    async with AsyncExitStack() as stack:
        for name, adapter in settings.adapters.items():
            match adapter:
                case ConnectorSettings():
                    await _connect(found, name, adapter, stack)
                case TrytonSettings():
                    await _tryton(found, name, adapter, stack)
                case StripeSettings():
                    await _stripe(found, name, adapter, stack)
                case SmtpSettings():
                    _smtp(found, name, adapter, stack)
                case WebhookSettings():
                    await _webhook(found, name, adapter, stack)
        yield found


@asynccontextmanager
async def wired(settings: Settings, client: Client) -> AsyncIterator[list[Callable[..., Any]]]:
    """The activities of a worker that serves every system."""
    engine = open_database(settings.database_url)
    backorders = SqlBackorders(engine)
    try:
        async with systems(settings) as found:
            yield [
                *found.activities(SqlRecords(engine, now), SqlIncidents(engine, now), backorders, settings),
                *found.sweeps(SqlSweeps(engine, now), backorders, TemporalHints(client), settings),
            ]
    finally:
        await engine.dispose()


async def _connect(found: Systems, name: str, adapter: ConnectorSettings, stack: AsyncExitStack) -> None:
    token, timeout = adapter.token.get_secret_value(), timedelta(seconds=adapter.timeout_seconds)
    client = await stack.enter_async_context(connector(adapter.url, token, timeout=timeout))
    found.storefronts[name] = ConnectorStorefront(client, adapter.settled_after)
    found.gateways[name] = ConnectorPayments(client, adapter.settled_after)
    found.erps[name] = ConnectorErp(client, adapter.settled_after)
    found.stocks[name] = ConnectorStock(client, adapter.settled_after)
    found.warehouses[name] = ConnectorWarehouse(client, adapter.settled_after)
    found.carriers[name] = ConnectorCarrier(client, adapter.settled_after)
    found.crms[name] = ConnectorCrm(client, adapter.settled_after)
    found.notifiers[name] = ConnectorNotifier(client, adapter.settled_after)


async def _tryton(found: Systems, name: str, adapter: TrytonSettings, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(
        TrytonClient(
            adapter.url,
            adapter.database,
            adapter.api_key.get_secret_value(),
            timeout=timedelta(seconds=adapter.timeout_seconds),
            settled_after=adapter.settled_after,
        )
    )
    found.erps[name] = TrytonErp(client)
    found.stocks[name] = TrytonStock(client)
    found.warehouses[name] = TrytonWarehouse(client)


async def _stripe(found: Systems, name: str, adapter: StripeSettings, stack: AsyncExitStack) -> None:
    from adapters.stripe.payments import StripePayments  # noqa: PLC0415  quick starts: only who pays there needs the SDK

    client = await stack.enter_async_context(
        httpx.AsyncClient(verify=trusted(), timeout=adapter.timeout_seconds)
    )
    key = adapter.api_key.get_secret_value()
    found.gateways[name] = StripePayments(
        client, api_key=key, url=adapter.url, settled_after=adapter.settled_after
    )


def _smtp(found: Systems, name: str, adapter: SmtpSettings, stack: AsyncExitStack) -> None:
    server = Server(
        host=adapter.host,
        port=adapter.port or USUAL_PORTS[adapter.security],
        security=adapter.security,
        trusted=ssl.create_default_context(cafile=adapter.ca_file),
        username=adapter.username,
        password=adapter.password.get_secret_value(),
    )
    notifier = found.notifiers[name] = SmtpNotifier(
        server,
        address(adapter.sender, adapter.sender_name),
        now,
        timeout=timedelta(seconds=adapter.timeout_seconds),
        settled_after=adapter.settled_after,
    )
    stack.callback(notifier.close)


async def _webhook(found: Systems, name: str, adapter: WebhookSettings, stack: AsyncExitStack) -> None:
    client = await stack.enter_async_context(
        httpx.AsyncClient(verify=trusted(), timeout=adapter.timeout_seconds)
    )
    secret = adapter.secret.get_secret_value()
    found.subscribers[name] = WebhookSubscriber(client, adapter.url, secret, now, adapter.settled_after)
