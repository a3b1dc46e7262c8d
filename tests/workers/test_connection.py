"""The line to Temporal: TLS, and certificates on both sides."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from domain.errors import Refused, Unavailable
from tests.certificates import Authority
from workers.connection import connect
from workers.settings import Settings, TemporalTls

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER_NAME = "temporal.example"


@dataclass(frozen=True)
class Guarded:
    """A Temporal behind TLS that lets nobody in without a certificate of its authority."""

    address: str
    authority: Authority
    stranger: Authority

    def settings(self, tls: TemporalTls | None) -> Settings:
        return Settings(temporal_address=self.address, temporal_tls=tls)

    def tls(self, **other: object) -> TemporalTls:
        certificate, key = self.authority.sign("a worker")
        ours = {"ca_file": self.authority.folder / "ca.pem", "cert_file": certificate, "key_file": key}
        return TemporalTls.model_validate(ours | {"server_name": SERVER_NAME} | other)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(temporal: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority.in_folder(folder / "ours", "our authority")
    stranger = Authority.in_folder(folder / "stranger", "a stranger")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.folder / "ca.pem")
    context.load_cert_chain(*authority.sign(SERVER_NAME, here=False))
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    async with _in_front_of(temporal.service_client.config.target_host, context) as address:
        yield Guarded(address, authority, stranger)


@asynccontextmanager
async def _in_front_of(address: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    host, _, port = address.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, there_writer))
                both.create_task(_carry(there_reader, writer))
        except* (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            there_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _reached(settings: Settings) -> bool:
    client = await connect(settings)
    return (await client.count_workflows()).count >= 0


async def test_who_shows_a_certificate_of_the_right_authority_is_let_in(guarded: Guarded) -> None:
    assert await _reached(guarded.settings(guarded.tls()))


@pytest.mark.parametrize(
    "why", ["in clear", "no certificate", "a stranger's certificate", "another name", "another authority"]
)
async def test_nobody_else_is_let_in_and_no_other_server_is_taken_for_ours(
    guarded: Guarded, why: str
) -> None:
    theirs = guarded.stranger.sign("a worker")
    tls = {
        "in clear": None,
        "no certificate": guarded.tls(cert_file=None, key_file=None),
        "a stranger's certificate": guarded.tls(cert_file=theirs[0], key_file=theirs[1]),
        "another name": guarded.tls(server_name="evil.example"),
        "another authority": guarded.tls(ca_file=guarded.stranger.folder / "ca.pem"),
    }[why]
    async with asyncio.timeout(30):
        with pytest.raises(Unavailable, match="does not answer"):
            await _reached(guarded.settings(tls))


async def test_a_certificate_that_is_not_there_is_named(guarded: Guarded, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"missing\.pem cannot be read"):
        await connect(guarded.settings(guarded.tls(ca_file=tmp_path / "missing.pem")))


async def test_a_lazy_client_waits_until_it_is_needed() -> None:
    client = await connect(Settings(temporal_address="127.0.0.1:1"), lazy=True)
    with pytest.raises(RuntimeError):
        await client.count_workflows(rpc_timeout=timedelta(seconds=1))


async def test_nobody_else_opens_a_line_to_temporal() -> None:
    """What is written past `workers.connection` would be in clear, in Temporal and on the way there."""
    root = Path(__file__).parents[2]
    folders = ("activities", "adapters", "entrypoints", "workers", "workflows")
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    assert {str(file.relative_to(root)) for file in files if "Client.connect(" in file.read_text()} == {
        "workers/connection.py",
        "entrypoints/audit/from_temporal.py",  # it reads, with the codec that it is given
        "entrypoints/embedded/temporal.py",  # it asks whether the server answers
    }
