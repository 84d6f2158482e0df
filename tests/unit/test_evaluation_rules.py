"""Rules: presets, round trip, refusal, and the line that is printed beside each number."""

from __future__ import annotations

import dataclasses
import json

import pytest

from vadlab.errors import UsageError
from vadlab.evaluation.rules import PRESETS, Rules, describe, explain, from_dict, get, to_dict


@pytest.mark.parametrize("name", PRESETS)
def test_presets_carry_their_name_and_survive_json(name: str) -> None:
    rules = get(name)
    assert rules.name == name
    assert from_dict(json.loads(json.dumps(to_dict(rules)))) == rules


def test_strict_counts_every_frame_and_changes_no_score() -> None:
    rules = get("strict")
    assert (rules.tail, rules.head, rules.frames) == ("hold", "hold", "all")
    assert (rules.normalisation, rules.smoothing, rules.average) == ("none", "none", "micro")
    assert not rules.scrambled_windows


def test_only_the_authors_code_scrambles_its_windows() -> None:
    assert [name for name, rules in PRESETS.items() if rules.scrambled_windows] == ["lad-code"]


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Rules)])
def test_describe_is_one_line_that_names_every_choice(field: str) -> None:
    line = describe(get("lad-code"))
    assert "\n" not in line
    assert line.startswith("lad-code: ")
    assert field == "name" or f"{field}=" in line


def test_describe_tells_a_changed_preset() -> None:
    changed = dataclasses.replace(get("strict"), tail="drop")
    assert describe(changed).startswith("strict (changed): ")
    assert "tail=drop" in describe(changed)
    assert "(changed)" not in describe(get("strict"))


def test_describe_differs_whenever_the_rules_differ() -> None:
    variants = [
        Rules(name="x"),
        Rules(name="x", group=80),
        Rules(name="x", smoothing="gaussian", smoothing_width=3),
        Rules(name="x", smoothing="median", smoothing_width=3),
        Rules(name="x", far_threshold=0.6),
        Rules(name="x", scrambled_windows=True),
        Rules(name="x", macro_one_class="half"),
        Rules(name="x", macro_one_class="pad"),
    ]
    assert len({describe(rules) for rules in variants}) == len(variants)


@pytest.mark.parametrize(
    "settings",
    [
        {"overlap": "median"},
        {"tail": "cut"},
        {"average": True},
        {"group": 0},
        {"group": 2.5},
        {"smoothing": "gaussian"},
        {"smoothing": "median", "smoothing_width": 4},
        {"smoothing_width": 3},
        {"smooth": "none"},
    ],
)
def test_unknown_values_and_keys_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        from_dict(settings)


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"strict \| lad-paper \| lad-code \| ffp"):
        get("fair")


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"strict"}))
def test_a_preset_is_explained_by_words_and_by_what_differs_from_strict(name: str) -> None:
    words, _, told = explain(name).removesuffix(")").rpartition(" (")
    assert len(words) > 20
    differing = {
        field.name
        for field in dataclasses.fields(Rules)
        if field.name != "name"
        and getattr(PRESETS[name], field.name) != getattr(PRESETS["strict"], field.name)
    }
    assert {choice.partition("=")[0] for choice in told.split(", ")} == differing
