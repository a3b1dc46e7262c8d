"""What an order can offer for each reason, read from the code that asks."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import workflows
from domain.attention import Action, Reason
from domain.errors import InvariantBroken, Refused
from workflows import effects, messages
from workflows.attention import _reason_of
from workflows.todo import Todo

Offer = tuple[Reason, frozenset[Action]]

_FILES = sorted(Path(*workflows.__path__).glob("*.py"))


def offered() -> dict[Reason, set[Action]]:
    """Cancel aside, which is offered until the goods have left."""
    found: dict[Reason, set[Action]] = {reason: set() for reason in Reason}
    for reason, can in (*_of_refused_effects(), *_of_questions()):
        found[reason] |= can - {Action.CANCEL}
    return found


def _of_refused_effects() -> Iterator[Offer]:
    """Those that the desk is given: uncalled, for it makes each try anew."""
    makes = _at_the_desk()
    holders = [
        node
        for module in (effects, messages)
        for node in _parsed(Path(str(module.__file__))).body
        if isinstance(node, ast.ClassDef)
    ]
    for make in (node for holder in holders for node in ast.walk(holder)):
        if isinstance(make, ast.FunctionDef) and make.name in makes:
            todo = _todo(make)
            for refusal in (Refused(""), InvariantBroken("")):
                reason, can = _reason_of(todo, refusal)
                yield reason, frozenset(can)


def _at_the_desk() -> set[str]:
    named = set()
    for tree in map(_parsed, _FILES):
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Attribute(attr="effects"), attr=name) if id(node) not in called:
                    named.add(name)
    return named


def _todo(make: ast.FunctionDef) -> Todo[Any]:
    """As far as it matters for what can be done about its refusal."""
    for node in ast.walk(make):
        match node:
            case ast.Call(
                func=ast.Name(id="Todo"), args=[ast.Attribute(value=ast.Name(id=holder), attr=name), call, *_]
            ):
                told = {keyword.arg: keyword.value for keyword in node.keywords}
                method = getattr(vars(effects).get(holder) or vars(messages)[holder], name)
                return Todo(
                    method,
                    call,  # type: ignore[arg-type]  # nobody looks at it
                    name="",
                    summary="",
                    may_skip="may_skip" in told,
                    done_as=_outside if "done_as" in told else None,
                )
    raise AssertionError(f"{make.name} makes no Todo")


async def _outside(reference: str) -> str:
    return reference


def _of_questions() -> Iterator[Offer]:
    for node in (node for file in _FILES for node in ast.walk(_parsed(file))):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="ask" | "asking"),
                args=[ast.Attribute(attr=name), ast.Tuple(elts=can), *_],
            ):
                yield Reason[name], _actions(can)
            case ast.Call(func=ast.Name(id="asks_a_person"), args=args):
                offer = _actions(args[1:]) | {Action.RETRY}
                yield Reason[_attribute(args[0])] if args else Reason.BOOKS_DISAGREE, offer
                yield Reason.BOOKS_DISAGREE, offer


def _actions(nodes: list[ast.expr]) -> frozenset[Action]:
    return frozenset(Action[_attribute(node)] for node in nodes)


def _attribute(node: ast.expr) -> str:
    assert isinstance(node, ast.Attribute), ast.dump(node)
    return node.attr


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())
