"""The runbook: every reason has its section, offers what the order offers, and every command that it shows is run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.attention import MEANING, Action, Reason
from entrypoints.cli.commands import COMMANDS
from tests.contracts.simulator_process import wait_until
from tests.entrypoints.offers import offered
from tests.entrypoints.office import Keyboard, Office
from tests.entrypoints.runbook_scenes import SCENES, Scene, goes_its_way
from tests.workflows.story import Story

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"

_HEADING = re.compile(r"^#{2,3} `?([^`\n]+)`?$", re.MULTILINE)
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_CAN = re.compile(r"^\*\*Can be done:\*\* (.+)\.$", re.MULTILINE)
_EXAMPLE, _CHANNEL, _CORRECTION = "S-10001", "shop-demo", "correction.json"
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Command:
    section: str
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)[1:]

    @property
    def only_looks(self) -> bool:
        return self.words[0] == "ui" or self.words[1] in {"list", "show"}


def sections() -> dict[str, str]:
    parts = _HEADING.split(RUNBOOK.read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fences(text: str, language: str) -> list[str]:
    return [body for written, body in _FENCE.findall(text) if written == language]


def commands() -> list[Command]:
    return [
        Command(section, line.strip())
        for section, text in sections().items()
        for block in fences(text, "sh")
        for line in block.splitlines()
    ]


def runs() -> list[list[Command]]:
    """What is run on one order each: commands that only look, and one that does something."""
    found: list[list[Command]] = []
    for command in commands():
        last = found[-1][-1] if found else None
        if last and last.only_looks and last.section == command.section:
            found[-1].append(command)
        else:
            found.append([command])
    return found


def _marked() -> Iterator[Any]:
    """The first of every section and of every action; the others with what takes long."""
    sections_seen, actions_seen = set[str](), set[str]()
    for run in runs():
        section, action = run[-1].section, " ".join(run[-1].words[:3])
        stands_for_others = section not in sections_seen or action not in actions_seen
        yield pytest.param(run, id=run[-1].line, marks=[] if stands_for_others else pytest.mark.long)
        sections_seen.add(section)
        actions_seen.add(action)


# -- what it says ------------------------------------------------------------------------------------------------------


def test_every_reason_has_its_section_and_there_are_no_others() -> None:
    named = [section for section in sections() if "_" in section or section in set(Reason)]
    assert named == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_section_says_the_reason_as_the_product_does(reason: Reason) -> None:
    text = sections()[reason]
    assert text.strip().splitlines()[0] == MEANING[reason]
    assert "**What to do.**" in text
    assert "**The customer's money.**" in text
    assert fences(text, "sh"), "no command is shown"


@pytest.mark.parametrize("reason", Reason)
def test_what_a_section_says_can_be_done_is_what_the_order_offers(reason: Reason) -> None:
    (listed,) = _CAN.findall(sections()[reason])
    said = {Action(action) for action in listed.split(", ")}
    assert said - {Action.CANCEL} == offered()[reason]


def test_every_command_that_is_mentioned_exists() -> None:
    for code in _CODE.findall(_FENCE.sub("", RUNBOOK.read_text())):
        if code.startswith("ordersaga "):
            assert code.split()[1] in COMMANDS, code


def test_only_commands_of_ours_are_shown_and_all_are_run() -> None:
    shown = commands()
    assert len(shown) > len(Reason)
    for command in shown:
        assert command.line.startswith("ordersaga "), command
        assert command.section in SCENES, f"{command}: no scene for {command.section}"


# -- what it shows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", list(_marked()))
def test_the_commands_do_what_the_runbook_says(
    office: Office, monkeypatch: pytest.MonkeyPatch, shown: list[Command]
) -> None:
    """As they are printed, at a terminal where somebody says yes, on an order in the state of the section."""
    section = shown[-1].section
    scene, text = SCENES[section], sections()[section]
    for file in fences(text, "json"):
        Path(_CORRECTION).write_text(file)
    story = (goes_its_way if shown[-1].words[:2] == ["orders", "hold"] else scene.begin)(office)
    if section in set(Reason):
        _asks_what_the_section_says(office, story, Reason(section))
    for command in shown:
        monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
        _does_what_it_says(office, scene, story, command.words)


def _asks_what_the_section_says(office: Office, story: Story, reason: Reason) -> None:
    """For this reason, and it offers nothing that the section does not say."""
    question = office.do(story.needs_person())
    assert question.reason is reason
    (listed,) = _CAN.findall(sections()[reason])
    assert set(question.can) <= {Action(action) for action in listed.split(", ")}


def _does_what_it_says(office: Office, scene: Scene, story: Story, words: list[str]) -> None:
    answer = office(*_meant(office, scene, story, words))
    assert answer.code == 0, answer
    match words[:2]:
        case ["attention", "resolve"]:
            assert f"✓ {story.placed.number} {story.id}: " in answer.flat
        case ["attention", "list"]:
            assert story.id in answer.flat
        case [_, "show"]:
            assert f"Order {story.placed.number} " in answer.flat
        case ["orders", _]:
            assert answer.out.startswith("✓ ")


def _meant(office: Office, scene: Scene, story: Story, words: list[str]) -> list[str]:
    """The command for this order, the cause of it mended where the command says that it is."""
    if _EXAMPLE not in words:
        wait_until(lambda: _is_listed(office, story), _PATIENCE_SECONDS)
    action = words[2] if words[:2] == ["attention", "resolve"] else ""
    reference = scene.mend[action](office.world, story) if action in scene.mend else None
    meant = {_EXAMPLE: story.id, _CHANNEL: story.placed.channel}
    if isinstance(reference, str):
        meant[words[words.index("--reference") + 1]] = reference
    return [meant.get(word, word) for word in words]


def _is_listed(office: Office, story: Story) -> bool:
    orders = office("attention", "list", "--json").last["orders"]
    return story.id in [one["order_id"] for one in orders]
