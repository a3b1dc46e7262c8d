"""The pages under docs/ say what is so: what they link to exists, what they name is defined there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from adapters.documents import PARSERS, load
from domain.ids import ChannelId, System
from domain.orders import PaymentTerm
from domain.phases import _LEGAL, Phase
from entrypoints.demo.documents import CATALOGUE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ADRS = sorted((DOCS / "adr").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")), *ADRS]
PACKAGES = ("activities", "adapters", "domain", "entrypoints", "workers", "workflows")
TOUR, GLOSSARY = DOCS / "tour.md", DOCS / "glossary.md"
TOUR_LINES_MAX = 200

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]\[]+)\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"_?[A-Za-z]\w*(\._?[A-Za-z]\w*)*")
_ARROW = re.compile(r"^\s*(\w+) --> (\w+)$", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ADR_NAME = re.compile(r"(\d{4})(-[a-z0-9]+)+\.md")
# How work is organised and who does it is no reader's business.
_NOT_FOR_READERS = re.compile(
    r"\b(tickets?|issues?|milestones?|sprints?|backlog|pull requests?|to-?do list|fixme|wip|assistants?|prompts?)\b",
    re.IGNORECASE,
)


def _relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Text, file and anchor of every link that stays in this repository."""
    for text, target in _LINK.findall(_FENCE.sub("", page.read_text())):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            yield text, (page.parent / path).resolve() if path else page, anchor


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _diagrams(page: Path) -> list[str]:
    return [body for language, body in _FENCE.findall(page.read_text()) if language == "mermaid"]


@cache
def _defined(file: Path) -> frozenset[str]:
    """Every name that a module defines: functions, classes, `Class.member`, fields, constants."""
    return frozenset(_names(ast.parse(file.read_text()).body))


def _names(body: list[ast.stmt], of: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield of + name
                if name == "__init__":
                    yield from (of + field for field in _set_on_self(node))
            case ast.ClassDef(name=name, body=members):
                yield of + name
                yield from _names(members, f"{of}{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield of + name
            case ast.Assign(targets=targets):
                yield from (of + target.id for target in targets if isinstance(target, ast.Name))


def _set_on_self(init: ast.AST) -> Iterator[str]:
    for node in ast.walk(init):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            match target:
                case ast.Attribute(value=ast.Name(id="self"), attr=name):
                    yield name


@cache
def _words_of_the_code() -> frozenset[str]:
    """The last part of every name that the product defines, and the values of its enumerations."""
    names = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            names |= {name.rpartition(".")[2] for name in _defined(file)}
    return frozenset(names | {member.value for member in (*System, *Phase)})


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    for text, target, anchor in _links(page):
        assert target.exists(), f"[{text}] leads to {target}, which does not exist"
        if anchor:
            assert anchor in _anchors(target), f"[{text}]: {target.name} has no heading #{anchor}"


@pytest.mark.parametrize("page", [TOUR, GLOSSARY, *ADRS], ids=_relative)
def test_every_name_is_defined_in_the_file_that_it_links_to(page: Path) -> None:
    for text, target, _ in _links(page):
        names = [name for name in _CODE.findall(text) if _NAME.fullmatch(name)]
        if target.suffix == ".py":
            missing = [name for name in names if name not in _defined(target)]
            assert not missing, f"{_relative(target)} defines no {', '.join(missing)}"


def test_tour_and_glossary_link_enough_for_the_names_to_mean_something() -> None:
    for page, least in ((TOUR, 60), (GLOSSARY, 100)):
        named = [text for text, target, _ in _links(page) if target.suffix == ".py" and _CODE.search(text)]
        assert len(named) >= least


@pytest.mark.parametrize("page", [TOUR, GLOSSARY], ids=_relative)
def test_every_name_of_the_form_of_our_names_is_one(page: Path) -> None:
    """Also without a link: `look_again_minutes` in a sentence must exist somewhere."""
    for code in _CODE.findall(_FENCE.sub("", page.read_text())):
        if "_" in code and re.fullmatch(r"\w+", code):
            assert code in _words_of_the_code(), f"nothing is called {code}"


def test_the_way_to_the_line_that_takes_the_money_stands_first() -> None:
    top = TOUR.read_text().partition("\n## ")[0]
    for name in ("OrderPayments.charge", "PaymentActivities.capture_payment", "StripePayments.capture"):
        assert f"[`{name}`]" in top


def test_the_tour_stays_short() -> None:
    assert len(TOUR.read_text().splitlines()) <= TOUR_LINES_MAX


def test_diagrams_are_diagrams_of_what_there_is() -> None:
    kinds = []
    for diagram in _diagrams(TOUR):
        kind, *lines = [line.strip() for line in diagram.splitlines() if line.strip()]
        kinds.append(kind.partition(" ")[0])
        assert len(lines) > 1, f"a {kind} of nothing"
        for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", diagram):
            assert name in _words_of_the_code(), f"nothing is called {name}"
    assert kinds == ["flowchart", "stateDiagram-v2"]


def test_the_order_flow_is_the_gate_of_the_phases() -> None:
    _, flow = _diagrams(TOUR)
    shown = set(_ARROW.findall(flow))
    assert shown == {(str(before), str(after)) for before, legal in _LEGAL.items() for after in legal}


@pytest.mark.parametrize("word", [*System, *Phase], ids=str)
def test_every_system_and_phase_is_explained(word: str) -> None:
    assert f"`{word}`" in TOUR.read_text() + GLOSSARY.read_text()


def test_the_glossary_is_in_alphabetical_order_and_explains_each_word_once() -> None:
    words = re.findall(r"^### (.+)$", GLOSSARY.read_text(), re.MULTILINE)
    assert words == sorted(set(words), key=str.casefold)


def test_every_word_of_the_glossary_is_explained_in_a_line_or_two() -> None:
    for entry in GLOSSARY.read_text().split("\n### ")[1:]:
        word, _, explained = entry.partition("\n")
        assert 1 <= len(explained.strip().splitlines()) <= 2, word


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = []
    for adr in ADRS:
        name = _ADR_NAME.fullmatch(adr.name)
        assert name, f"{adr.name}: four digits and words"
        number = int(name[1])
        assert adr.read_text().startswith(f"# {number}. "), f"{adr.name} begins with another number"
        numbers.append(number)
    assert numbers == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_the_pages_speak_of_the_product(page: Path) -> None:
    found = [match[0] for match in _NOT_FOR_READERS.finditer(page.read_text())]
    assert not found, f"{found} is not for readers"


def test_the_changelog_says_whether_running_orders_are_safe() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]
    assert releases
    for release in releases:
        assert "**Running orders:**" in release, release.partition("\n")[0]


def test_the_readmes_order_is_one_that_the_embedded_world_can_carry() -> None:
    readme = (ROOT / "README.md").read_text()
    (file,) = re.findall(r"orders place (\S+) --channel shop-demo --checkout", readme)
    placed = PARSERS["ordersaga"](load((ROOT / file).read_bytes()), channel=ChannelId("shop-demo"), skus={})
    assert {line.sku for line in placed.lines} <= set(CATALOGUE)
    assert placed.payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE
    assert re.findall(r"orders (?:show|cancel) (\S+)", readme) == [placed.number] * 2
