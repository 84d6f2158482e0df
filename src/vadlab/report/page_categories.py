"""The page's section "Categories": the confusion matrices and the figures by category."""

from __future__ import annotations

import math
from html import escape

from vadlab.evaluation.result import Evaluation
from vadlab.report.findings import by_category
from vadlab.report.wording import DASH, PERCENT
from vadlab.types import IntArray

__all__ = ["categories_section"]


def categories_section(evaluation: Evaluation) -> str:
    """The confusion of windows and of videos, and a row a category; empty without categories."""
    parts = [
        f'<div class="card scroll">{_matrix(counts, evaluation.categories, of=of)}</div>'
        for counts, of in ((evaluation.confusion, "windows"), (evaluation.confusion_videos, "videos"))
        if counts is not None and len(evaluation.categories)
    ]
    table = _category_table(evaluation)
    if not parts and not table:
        return ""
    return f'<div class="grid">{"".join(parts)}</div>' + (
        f'<div class="card scroll" style="margin-top:16px">{table}</div>' if table else ""
    )


def _matrix(counts: IntArray, names: tuple[str, ...], *, of: str) -> str:
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    rows = []
    for name, row in zip(names, counts.tolist(), strict=True):
        total = sum(row)
        cells = "".join(_cell(count, total) for count in row)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}<td class="total">{total:,}</td></tr>')
    many = " many" if len(names) > 8 else ""
    corner = '<td class="none"></td>'
    return (
        f'<table class="matrix{many}"><caption>Confusion of {of}<small>Row: true category. Column: '
        f"predicted. In % of the row, counts in small print, {of} of the row on the right.</small></caption>"
        f"<thead><tr>{corner}{head}{corner}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(count: int, total: int) -> str:
    if not total:
        return f'<td class="none">{DASH}</td>'
    if not count:
        return "<td></td>"
    share = count / total
    kind = ' class="hi"' if share > 0.5 else ""
    return f'<td{kind} style="--s:{share:.3f}">{100 * share:.0f}<small>{count:,}</small></td>'


def _category_table(evaluation: Evaluation) -> str:
    rows = []
    for row in by_category(evaluation):
        auc = _share(row.auc, reason=row.reasons.get("auc", ""))
        bar = (
            ""
            if math.isnan(row.auc)
            else f'<span class="bar"><i style="width:{100 * row.auc:.1f}%"></i></span>'
        )
        accuracy = _share(row.accuracy, reason=row.reasons.get("accuracy", ""))
        rows.append(
            f'<tr><th scope="row">{escape(row.name)}</th><td class="n">{row.n_videos:,}</td>'
            f'<td class="n">{row.n_abnormal_videos:,}</td><td class="n">{row.n_frames:,}</td>'
            f'<td class="n">{row.n_abnormal_frames:,}</td><td class="n">{auc}{bar}</td>'
            f'<td class="n">{accuracy}</td></tr>'
        )
    if not rows:
        return ""
    heads = ("Videos", "Abnormal videos", "Frames", "Abnormal frames", "Frame AUC", "Category accuracy")
    head = "".join(f'<th scope="col" class="n">{text}</th>' for text in heads)
    return (
        "<table><caption>By category<small>Counted frames; accuracy over videos.</small></caption>"
        f'<thead><tr><th scope="col">Category</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _share(value: float, *, reason: str) -> str:
    if math.isnan(value):
        return f'<span class="muted small">{DASH} {escape(reason)}</span>'
    return f"{100 * value:.1f}{PERCENT}"
