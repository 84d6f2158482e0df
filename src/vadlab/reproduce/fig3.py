"""Fig. 3: anomaly by category, anomaly by video, lengths."""

from __future__ import annotations

import dataclasses
from typing import Any

from vadlab.errors import VadlabError
from vadlab.report.paper_tables import Column, PaperTable, Value, missing
from vadlab.report.statistics import figure_3, summary
from vadlab.report.style import empty_figure
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.counted import counted

__all__ = ["fig3"]

TOLD = (
    "The paper plots LAD without numbers: most videos have 4,000 to 8,000 frames; Fire and Loitering have "
    "the highest shares of abnormal frames, Falling the lowest (Sec. 3.2)."
)
COLUMNS = (
    Column("Category"),
    *(Column(name, "measured") for name in ("Videos", "Abnormal videos", "Frames", "Abnormal frames, %")),
)


def fig3(bench: Bench) -> PaperTable:
    """The first dataset's three panels, and the numbers behind the first one."""
    source = bench.sources[0]
    bench = dataclasses.replace(bench, sources=(source,))
    title = f"Fig. 3: statistics of {source.label}"
    try:
        facts = counted(bench, source)
    except VadlabError as error:
        short = str(error).partition("\n")[0]
        row = (Value("all"), *[missing(short)] * 4)
        return PaperTable("fig3", title, COLUMNS, (row,), figure=empty_figure(short), failures=(str(error),))
    totals = summary(facts)
    rows = [_row(name, of) for name, of in totals["categories"].items()]
    return PaperTable(
        "fig3",
        title,
        COLUMNS,
        (*rows, _row("all", totals | {"videos": len(facts)})),
        protocol=("all frames decoded; videos of all parts",),
        notes=(TOLD,),
        figure=figure_3(facts),
    )


def _row(name: str, of: dict[str, Any]) -> tuple[Value, ...]:
    share = 100 * of["abnormal_frames"] / of["frames"]
    counts = [Value(f"{of[key]:,}", mean=of[key]) for key in ("videos", "abnormal_videos", "frames")]
    return (Value(name), *counts, Value(f"{share:.1f}", mean=share))
