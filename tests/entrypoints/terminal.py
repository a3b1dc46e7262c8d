"""Our command line without a process of its own: importing it anew for every call would cost seconds."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from entrypoints.cli.main import _dispatch


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The one object that --json prints as the last line."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def flat(self) -> str:
        """What was printed, however it was wrapped."""
        return " ".join(self.out.split())

    @property
    def flat_err(self) -> str:
        return " ".join(self.err.replace("│", " ").split())


class Terminal:
    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str | Path) -> Answer:
        self._capture.readouterr()
        try:
            _dispatch([*map(str, words)] or ["--help"])
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int), code
        sys.stdout.flush()
        said = self._capture.readouterr()
        return Answer(code, said.out, said.err)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """In an empty folder, without any setting of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDERSAGA_SETTINGS", raising=False)
    return Terminal(capsys)
