"""A table of the LAD paper as one self-contained HTML page, and all its files."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from vadlab.files import write_whole
from vadlab.report.figures import to_png, to_svg
from vadlab.report.paper_figures import caption
from vadlab.report.paper_tables import (
    Column,
    PaperTable,
    Value,
    footnotes,
    to_csv,
    to_latex,
    to_markdown,
)

__all__ = ["to_html", "write_table"]


def write_table(table: PaperTable, folder: Path) -> list[Path]:
    """Write NAME.md, .csv, .tex, .html and, where there is a figure, .png; the paths.

    Raises:
        StoreError: If a file cannot be written.
    """
    contents = {
        "md": to_markdown(table).encode(),
        "csv": to_csv(table).encode(),
        "tex": to_latex(table).encode(),
        "html": to_html(table).encode(),
    }
    if table.figure is not None:
        caption(table.figure, table.protocol)
        contents["png"] = to_png(table.figure)
    for suffix, content in contents.items():
        write_whole(folder / f"{table.name}.{suffix}", content)
    return [folder / f"{table.name}.{suffix}" for suffix in contents]


def to_html(table: PaperTable) -> str:
    """The page: it opens from disk, asks nothing of anywhere, follows a dark screen, and prints."""
    numbers = footnotes(table)
    notes = [f'<li id="note{number}">{escape(note)}</li>' for note, number in numbers.items()]
    texts = [f"<h2>Notes</h2><ol>{''.join(notes)}</ol>"] if notes else []
    texts += _list("Measured with", table.protocol)
    texts += _list("To compare with care", table.notes)
    template = resources.files("vadlab.report").joinpath("paper.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(f"{table.title}: vadlab"),
        heading=escape(table.title),
        warning=f'<p class="warning">{escape(table.warning)}</p>' if table.warning else "",
        table=_table(table, numbers),
        figure=_figure(table),
        texts="\n".join(texts),
    )


def _table(table: PaperTable, numbers: dict[str, int]) -> str:
    head = "".join(
        f'<th scope="col" class="{column.kind}">{_text(column, numbers)}</th>' for column in table.columns
    )
    rows = [
        "".join(_cell(*pair, numbers) for pair in zip(table.columns, row, strict=True)) for row in table.rows
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(column: Column, value: Value, numbers: dict[str, int]) -> str:
    if column.kind == "label":
        return f'<th scope="row">{_text(value, numbers)}</th>'
    return f'<td class="{column.kind}">{_text(value, numbers)}</td>'


def _text(place: Column | Value, numbers: dict[str, int]) -> str:
    text = place.heading if isinstance(place, Column) else place.text
    marks = ", ".join(f'<a href="#note{n}">{n}</a>' for n in sorted(numbers[note] for note in place.notes))
    return escape(text) + (f"<sup>{marks}</sup>" if marks else "")


def _figure(table: PaperTable) -> str:
    if table.figure is None:
        return ""
    content = base64.b64encode(to_svg(table.figure).encode()).decode()
    width = round(96 * float(table.figure.get_size_inches()[0]))
    image = f'<img width="{width}" alt="{escape(table.title)}" src="data:image/svg+xml;base64,{content}">'
    return f'<figure class="card figure">{image}</figure>'


def _list(heading: str, texts: Iterable[str]) -> list[str]:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return [f"<h2>{heading}</h2><ul>{items}</ul>"] if items else []
