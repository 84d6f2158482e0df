"""What all tests of the command line share."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

import pytest

from vadlab import cli


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def vadlab(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["vadlab", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        return Result(code, *capfd.readouterr())

    return run
