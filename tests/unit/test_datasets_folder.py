from pathlib import Path

import pytest

from vadlab.datasets.folder import Folder
from vadlab.errors import DataError, UsageError
from vadlab.types import Supervision

LINES = """path,split,category,abnormal,events,n_frames,source
Fire/a.mp4,train,Fire,1,3-9,20,
Fire/b.mp4,train,Fire,0,,20,
Panic/c.mp4,val,Panic,1,0-4,20,
Panic/d.mp4,val,Panic,0,,20,
e.mp4,test,,0,,20,
Fire/f.mp4,test,Fire,1,,20,
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "annotations.csv").write_text(LINES)
    for line in LINES.splitlines()[1:]:
        path = tmp_path / line.partition(",")[0]
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_categories_are_those_of_the_table(root: Path) -> None:
    assert Folder(root).categories == ("Fire", "Panic")


def test_listed_validation_videos_validate(root: Path) -> None:
    dataset = Folder(root)
    weak = dataset.split(Supervision.WEAK)
    assert [[e.id for e in part] for part in (weak.train, weak.val, weak.test)] == [
        ["Fire/a", "Fire/b"],
        ["Panic/c", "Panic/d"],
        ["Fire/f", "e"],
    ]
    normal = dataset.split(Supervision.UNSUPERVISED)
    assert [[e.id for e in part] for part in (normal.train, normal.val)] == [["Fire/b"], ["Panic/d"]]
    assert normal.test == weak.test
    with pytest.raises(UsageError, match="its own validation part"):
        dataset.split(Supervision.WEAK, val_fraction=0.2)


def test_weak_videos_have_no_frame_labels(root: Path) -> None:
    dataset = Folder(root)
    entry = next(e for e in dataset.entries() if e.id == "Fire/f")
    assert not dataset.has_frame_labels(entry)
    with pytest.raises(DataError, match="only the weak label"):
        dataset.labels(entry, 20)


def test_a_source_in_two_parts_is_refused(root: Path) -> None:
    text = (root / "annotations.csv").read_text()
    changed = text.replace("Fire/a.mp4,train,Fire,1,3-9,20,", "Fire/a.mp4,train,Fire,1,3-9,20,cam7")
    changed = changed.replace("e.mp4,test,,0,,20,", "e.mp4,test,,0,,20,cam7")
    (root / "annotations.csv").write_text(changed)
    with pytest.raises(DataError, match="'cam7' in train and in test"):
        Folder(root).split(Supervision.WEAK)


def test_a_folder_without_a_table_tells_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\.csv: no such file") as caught:
        Folder(tmp_path)
    assert "path,split,category,abnormal,events" in str(caught.value.expected)
    assert "Fighting/clip01.mp4,train,Fighting,1,120-240;300-360" in str(caught.value.remedy)
