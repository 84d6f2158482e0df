"""vadlab annotate --labels: from the journal to the tables that training and evaluation read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from vadlab.annotation_table import Row, format_events, read_rows, write_annotators, write_rows
from vadlab.annotations.folder_csv import to_row
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.annotations.merge import Merged, merge
from vadlab.annotations.operations import DECISION
from vadlab.csv_table import write_lines
from vadlab.errors import DataError, UsageError
from vadlab.verbs.annotate import Project, table_rows
from vadlab.verbs.annotated_folder import MARKS, TABLE
from vadlab.verbs.annotations import FORMATS, Change

__all__ = ["DECISIONS", "Labels", "agreed_marks", "export_journal", "make_labels"]

DECISIONS = "decisions.csv"
DECIDED, CONSENSUS = "decision", "consensus"


@dataclass(frozen=True)
class Labels:
    """What the journal comes to.

    Args:
        changes: Rows of `annotations.csv` that change; of a video that was not in it, from a normal one.
        n_merged: Videos whose labels are the annotators' consensus.
        n_decided: Videos whose labels somebody decided.
        unfinished: Paths that nobody has seen to their end; their rows stay, or are not made.
        written: Files that were written.
    """

    changes: tuple[Change, ...]
    n_merged: int
    n_decided: int
    unfinished: tuple[str, ...]
    written: tuple[Path, ...]


def make_labels(project: Project, *, threshold: float = 0.5, dry_run: bool = False) -> Labels:
    """Write the folder's `annotators.csv`, `annotations.csv` and `decisions.csv` from its journal.

    A video that somebody decided about has the labels of the decision, others the consensus of all who
    have seen the video to its end: abnormal where at least the threshold's share of them say so. A decision
    names the category; the consensus only where the table has none. Split and source stay.

    Args:
        project: The folder.
        threshold: Share of the annotators, 0 < threshold <= 1.
        dry_run: Only find out.

    Raises:
        DataError: If nobody has finished a video.
        UsageError: If the threshold is out of range.

    Source: LAD paper, Sec. 3.2, for the consensus.
    """
    finished, decided = project.finished(), _decisions(project)
    if not finished and not decided:
        raise DataError(
            "nobody has finished a video",
            file=project.root,
            remedy="mark a video as seen to its end on the page (key F); only then its marks count",
        )
    merged = {one.video.path: merge(one, threshold=threshold) for one in finished}
    decisions = {one.video.path: merge(one) for one in decided}
    in_table = (
        {row.path for row in read_rows(project.root / TABLE)} if (project.root / TABLE).is_file() else set()
    )
    changes, rows, unfinished = [], [], []
    for row in table_rows(project.root):
        found = decisions.get(row.path, merged.get(row.path))
        after = row if found is None else _labelled(row, found, decided=row.path in decisions)
        if found is None:
            unfinished.append(row.path)
        if found is not None or row.path in in_table:
            rows.append(after)
        if after != row:
            changes.append(Change(row, after))
    written: tuple[Path, ...] = ()
    if not dry_run:
        written = tuple(project.root / name for name in (MARKS, TABLE, DECISIONS))
        people = [to_row(one.video.path, annotation) for one in finished for annotation in one.annotations]
        write_annotators(written[0], sorted(people, key=lambda one: (one.path, one.annotator)))
        write_rows(written[1], rows)
        _write_decisions(written[2], project, decisions)
    n_merged = len(merged.keys() - decisions.keys())
    return Labels(tuple(changes), n_merged, len(decisions), tuple(unfinished), written)


def export_journal(project: Project, format_name: str, file: Path, *, whose: str | None) -> tuple[str, ...]:
    """Write finished marks as a file of another tool's format.

    Args:
        project: The folder.
        format_name: One of `vadlab.verbs.annotations.FORMATS`.
        file: The file to write.
        whose: One annotator, "consensus" for the labels (decisions included), or None for all people.

    Returns:
        What is lost by the format, in words.

    Raises:
        UsageError: If the format is unknown, or cannot hold several people.
        DataError: If there is nothing to write.
    """
    if format_name not in FORMATS:
        raise UsageError("no such format", expected=" | ".join(FORMATS), found=format_name)
    videos = project.finished()
    if whose == CONSENSUS:
        of_path = {one.video.path: (one.video, agreed_marks(one)) for one in videos}
        of_path |= {one.video.path: (one.video, one.annotations[0].marks) for one in _decisions(project)}
        videos = [AnnotatedVideo(video, (Annotation(CONSENSUS, marks),)) for video, marks in of_path.values()]
    elif whose is not None:
        own = [(one.video, [a for a in one.annotations if a.annotator == whose]) for one in videos]
        videos = [AnnotatedVideo(video, tuple(marks)) for video, marks in own if marks]
    if not videos:
        raise DataError(
            "there are no finished marks to export",
            file=project.root,
            found=whose or "nobody's",
            remedy="mark a video as seen to its end on the page (key F)",
        )
    return FORMATS[format_name].write(file, videos)


def agreed_marks(video: AnnotatedVideo, *, threshold: float = 0.5) -> tuple[Mark, ...]:
    """The consensus of a video's annotators as marks, each with the category that most name there."""
    marks = []
    for start, stop in merge(video, threshold=threshold).labels.intervals.tolist():
        inside = tuple(
            Annotation(one.annotator, tuple(_cut(one.marks, start, stop))) for one in video.annotations
        )
        here = merge(AnnotatedVideo(video.video, inside), threshold=threshold)
        marks.append(Mark(start, stop, here.labels.category))
    return tuple(marks)


def _cut(marks: Sequence[Mark], start: int, stop: int) -> list[Mark]:
    """The parts of marks within a span."""
    return [
        replace(mark, start=max(mark.start, start), stop=min(mark.stop, stop))
        for mark in marks
        if mark.start < stop and mark.stop > start
    ]


def _decisions(project: Project) -> list[AnnotatedVideo]:
    return [
        AnnotatedVideo(project.facts(path), (document.annotation(DECIDED),))
        for path, document in project.decided().items()
    ]


def _labelled(row: Row, found: Merged, *, decided: bool) -> Row:
    category = found.labels.category
    taken = category is not None and (decided or row.category is None)
    return replace(
        row,
        abnormal=found.labels.abnormal,
        events=tuple((start, stop) for start, stop in found.labels.intervals.tolist()),
        n_frames=found.labels.n_frames,
        category=category if taken else row.category,
    )


def _write_decisions(file: Path, project: Project, decisions: dict[str, Merged]) -> None:
    """Who decided what, and when: a line a video."""
    last = {
        entry.operation.video: entry
        for entry in project.journal.entries()
        if entry.operation.annotator == DECISION
    }
    lines = [
        (
            path,
            format_events(one.labels.intervals.tolist()),
            one.labels.category or "",
            last[path].operation.by,
            datetime.fromtimestamp(last[path].time, UTC).isoformat(timespec="seconds"),
        )
        for path, one in sorted(decisions.items())
    ]
    write_lines(file, ("path", "events", "category", "decided_by", "time"), lines)
