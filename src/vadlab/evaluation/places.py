"""Where an evaluation's files are in a run folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["METRICS", "SCORES", "figures_folder", "report_file", "scores_name"]

METRICS = "metrics.json"
SCORES = "scores"


def report_file(run: Path, rules: str) -> Path:
    """The HTML report under some rules: `report.html` for `strict`, which is what people open first."""
    return run / ("report.html" if rules == "strict" else f"report-{rules}.html")


def scores_name(rules: str, video: str) -> str:
    """The file of a video's scores, below the folder SCORES; see `timeline`."""
    return f"{rules}/{video}.safetensors"


def figures_folder(run: Path, rules: str) -> Path:
    """The folder of the figures as PNG."""
    return run / "figures" / rules
