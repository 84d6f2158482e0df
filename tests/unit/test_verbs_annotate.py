"""A folder under annotation: who sees what, what becomes of it in the tables, what people start from."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from numbered_video import write

from vadlab.annotation_table import read_annotators, read_rows
from vadlab.annotations.journal import StaleError
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.operations import DECISION, Kind, Operation
from vadlab.errors import DataError, UsageError
from vadlab.verbs.annotate import JOURNAL, Project, new_id
from vadlab.verbs.annotated_labels import agreed_marks, export_journal, make_labels
from vadlab.verbs.annotations import FORMATS, import_marks, merge_marks

TABLE = """path,split,category,abnormal,events,n_frames,fps,source
a.mp4,train,Fire,1,,100,25,cam1
b.mp4,test,,0,,90,30000/1001,
c.mp4,test,Crash,1,5-9,60,25,cam2
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "annotations.csv").write_text(TABLE)
    return tmp_path


def do(
    project: Project, by: str, video: str, kind: Kind, *marks: Mark, of: str | None = None, **more: Any
) -> None:
    whose = by if of is None else of
    base = project.journal.document(whose, video).revision
    named = {new_id(): mark for mark in marks}
    mark = next(iter(named)) if kind == "add" else None
    project.do(Operation(new_id(), by, whose, video, kind, mark, named, **more), base=base)


def annotate(project: Project, by: str, video: str, *marks: Mark) -> None:
    do(project, by, video, "replace", *marks)
    do(project, by, video, "finish")


def test_labels_are_the_consensus_of_those_who_finished(root: Path) -> None:
    with Project(root) as project:
        annotate(project, "ann", "a.mp4", Mark(10, 20, "Panic"))
        annotate(project, "bob", "a.mp4", Mark(12, 22, "Panic"), Mark(50, 60))
        annotate(project, "cem", "a.mp4", Mark(14, 18))
        do(project, "dan", "a.mp4", "replace", Mark(0, 100))
        annotate(project, "ann", "b.mp4", Mark(30, 50, "Panic"))
        planned = make_labels(project, dry_run=True)
        assert (root / "annotations.csv").read_text() == TABLE
        done = make_labels(project)
    assert (done.n_merged, done.n_decided, done.unfinished) == (2, 0, ("c.mp4",))
    assert done.changes == planned.changes
    rows = {row.path: row for row in read_rows(root / "annotations.csv")}
    assert (rows["a.mp4"].events, rows["a.mp4"].category, rows["a.mp4"].source) == (
        ((12, 20),),
        "Fire",
        "cam1",
    )
    assert (rows["b.mp4"].events, rows["b.mp4"].category, rows["b.mp4"].abnormal) == (
        ((30, 50),),
        "Panic",
        True,
    )
    assert rows["c.mp4"].events == ((5, 9),)
    assert [(one.path, one.annotator) for one in read_annotators(root / "annotators.csv")] == [
        ("a.mp4", "ann"),
        ("a.mp4", "bob"),
        ("a.mp4", "cem"),
        ("b.mp4", "ann"),
    ]
    assert not merge_marks(root, dry_run=True).changes  # the older way from the same table says the same


def test_a_decision_wins_and_names_who_took_it(root: Path) -> None:
    with Project(root) as project:
        annotate(project, "ann", "a.mp4", Mark(10, 20))
        annotate(project, "bob", "c.mp4", Mark(1, 2))
        with pytest.raises(UsageError, match="has not looked at the marks"):
            do(project, "eva", "a.mp4", "replace", Mark(3, 5), of=DECISION)
        for path in ("a.mp4", "c.mp4"):
            do(project, "eva", path, "reveal")
        do(project, "eva", "a.mp4", "replace", Mark(3, 5, "Panic"), of=DECISION)
        assert make_labels(project, dry_run=True).n_decided == 0  # begun, not taken
        do(project, "eva", "a.mp4", "finish", of=DECISION)
        do(project, "eva", "c.mp4", "finish", of=DECISION)
        done = make_labels(project)
        assert (done.n_merged, done.n_decided) == (0, 2)
    rows = {row.path: row for row in read_rows(root / "annotations.csv")}
    assert (rows["a.mp4"].events, rows["a.mp4"].category) == (((3, 5),), "Panic")
    assert (rows["c.mp4"].events, rows["c.mp4"].category, rows["c.mp4"].abnormal) == ((), "Crash", False)
    with (root / "decisions.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(one["path"], one["events"], one["category"], one["decided_by"]) for one in lines] == [
        ("a.mp4", "3-5", "Panic", "eva"),
        ("c.mp4", "", "", "eva"),
    ]


def test_who_has_seen_others_marks_changes_nothing_more(root: Path) -> None:
    with Project(root) as project:
        annotate(project, "ann", "a.mp4", Mark(10, 20))
        do(project, "ann", "a.mp4", "reveal")
        with pytest.raises(UsageError, match="has seen others' marks"):
            do(project, "ann", "a.mp4", "add", Mark(1, 2))
        do(project, "ann", "b.mp4", "add", Mark(1, 2))
        assert project.may_see_all("ann", "a.mp4")
        assert not project.may_see_all("ann", "b.mp4")


def test_marks_end_with_the_video(root: Path) -> None:
    with Project(root) as project:
        do(project, "ann", "c.mp4", "add", Mark(59, 60))
        with pytest.raises(UsageError, match="59-61"):
            do(project, "ann", "c.mp4", "add", Mark(59, 61))
        with pytest.raises(DataError, match="no such video"):
            do(project, "ann", "z.mp4", "finish")


def test_the_folder_s_own_table_is_taken_in_once(root: Path) -> None:
    (root / "annotators.csv").write_text(
        "path,annotator,events,categories,notes\na.mp4,ann,10-20;30-31,Fire;,a\\;b;\n"
    )
    for _ in range(2):
        with Project(root) as project:
            document = project.journal.document("ann", "a.mp4")
            assert (document.revision, document.finished) == (2, True)
            assert document.annotation("ann").marks == (Mark(10, 20, "Fire", "a;b"), Mark(30, 31))
            assert project.categories == ("Crash", "Fire")


def test_videos_that_are_in_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to annotate"):
        Project(tmp_path)
    assert not (tmp_path / JOURNAL).exists()
    (tmp_path / "day").mkdir()
    write(tmp_path / "day" / "two.mp4", 30)
    write(tmp_path / "one.mp4", 20)
    with Project(tmp_path) as project:
        assert list(project.of_path) == ["day/two.mp4", "one.mp4"]
        with pytest.raises(DataError, match="nobody has finished"):
            make_labels(project)
        with pytest.raises(UsageError, match="up to 20"):
            do(project, "ann", "one.mp4", "add", Mark(3, 21))
        annotate(project, "ann", "one.mp4", Mark(3, 20))
        assert make_labels(project).unfinished == ("day/two.mp4",)
    # Nobody has said that the other video is normal, so the table must not say so.
    (row,) = read_rows(tmp_path / "annotations.csv")
    assert (row.path, row.part, row.events, row.n_frames) == ("one.mp4", "train", ((3, 20),), 20)
    with Project(tmp_path) as project:
        assert list(project.of_path) == ["one.mp4", "day/two.mp4"]
        annotate(project, "ann", "day/two.mp4")
        make_labels(project)
    assert [row.abnormal for row in read_rows(tmp_path / "annotations.csv")] == [True, False]


@pytest.mark.parametrize("name", FORMATS)
def test_export_and_start_from_every_format(root: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    with Project(root) as project:
        annotate(project, "ann", "a.mp4", Mark(10, 20, "Panic"))
        annotate(project, "bob", "a.mp4", Mark(12, 22, "Panic"))
        annotate(project, "bob", "b.mp4")
        export_journal(project, name, file, whose="ann")
        assert project.start_from(name, file, "cem") == (["a.mp4"], [])
        assert project.start_from(name, file, "bob") == ([], ["a.mp4"])
        found = project.journal.document("cem", "a.mp4")
        assert found.annotation("cem").marks == (Mark(10, 20, "Panic"),)
        assert not found.finished
        export_journal(project, name, file, whose="consensus")
        assert project.start_from(name, file, "dan")[0] == ["a.mp4", "b.mp4"]
        assert project.journal.document("dan", "a.mp4").annotation("dan").marks == (Mark(10, 22, "Panic"),)
        with pytest.raises(DataError, match="no finished marks"):
            export_journal(project, name, file, whose="zoe")
        if name == "activitynet":
            with pytest.raises(UsageError):
                export_journal(project, name, file, whose=None)
        else:
            export_journal(project, name, file, whose=None)
            other = tmp_path / "other"
            other.mkdir()
            (other / "annotations.csv").write_text(TABLE)
            assert len(import_marks(name, file, other).added) == 3


def test_a_start_with_marks_after_the_end_of_a_video_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "one.mp4", 20)
    write(tmp_path / "two.mp4", 20)
    file = tmp_path / "start.csv"
    file.write_text("path,annotator,events\none.mp4,x,3-9\ntwo.mp4,x,15-21\n")
    with Project(tmp_path) as project:
        with pytest.raises(DataError, match="15-21"):
            project.start_from("folder", file, "ann")
        assert project.journal.entries() == []


def test_a_second_window_of_the_same_person_is_told(root: Path) -> None:
    with Project(root) as here, Project(root) as there:
        do(here, "ann", "a.mp4", "add", Mark(1, 2))
        with pytest.raises(StaleError):
            there.do(Operation(new_id(), "ann", "ann", "a.mp4", "finish"), base=0)


def test_each_agreed_event_has_the_category_that_most_name_there() -> None:
    video = ListedVideo("a.mp4", "a", 100, Fraction(25))
    people = (
        Annotation("ann", (Mark(0, 30, "Fight"), Mark(60, 70, "Fall"))),
        Annotation("bob", (Mark(10, 30, "Fight"), Mark(62, 72, "Fall"))),
        Annotation("cem", (Mark(10, 20, "Fall"), Mark(64, 66))),
        Annotation("dan", (Mark(90, 95, "Fire"),)),
    )
    assert agreed_marks(AnnotatedVideo(video, people)) == (Mark(10, 30, "Fight"), Mark(62, 70, "Fall"))
    assert agreed_marks(AnnotatedVideo(video, people[2:]), threshold=1.0) == ()
