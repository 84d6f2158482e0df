"""Generated surveillance-like scenes, normal and abnormal, of LAD's 14 categories.

Every category has one plot with a harmless and an abnormal version in the same kind of place, so that
neither the place nor the amount of motion gives the answer. An event lasts from the first frame in
which the unusual shows until it has come to rest, has left the view, or the video ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import UsageError
from vadlab.synthesis import accidents, assaults, damage, gatherings
from vadlab.synthesis.render import Film, Stage, render
from vadlab.synthesis.sites import SITES

__all__ = ["CATEGORIES", "SceneVideo", "scene", "simulated_annotators"]

FPS = Fraction(25)
_SHORTEST, _LONGEST = 100, 160  # frames
_SLIP = 4  # frames

_Plot = Callable[..., list[tuple[float, float]]]
_OPEN = ("pavement", "square", "hall")
_PLOTS: dict[str, tuple[_Plot, tuple[str, ...]]] = {
    "Crash": (accidents.crash, ("street",)),
    "Crowd": (gatherings.crowd, ("square", "hall", "pavement")),
    "Destroy": (damage.destroy, ("pavement", "pavement", "square")),
    "Drop": (damage.drop, ("house",)),
    "FallIntoWater": (accidents.fall_into_water, ("quay",)),
    "Falling": (accidents.falling, (*_OPEN, "quay")),
    "Fighting": (assaults.fighting, _OPEN),
    "Fire": (damage.fire, ("pavement", "square")),
    "Hurt": (assaults.hurt, ("pavement", "square")),
    "Loitering": (gatherings.loitering, ("pavement", "hall")),
    "Panic": (gatherings.panic, _OPEN),
    "Thiefing": (assaults.thiefing, _OPEN),
    "Trampled": (gatherings.trampled, _OPEN),
    "Violence": (assaults.violence, _OPEN),
}

CATEGORIES: tuple[str, ...] = tuple(_PLOTS)
"""LAD's categories, in the order of its class indices."""


@dataclass(frozen=True)
class SceneVideo:
    """One generated video; its frames are drawn when they are asked for.

    Args:
        category: One of `CATEGORIES`; normal videos carry one too.
        abnormal: Whether anything unusual happens.
        seed: What chance was drawn from; equal arguments give equal frames.
        n_frames: Number of frames.
        fps: Frames per second.
        size: (width, height) in pixels.
        events: Exact abnormal frames, half-open, sorted, not touching; none when normal.
    """

    category: str
    abnormal: bool
    seed: int
    n_frames: int
    fps: Fraction
    size: tuple[int, int]
    events: tuple[tuple[int, int], ...]
    _stage: Stage = field(repr=False, compare=False)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every frame, (height, width, 3) RGB uint8, the same at every call."""
        film = Film.draw(
            _rng(self.category, self.seed, abnormal=self.abnormal, part=1), self.n_frames, self.size
        )
        return render(self._stage, film, fps=float(self.fps), n_frames=self.n_frames)


def _rng(category: str, seed: int, *, abnormal: bool, part: int) -> np.random.Generator:
    return np.random.default_rng([seed, CATEGORIES.index(category), int(abnormal), part])


def scene(category: str, *, abnormal: bool, seed: int, size: tuple[int, int] = (320, 240)) -> SceneVideo:
    """Compose a scene; drawing its frames is left to `SceneVideo.frames`.

    Args:
        category: One of `CATEGORIES`.
        abnormal: Whether the unusual happens.
        seed: Not negative; same arguments, same video.
        size: (width, height) in pixels; another shape than 4:3 sees more or less to the sides.

    Raises:
        UsageError: If there is no such category, or the size is below 64x48.
    """
    if category not in _PLOTS:
        raise UsageError(f"no generated scene for category {category!r}", expected=" | ".join(CATEGORIES))
    if size[0] < 64 or size[1] < 48:
        raise UsageError(
            "the picture is too small for people in it", expected="64x48 pixels or more", found=size
        )
    rng = _rng(category, seed, abnormal=abnormal, part=0)
    plot, places = _PLOTS[category]
    n_frames = int(rng.integers(_SHORTEST, _LONGEST + 1))
    n_frames += n_frames % 16 == 0  # the tail of the last clip is to be met
    site = SITES[places[rng.integers(len(places))]](rng, size)
    sun = (
        (0.05, 0.0)
        if site.name == "hall"
        else (float(rng.uniform(-0.7, 0.7)), float(rng.uniform(-0.1, 0.35)))
    )
    stage = Stage(site, float(n_frames / FPS), rng, sun)
    spans = plot(stage, abnormal=abnormal)
    events = tuple((math.ceil(a * FPS), min(math.ceil(b * FPS), n_frames)) for a, b in spans)
    return SceneVideo(category, abnormal, seed, n_frames, FPS, size, events, stage)


def simulated_annotators(
    events: Sequence[tuple[int, int]], n_frames: int, *, seed: int, n_annotators: int = 5
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """What several people would mark, given the exact events.

    Every boundary is off by up to four frames, by less where an event or the gap to the next is short. An
    event shorter than two seconds is now and then missed by one of three or more annotators. The frames that
    at least half of the annotators mark are therefore off by no more than four at every boundary.

    Args:
        events: Exact events, half-open frames, sorted, not touching.
        n_frames: Length of the video.
        seed: Not negative; same arguments, same marks.
        n_annotators: How many people.

    Returns:
        For every annotator the marked spans, half-open, sorted, not touching, within the video.
    """
    rng = np.random.default_rng([seed, n_frames, len(events)])
    marked: list[list[tuple[int, int]]] = [[] for _ in range(n_annotators)]
    for i, (start, stop) in enumerate(events):
        # How far a boundary can slip out, into the event, and out again at the other end.
        before = (start - events[i - 1][1] - 1) // 2 if i else start
        inward = (stop - start - 1) // 2
        after = (events[i + 1][0] - stop - 1) // 2 if i + 1 < len(events) else n_frames - stop
        missing = -1
        if n_annotators >= 3 and stop - start < 2 * FPS and rng.random() < 0.15:
            missing = int(rng.integers(n_annotators))
        for who in range(n_annotators):
            first = start + _slip(rng, back=before, ahead=inward)
            last = stop + _slip(rng, back=inward, ahead=after)
            if who != missing:
                marked[who].append((first, last))
    return tuple(tuple(spans) for spans in marked)


def _slip(rng: np.random.Generator, *, back: int, ahead: int) -> int:
    """Frames by which somebody misses a boundary, from -back to ahead and never more than `_SLIP`."""
    return int(np.clip(round(rng.normal(0, 0.5 * _SLIP)), -min(back, _SLIP), min(ahead, _SLIP)))
