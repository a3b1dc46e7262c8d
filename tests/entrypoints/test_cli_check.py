"""`ordersaga check data` at a simulated world: prints what to do, changes nothing, and ends with 1 when there is something."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.simulator_process import Simulator, free_port, simulator
from tests.entrypoints.terminal import Terminal

SYSTEMS = ("storefront", "payments", "erp", "stock", "warehouse", "carrier", "crm", "notifications")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path) as running:
        yield running


@pytest.fixture
def desk(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: Simulator) -> Terminal:
    settle(tmp_path, monkeypatch, world.url)
    return terminal


def settle(directory: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    channel = {"platform": "shopify", "policies": {"adapters": dict.fromkeys(SYSTEMS, "world")}}
    settings = {
        "database_url": f"sqlite:///{directory}/orders.sqlite",
        "adapters": {"world": {"kind": "connector", "url": url, "token": "t"}},
        "channels": {"shop-de": channel, "shop-fr": channel},
    }
    file = directory / "settings.json"
    file.write_text(json.dumps(settings))
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(file))


def trouble(world: Simulator) -> None:
    """One of each kind."""
    ada = {"name": "Ada", "email": "Ada@example.com"}
    for system in ("erp", "crm"):
        world.call(
            "POST", "/world/customers", {"system": system, "customers": [ada, ada | {"vat_id": "DE1"}]}
        )
    world.call("PUT", "/world/stock", {"on_hand": {"MUG": 1}})
    articles(world, "erp", ("hand-made", "MUG", "Another mug"))
    articles(
        world,
        "storefront",
        ("variant:1", None, "[Lamp]"),
        ("variant:2", "CUP", "Cup"),
        ("variant:3", "MUG", "Mug"),
    )


def articles(world: Simulator, system: str, *those: tuple[str, str | None, str]) -> None:
    told: list[dict[str, Any]] = [
        {"reference": reference, "sku": sku, "name": name} for reference, sku, name in those
    ]
    world.call("PUT", "/world/articles", {"system": system, "articles": told})


def test_data_without_trouble_ends_well(desk: Terminal, world: Simulator) -> None:
    world.call("PUT", "/world/stock", {"on_hand": {"MUG": 1}})
    articles(world, "storefront", ("variant:1", "MUG", "Mug"))
    answer = desk("check", "data")
    assert answer.code == 0, answer
    assert "✓ nothing to do 0 findings" in answer.flat
    assert "1 articles of erp world, 1 articles of storefront world" in answer.flat


def test_every_kind_of_trouble_is_printed_with_what_to_do(desk: Terminal, world: Simulator) -> None:
    trouble(world)
    assert desk("skus", "map", "shop-de", "variant:9", "GONE").code == 0
    before = {kind: kept for kind, kept in world.books().items() if kind != "requests"}
    answer = desk("check", "data")
    assert answer.code == 1
    for words in (
        "Customers with several records: 2",
        "e-mail ada@example.com",
        "SKUs that several ERP articles have: 1",
        "hand-made, MUG",
        "Shop articles without SKU: 2",  # one in each channel
        "[Lamp]",
        "ordersaga skus map CHANNEL REFERENCE SKU",
        "Shop articles that the ERP does not have: 2",
        "SKU mappings that lead to no ERP article: 1",
        "! 8 findings",
    ):
        assert words in answer.flat, words
    assert {kind: kept for kind, kept in world.books().items() if kind != "requests"} == before


def test_json_has_everything_and_the_table_its_limit(desk: Terminal, world: Simulator) -> None:
    names = [(f"variant:{n}", None, f"Thing {n}") for n in range(60)]
    articles(world, "storefront", *names)
    answer = desk("check", "data", "--channel", "shop-de", "--limit", "2", "--json")
    assert answer.code == 1
    assert "Thing 1" in answer.flat
    assert "… and 58 more" in answer.flat
    assert len(answer.last["findings"]) == 60
    assert answer.last["findings"][0] == {
        "kind": "article_without_sku",
        "channels": ["shop-de"],
        "system": "storefront",
        "adapter": "world",
        "subject": "Thing 0",
        "records": ["variant:0"],
    }
    assert answer.last["unread"] == []


def test_a_mapping_is_the_cure_for_an_article_without_sku(desk: Terminal, world: Simulator) -> None:
    world.call("PUT", "/world/stock", {"on_hand": {"LAMP": 1}})
    articles(world, "storefront", ("variant:1", None, "Lamp"))
    assert desk("skus", "map", "shop-de", "variant:1", "LAMP").code == 0
    assert desk("check", "data", "--channel", "shop-de").code == 0
    assert desk("check", "data", "--channel", "shop-fr").code == 1
    unknown = desk("check", "data", "--channel", "shop-it")
    assert (unknown.code, "shop-de, shop-fr" in unknown.flat_err) == (2, True)


def test_a_system_that_does_not_answer_is_told_and_no_traceback(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(tmp_path, monkeypatch, f"http://127.0.0.1:{free_port()}")
    answer = terminal("check", "data", "--json")
    assert answer.code == 1
    assert "✗ not read: customers of erp world: erp.customers: cannot be reached" in answer.flat
    assert len(answer.last["unread"]) == 4


@pytest.mark.long
def test_twenty_thousand_customers_are_read_in_seconds(desk: Terminal, world: Simulator) -> None:
    people = [{"name": "Somebody", "email": f"{n % 19_990}@example.com"} for n in range(20_000)]
    world.call("POST", "/world/customers", {"system": "erp", "customers": people})
    answer = desk("check", "data", "--json")
    assert answer.last["read"]["customers of erp world"] == 20_000
    assert len(answer.last["findings"]) == 10
    (asked,) = [
        request
        for request in world.books()["requests"]
        if request["operation"] == "customers" and request["system"] == "erp"
    ]
    assert asked["attempts"] == 20
