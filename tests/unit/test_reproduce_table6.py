"""Table 6: which row is made from which store, and that untrained features are called so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vadlab.features.store import Store
from vadlab.report.paper_tables import PaperTable
from vadlab.reproduce import grid, table6
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.cells import Cell, Outcome


def store(folder: Path, backbone: str, **facts: Any) -> Path:
    settings = {"rgb_weights": facts.pop("weights", "c3d-sports1m")}
    backbone_facts = {"name": backbone, "settings": settings, "facts": facts}
    manifest = {"streams": {"rgb": 16}, "backbone": backbone_facts, "flow": None}
    return Store.create(folder, manifest).root


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[Cell | str]:
    """What is to be run, which is not."""
    asked: list[Cell | str] = []

    def run_none(_: Bench, wanted: list[Cell | str], **__: Any) -> list[Outcome]:
        asked.extend(wanted)
        return [Outcome(reason=cell if isinstance(cell, str) else "not run") for cell in wanted]

    monkeypatch.setattr(grid, "run_cells", run_none)
    return asked


def made(folder: Path, *stores: Path) -> PaperTable:
    return table6.table6(Bench((Source("synth", folder, stores),), folder / "out", seeds=(0,)))


def test_each_row_has_its_detector_and_features(tmp_path: Path, cells: list[Cell | str]) -> None:
    fc6, pool5 = (store(tmp_path / layer, "c3d", layer=layer) for layer in ("fc6", "pool5"))
    i3d = store(tmp_path / "i3d", "i3d")
    table = made(tmp_path, fc6, i3d, pool5)
    found = {
        row[0].text: (cell.detector, cell.store) if isinstance(cell, Cell) else cell
        for row, cell in zip(table.rows, cells, strict=True)
    }
    assert list(found.values()) == [
        ("tcnn", pool5),
        ("nearest_neighbour", fc6),
        ("aed", pool5),
        ("linear_probe", pool5),
        ("tcnn", i3d),
        ("nearest_neighbour", i3d),
        ("linear_probe", i3d),
        ("aed", i3d),
    ]
    assert [name for name in found if "not in the paper" not in name] == ["TCNN", "C3D", "Our Method"]
    assert not any("RANDOM" in note for note in table.notes)


def test_one_c3d_store_serves_all_rows_and_absent_ones_say_so(
    tmp_path: Path, cells: list[Cell | str]
) -> None:
    only = store(tmp_path / "c3d", "c3d", layer="fc7", weights="random")
    table = made(tmp_path, only)
    assert [cell.store for cell in cells if isinstance(cell, Cell)] == [only] * 4
    assert {cell for cell in cells if isinstance(cell, str)} == {
        "No features of synth but C3D's are given: --features synth=STORE."
    }
    assert any("RANDOM WEIGHTS" in note and "synth" in note for note in table.notes)
