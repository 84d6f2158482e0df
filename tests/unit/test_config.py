"""Settings from defaults, recipes and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from vadlab import catalog, config
from vadlab.errors import UsageError


@dataclass
class Model:
    kind: ClassVar[str] = "model"

    steps: int = 10
    rate: float = 0.5
    fast: bool = False
    title: str = "none"
    reduction: Literal["mean", "sum"] = "mean"
    order: Literal[1, 2] = 1
    streams: tuple[str, ...] = ("rgb",)
    scales: tuple[float, ...] = (1.0,)
    group: int | None = None
    share: float | int = 1
    free: Any = None
    learned_: dict[str, int] = field(init=False, default_factory=dict)


def test_later_sources_win() -> None:
    made = config.build(Model, {"steps": 1, "rate": 0.1}, {"steps": 2})
    assert (made.steps, made.rate, made.title) == (2, 0.1, "none")


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("rate", 1, 1.0),
        ("streams", ["rgb", "flow"], ("rgb", "flow")),
        ("streams", (), ()),
        ("scales", [1, 2.5], (1.0, 2.5)),
        ("reduction", "sum", "sum"),
        ("group", 80, 80),
        ("group", None, None),
        ("share", 3, 3),
        ("share", 0.5, 0.5),
        ("free", {"a": 1}, {"a": 1}),
    ],
)
def test_accepted(key: str, given: Any, kept: Any) -> None:
    found = getattr(config.build(Model, {key: given}), key)
    assert found == kept and type(found) is type(kept)
    if isinstance(kept, tuple):
        assert [type(v) for v in found] == [type(v) for v in kept]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("steps", True, "int"),
        ("steps", 2.0, "int"),
        ("steps", None, "int"),
        ("rate", True, "float"),
        ("rate", "fast", "float"),
        ("rate", float("nan"), "finite"),
        ("rate", float("inf"), "finite"),
        ("fast", 1, "bool"),
        ("title", 1, "str"),
        ("reduction", "avg", "mean | sum"),
        ("order", True, "1 | 2"),
        ("order", 1.0, "1 | 2"),
        ("streams", "rgb", "a list of str"),
        ("streams", ["rgb", 2], "str"),
        ("scales", [1, "2"], "float"),
        ("group", True, "int | none"),
        ("group", "80", "int | none"),
    ],
)
def test_refused(key: str, value: Any, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.build(Model, {key: value})
    assert expected in str(caught.value.expected) and repr(key) in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "choices"),
    [
        ("select=best", "last | val"),
        ("precision=fp16", "auto | fp32 | bf16"),
        ("reduction=avg", "mean | sum"),
    ],
)
def test_a_detectors_choices_are_listed(setting: str, choices: str) -> None:
    with pytest.raises(UsageError, match="unknown value") as caught:
        config.build(catalog.load("detectors", "aed"), config.parse_assignments([setting]))
    assert caught.value.expected == choices


def test_unknown_keys() -> None:
    with pytest.raises(UsageError, match="did you mean 'steps'") as caught:
        config.build(Model, {"stepz": 3})
    assert "reduction" in str(caught.value.expected)
    for key in ("learned_", "kind", "wholly_other"):  # what is learned is no setting, nor is a class variable
        with pytest.raises(UsageError, match="has no setting"):
            config.build(Model, {key: 3})


def test_assignments() -> None:
    texts = ["a=5", "b = 0.5", "c=true", "d=val", 'e="5"', 'f=["rgb","flow"]', "g=x=y", "h="]
    assert config.parse_assignments(texts) == {
        "a": 5, "b": 0.5, "c": True, "d": "val", "e": "5", "f": ["rgb", "flow"], "g": "x=y", "h": "",
    }  # fmt: skip
    with pytest.raises(UsageError, match="key=value"):
        config.parse_assignments(["steps"])


def test_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("steps = 3\nstreams = ['flow']\n")
    assert config.build(Model, config.read_recipe(path)) == Model(steps=3, streams=("flow",))
    for content in (b"steps: 3", b"title = '\xff'"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="not valid TOML"):
            config.read_recipe(path)
    for absent in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError, match="recipe"):
            config.read_recipe(absent)
