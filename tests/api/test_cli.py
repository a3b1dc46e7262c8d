"""`ordersaga tokens`, `ordersaga trail`, and `ordersaga api` as a process."""

import signal
import subprocess
import sys
from pathlib import Path
from socket import create_server

import httpx
import pytest

from domain.ids import ChannelId
from domain.policies import OrderPolicies
from tests.api.test_orders import document
from tests.contracts.simulator_process import wait_until
from tests.entrypoints.terminal import Terminal, terminal
from workers.settings import ChannelSettings, Settings

__all__ = ["terminal"]

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 90  # a process takes seconds of CPU to import what it needs


@pytest.fixture
def office(terminal: Terminal, database: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal at an installation whose Temporal is away."""
    channel = ChannelSettings(platform="ordersaga", policies=OrderPolicies(adapters={}))
    settings = Settings(
        database_url=f"sqlite:///{database}",
        temporal_address="127.0.0.1:1",
        channels={ChannelId("shop"): channel},
    )
    file = database.with_name("settings.json")
    file.write_text(settings.as_file())
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(file))
    monkeypatch.setenv("USER", "anna")
    monkeypatch.setenv("COLUMNS", "200")
    return terminal


def test_tokens_are_created_listed_and_revoked_and_the_trail_tells_of_it(office: Terminal) -> None:
    made = office("tokens", "create", "shop backend", "--role", "storefront", "--channel", "shop", "--json")
    assert made.code == 0, made
    assert made.last["token"] in made.out
    assert (made.last["role"], made.last["channels"]) == ("storefront", ["shop"])
    listed = office("tokens", "list", "--json")
    assert [(one["name"], one["state"]) for one in listed.last["tokens"]] == [("shop backend", "valid")]
    assert made.last["token"] not in listed.out
    number = str(made.last["number"])
    assert office("tokens", "revoke", number).flat == f"token {number} is revoked"
    assert [one["state"] for one in office("tokens", "list", "--json").last["tokens"]] == ["revoked"]
    trail = office("trail", "--json").last["decisions"]
    assert [(one["actor"], one["role"], one["code"]) for one in trail] == [
        ("anna", "command line", f"token {number} revoked"),
        ("anna", "command line", f"token {number} created"),
    ]


def test_a_token_needs_channels_that_exist(office: Terminal) -> None:
    create = ("tokens", "create", "x", "--role", "admin")
    assert office(*create).code == 2
    assert office(*create, "--channel", "shop", "--all-channels").code == 2
    wrong = office(*create, "--channel", "nowhere")
    assert (wrong.code, "the settings have shop" in wrong.flat_err) == (2, True)
    assert office("tokens", "revoke", "9").code == 1
    assert office("tokens", "list").flat.startswith("no tokens yet")
    assert office(*create, "--all-channels", "--json").last["channels"] == ["*"]


@pytest.mark.slow
def test_the_process_takes_orders_while_temporal_is_away_and_stops_in_order(office: Terminal) -> None:
    token = office("tokens", "create", "x", "--role", "operator", "--all-channels", "--json").last["token"]
    with create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "entrypoints.cli", "api", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http:
            wait_until(lambda: _ready(http, process), _PATIENCE_SECONDS)
            assert http.get("/readyz").json()["dependencies"] == {"database": "up", "temporal": "down"}
            assert http.get("/v1/orders", headers={"Authorization": ""}).status_code == 401
            placed = http.post("/v1/orders", params={"channel": "shop"}, content=document())
            assert placed.status_code == 201
            (listed,) = http.get("/v1/orders").json()["orders"]
            assert (listed["order_id"], listed["state"]) == (placed.json()["order_id"], "accepted")
            held = http.post(f"/v1/orders/{listed['order_id']}/hold", json={"reason": "fraud check"})
            assert (held.status_code, held.json()["outcome"]) == (202, "unreached")
            assert http.get(held.headers["Location"]).json()["outcome"] == "unreached"
        process.send_signal(signal.SIGTERM)
        written, _ = process.communicate(timeout=30)
        assert (process.returncode, "api stopped" in written) == (0, True), written
    finally:
        process.kill()
        process.communicate()
    decided = [(one["action"], one["outcome"]) for one in office("trail", "--json").last["decisions"]]
    assert decided[:2] == [("orders.hold", "unreached"), ("orders.place", "done")]


def _ready(http: httpx.Client, process: "subprocess.Popen[str]") -> bool:
    assert process.poll() is None, "the API ended"
    try:
        return http.get("/readyz").is_success
    except httpx.ConnectError:
        return False
