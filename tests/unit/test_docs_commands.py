"""Every `vadlab ...` command in README, docs and examples is one that the command line takes."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from vadlab import catalog
from vadlab.cli import app
from vadlab.cli.options import read_settings
from vadlab.evaluation.rules import PRESETS

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*.py")),
]
FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
NOT_COMMANDS = {"python", "csv", "toml", "json"}
# Values of arguments and options that name something: parameter to the names there are.
NAMES = {
    "dataset": catalog.names("datasets"),
    "detector": catalog.names("detectors"),
    "backbone": catalog.names("backbones"),
    "flow": catalog.names("flow"),
    "rules": tuple(PRESETS),
    "split": ("paper", "official"),
    "kind": ("unsupervised", "weak", "full"),
    "timing": ("settled", "causal"),
    "to": catalog.names("exports"),
}


def whole_commands(text: str) -> Iterator[str]:
    """The command lines in a page's blocks of code; in a Python file, those of its docstring."""
    blocks = [body for kind, body in FENCE.findall(text) if kind not in NOT_COMMANDS]
    if text.startswith('"""'):
        blocks = [text.split('"""')[1]]
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;|\|", re.sub(r"(^|\s)#.*", "", line)):
                found = re.match(r"\s*(?:[A-Z_]+=\S+\s+)*(?:torchrun .*-m )?vadlab(\s.*)", part)
                if found:
                    yield found.group(1)


def mentions(text: str) -> Iterator[str]:
    """The commands in the running text, which may leave parts out."""
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        found = re.match(r"(?:torchrun .*-m )?vadlab(\s.*)", code)
        if found:
            yield found.group(1)


def verb_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and the words after its name."""
    command: Any = typer.main.get_command(app)
    while getattr(command, "commands", None) and words and not words[0].startswith(("-", "...")):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def problem(text: str) -> str | None:
    """What is wrong with a whole command, or None."""
    try:
        command, words = verb_of(shlex.split(text))
        if getattr(command, "commands", None) or "--help" in words:
            return None if words and set(words) <= {"--help", "--version"} else "no verb"
        context = command.make_context(command.name, list(words))
    except Exception as error:  # typer's errors of usage are many, and a KeyError is an unknown verb
        return f"{type(error).__name__}: {error}"
    return _unknown_names(command.name, context.params)


def _unknown_names(verb: str, given: dict[str, Any]) -> str | None:
    for key, known in NAMES.items():
        value = given.get(key)
        if not isinstance(value, str) or (key == "to" and verb != "export"):
            continue  # NAME=ROOT, or a file
        for name in value.split(","):
            if name not in known and ":" not in name and not name.isupper():
                return f"no {key} {name!r}"
    settings = read_settings(None, given.get("settings") or [])
    family = {"train": "detectors", "extract": "backbones"}.get(verb)
    if family and settings:
        chosen = catalog.load(family, given[family.removesuffix("s")])
        fields = {field.name for field in dataclasses.fields(chosen) if field.init}
        if family == "backbones":
            flow = catalog.load("flow", given["flow"])
            fields |= {f"flow.{field.name}" for field in dataclasses.fields(flow)}
        return None if set(settings) <= fields else f"no setting {set(settings) - fields}"
    return None


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the folder that docs/detector.md tells to run its commands in."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_taken(page: Path) -> None:
    text = page.read_text()
    wrong = [(command, found) for command in whole_commands(text) if (found := problem(command))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mentioned_options_exist(page: Path) -> None:
    for text in mentions(page.read_text()):
        words = text.split()
        try:
            command, rest = verb_of([word.strip(",") for word in words])
        except KeyError as error:
            raise AssertionError(f"{page.name}: no verb {error} in `vadlab{text}`") from None
        options = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
        options |= {name for parameter in command.params for name in parameter.secondary_opts}
        used = {word.split("=")[0] for word in rest if word.startswith("--")}
        assert used <= options, f"{page.name}: `vadlab{text}`"


def test_pages_have_commands() -> None:
    found = {page.name: len(list(whole_commands(page.read_text()))) for page in PAGES}
    assert found["README.md"] > 20
    assert found["index.md"] > 5


@pytest.mark.parametrize(
    "command",
    [
        "trian folder VIDEOS aed --out RUN",
        "train folder VIDEOS aed --out RUN --step 5",
        "train folder VIDEOS aed",
        "train folder VIDEOS aedd --out RUN",
        "train folder VIDEOS aed --out RUN --set step=500",
        "train folders VIDEOS aed --out RUN",
        "evaluate RUN --rules strict,lax",
        "extract folder VIDEOS --out STORE --set flow.presets=fast",
        "extract folder VIDEOS --out STORE --workers many",
        "data",
        "data chek folder VIDEOS",
        "export RUN --to tensorflow",
    ],
)
def test_wrong_commands_are_told(command: str) -> None:
    assert problem(command) is not None
