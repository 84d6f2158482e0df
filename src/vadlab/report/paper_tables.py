"""A table of the LAD paper with published and measured columns: as Markdown, CSV and LaTeX.

Notes hang on values and headings; each is numbered where it first appears, and printed once below the table.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.figure import Figure

from vadlab.evaluation.seeds import Spread

__all__ = [
    "DASH",
    "Column",
    "PaperTable",
    "Value",
    "footnotes",
    "marked",
    "measured",
    "missing",
    "published",
    "to_csv",
    "to_json",
    "to_latex",
    "to_markdown",
]

DASH = "–"


@dataclass(frozen=True)
class Value:
    """What stands in one place of a table.

    Args:
        text: As printed, without the marks of its notes.
        notes: Each a sentence or more.
        mean, sd, n: The number behind the text, in the unit of its column, its sample standard deviation
            and the number of runs; NaN and 0 where it has none.
    """

    text: str
    notes: tuple[str, ...] = ()
    mean: float = math.nan
    sd: float = math.nan
    n: int = 0


@dataclass(frozen=True)
class Column:
    """A column's heading.

    Args:
        heading: As printed.
        kind: Whether it names the rows, holds the paper's numbers or ours.
        notes: As for a value.
    """

    heading: str
    kind: Literal["label", "published", "measured"] = "label"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """A table or figure of the paper, made again.

    Args:
        name: "table4"; files are named by it.
        title: What it shows.
        columns: Headings.
        rows: Values, as many a row as there are columns.
        protocol: What stands behind the measured numbers, a line for each dataset and detector.
        notes: What holds for the whole table.
        warning: Printed loudly above the table; empty for none.
        figure: The same as a picture, or None.
        failures: What went wrong, a text for each.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    protocol: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warning: str = ""
    figure: Figure | None = None
    failures: tuple[str, ...] = ()


def published(value: float | None, *notes: str, decimals: int = 2) -> Value:
    """A number of the paper with as many decimals as it prints; a dash where it has none."""
    return Value(DASH) if value is None else Value(f"{value:.{decimals}f}", notes, mean=value)


def measured(spread: Spread, *notes: str, scale: float = 100.0) -> Value:
    """Mean ± deviation of a figure over the seeds, and their number; of one seed, the figure alone."""
    mean, sd = scale * spread.mean, scale * spread.sd
    text = f"{mean:.2f} (n=1)" if spread.n == 1 else f"{mean:.2f} ± {sd:.2f} (n={spread.n})"
    return Value(text, notes, mean, sd, spread.n)


def missing(reason: str) -> Value:
    """A dash with the reason as its note."""
    return Value(DASH, (reason,))


def footnotes(table: PaperTable) -> dict[str, int]:
    """Note to its number, by first appearance, headings first."""
    places: Iterable[Column | Value] = (*table.columns, *(value for row in table.rows for value in row))
    notes = dict.fromkeys(note for place in places for note in place.notes)
    return {note: number for number, note in enumerate(notes, start=1)}


def marked(place: Column | Value, numbers: dict[str, int], pattern: str) -> str:
    """The marks of a place's notes, such as "[1, 2]"; empty for none.

    Args:
        place: A heading or value.
        numbers: Of `footnotes`.
        pattern: With {} for the numbers.
    """
    if not place.notes:
        return ""
    return pattern.format(", ".join(str(n) for n in sorted({numbers[note] for note in place.notes})))


def to_markdown(table: PaperTable) -> str:
    """The table with its protocol and notes as GitHub reads them."""
    numbers = footnotes(table)

    def cell(place: Column | Value) -> str:
        text = place.heading if isinstance(place, Column) else place.text
        return (text + marked(place, numbers, " [{}]")).replace("|", r"\|")

    lines = [f"## {table.title}", ""]
    lines += [f"> **{table.warning}**", ""] if table.warning else []
    lines += [_line([cell(column) for column in table.columns])]
    lines += [_line(["---" if column.kind == "label" else "---:" for column in table.columns])]
    lines += [_line([cell(value) for value in row]) for row in table.rows]
    lines += ["", *(f"{number}. {note}" for note, number in numbers.items())] if numbers else []
    for heading, texts in (("Measured with", table.protocol), ("To compare with care", table.notes)):
        lines += ["", f"**{heading}**", "", *(f"- {text}" for text in texts)] if texts else []
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def to_csv(table: PaperTable) -> str:
    """A line a value, for programs: row, column, kind, text, mean, sd, n, notes; labels name the row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "column", "kind", "text", "mean", "sd", "n", "notes"])
    for row in table.rows:
        named = [v.text for c, v in zip(table.columns, row, strict=True) if c.kind == "label"]
        for column, value in zip(table.columns, row, strict=True):
            if column.kind == "label":
                continue
            numbers = ["" if math.isnan(x) else f"{x:.6g}" for x in (value.mean, value.sd)]
            notes = " ".join((*column.notes, *value.notes))
            head = [" / ".join(named), column.heading, column.kind, value.text]
            writer.writerow([*head, *numbers, value.n or "", notes])
    return text.getvalue()


def to_json(table: PaperTable) -> dict[str, Any]:
    """The table for a strict JSON file; a number's mean, sd and n beside its text."""
    return {
        "title": table.title,
        "warning": table.warning,
        "columns": [
            {"heading": column.heading, "kind": column.kind, "notes": list(column.notes)}
            for column in table.columns
        ],
        "rows": [[_value_to_json(value) for value in row] for row in table.rows],
        "protocol": list(table.protocol),
        "notes": list(table.notes),
        "failures": list(table.failures),
    }


def _value_to_json(value: Value) -> dict[str, Any]:
    mean, sd = (None if math.isnan(number) else number for number in (value.mean, value.sd))
    return {"text": value.text, "mean": mean, "sd": sd, "n": value.n, "notes": list(value.notes)}


LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "λ": r"$\lambda$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
}


def to_latex(table: PaperTable) -> str:
    """A `table` for the packages booktabs and threeparttable, with its notes below."""
    numbers = footnotes(table)

    def cell(place: Column | Value) -> str:
        text = place.heading if isinstance(place, Column) else place.text
        return _tex(text) + marked(place, numbers, r"\tnote{{{}}}")

    kinds = "".join("l" if column.kind == "label" else "r" for column in table.columns)
    lines = [
        r"% needs \usepackage{booktabs,threeparttable}",
        r"\begin{table}",
        r"\centering",
        r"\begin{threeparttable}",
        rf"\caption{{{_tex(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        " & ".join(cell(column) for column in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(cell(value) for value in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\begin{tablenotes}\footnotesize",
        *([rf"\item[] \textbf{{{_tex(table.warning)}}}"] if table.warning else []),
        *(rf"\item[{number}] {_tex(note)}" for note, number in numbers.items()),
        *(rf"\item[] {_tex(text)}" for text in (*table.protocol, *table.notes)),
        r"\end{tablenotes}",
        r"\end{threeparttable}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)
