"""How far a detector looks: what of a stream must be at hand before a score can be told.

A detector is given a whole video. Many of them look no further than a few rows (clips of features, or frames)
around the one that they score; then a few rows at a time give the same scores. `tests/contract/test_reach.py`
holds every detector to what is said of it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vadlab.detector import Detector
from vadlab.spans import Tail
from vadlab.video.cubes import LENGTH

__all__ = ["Reach", "reach_of"]


@dataclass(frozen=True)
class Reach:
    """The rows on which a row's scores depend.

    Args:
        before: So many rows before it.
        after: So many after it.
        every: A part of the stream must begin at a multiple of this many rows.
    """

    before: int = 0
    after: int = 0
    every: int = 1


def reach_of(name: str, detector: Detector, *, tail: Tail = "drop") -> Reach | None:
    """How far a detector looks; None where a score depends on the whole video, or nothing is known of it.

    Args:
        name: Its catalogue name.
        detector: The detector, for its settings.
        tail: The rule for the frames after the last full clip; for detectors that read features.
    """
    found = _REACHES[name](detector) if name in _REACHES else None
    if found is not None and detector.reads == "features" and tail == "shift":
        # The video's last clip may overlap the one before, which nobody knows before the end.
        found = replace(found, after=found.after + 1)
    return found


def _aed(detector: Any) -> Reach | None:
    # Every window of K clips that a clip is in.
    return None if detector.scrambled_windows else Reach(detector.k - 1, detector.k - 1)


def _mnad(detector: Any) -> Reach | None:
    learns = detector.use_memory and detector.update_below > 0
    if learns or detector.scale == "video":
        return None
    return Reach(detector.window_frames - 1)


# A detector that is not named here is taken to need the whole video. Categories of `nearest_neighbour` and
# `tcnn` are a whole video's; in a stream they are those of the rows at hand.
# A cube of `sparse` counts for its last frames, and its gradient along time begins a frame before it.
_REACHES: dict[str, Callable[[Any], Reach | None]] = {
    "aed": _aed,
    "ar_net": lambda _: Reach(),
    "conv_ae": lambda d: Reach(d.length - 1, d.length - 1),
    "frame_difference": lambda _: Reach(1),
    "knn": lambda _: Reach(),
    "linear_probe": lambda _: Reach(),
    "mlep": lambda d: None if d.authors_alignment else Reach(d.context),
    "mnad": _mnad,
    "nearest_neighbour": lambda _: Reach(),
    "ognet": lambda _: Reach(1),
    "sparse": lambda d: Reach(LENGTH, d.stride - 1, every=d.stride),
    "tcnn": lambda _: Reach(),
    "unet_prediction": lambda d: Reach(d.context),
}
