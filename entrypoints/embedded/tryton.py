"""A real Tryton server of one's own: on 127.0.0.1, with its database in a folder, started and stopped with a `with`.

Initialising takes most of a minute, so it happens once per version of Tryton and of the furnishing; every new folder
starts from a copy of that database.
"""

import asyncio
import fcntl
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from adapters.tryton.client import TrytonClient
from adapters.tryton.places import place_called, places
from domain.errors import Unavailable
from domain.ids import MAIN, Location

DATABASE = "erp"
MODULES = (
    "company",
    "currency",
    "party",
    "product",
    "sale",
    "stock",
    "account",
    "account_invoice",
    "account_invoice_stock",
    "sale_amendment",
    "sale_supply",
    "sale_shipment_grouping",
    "stock_package_shipping",
    "stock_shipment_measurements",
    "carrier",
    "account_payment",
    "sale_payment",
    "account_credit_limit",
    "sale_credit_limit",
)
_START_SECONDS_MAX = 60
_STOP_SECONDS_MAX = 5
_REQUEST_SECONDS_MAX = 60
_LOGIN = "login.json"
# Never imported here: they load trytond into their process.
_SETUP = "entrypoints.embedded.tryton_setup"
_SERVE = "entrypoints.embedded.tryton_serve"


@dataclass(frozen=True)
class TrytonServer:
    """Where it answers, and with what. `api_key` opens REST; `user` and `password` are the clerk's, for XML-RPC."""

    host: str
    port: int
    api_key: str
    user: str
    password: str
    directory: Path
    database: str = DATABASE

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def rpc_url(self) -> str:
        """Where the clerk's client library logs in."""
        return f"{self.url}/{self.database}/rpc/"


@asynccontextmanager
async def tryton_server(
    directory: Path,
    skus: Mapping[str, int] | None = None,
    *,
    port: int | None = None,
    cache: Path | None = None,
) -> AsyncIterator[TrytonServer]:
    """Start on `directory`, going on from the database it holds, and stop at the end.

    `skus` are ensured to be sold; the counts on hand are set where a SKU is new to the database, all in the main
    warehouse. RuntimeError with
    the log's path when the server does not start.
    """
    await asyncio.to_thread(_prepare, directory, cache or _default_cache())
    login = json.loads((directory / _LOGIN).read_text())
    server = TrytonServer(host="127.0.0.1", port=port or _free_port(), directory=directory, **login)
    conf = directory / "trytond.conf"
    conf.write_text(_conf(directory))
    environment = os.environ | {"TRYTOND_CONFIG": str(conf), "TRYTOND_DATABASE_NAMES": DATABASE}
    serve = [sys.executable, "-m", _SERVE, str(server.port)]
    with (directory / "trytond.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *serve, stdout=log, stderr=log, env=environment, cwd=_root()
        )
    try:
        await _answering(server, process)
        await stock_up(server, skus or {})
        yield server
    finally:
        await _stop(process)


async def stock_up(server: TrytonServer, skus: Mapping[str, int]) -> None:
    """Sell these, and have so many on hand of those that are new; what is known keeps its count."""
    async with TrytonClient(server.url, server.database, server.api_key) as tryton:
        known = await tryton.search("product.product", [["code", "in", list(skus)]], ["code"])
        new = skus.keys() - {product["code"] for product in known}
        await count(tryton, {await _create_product(tryton, sku): skus[sku] for sku in sorted(new)})


async def count(tryton: TrytonClient, units: Mapping[int, int], location: Location = MAIN) -> None:
    """An inventory: whatever the books say of these products, so many are in that warehouse's storage now."""
    if not units:
        return
    storage = place_called(await places(tryton), location).shelf
    lines = [{"product": product, "quantity": counted} for product, counted in units.items()]
    values = {
        "location": storage,
        "empty_quantity": "keep",
        "lines": [["create", lines]],
    }
    inventory = await tryton.create("stock.inventory", values, ["id"])
    await tryton.act("stock.inventory", inventory["id"], "confirm")


async def _create_product(tryton: TrytonClient, sku: str) -> int:
    (category,) = await tryton.search("product.category", [["accounting", "=", True]], ["id"])
    (unit,) = await tryton.search("product.uom", [["name", "=", "Unit"]], ["id"])
    template = await tryton.create(
        "product.template",
        {
            "name": sku,
            "code": sku,
            "type": "goods",
            "default_uom": unit["id"],
            "sale_uom": unit["id"],
            "salable": True,
            "account_category": category["id"],
            "products": [["create", [{}]]],
        },
        ["products"],
    )
    (product,) = template["products"]
    return int(product)


def _prepare(directory: Path, cache: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / _LOGIN).exists():
        return
    furnished = _furnished(cache)
    shutil.copy(furnished / f"{DATABASE}.sqlite", directory)
    shutil.copy(furnished / _LOGIN, directory)  # last: a folder with a login is whole


def _furnished(cache: Path) -> Path:
    """The folder of the furnished database, made by whoever comes first while the others wait."""
    cache.mkdir(parents=True, exist_ok=True)
    furnished = cache / _digest()
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not furnished.exists():
            with tempfile.TemporaryDirectory(dir=cache) as building:
                _furnish(Path(building))
                shutil.copytree(building, furnished.with_suffix(".part"), dirs_exist_ok=True)
            furnished.with_suffix(".part").rename(furnished)
    return furnished


def _furnish(folder: Path) -> None:
    """SubprocessError when one of the two steps fails; its output is in the message's `stderr`."""
    conf, database = folder / "trytond.conf", folder / f"{DATABASE}.sqlite"
    conf.write_text(_conf(folder))
    database.touch()
    admin_password = folder / "admin"
    admin_password.write_text(secrets.token_urlsafe(24))
    environment = os.environ | {"TRYTONPASSFILE": str(admin_password)}
    initialise = [_program("trytond-admin"), "-c", str(conf), "-d", DATABASE, "--activate-dependencies"]
    initialise += ["--email", "admin@example.com", "-u", *MODULES]
    subprocess.run(initialise, env=environment, check=True, capture_output=True)  # noqa: S603  our own program
    furnish = [sys.executable, "-m", _SETUP, DATABASE, str(conf)]
    done = subprocess.run(furnish, check=True, capture_output=True, cwd=_root())  # noqa: S603  our own program
    (folder / _LOGIN).write_bytes(done.stdout)


def _digest() -> str:
    versions = sorted(
        f"{distribution.name}={distribution.version}"
        for distribution in importlib.metadata.distributions()
        if distribution.name.startswith(("trytond", "proteus"))
    )
    code = Path(__file__).with_name("tryton_setup.py").read_text()
    return hashlib.sha256("\n".join([code, *MODULES, *versions]).encode()).hexdigest()[:16]


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ordersaga" / "tryton"


def _root() -> Path:
    return Path(__file__).parents[2]


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _conf(folder: Path) -> str:
    return f"""\
[database]
uri = sqlite://
path = {folder}
[request]
timeout = {_REQUEST_SECONDS_MAX}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answering(server: TrytonServer, process: asyncio.subprocess.Process) -> None:
    """Wait until it has loaded its models and knows our key."""
    async with (
        asyncio.timeout(_START_SECONDS_MAX),
        TrytonClient(server.url, DATABASE, server.api_key) as tryton,
    ):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"Tryton ended at its start: see {server.directory / 'trytond.log'}")
            try:
                await tryton.search("company.company", [], ["id"])
            except (Unavailable, httpx.HTTPError):
                await asyncio.sleep(0.1)
            else:
                return


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()
