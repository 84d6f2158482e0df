"""The catalogue: what is in the folders, and classes from outside."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import vadlab
from vadlab import catalog
from vadlab.errors import UsageError

FAMILIES = ("backbones", "datasets", "detectors", "flow")
ALL = [(family, name) for family in FAMILIES for name in catalog.names(family)]


@pytest.mark.parametrize(("family", "name"), ALL)
def test_every_file_holds_its_class_and_says_what_it_is(family: str, name: str) -> None:
    cls = catalog.load(family, name)
    assert cls.__module__ == f"vadlab.{family}.{name}"
    assert cls.__name__.lower() == name.replace("_", "")
    line = catalog.describe(family, name)
    assert len(line) > 20 and line.endswith(".")


@pytest.mark.parametrize("family", FAMILIES)
def test_names_are_the_public_files(family: str) -> None:
    files = (Path(vadlab.__file__).parent / family).iterdir()
    public = {f.stem for f in files if f.suffix == ".py" and not f.name.startswith("_")}
    names = catalog.names(family)
    assert set(names) == public and list(names) == sorted(names) and names


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="no detector 'ade'") as caught:
        catalog.load("detectors", "ade")
    assert {"aed", "linear_probe", "package.module:Class"} <= set(str(caught.value.expected).split(" | "))


@pytest.mark.parametrize("name", ["_protocol", "__init__", "../errors", ""])
def test_private_files_and_paths_are_no_names(name: str) -> None:
    with pytest.raises(UsageError, match="no dataset"):
        catalog.load("datasets", name)


def test_a_class_from_outside() -> None:
    assert catalog.load("detectors", "collections:Counter") is Counter


@pytest.mark.parametrize(
    "name", ["no_such_package:Class", "collections:NoSuchClass", "math:pi", ":Class", ".types:Video", "os:"]
)
def test_what_cannot_be_loaded_from_outside(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        catalog.load("detectors", name)
    assert caught.value.expected == "package.module:Class"
