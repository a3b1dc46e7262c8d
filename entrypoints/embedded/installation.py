"""A whole OrderSaga on one machine: Temporal, the outside systems, webhook receiver, API and worker, state on disk."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from adapters.database.engine import migrate
from adapters.tls import trusted
from domain.ids import ChannelId, System
from domain.policies import OrderPolicies
from entrypoints.demo.documents import CATALOGUE
from entrypoints.embedded.localstripe import LocalStripe, localstripe_server
from entrypoints.embedded.processes import Child, Ownership, free_port, owned, python
from entrypoints.embedded.temporal import answers, temporal_server
from entrypoints.embedded.tryton import TrytonServer, tryton_server
from workers.clock import now
from workers.keys import KeyRing, PayloadKey, write_keys
from workers.settings import (
    AdapterSettings,
    ChannelSettings,
    ConnectorSettings,
    Settings,
    StripeSettings,
    TrytonSettings,
)

PORTS = {"temporal": 7233, "ui": 8233, "simulator": 8300, "webhooks": 8200, "codec": 8234, "api": 8400}
ON_HAND = 500  # units of each article that a new embedded world starts with
OPERATORS = "operators@merchant.example"

_PLATFORMS = {"shopify-demo": "shopify", "woo-demo": "woocommerce", "shop-demo": "ordersaga"}
_CAUGHT_UP = (System.STOREFRONT, System.PAYMENTS, System.ERP, System.WAREHOUSE)
_LOCALHOST = "127.0.0.1"

Policies = Callable[[OrderPolicies], OrderPolicies]


@dataclass(frozen=True)
class Wishes:
    """What an embedded installation is asked for. `counterparts`: real systems, "tryton" and "stripe".

    `ports`: 0 is any free one; the API is served only where it has a port.
    `channels` are shops of our own document beside the usual ones: how each one's policies differ from the usual.
    """

    counterparts: frozenset[str] = frozenset()
    ports: dict[str, int] = field(default_factory=lambda: dict(PORTS))
    policies: Policies = lambda policies: policies
    channels: Mapping[str, Policies] = field(default_factory=dict)
    pick_seconds: str = "2"
    deliver_seconds: str = "5"
    adapter_timeout_seconds: float = 15
    settled_after_seconds: float = 20
    sweep_seconds: float = 5
    catch_up_seconds: float = 60


class Installation:
    """The running processes, and the settings that each of them was given."""

    def __init__(self, directory: Path, settings: Settings, ports: dict[str, int], owner: Ownership) -> None:
        self._owner = owner
        self.directory = directory
        self.settings = settings
        self.ports = ports
        self.tryton: TrytonServer | None = None
        self.stripe: LocalStripe | None = None
        self.workers: list[Child] = []
        self.temporal: Child | None = None
        self.api: Child | None = None
        self.services: list[Child] = []

    @property
    def simulator_url(self) -> str:
        return f"http://{_LOCALHOST}:{self.ports['simulator']}"

    @property
    def token(self) -> str:
        adapter = self.settings.adapters["connector"]
        if not isinstance(adapter, ConnectorSettings):
            raise TypeError("the adapter named connector is one")
        return adapter.token.get_secret_value()

    @property
    def children(self) -> list[Child]:
        """What runs now."""
        return [child for child in (*self.services, *self.workers) if child.alive]

    @property
    def log_directory(self) -> Path:
        return self.directory / "logs"

    def save_settings(self) -> Path:
        """Write the settings where every process of ours, and later commands, find them; for their owner alone."""
        path = self.directory / "settings.json"
        path.touch(mode=0o600)
        path.write_text(self.settings.as_file())
        return path

    async def start_worker(self) -> Child:
        """One more worker; its number is in its log's name."""
        number = len(self.workers) + 1
        worker = Child(
            f"worker {number}",
            python(
                "-m",
                "entrypoints.cli",
                "worker",
                "--make-current",  # the one before it has ended, whatever build it was
                "--ready-file",
                str(self.directory / f"worker-{number}.ready"),
            ),
            log=self.log_directory / f"worker-{number}.log",
            env=self._env(),
            owner=self._owner,
        )
        ready = self.directory / f"worker-{number}.ready"
        ready.unlink(missing_ok=True)

        async def started() -> bool:
            return ready.exists()

        self.workers.append(worker)
        await worker.start(started)
        return worker

    async def start_temporal(self) -> Child:
        """Also again, after it was stopped: its state is on disk."""
        server = temporal_server(
            port=self.ports["temporal"],
            ui_port=self.ports["ui"],
            state=self.directory / "temporal.sqlite",
            log=self.log_directory / "temporal.log",
            codec_url=self.settings.codec_url,
            owner=self._owner,
        )
        self.services.append(server)
        self.temporal = server
        await server.start(lambda: answers(self.settings.temporal_address))
        return server

    async def start_webhooks(self) -> None:
        argv = python("-m", "entrypoints.cli", "webhooks", "--port", str(self.ports["webhooks"]))
        log = self.log_directory / "webhooks.log"
        receiver = Child("webhooks", argv, log=log, env=self._env(), owner=self._owner)
        self.services.append(receiver)
        await receiver.start(lambda: _http_answers(f"{self.settings.webhooks_url}/readyz"))

    @property
    def api_url(self) -> str | None:
        """None where none is served."""
        return f"http://{_LOCALHOST}:{self.ports['api']}" if "api" in self.ports else None

    async def start_api(self) -> Child:
        """Also again, after it was stopped."""
        argv = python("-m", "entrypoints.cli", "api", "--port", str(self.ports["api"]))
        self.api = Child("api", argv, log=self.log_directory / "api.log", env=self._env(), owner=self._owner)
        self.services.append(self.api)
        await self.api.start(lambda: _http_answers(f"{self.api_url}/livez"))
        return self.api

    async def start_codec(self) -> None:
        argv = python("-m", "entrypoints.cli", "codec")
        log = self.log_directory / "codec.log"
        codec = Child("codec", argv, log=log, env=self._env(), owner=self._owner)
        self.services.append(codec)
        await codec.start(lambda: _http_answers(f"{self.settings.codec_url}/livez"))

    async def start_world(self, wishes: Wishes) -> None:
        """The simulated world, its shelves filled when it is new."""
        world = self._world(wishes)
        self.services.append(world)
        await world.start(lambda: _http_answers(f"{self.simulator_url}/livez"))
        await _fill_shelves(self)

    async def stop(self) -> None:
        """Workers first, then what they talk to, the last started first."""
        for child in reversed((*self.services, *self.workers)):
            await child.stop()

    def _world(self, wishes: Wishes) -> Child:
        url = f"http://{_LOCALHOST}:{self.ports['webhooks']}/webhooks/{{channel}}/{{system}}"
        arguments = [
            "--port",
            str(self.ports["simulator"]),
            "--state",
            str(self.directory / "simulator.sqlite"),
        ]
        arguments += ["--webhook-url", url]
        arguments += ["--pick-seconds", wishes.pick_seconds, "--deliver-seconds", wishes.deliver_seconds]
        env = {
            "ORDERSAGA_SIMULATOR_TOKEN": self.token,
            "ORDERSAGA_SIMULATOR_WEBHOOK_SECRET": self.settings.webhook_secret.get_secret_value(),
        }
        argv = python("-m", "adapters.simulated", *arguments)
        log = self.log_directory / "simulator.log"
        return Child("simulator", argv, log=log, env=env, owner=self._owner)

    def _env(self) -> dict[str, str]:
        return {"ORDERSAGA_SETTINGS": str(self.directory / "settings.json")}


@asynccontextmanager
async def installation(
    directory: Path, wishes: Wishes, say: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Installation]:
    """Everything up, one worker included; on leaving, everything is stopped in order.

    A later one in the same directory goes on where the first stopped. StartFailed names the log of what did not start,
    or the processes that still run on this directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with owned(directory) as owner:
        async with _running(directory, wishes, owner, say) as running:
            yield running


@asynccontextmanager
async def _running(
    directory: Path, wishes: Wishes, owner: Ownership, say: Callable[[str], None]
) -> AsyncIterator[Installation]:
    ports = {name: free_port(wanted) for name, wanted in ({"codec": 0} | wishes.ports).items()}
    for name, port in ports.items():
        if wishes.ports.get(name, 0) not in {0, port}:
            say(f"port {wishes.ports[name]} is busy: {name} is on {port}")
    async with AsyncExitStack() as stack:
        tryton = stripe = None
        if "tryton" in wishes.counterparts:
            say("starting Tryton (the first time takes a minute)")
            on_hand = {str(sku): ON_HAND for sku in CATALOGUE}
            tryton = await stack.enter_async_context(tryton_server(directory / "tryton", skus=on_hand))
        if "stripe" in wishes.counterparts:
            stripe = await stack.enter_async_context(localstripe_server(directory / "localstripe"))
        running = Installation(directory, _settings(directory, ports, wishes, tryton, stripe), ports, owner)
        running.tryton, running.stripe = tryton, stripe
        running.save_settings()
        await migrate(running.settings.database_url)
        stack.push_async_callback(running.stop)
        await _start_all(running, wishes)
        if stripe:
            await _subscribe_to(stripe, running.settings)
        yield running


async def _start_all(running: Installation, wishes: Wishes) -> None:
    """All at once: most of the time each of them imports. Receiver and worker wait for Temporal by themselves."""
    try:
        async with asyncio.TaskGroup() as starts:
            starts.create_task(running.start_temporal())
            starts.create_task(running.start_world(wishes))
            starts.create_task(running.start_webhooks())
            starts.create_task(running.start_codec())
            starts.create_task(running.start_worker())
            if running.api_url:
                starts.create_task(running.start_api())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _subscribe_to(stripe: LocalStripe, settings: Settings) -> None:
    """One address for all channels: the payment's metadata names the order."""
    told = {
        "url": f"{settings.webhooks_url}/webhooks/{next(iter(settings.channels))}/stripe",
        "secret": settings.webhook_secret.get_secret_value(),
        "events": ["payment_intent.succeeded", "payment_intent.payment_failed"],
    }
    async with httpx.AsyncClient(verify=trusted(), base_url=stripe.url, timeout=30) as client:
        (await client.post("/_config/webhooks/ordersaga", json=told)).raise_for_status()


async def _fill_shelves(running: Installation) -> None:
    """Only of a new world: later ones go on with what they have."""
    async with httpx.AsyncClient(verify=trusted(), base_url=running.simulator_url, timeout=30) as client:
        books = (await client.get("/books")).raise_for_status().json()
        if not books["stock"]:
            on_hand = {str(sku): ON_HAND for sku in CATALOGUE}
            (await client.put("/world/stock", json={"on_hand": on_hand})).raise_for_status()


async def _http_answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(verify=trusted(), timeout=2) as client:
            return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


def _settings(
    directory: Path,
    ports: dict[str, int],
    wishes: Wishes,
    tryton: TrytonServer | None,
    stripe: LocalStripe | None,
) -> Settings:
    times = {
        "timeout_seconds": wishes.adapter_timeout_seconds,
        "settled_after_seconds": wishes.settled_after_seconds,
    }
    adapters: dict[str, AdapterSettings] = {
        "connector": ConnectorSettings(
            kind="connector",
            url=f"http://{_LOCALHOST}:{ports['simulator']}",
            token=SecretStr(_kept_secret(directory / "token")),
            **times,
        )
    }
    serves = dict.fromkeys(System, "connector")
    sweeps = []
    if tryton:
        adapters["tryton"] = TrytonSettings(
            kind="tryton",
            url=tryton.url,
            database=tryton.database,
            api_key=SecretStr(tryton.api_key),
            **times,
        )
        serves |= dict.fromkeys((System.ERP, System.STOCK, System.WAREHOUSE), "tryton")
        sweeps = [(system, "tryton") for system in (System.ERP, System.STOCK, System.WAREHOUSE)]
    if stripe:
        adapters["stripe"] = StripeSettings(
            kind="stripe", api_key=SecretStr(stripe.api_key), url=stripe.url, **times
        )
        serves[System.PAYMENTS] = "stripe"
    usual = wishes.policies(OrderPolicies(adapters=serves, operators=OPERATORS))
    channels = {
        ChannelId(channel): ChannelSettings.model_validate({"platform": platform, "policies": usual})
        for channel, platform in _PLATFORMS.items()
    }
    for channel, differing in wishes.channels.items():
        channels[ChannelId(channel)] = ChannelSettings(platform="ordersaga", policies=differing(usual))
    return Settings(
        temporal_address=f"{_LOCALHOST}:{ports['temporal']}",
        temporal_ui=f"http://{_LOCALHOST}:{ports['ui']}",
        codec_url=f"http://{_LOCALHOST}:{ports['codec']}",
        encryption_key_file=_kept_keys(directory / "payload-keys"),
        database_url=f"sqlite:///{directory / 'ordersaga.sqlite'}",
        adapters=adapters,
        channels=channels,
        webhook_secret=SecretStr(_kept_secret(directory / "webhook-secret")),
        webhooks_url=f"http://{_LOCALHOST}:{ports['webhooks']}",
        sweeps=sweeps,
        sweep_seconds=wishes.sweep_seconds,
        catch_up=[(system, "connector") for system in _CAUGHT_UP if serves[system] == "connector"],
        catch_up_seconds=wishes.catch_up_seconds,
    )


def _kept_secret(path: Path) -> str:
    """Drawn once per installation, so that a second start speaks to the first one's state."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def _kept_keys(path: Path) -> Path:
    """A key of its own for every installation; a rotated ring stays as it is."""
    if not path.exists():
        write_keys(path, KeyRing((PayloadKey.drawn(now()),)))
    return path
