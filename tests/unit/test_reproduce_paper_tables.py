"""Rendering a table of the paper: every kind of file says the same, and nothing in a note breaks it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import statistics
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vadlab.evaluation.seeds import Spread
from vadlab.report.paper_figures import Panel, Series, comparison, confusion, picture, sweep
from vadlab.report.paper_page import to_html, write_table
from vadlab.report.paper_tables import (
    Column,
    PaperTable,
    Value,
    footnotes,
    measured,
    missing,
    published,
    to_csv,
    to_json,
    to_latex,
    to_markdown,
)

AUCS = [0.9, 0.93, 0.81]
SPREAD = Spread(statistics.mean(AUCS), statistics.stdev(AUCS), min(AUCS), max(AUCS), len(AUCS))
EVIL = 'A | pipe, 50 % & <b>"bold"</b> of k_1 {x} $y$ ±2.'


@pytest.fixture
def table() -> PaperTable:
    return PaperTable(
        "table9",
        "Table 9: AUC | <1> of a & b_c",
        (Column("Method"), Column("LAD, paper", "published", ("On LAD.",)), Column("ours", "measured")),
        (
            (Value("one"), published(77.2, EVIL), measured(SPREAD)),
            (Value("two"), published(None), missing("No data.")),
            (Value("three"), published(50.0, "On LAD.", EVIL), missing("No data.")),
        ),
        protocol=("split 14/14",),
        notes=("Take care.",),
        warning="QUICK",
    )


def test_a_measured_value_is_mean_deviation_and_number_of_runs() -> None:
    assert measured(SPREAD).text == "88.00 ± 6.24 (n=3)"
    assert measured(Spread(0.5, math.nan, 0.5, 0.5, 1)).text == "50.00 (n=1)"


def test_notes_are_numbered_once_in_the_order_of_reading(table: PaperTable) -> None:
    assert footnotes(table) == {"On LAD.": 1, EVIL: 2, "No data.": 3}


def test_markdown_has_rows_of_equal_width_and_each_note_once(table: PaperTable) -> None:
    text = to_markdown(table)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(table.rows)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert "| one | 77.20 [2] | 88.00 ± 6.24 (n=3) |" in rows
    assert text.count("No data.") == 1
    assert "> **QUICK**" in text and "split 14/14" in text and "Take care." in text


def test_csv_gives_back_the_numbers(table: PaperTable) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert len(rows) == 2 * len(table.rows)
    ours = next(row for row in rows if row["row"] == "one" and row["kind"] == "measured")
    assert (float(ours["mean"]), float(ours["sd"]), int(ours["n"])) == (
        pytest.approx(100 * statistics.mean(AUCS)),
        pytest.approx(100 * statistics.stdev(AUCS), rel=1e-5),
        3,
    )
    assert (
        next(row for row in rows if row["row"] == "two" and row["kind"] == "measured")["notes"] == "No data."
    )


def test_latex_leaves_no_special_sign_bare_and_closes_what_it_opens(table: PaperTable) -> None:
    text = to_latex(table)
    opened, closed = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert sorted(opened) == sorted(closed) == ["table", "tablenotes", "tabular", "threeparttable"]
    body = text[text.index(r"\midrule") :]
    bare = re.findall(r"(?<!\\)[%#_]", body)
    assert not bare, bare
    assert r"88.00 $\pm$ 6.24 (n=3)" in body and r"\tnote{1, 2}" in body
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    ampersands = [len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if line.endswith(r" \\")]
    assert ampersands == [2] * len(table.rows)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.add(value or "")
            if key == "href":
                self.links.append(value or "")
            if key == "src" and not (value or "").startswith("data:"):
                self.outside.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_whole_loads_nothing_and_every_mark_leads_to_its_note(table: PaperTable) -> None:
    page = to_html(table)
    reader = _Reader()
    reader.feed(page)
    assert not reader.open and not reader.outside
    assert {link.lstrip("#") for link in reader.links if link.startswith("#")} == reader.ids
    assert "<b>" not in page and "&lt;b&gt;" in page and "QUICK" in page


def test_json_has_no_nan(table: PaperTable) -> None:
    found = json.loads(json.dumps(to_json(table), allow_nan=False))
    assert found["rows"][0][2]["mean"] == pytest.approx(88.0)
    assert found["rows"][1][2] == {"text": "–", "mean": None, "sd": None, "n": 0, "notes": ["No data."]}


def test_all_files_are_written(table: PaperTable, tmp_path: Path) -> None:
    figure = comparison(["a"], [Panel("p", [Series("s", [1.0], [math.nan])])], unit="%")
    for with_figure, suffixes in ((None, "md csv tex html"), (figure, "md csv tex html png")):
        folder = tmp_path / suffixes.replace(" ", "")
        made = PaperTable(table.name, table.title, table.columns, table.rows, figure=with_figure)
        paths = write_table(made, folder)
        assert {path.suffix[1:] for path in paths} == set(suffixes.split())
        assert all(path.stat().st_size > 0 for path in paths)


def test_figures_draw_what_there_is_and_say_what_they_are_worth() -> None:
    nan = math.nan
    ours = Series("ours", [90.0, nan], [2.0, nan])
    paper = Series("paper", [80.0, 70.0], [nan, nan], published=True)
    drawn = comparison(["a", "b"], [Panel("one", [paper, ours])], unit="%", warning="QUICK")
    texts = {text.get_text() for text in drawn.axes[0].texts}
    assert texts == {"80.0", "70.0", "90.0"}
    assert drawn.get_suptitle() == "QUICK"
    swept = sweep([1.0, 10.0], [paper, ours], name="K", unit="%", title="t")
    assert [label.get_text() for label in swept.axes[0].get_xticklabels()] == ["1", "10"]
    empty = comparison(["a"], [Panel("one", [Series("ours", [nan], [nan])])], unit="%")
    assert {text.get_text() for text in empty.axes[0].texts} == {"none", "no number"}
    assert empty.axes[0].get_legend() is None
    matrix = confusion([[3, 1], [0, 4]], ["x", "y"], warning="QUICK")  # type: ignore[arg-type]
    assert {"75", "25", "100"} <= {text.get_text() for text in matrix.axes[0].texts}
    table = picture(["Name", "Number"], [["a", "1"]], title="t")
    assert {"Name", "Number", "a", "1"} <= {text.get_text() for text in table.axes[0].texts}
