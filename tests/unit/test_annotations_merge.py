from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.merge import merge
from vadlab.annotations.probabilities import read_probabilities, write_probabilities
from vadlab.errors import DataError


def video(*people: tuple[Mark, ...], n_frames: int | None = 20) -> AnnotatedVideo:
    annotations = tuple(Annotation(f"p{i}", marks) for i, marks in enumerate(people))
    return AnnotatedVideo(ListedVideo("Fire/a.mp4", "Fire/a", n_frames), annotations)


def test_frames_by_mean_and_category_by_most() -> None:
    merged = merge(
        video((Mark(2, 8, "Fire"),), (Mark(4, 10, "Fire"),), (Mark(5, 9, "Panic"), Mark(15, 20, "Fire")))
    )
    assert merged.labels.intervals.tolist() == [[4, 9]]
    assert merged.mean[[0, 2, 4, 5, 8, 9, 15]].tolist() == pytest.approx(
        [0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 1 / 3]
    )
    # The third person's Fire lies outside the consensus: no vote for it.
    assert (merged.votes, merged.labels.category, merged.tied) == ({"Fire": 2, "Panic": 1}, "Fire", ())


def test_ties_are_named_and_decide_nothing() -> None:
    merged = merge(
        video((Mark(0, 5, "Panic"),), (Mark(0, 5, "Fire"),), (Mark(0, 5),), (Mark(9, 12, "Fire"),))
    )
    assert (merged.labels.category, merged.tied) == (None, ("Fire", "Panic"))


def test_one_vote_a_person_for_what_covers_most() -> None:
    both = (Mark(0, 3, "Fire"), Mark(2, 5, "Fire"), Mark(0, 4, "Panic"))
    assert merge(video(both, both)).votes == {"Fire": 2}


def test_nobody_saw_anything_and_threshold() -> None:
    normal = merge(video((), (), ()))
    assert not normal.labels.abnormal
    assert (normal.labels.category, normal.votes) == (None, {})
    two = video((Mark(0, 4),), (Mark(2, 6),))
    assert merge(two, threshold=1).labels.intervals.tolist() == [[2, 4]]


def test_what_cannot_be_merged_is_refused() -> None:
    with pytest.raises(DataError, match="number of frames"):
        merge(video((), n_frames=None))
    with pytest.raises(DataError, match="nobody"):
        merge(video())
    with pytest.raises(DataError, match=r"end after the video[\s\S]*p0: 3-21"):
        video((Mark(3, 21),))
    with pytest.raises(DataError, match="twice"):
        AnnotatedVideo(ListedVideo("a", "a"), (Annotation("p"), Annotation("p")))
    for start, stop in ((3, 3), (-1, 2), (5, 4)):
        with pytest.raises(DataError):
            Mark(start, stop)


def test_probabilities_are_kept_exactly(tmp_path: Path) -> None:
    merged = merge(video((Mark(2, 8),), (Mark(4, 10),), ()))
    assert write_probabilities(tmp_path, merged) == tmp_path / "Fire" / "a.safetensors"
    np.testing.assert_array_equal(read_probabilities(tmp_path, "Fire/a"), merged.mean)


def test_files_without_probabilities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_probabilities(tmp_path, "a")
    (tmp_path / "a.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot read"):
        read_probabilities(tmp_path, "a")
    for wrong in (np.array([0.5, 1.5]), np.array([np.nan]), np.zeros((2, 2)), np.zeros(3, np.float32)):
        save_file({"probability": wrong}, tmp_path / "a.safetensors")
        with pytest.raises(DataError, match="holds no probabilities"):
            read_probabilities(tmp_path, "a")
