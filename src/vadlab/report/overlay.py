"""Draw scores and events onto a video's frames (OpenCV), for `vadlab score --overlay`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.types import Categories, Event, FloatArray, FrameLabels

__all__ = ["annotate"]

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
RED: Colour = (226, 45, 38)
BLUE: Colour = (104, 184, 255)
TEAL: Colour = (60, 205, 170)
FONT = cv2.FONT_HERSHEY_DUPLEX
FONT_SIZE = 0.8  # OpenCV's font scale at 480 pixels
MIN_SIDE_FOR_TEXT = 90  # pixels; below this no letter could be read


@dataclass(frozen=True)
class _Measures:
    """Sizes in pixels for one frame size."""

    width: int
    height: int
    unit: float  # 1.0 for a frame whose shorter side is 480 pixels
    strip: int  # height of the timeline at the bottom

    @classmethod
    def of(cls, width: int, height: int) -> _Measures:
        unit = max(min(width, height) / 480, 0.4)
        return cls(width, height, unit, min(height, max(3, round(0.12 * height))))

    def px(self, size: float) -> int:
        """A size at 480 pixels, scaled; at least one pixel."""
        return max(1, round(size * self.unit))


def annotate(
    frames: Iterable[Picture],
    frame_scores: FloatArray,
    events: Sequence[Event],
    *,
    fps: Fraction | float,
    categories: Categories | None = None,
    labels: FrameLabels | None = None,
) -> Iterator[Picture]:
    """Draw the score, its timeline with a moving cursor, the time and the events onto each frame.

    The frames keep their size and the given arrays are not written to. During an event the border is
    red and a label names its category; an event without one takes it from `categories`. The timeline
    shows events in red and, with `labels`, the labelled intervals as a teal line at its foot.

    Args:
        frames: (height, width, 3) RGB uint8, any size, in order from the first frame.
        frame_scores: (n_frames,) float, finite.
        events: What was found, in frames.
        fps: Frames per second, for the time code.
        categories: Category probabilities by window, or None.
        labels: Ground truth, or None.

    Yields:
        A new picture for each frame.

    Raises:
        DataError: If a frame is not RGB uint8, or there are more frames than scores.
    """
    scores = np.asarray(frame_scores, dtype=np.float64)
    limits = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    measures: _Measures | None = None
    strip = np.zeros((1, 1, 3), dtype=np.uint8)
    for index, frame in enumerate(frames):
        if index >= len(scores):
            raise DataError(
                "there are more frames than scores",
                expected=f"{len(scores)} frames",
                found=f"at least {index + 1}",
                remedy="score the same file that is drawn on",
            )
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise DataError(
                "a frame is no RGB picture",
                expected="(height, width, 3) uint8",
                found=f"{frame.shape} {frame.dtype}",
            )
        height, width = frame.shape[:2]
        if measures is None or (measures.width, measures.height) != (width, height):
            measures = _Measures.of(width, height)
            strip = _timeline(measures, scores, limits, events, labels)
        picture = np.array(frame, order="C")
        event = next((event for event in events if event.start <= index < event.stop), None)
        _draw_strip(picture, strip, measures, position=(index + 0.5) / len(scores))
        if event is not None:
            _draw_border(picture, measures)
        if min(width, height) >= MIN_SIDE_FOR_TEXT:
            _draw_texts(
                picture,
                measures,
                time=_time_code(index / float(fps)),
                score=float(scores[index]),
                alarm=None if event is None else _event_text(event, index, categories),
            )
        yield picture


def _timeline(
    measures: _Measures,
    scores: NDArray[np.float64],
    limits: tuple[float, float],
    events: Sequence[Event],
    labels: FrameLabels | None,
) -> Picture:
    """(strip, width, 3) the whole video's scores as a filled curve, one column a pixel."""
    width, height = measures.width, measures.strip
    strip = np.full((height, width, 3), 18, dtype=np.uint8)
    per_frame = width / len(scores)
    # A column shows the highest score among its frames, so no peak is lost.
    firsts = np.minimum((np.arange(width) / per_frame).astype(np.int64), len(scores) - 1)
    columns = np.maximum.reduceat(scores, firsts) if len(scores) >= width else scores[firsts]
    low, high = limits
    share = (columns - low) / (high - low) if high > low else np.zeros(width)
    tops = np.round((height - 1) * (1 - (0.06 + 0.82 * share))).astype(np.int64)
    in_event = np.zeros(width, dtype=bool)
    for event in events:
        start, stop = _column_span(event.start, event.stop, per_frame)
        in_event[start:stop] = True
    below = np.arange(height)[:, None] >= tops[None, :]
    strip[:, in_event] = (74, 24, 24)
    strip[below] = np.array((30, 84, 128))
    strip[below & in_event[None, :]] = np.array((160, 44, 38))
    points = np.stack([np.arange(width), tops], axis=1).astype(np.int32)
    cv2.polylines(strip, [points[:, None]], False, BLUE, measures.px(1.2), cv2.LINE_AA)  # noqa: FBT003
    if labels is not None:
        for first, last in labels.intervals.tolist():
            start, stop = _column_span(first, last, per_frame)
            strip[height - measures.px(4) :, start:stop] = TEAL
    return strip


def _column_span(start: int, stop: int, per_frame: float) -> tuple[int, int]:
    """Columns of a span of frames, at least one."""
    left = int(start * per_frame)
    return left, max(left + 1, round(stop * per_frame))


def _draw_strip(picture: Picture, strip: Picture, measures: _Measures, *, position: float) -> None:
    """The timeline over the frame's foot; what has not been played yet is dimmer."""
    foot = picture[measures.height - measures.strip :]
    cursor = min(measures.width - 1, int(position * measures.width))
    for part, opacity in ((np.s_[:, : cursor + 1], 0.92), (np.s_[:, cursor + 1 :], 0.6)):
        foot[part] = (opacity * strip[part] + (1 - opacity) * foot[part]).astype(np.uint8)
    half = measures.px(2) // 2
    foot[:, max(0, cursor - half) : cursor + half + 1] = WHITE


def _draw_border(picture: Picture, measures: _Measures) -> None:
    """A red frame around all but the timeline."""
    thickness = min(measures.px(7), measures.width, measures.height)
    bottom = max(thickness, measures.height - measures.strip)
    picture[:thickness] = RED
    picture[bottom - thickness : bottom] = RED
    picture[:bottom, :thickness] = RED
    picture[:bottom, measures.width - thickness :] = RED


def _draw_texts(picture: Picture, measures: _Measures, *, time: str, score: float, alarm: str | None) -> None:
    margin = measures.px(14)
    number = f"{score:.2f}" if abs(score) < 100 else f"{score:.3g}"
    if measures.width >= 2 * MIN_SIDE_FOR_TEXT:
        number = f"score {number}"
    _plate(picture, measures, time, left=margin, top=margin)
    right = measures.width - margin - _plate_size(measures, number, 1.0)[0]
    _plate(picture, measures, number, left=right, top=margin)
    if alarm is not None:
        # The largest letters that fit beside the margins.
        available = measures.width - 2 * margin
        scale = min(1.25, 1.25 * available / _plate_size(measures, alarm, 1.25)[0])
        height = _plate_size(measures, alarm, scale)[1]
        top = measures.height - measures.strip - margin - height
        _plate(picture, measures, alarm, left=margin, top=top, colour=RED, opacity=0.9, scale=scale)


def _plate_size(measures: _Measures, text: str, scale: float) -> tuple[int, int]:
    """(width, height) of a text with its padding."""
    (width, height), baseline = cv2.getTextSize(
        text, FONT, FONT_SIZE * measures.unit * scale, measures.px(1.2)
    )
    padding = measures.px(7)
    return width + 2 * padding, height + baseline + padding


def _plate(
    picture: Picture,
    measures: _Measures,
    text: str,
    *,
    left: int,
    top: int,
    colour: Colour = BLACK,
    opacity: float = 0.6,
    scale: float = 1.0,
) -> None:
    """White text on a plate, so that it is legible on any picture."""
    left, top = max(0, left), max(0, top)
    width, height = _plate_size(measures, text, scale)
    area = picture[top : top + height, left : left + width]
    area[:] = (opacity * np.array(colour) + (1 - opacity) * area).astype(np.uint8)
    size, thickness = FONT_SIZE * measures.unit * scale, measures.px(1.2)
    (_, letters), _ = cv2.getTextSize(text, FONT, size, thickness)
    origin = (left + measures.px(7), top + (height + letters) // 2)
    cv2.putText(picture, text, origin, FONT, size, WHITE, thickness, cv2.LINE_AA)


def _event_text(event: Event, index: int, categories: Categories | None) -> str:
    """The event's category and probability; where it has none, the likeliest at this frame."""
    name, probability = event.category, event.probability
    if name is None and categories is not None:
        covering = (categories.spans[:, 0] <= index) & (index < categories.spans[:, 1])
        if covering.any():
            mean = categories.probabilities[covering].mean(axis=0)
            best = int(mean.argmax())
            name, probability = categories.names[best], float(mean[best])
    if name is None:
        return "anomaly"
    # OpenCV's letters are ASCII only.
    plain = name.encode("ascii", "replace").decode()
    return plain if probability is None else f"{plain} {100 * probability:.0f} %"


def _time_code(seconds: float) -> str:
    tenths = int(10 * seconds + 1e-6)
    hours, minutes = tenths // 36000, tenths // 600 % 60
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{tenths // 10 % 60:02d}.{tenths % 10}"
