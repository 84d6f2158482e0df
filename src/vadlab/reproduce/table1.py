"""Table 1: the datasets in numbers."""

from __future__ import annotations

from typing import Any

from vadlab import catalog
from vadlab.errors import VadlabError
from vadlab.report.paper_figures import picture
from vadlab.report.paper_tables import DASH, Column, PaperTable, Value, missing
from vadlab.report.statistics import TABLE_1, summary, table_1_row
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.counted import counted

__all__ = ["table1"]

RECORDINGS = (
    "Recordings that the videos were cut from, as far as the dataset tells; the paper counts scenes, which "
    "no dataset lists."
)
SUPERVISION = (
    "Ours: what the official training videos teach of anomalies. The paper calls Ped1, Ped2, Avenue and "
    "ShanghaiTech video-level; in their own protocols all training videos are normal."
)
SHORT = {"Video-level": "video", "Video- and frame-level": "video, frame"}
FRAMES_OF_PED2 = "The paper's Sec. 2.1 gives Ped2 4,950 frames; the set has 2,550 + 2,010."
COLUMNS = (
    Column("Database"),
    Column("Year, paper", "published"),
    Column("Videos, paper", "published"),
    Column("Videos, ours", "measured"),
    Column("Scenes, paper", "published"),
    Column("Recordings, ours", "measured", (RECORDINGS,)),
    Column("Supervision, paper", "published"),
    Column("Supervision, ours", "measured", (SUPERVISION,)),
    Column("Categories, paper", "published"),
    Column("Categories, ours", "measured"),
    Column("Frames, ours", "measured"),
    Column("Abnormal frames, ours", "measured"),
)


def table1(bench: Bench) -> PaperTable:
    """The paper's seven rows, and those of other datasets at hand."""
    failures: list[str] = []
    by_name = {source.name: source for source in bench.sources}
    paper = [name for name in TABLE_1 if name != "avenue_ranges"]  # the paper knows one Avenue
    rows = tuple(_row(bench, name, by_name.get(name), failures) for name in dict.fromkeys((*paper, *by_name)))
    title = "Table 1: video anomaly detection databases"
    texts = [[value.text for value in row] for row in rows]
    return PaperTable(
        "table1",
        title,
        COLUMNS,
        rows,
        figure=picture([column.heading for column in COLUMNS], texts, title=title),
        protocol=("all frames decoded; videos of all parts, official labels",) if bench.sources else (),
        notes=(FRAMES_OF_PED2,) if "ped2" in by_name else (),
        failures=tuple(failures),
    )


def _row(bench: Bench, name: str, source: Source | None, failures: list[str]) -> tuple[Value, ...]:
    told = table_1_row(name, ())["published"]
    printed = {key: Value(str(told.get(key, DASH))) for key in ("year", "videos", "scenes")}
    printed["supervision"] = Value(SHORT.get(told.get("supervision", ""), DASH))
    printed["categories"] = Value(str(told.get("categories", DASH)))
    ours = dict.fromkeys(OURS, Value(DASH))
    if source is not None:
        try:
            ours = _ours(bench, source)
        except VadlabError as error:
            failures.append(str(error))
            ours = dict.fromkeys(OURS, missing(str(error).partition("\n")[0]))
    return (
        Value(told.get("database", source.label if source else name)),
        printed["year"],
        printed["videos"],
        ours["videos"],
        printed["scenes"],
        ours["recordings"],
        printed["supervision"],
        ours["supervision"],
        printed["categories"],
        ours["categories"],
        ours["frames"],
        ours["abnormal_frames"],
    )


OURS = ("videos", "recordings", "supervision", "categories", "frames", "abnormal_frames")


def _ours(bench: Bench, source: Source) -> dict[str, Value]:
    facts = counted(bench, source)
    entries = catalog.load("datasets", source.name)(source.root).entries()
    totals, row = summary(facts), table_1_row(source.name, facts)["measured"]
    unlabelled = totals["videos"] - totals["videos_with_frame_labels"]
    note = (f"{unlabelled} videos have no frame labels.",) if unlabelled else ()
    return {
        "videos": _count(totals["videos"]),
        "recordings": _count(len({entry.source for entry in entries})),
        "supervision": Value(SHORT[row["supervision"]]),
        "categories": _count(row["categories"]),
        "frames": _count(totals["frames"]),
        "abnormal_frames": _count(totals["abnormal_frames"], *note),
    }


def _count(number: Any, *notes: str) -> Value:
    """A number, or what is told in its place."""
    return Value(f"{number:,}", notes, mean=number) if isinstance(number, int) else Value(str(number), notes)
