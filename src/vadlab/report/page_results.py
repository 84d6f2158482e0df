"""The page's sections "Results" and "Run": the figures with the protocol that they hold for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import describe
from vadlab.report.wording import DASH, MEANINGS, PERCENT, metric_label, metric_text, setting_text

__all__ = ["results_section", "run_section"]

HEADLINE = ("auc", "ap", "eer", "false_alarms_per_hour", "accuracy_windows", "accuracy_videos")


def results_section(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    """The headline figures, the protocol beside them, and a table of all other figures."""
    metrics = evaluation.metrics
    headline = [name for name in HEADLINE if name in metrics]
    # Categories are no headline for a detector that names none.
    if not evaluation.categories:
        headline = [name for name in headline if not name.startswith("accuracy")]
    rest = [name for name in metrics if name not in headline]
    cards = "".join(
        f'<div class="number"><b>{metric_text(name, metrics[name])}</b>'
        f"<span>{escape(metric_label(name))}</span>"
        f"<small>{_interval(run) if name == 'auc' else ''}{_meaning(evaluation, name)}</small></div>"
        for name in headline
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(metric_label(name))}</th>'
        f'<td class="n">{metric_text(name, metrics[name])}</td>'
        f'<td class="muted">{_meaning(evaluation, name)}</td><td><code>{escape(name)}</code></td></tr>'
        for name in rest
    )
    more = (
        '<div class="scroll"><table><caption>Further figures</caption><thead><tr><th scope="col">Figure</th>'
        '<th scope="col" class="n">Value</th><th scope="col">What it means</th>'
        f'<th scope="col">Name in metrics.json</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return f'<div class="card"><div class="numbers">{cards}</div>{_protocol(evaluation, run)}</div>' + (
        f'<div class="card" style="margin-top:16px">{more}</div>' if rest else ""
    )


def _meaning(evaluation: Evaluation, name: str) -> str:
    """What the figure means, after why it has no value where it has none."""
    meaning = MEANINGS.get(name, ("", ""))[1]
    if math.isnan(evaluation.metrics[name]):
        meaning = f"Undefined: {evaluation.reasons.get(name, 'no reason given')}. {meaning}"
    return escape(meaning)


def _interval(run: Mapping[str, Any]) -> str:
    low, high = run.get("auc_interval") or (math.nan, math.nan)
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"95{PERCENT} interval {100 * low:.1f} to {100 * high:.1f} (drawing videos). "


def _protocol(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    terms = {"Rules": describe(evaluation.rules)}
    for key in ("dataset", "split", "detector", "settings", "features", "seed", "versions"):
        if setting_text(run.get(key)):
            terms[key.capitalize()] = setting_text(run[key])
    lines = "".join(f"<div><dt>{term}</dt><dd>{escape(text)}</dd></div>" for term, text in terms.items())
    return f'<dl class="protocol" aria-label="What these numbers hold for">{lines}</dl>'


def run_section(run: Mapping[str, Any]) -> str:
    """The settings, split, features and versions in full; empty where none is known."""
    tables = []
    for key in ("settings", "split", "features", "versions"):
        value = run.get(key)
        if isinstance(value, Mapping) and value:
            rows = "".join(
                f'<tr><th scope="row">{escape(str(name))}</th>'
                f"<td>{escape(setting_text(setting)) or DASH}</td></tr>"
                for name, setting in value.items()
            )
            table = f"<table><caption>{key.capitalize()}</caption><tbody>{rows}</tbody></table>"
            tables.append(f'<div class="card scroll">{table}</div>')
    return f'<div class="grid">{"".join(tables)}</div>' if tables else ""
