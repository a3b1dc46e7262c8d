"""`ordersaga ui` without a browser, and without Temporal: the links are known from the settings alone."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.policies import OrderPolicies
from tests.entrypoints.terminal import Terminal, terminal
from workers.settings import ChannelSettings, Settings
from workflows.visibility import CARRIERS

__all__ = ["terminal"]


@pytest.fixture
def installed(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    channels = {"shop": ChannelSettings(platform="ordersaga", policies=OrderPolicies(adapters={}))}
    settings = Settings(
        temporal_address="127.0.0.1:1",
        temporal_ui="https://temporal.example/",
        namespace="orders & more",
        channels=channels,
    )
    file = tmp_path / "settings.json"
    file.write_text(settings.as_file())
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(file))
    return terminal


def test_a_link_carries_its_query_whole(installed: Terminal) -> None:
    answer = installed("ui", "--json")
    urls = {link["name"]: link["url"] for link in answer.last["links"]}
    split = urlsplit(urls["blocked on erp"])
    assert (split.netloc, split.path) == (
        "temporal.example",
        "/namespaces/orders%20%26%20more/workflows",
    )
    assert parse_qs(split.query) == {
        "query": [f'{CARRIERS} AND ExecutionStatus = "Running" AND BlockedOn = "erp"']
    }
    for name, url in urls.items():
        assert f"{name}\n  {url}\n" in answer.out


def test_an_orders_page_wants_temporal_and_says_so(installed: Terminal) -> None:
    answer = installed("ui", "1001")
    assert answer.code == 1
    assert "Temporal does not answer at 127.0.0.1:1" in answer.flat_err
