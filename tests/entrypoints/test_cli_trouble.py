"""What the outside does wrong ends a command with words that say what to do, never with a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest

from entrypoints.demo.documents import demo_documents
from tests.contracts.simulator_process import free_port
from tests.entrypoints.terminal import Answer, Terminal

ORDER = "order:shop-demo:S-10001"


@pytest.fixture
def settings(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of an installation that is not running."""
    del terminal  # whose environment this adds to
    nobody = f"127.0.0.1:{free_port()}"
    systems = ("storefront", "payments", "erp", "stock", "warehouse", "carrier", "crm", "notifications")
    written = {
        "temporal_address": nobody,
        "database_url": f"sqlite:///{tmp_path}/orders.sqlite",
        "adapters": {"connector": {"kind": "connector", "url": f"http://{nobody}", "token": "t"}},
        "channels": {
            "shop-demo": {
                "platform": "ordersaga",
                "policies": {"adapters": dict.fromkeys(systems, "connector")},
            }
        },
    }
    _write(tmp_path, written)
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(tmp_path / "settings.json"))
    return written


@pytest.fixture
def document(tmp_path: Path) -> Path:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    file = tmp_path / "order.json"
    file.write_text(json.dumps(demo.document))
    return file


def test_an_order_is_accepted_while_temporal_is_away(
    terminal: Terminal, settings: dict[str, Any], document: Path
) -> None:
    answer = terminal("orders", "place", document, "--channel", "shop-demo")
    assert (answer.code, answer.flat) == (0, f"order.json: accepted: {ORDER}")
    for words in (
        ("orders", "cancel", ORDER, "--reason", "test"),
        ("orders", "hold", ORDER, "--reason", "test"),
        ("attention", "resolve", "retry", "S-10001", "--reason", "test"),
    ):
        kept = terminal(*words)
        assert (kept.code, "Temporal does not answer; it is kept as inbox item" in kept.flat) == (1, True), (
            kept
        )
    for asked in (
        ("orders", "list"),
        ("orders", "show", ORDER),
        ("attention", "list"),
        ("attention", "show", ORDER),
        ("attention", "resolve", "retry", "--needs", "order_refused", "--reason", "test", "--yes"),
        ("audit",),
    ):
        refused = terminal(*asked)
        told = f"Temporal does not answer at {settings['temporal_address']}; `ordersaga up` starts one"
        _fails(refused, told)


def test_what_the_simulated_shop_does_not_answer_is_said(
    terminal: Terminal, settings: dict[str, Any], document: Path
) -> None:
    answer = terminal("orders", "place", document, "--channel", "shop-demo", "--checkout")
    _fails(answer, f"http://{settings['temporal_address']}/world/orders does not answer; `ordersaga up`")


def test_an_unknown_channel_is_a_wrong_call(
    terminal: Terminal, settings: dict[str, Any], document: Path
) -> None:
    answer = terminal("orders", "place", document, "--channel", "shop-fr")
    assert answer.code == 2
    assert f"--channel shop-fr: the settings have {', '.join(settings['channels'])}" in answer.flat_err


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "words",
    [
        ("orders", "show", "4711"),
        ("orders", "cancel", "4711", "--reason", "test"),
        ("orders", "hold", "4711", "--reason", "test"),
        ("orders", "release", "4711", "--reason", "test"),
        ("attention", "show", "4711"),
        ("attention", "resolve", "retry", "4711", "--reason", "test"),
    ],
)
def test_an_unknown_order_is_said(terminal: Terminal, words: tuple[str, ...]) -> None:
    _fails(terminal(*words), "no order 4711; `ordersaga orders list` lists them")


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("verb", ["show", "replay"])
def test_an_unknown_inbox_item_is_said(terminal: Terminal, verb: str) -> None:
    _fails(terminal("inbox", verb, "4711"), "the inbox h")


def test_a_settings_file_that_is_not_there_is_named(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERSAGA_SETTINGS", "nowhere.json")
    _fails(terminal("orders", "list"), "ORDERSAGA_SETTINGS names nowhere.json, and there is no such file")


def test_without_any_settings_the_way_to_them_is_told(terminal: Terminal, tmp_path: Path) -> None:
    _fails(terminal("orders", "list"), "`ordersaga up` starts an installation in .ordersaga")
    assert list(tmp_path.iterdir()) == [], "no database was made in passing"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{", "are not JSON"),
        ('{"colour": "red"}', "colour: "),
        ('{"max_cached_orders": 0}', "max_cached_orders: "),
    ],
)
def test_settings_that_cannot_be_used_are_said_with_their_field(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, told: str
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(written)
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(file))
    answer = terminal("orders", "list")
    _fails(answer, told)
    assert str(file) in answer.flat_err


@pytest.mark.parametrize("what", ["no folder", "no database"])
def test_a_database_that_cannot_be_used_is_said(
    terminal: Terminal, tmp_path: Path, settings: dict[str, Any], what: str
) -> None:
    file = tmp_path / ("nowhere/orders.sqlite" if what == "no folder" else "garbage.sqlite")
    if what == "no database":
        file.write_bytes(b"this is a letter to a friend, and no database at all" * 100)
    _write(tmp_path, settings | {"database_url": f"sqlite:///{file}"})
    for words in (
        ("orders", "list"),
        ("attention", "list"),
        ("inbox", "list"),
        ("skus", "list", "shop-demo"),
    ):
        _fails(terminal(*words), "the database cannot be used: ")


def _fails(answer: Answer, told: str) -> None:
    assert answer.code == 1, answer
    assert told in answer.flat_err, answer
    assert "Traceback" not in answer.err


def _write(folder: Path, settings: dict[str, Any]) -> None:
    (folder / "settings.json").write_text(json.dumps(settings))
