"""`ordersaga orders parse`, and how commands speak: what they teach, and their exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from entrypoints.cli.commands import COMMANDS
from entrypoints.demo.documents import PLATFORMS, demo_documents
from tests.entrypoints.terminal import Terminal

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROOT = Path(__file__).parents[2]
GROUPS = {
    "orders": ["parse", "place", "list", "show", "cancel", "hold", "release"],
    "attention": ["list", "show", "resolve"],
    "inbox": ["list", "show", "replay"],
}
GROUPS |= {"skus": ["map", "list"], "fault": ["set", "list", "clear"]}


@pytest.mark.parametrize("platform", list(PLATFORMS))
def test_a_document_is_shown_as_our_order(terminal: Terminal, tmp_path: Path, platform: str) -> None:
    (demo,) = demo_documents(1, platforms=[platform])
    file = tmp_path / "order.json"
    file.write_text(json.dumps(demo.document))
    answer = terminal("orders", "parse", file, "--from", platform, "--channel", "try", "--json")
    assert answer.code == 0
    order = answer.last["order"]
    assert answer.last["problems"] == []
    assert order["platform_id"] == str(demo.document["id"])
    shown = json.loads(answer.out[: answer.out.rindex('{"order"')])
    assert shown == order


@pytest.mark.parametrize(
    ("platform", "file", "fields"),
    [
        ("ordersaga", "order.json", {"lines[1].sku"}),
        ("shopify", "order.json", None),
        ("woocommerce", "order.json", None),
    ],
)
def test_every_problem_is_named_with_its_field(
    terminal: Terminal, platform: str, file: str, fields: set[str] | None
) -> None:
    document = FIXTURES / "ordersaga" / file
    answer = terminal("orders", "parse", document, "--from", platform, "--json")
    assert answer.code == 1
    problems = answer.last["problems"]
    assert problems
    assert all(problem["reason"] for problem in problems)
    assert fields is None or {problem["field"] for problem in problems} == fields
    for problem in problems:
        assert f"{problem['field']}: {problem['reason']}" in answer.flat


def test_what_is_no_json_is_said_so(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text("<html>")
    answer = terminal("orders", "parse", file, "--from", "shopify", "--json")
    assert (answer.code, len(answer.last["problems"])) == (1, 1)


def test_an_unknown_platform_is_a_wrong_call(terminal: Terminal) -> None:
    answer = terminal("orders", "parse", FIXTURES / "ordersaga" / "order.json", "--from", "magento")
    assert answer.code == 2
    assert "magento: one of shopify, woocommerce, ordersaga" in answer.flat_err


def test_a_file_that_is_not_there_is_a_wrong_call(terminal: Terminal) -> None:
    answer = terminal("orders", "parse", "nowhere.json", "--from", "shopify")
    assert answer.code == 2
    assert "nowhere.json" in answer.flat_err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_itself(terminal: Terminal, command: str) -> None:
    answer = terminal(command, "--help")
    assert answer.code == 0
    assert "Usage: ordersaga " + command in answer.flat
    assert all(f" {name} " in answer.flat for name in GROUPS.get(command, []))


@pytest.mark.parametrize("words", [(), ("--help",), ("help",)])
def test_help_lists_every_command_with_what_it_does(terminal: Terminal, words: tuple[str, ...]) -> None:
    answer = terminal(*words)
    assert answer.code == 0
    for name, (_, _, summary) in COMMANDS.items():
        assert f"{name} " in answer.flat
        assert summary in answer.flat


def test_an_unknown_command_is_a_wrong_call(terminal: Terminal) -> None:
    answer = terminal("oders")
    assert answer.code == 2
    assert "there is no command 'oders'" in answer.flat_err


@pytest.mark.parametrize(("words", "code"), [(("oders",), 2), (("--version",), 0), (("--help",), 0)])
def test_the_process_ends_with_the_commands_code(words: tuple[str, ...], code: int) -> None:
    ended: Any = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *words], cwd=ROOT, capture_output=True, check=False
    )
    assert ended.returncode == code


@pytest.mark.parametrize(
    "words",
    [
        *(("orders", name) for name in ("parse", "place", "list", "show", "cancel", "hold", "release")),
        *(("attention", name) for name in ("list", "show", "resolve")),
        *(("inbox", name) for name in ("list", "show", "replay")),
        *(("skus", name) for name in ("map", "list")),
        *(("fault", name) for name in ("set", "list", "clear")),
        ("demo",),
        ("audit",),
        ("up",),
    ],
    ids=" ".join,
)
def test_every_command_that_answers_can_answer_in_json(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert "--json" in terminal(*words, "--help").out
