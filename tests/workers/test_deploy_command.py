"""`ordersaga deploy` refuses what it cannot mean; what it does is told by the builds of a whole installation."""

import pytest
from pydantic import ValidationError

from tests.entrypoints.terminal import Terminal, terminal
from workers.settings import Settings

__all__ = ["terminal"]


@pytest.mark.parametrize("words", [(), ("0.2.0", "--unversioned")])
def test_current_wants_a_build_or_none(terminal: Terminal, words: tuple[str, ...]) -> None:
    answer = terminal("deploy", "current", *words)
    assert answer.code == 2
    assert "name the BUILD, or say --unversioned" in answer.flat_err


def test_without_an_installation_it_says_where_one_comes_from(terminal: Terminal) -> None:
    answer = terminal("deploy", "list")
    assert answer.code == 1
    assert "`ordersaga up` starts an installation" in answer.flat_err


def test_a_build_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERSAGA_BUILD_ID", "0.2.0-3.g1a2b")
    assert Settings().build_id == "0.2.0-3.g1a2b"
    for useless in ("", "a build", "0.2.0:1"):
        with pytest.raises(ValidationError, match="build_id"):
            Settings(build_id=useless)
