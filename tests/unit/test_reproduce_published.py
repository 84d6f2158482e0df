"""The paper's numbers as we hold them, against the paper's text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vadlab.cli.reproduce import TABLES
from vadlab.reproduce.published import DATASETS, FIGURE_5, TABLE_3, TABLE_4, TABLE_5, TABLE_6
from vadlab.reproduce.tables import MAKERS


@pytest.fixture(scope="module")
def paper(shared: Path) -> str:
    return (shared / "paper" / "lad-paper.md").read_text(encoding="utf-8")


def test_table_3_is_the_printed_one(paper: str) -> None:
    printed = {}
    for line in paper.splitlines():
        cells = [re.sub(r"<[^>]*>|\*\*", "", cell).strip() for cell in line.split("\t")]
        if len(cells) == 7 and cells[1].startswith(r"$\mathcal{"):
            printed[re.sub(r" \[\d+\]", "", cells[0])] = cells[2:]
    ours = {
        method.name: [
            f"{method.auc[name].value:.2f}{'*' * method.auc[name].rerun}" if name in method.auc else "-"
            for name in DATASETS
        ]
        for method in TABLE_3
    }
    assert ours == printed


def test_tables_4_5_and_6_are_the_printed_ones(paper: str) -> None:
    def numbers(caption: str) -> list[str]:
        part = paper[paper.index(f"**{caption}**") :]
        rows = [line for line in part.split("\n\n**")[0].splitlines()[1:] if "\t" in line]
        found = [re.sub(r"\*\*|<[^>]*>", "", cell).strip() for row in rows for cell in row.split("\t")]
        return [cell for cell in found if re.fullmatch(r"[\d.]+|-", cell)]

    assert numbers("TABLE 4") == [f"{auc:.2f}" for auc in TABLE_4.values()]
    assert numbers("TABLE 5") == [
        text for auc, accuracy in TABLE_5.values() for text in (f"{auc:.2f}", str(accuracy))
    ]
    assert numbers("TABLE 6") == [
        str(of.get(name, "-")) for of in TABLE_6.values() for name in ("ucf_crime", "lad")
    ]


def test_what_the_text_tells_of_fig_5(paper: str) -> None:
    plain = paper.replace("$", "")
    (lower,) = re.findall(r"with\s+K = 2\s+obtains an absolute\s+reduction of ([\d.]+)%", plain)
    assert FIGURE_5[5] == TABLE_4["I3D RGB + flow"]
    assert FIGURE_5[5] - FIGURE_5[2] == pytest.approx(float(lower))


def test_the_command_names_all_tables() -> None:
    assert tuple(MAKERS) == TABLES
