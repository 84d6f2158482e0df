"""Annotated videos for the tests of the formats, and the list of videos they speak of."""

from fractions import Fraction

from hypothesis import strategies as st

from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.video_list import VideoList

VIDEOS = (
    ListedVideo("Crash/c.mp4", "Crash/c", 400, Fraction(24000, 1001), "test"),
    ListedVideo("Fire/a.mp4", "Fire/a", 100, Fraction(25), "train"),
    ListedVideo("Fire/b.avi", "Fire/b", 90, Fraction(30000, 1001), "val"),
    ListedVideo("folder.1", "folder.1", 10, Fraction(10), "test"),
)
CRASH, A, B, FOLDER = VIDEOS


def video_list() -> VideoList:
    return VideoList(VIDEOS)


EXAMPLE = (
    AnnotatedVideo(CRASH, (Annotation("ann@x.org"), Annotation("Bob <b> & \"c\"", (Mark(399, 400),)))),
    AnnotatedVideo(
        A,
        (
            Annotation("ann@x.org", (Mark(0, 1, "Fire", 'one; "two" <b> & \\ more'), Mark(3, 100, "Ä б;c"))),
            Annotation("bob", (Mark(3, 9, "Fire"), Mark(5, 60, "Panic"), Mark(5, 60, "Fire"))),
        ),
    ),
    AnnotatedVideo(B, (Annotation("bob"),)),
)  # fmt: skip

TEXTS = st.none() | st.text(max_size=8)
PEOPLE = st.sampled_from(["ann", "bob@x.org", "Ćem D.", "e;f,\"g\" <h>&"])  # fmt: skip


def _marks(n_frames: int) -> st.SearchStrategy[tuple[Mark, ...]]:
    spans = st.tuples(st.integers(0, n_frames - 1), st.integers(1, n_frames))
    marks = st.builds(
        lambda span, category, note: Mark(span[0], min(sum(span), n_frames), category, note),
        spans,
        TEXTS,
        TEXTS,
    )
    return st.lists(marks, max_size=4).map(tuple)


def _video(video: ListedVideo) -> st.SearchStrategy[AnnotatedVideo]:
    people = st.dictionaries(PEOPLE, _marks(video.n_frames or 1), min_size=1, max_size=3)
    return people.map(lambda found: AnnotatedVideo(video, tuple(Annotation(*item) for item in found.items())))


ANNOTATED = st.lists(st.sampled_from(VIDEOS), unique=True).flatmap(
    lambda videos: st.tuples(*(_video(video) for video in sorted(videos, key=lambda video: video.path)))
)
