"""The report: one self-contained HTML file that opens from disk, with no request to anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from vadlab.evaluation.result import Evaluation
from vadlab.files import write_whole
from vadlab.report.findings import by_video
from vadlab.report.page_categories import categories_section
from vadlab.report.page_curves import curves_section
from vadlab.report.page_misses import FrameSource, misses_section
from vadlab.report.page_results import results_section, run_section
from vadlab.report.page_videos import script_data, videos_section
from vadlab.report.wording import setting_text

__all__ = ["write_page"]


def write_page(path: Path, evaluation: Evaluation, *, run: Mapping[str, Any], frame: FrameSource) -> None:
    """Write the report of one evaluation.

    Args:
        path: The HTML file; replaced whole or not at all.
        evaluation: The result.
        run: Where it comes from. Known keys, each may be absent: dataset, detector, settings, split,
            features, versions, seed, started, minutes, auc_interval (low, high in 0..1). A value is
            text, a number, a list or a mapping of those.
        frame: Gives a frame of a video as (height, width, 3) RGB uint8, or None where it is not at hand.

    Raises:
        StoreError: If the file cannot be written.
    """
    rows = by_video(evaluation)
    sections = {
        "Results": results_section(evaluation, run),
        "Curves": curves_section(evaluation),
        "Categories": categories_section(evaluation),
        "Worst misses": misses_section(evaluation, frame),
        "All videos": videos_section(evaluation, rows),
        "Run": run_section(run),
    }
    present = {title: content for title, content in sections.items() if content}
    heading = " on ".join(
        setting_text(run[key]) for key in ("detector", "dataset") if setting_text(run.get(key))
    )
    heading = heading or "Evaluation"
    template = resources.files("vadlab.report").joinpath("page.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=escape(f"{heading}: vadlab report"),
        heading=escape(heading),
        subtitle=escape(_subtitle(evaluation, run)),
        nav="".join(f'<a href="#{_anchor(title)}">{title}</a>' for title in present),
        body="\n".join(
            f'<section id="{_anchor(title)}"><h2>{title}</h2>\n{content}\n</section>'
            for title, content in present.items()
        ),
        data=_script_json(script_data(evaluation, rows)),
        footer="Made by vadlab. Figures compare only with figures under the same rules, split and features.",
    )
    write_whole(path, page.encode())


def _subtitle(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    n_frames = sum(judged.labels.n_frames for judged in evaluation.videos)
    parts = [f"{len(evaluation.videos):,} test videos, {n_frames:,} frames"]
    if setting_text(run.get("started")):
        parts.append(setting_text(run["started"]))
    if run.get("minutes") is not None:
        parts.append(f"{float(run['minutes']):.1f} minutes")
    return " · ".join(parts)


def _script_json(value: object) -> str:
    """JSON that cannot end its script element, whatever texts it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
