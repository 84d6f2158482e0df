"""The page's section "Worst misses": false alarms and missed events, each with its frame."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from html import escape
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.result import Evaluation
from vadlab.report.findings import Miss, worst
from vadlab.report.wording import PERCENT, clock

__all__ = ["FrameSource", "misses_section"]

THUMBNAIL_PX = 320
N_MISSES = 6  # of each kind

# A video's id and a frame's index -> (height, width, 3) RGB uint8, or None where it is not at hand.
FrameSource: TypeAlias = Callable[[str, int], NDArray[np.uint8] | None]


def misses_section(evaluation: Evaluation, frame: FrameSource) -> str:
    """A card for each of the worst misses, with its frame; empty where nothing was missed."""
    false_alarms, missed = worst(evaluation, n=N_MISSES)
    index = {judged.id: i for i, judged in enumerate(evaluation.videos)}
    parts = []
    for title, text, found in (
        ("False alarms", "The highest scores on normal frames, one a video.", false_alarms),
        ("Missed events", "Labelled events whose best frame scores lowest, one a video.", missed),
    ):
        if found:
            cards = "".join(_miss(miss, index[miss.video.id], frame) for miss in found)
            parts.append(
                f'<div class="card" style="margin-bottom:16px"><h3>{title} <span class="muted small" '
                f'style="font-weight:400">{text}</span></h3><ul class="misses">{cards}</ul></div>'
            )
    return "".join(parts)


def _miss(miss: Miss, index: int, frame: FrameSource) -> str:
    video = miss.video
    name = escape(video.id)
    time = clock(video.seconds(miss.frame))
    source = _thumbnail(frame(video.id, miss.frame))
    alt = f"Frame {miss.frame} of {name}, at {time}"
    picture = (
        f'<img src="{source}" alt="{alt}" loading="lazy">'
        if source
        else '<div class="blank">frame not at hand</div>'
    )
    if miss.event is None:
        text = (
            ""
            if math.isnan(miss.share)
            else f"Scores above {100 * miss.share:.0f}{PERCENT} of the abnormal frames."
        )
    else:
        start, stop = (clock(video.seconds(edge)) for edge in miss.event)
        text = f"Event {start} to {stop}."
        if not math.isnan(miss.share):
            text += f" Its best frame scores below {100 * miss.share:.0f}{PERCENT} of the normal frames."
    return (
        f'<li>{picture}<p><strong>{miss.score:.3g}</strong> <span class="muted">at {time}</span><br>'
        f'<button type="button" class="link" data-show="{index}" data-frame="{miss.frame}">{name}</button>'
        f'<br><span class="muted">Frame {miss.frame:,}. {text}</span></p></li>'
    )


def _thumbnail(picture: NDArray[np.uint8] | None) -> str:
    """A JPEG as a data address, at most THUMBNAIL_PX wide; empty where there is no picture."""
    if picture is None:
        return ""
    height, width = picture.shape[:2]
    if width > THUMBNAIL_PX:
        size = (THUMBNAIL_PX, max(1, round(height * THUMBNAIL_PX / width)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()
