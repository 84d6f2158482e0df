from pathlib import Path

import pytest
from annotation_examples import EXAMPLE, A, B, video_list

from vadlab.annotation_table import Annotator, read_annotators, write_annotators
from vadlab.annotations import folder_csv
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.errors import DataError, UsageError


def written(folder: Path, *lines: str) -> Path:
    (folder / "x.csv").write_text("\n".join(lines) + "\n")
    return folder / "x.csv"


def test_columns_that_would_be_empty_are_not_written(tmp_path: Path) -> None:
    file = tmp_path / "annotators.csv"
    write_annotators(file, [Annotator("a.mp4", "p", ((0, 3),)), Annotator("a.mp4", "q", ())])
    assert file.read_text() == "path,annotator,events\na.mp4,p,0-3\na.mp4,q,\n"
    folder_csv.write(file, EXAMPLE)
    assert file.read_text().splitlines()[0] == "path,annotator,events,categories,notes"


def test_one_category_is_that_of_all_events(tmp_path: Path) -> None:
    file = written(
        tmp_path, "path,annotator,events,categories", "a.mp4,p,0-3;5-6,Fire", "a.mp4,q,0-3;5-6,;Fire"
    )
    assert [mark.categories for mark in read_annotators(file)] == [("Fire", "Fire"), (None, "Fire")]


def test_the_merged_table_is_one_persons_marks(tmp_path: Path) -> None:
    header = "path,split,category,abnormal,events"
    file = written(
        tmp_path, header, "Fire/a.mp4,train,Fire,1,3-9;20-30", "Fire/b.avi,train,,0,", "folder.1,test,,1,"
    )
    found = folder_csv.read(file, video_list(), annotator="ann")
    expected = Annotation("ann", (Mark(3, 9, "Fire"), Mark(20, 30, "Fire")))
    assert found.videos == (AnnotatedVideo(A, (expected,)), AnnotatedVideo(B, (Annotation("ann"),)))
    assert found.warnings == ("videos that are only known to be abnormal somewhere are left out (1)",)
    with pytest.raises(UsageError, match="--annotator NAME"):
        folder_csv.read(file, video_list())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a.mp4,p,9-3,,", "column 'events'"),
        ("a.mp4,p,-2-3,,", "column 'events'"),
        ("a.mp4,p,0-3;5-6,Fire;Fire;Fire,", "nothing, or one for each of the 2 events"),
        ("a.mp4,p,0-3;5-6,,x", "nothing, or one for each of the 2 events"),
        ("a.mp4,,0-3,,", "a name"),
        ("a.mp4,p,0-101,,", "stops up to the 100 frames of Fire/a.mp4, found 0-101"),
        ("z.mp4,p,0-3,,", "a video of annotations.csv, found 'z.mp4'"),
    ],
)
def test_malformed_lines_are_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        folder_csv.read(written(tmp_path, "path,annotator,events,categories,notes", line), video_list())
    assert told in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="header"):
        folder_csv.read(written(tmp_path, "<xml/>"), video_list())
    with pytest.raises(DataError, match="cannot read"):
        folder_csv.read(tmp_path / "no.csv", video_list())
