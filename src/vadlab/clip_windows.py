"""Windows of K consecutive clips with frame labels: drawing balanced batches, and stacking them.

A window is drawn by number; features are read only when a batch is stacked, so they may stay on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, FloatArray, FrameLabels, IntArray, Sample

__all__ = ["Batch", "ClipWindows", "Draw", "Window", "drawn"]

T = TypeVar("T")


@dataclass(frozen=True)
class Window:
    """K clips of one video.

    Args:
        video: Which of the videos.
        start: Its first clip.
        labelled_from: The first clip of those that its labels are of; not `start` in the LAD authors' draw.
    """

    video: int
    start: int
    labelled_from: int


@dataclass(frozen=True)
class Batch:
    """Stacked windows.

    Args:
        features: (b, k, d) float32.
        labels: (b, k * m) float32, 1 where the frame is abnormal, else 0.
        weights: (b, k * m) float32, 0 where there is no such frame, else 1.
        categories: (b,) int64, -1 for none.
    """

    features: FloatArray
    labels: FloatArray
    weights: FloatArray
    categories: IntArray


class ClipWindows:
    """All windows of some videos, those beyond a video's end included.

    Args:
        samples: Videos with frame labels.
        k: Clips in a window.
        clip_length: Frames in a clip, m.
        categories: Names, in the order of their numbers; other names have none.
        zero_padded: As the LAD authors: absent clips are zeros and count as normal frames, where else they
            repeat the last clip and do not count.
        prepare: Done to stacked features, (b, k, d) to the same.

    Raises:
        UsageError: If a row of features stands for more frames than a clip has.
    """

    def __init__(
        self,
        samples: Sequence[Sample[Features, FrameLabels]],
        *,
        k: int,
        clip_length: int,
        categories: tuple[str, ...] = (),
        zero_padded: bool = False,
        prepare: Callable[[FloatArray], FloatArray] | None = None,
    ):
        self.samples, self.k, self.clip_length = samples, k, clip_length
        self.zero_padded, self.prepare = zero_padded, prepare
        self.n_clips = np.array([len(s.spans) for s in samples], dtype=np.int64)
        self.abnormal = np.array([s.y.abnormal for s in samples], dtype=bool)
        numbers = {name: number for number, name in enumerate(categories)}
        self.categories = np.array([numbers.get(s.y.category or "", -1) for s in samples], dtype=np.int64)
        # Of all clips of all videos in a row, a byte a frame: small beside the features.
        self.first = np.cumsum(self.n_clips) - self.n_clips
        self.frame_labels = np.concatenate([self._clip_labels(s) for s in samples])
        self.frame_counts = np.concatenate([s.spans[:, 1] - s.spans[:, 0] for s in samples])
        if self.frame_counts.max() > clip_length:
            raise UsageError(
                "the features are not of clips that long",
                expected=f"clips of {clip_length} frames",
                found=f"rows that stand for up to {self.frame_counts.max()} frames",
                remedy="segments of a bag are for detectors that learn from bags; extract clips",
            )

    def all(self) -> list[Window]:
        """Every window within its video at a stride of one clip; of a video shorter than one, that."""
        starts = [windows(int(n), self.k, 1)[:, 0].tolist() for n in self.n_clips]
        return [Window(video, start, start) for video, of in enumerate(starts) for start in of]

    def stack(self, chosen: Sequence[Window]) -> Batch:
        """Read and stack windows."""
        videos, starts, labelled = np.array([(w.video, w.start, w.labelled_from) for w in chosen]).T
        last = self.n_clips[videos, None] - 1
        rows, labelled_rows = (s[:, None] + np.arange(self.k) for s in (starts, labelled))
        real = rows <= last
        frames = self.first[videos, None] + np.minimum(labelled_rows, last)
        exists = (np.arange(self.clip_length) < self.frame_counts[frames][..., None]) & real[..., None]
        labels = self.frame_labels[frames] & exists
        weights = np.ones_like(exists) if self.zero_padded else exists
        return Batch(
            self._features(videos, np.minimum(rows, last), real),
            rearrange(labels, "b k m -> b (k m)").astype(np.float32),
            rearrange(weights, "b k m -> b (k m)").astype(np.float32),
            self.categories[videos],
        )

    def hits(self, video: int, starts: int) -> NDArray[np.bool_]:
        """(starts,) whether the windows at a video's first so many clips hold an abnormal frame."""
        n = int(self.n_clips[video])
        labels = self.frame_labels[self.first[video] : self.first[video] + n].any(axis=1)
        before = np.concatenate([[0], np.cumsum(labels)])
        first = np.arange(starts)
        hit: NDArray[np.bool_] = before[np.minimum(first + self.k, n)] > before[first]
        return hit

    def _clip_labels(self, sample: Sample[Features, FrameLabels]) -> NDArray[np.bool_]:
        """(n, m) labels of the frames of the video's clips; False beyond a clip's end."""
        frames = sample.spans[:, :1] + np.arange(self.clip_length)
        mask = sample.y.mask()
        labels: NDArray[np.bool_] = mask[np.minimum(frames, len(mask) - 1)]
        return labels & (frames < sample.spans[:, 1:])

    def _features(self, videos: IntArray, rows: IntArray, real: NDArray[np.bool_]) -> FloatArray:
        d = self.samples[0].x.values.shape[1]
        features = np.empty((*rows.shape, d), dtype=np.float32)
        for i, (video, of) in enumerate(zip(videos.tolist(), rows, strict=True)):
            values = self.samples[video].x.values
            features[i] = values[of[0] : of[0] + self.k] if real[i].all() else values[of]
        if self.prepare is not None:
            features = self.prepare(features)
        if self.zero_padded:
            features[~real] = 0
        return features


class Draw:
    """Balanced batches: so many windows from abnormal videos, so many from normal ones.

    Args:
        of: All windows.
        abnormal: Windows from abnormal videos in a batch; they hold an abnormal frame where one can.
        normal: Windows from normal videos in a batch.
        authors: As the LAD authors draw: never a video's last window, and an abnormal video's window that
            holds no abnormal frame keeps its features, but gets the labels of the video's first window.
    """

    def __init__(self, of: ClipWindows, *, abnormal: int, normal: int, authors: bool = False):
        self.of, self.n_abnormal, self.n_normal, self.authors = of, abnormal, normal, authors
        self.starts = np.maximum(1, of.n_clips - of.k + (0 if authors else 1))
        self.abnormal = np.flatnonzero(of.abnormal).tolist()
        self.normal = np.flatnonzero(~of.abnormal).tolist()
        self.hits = {video: of.hits(video, int(self.starts[video])) for video in self.abnormal}

    def __call__(self, rng: np.random.Generator) -> list[Window]:
        """One batch; a video comes again only after all others of its kind have."""
        batch = [self._abnormal(video, rng) for video in drawn(self.abnormal, self.n_abnormal, rng)]
        for video in drawn(self.normal, self.n_normal, rng):
            start = self._start(video, rng)
            batch.append(Window(video, start, start))
        return batch

    def _start(self, video: int, rng: np.random.Generator) -> int:
        return int(rng.integers(self.starts[video]))

    def _abnormal(self, video: int, rng: np.random.Generator) -> Window:
        hits = self.hits[video]
        if self.authors:
            start = self._start(video, rng)
            return Window(video, start, start if hits[start] else 0)
        # Clips that drop the tail may miss an event at the very end; then every window is as good.
        start = int(rng.choice(np.flatnonzero(hits) if hits.any() else len(hits)))
        return Window(video, start, start)


def drawn(videos: Sequence[T], n: int, rng: np.random.Generator) -> list[T]:
    """So many of the videos without replacement, as many times round as it takes."""
    order: list[int] = []
    while len(order) < n:
        order.extend(rng.permutation(len(videos)).tolist())
    return [videos[i] for i in order[:n]]
