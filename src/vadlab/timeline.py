"""One video's scores, truth and categories by frame: the files of `RUN/scores/RULES/`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vadlab.errors import DataError, StoreError
from vadlab.files import write_whole
from vadlab.types import Categories, FloatArray, IntArray

__all__ = ["Timeline", "read_timeline", "write_timeline"]


@dataclass(frozen=True)
class Timeline:
    """What is known of one video under one set of rules.

    Args:
        video: Its id.
        frame_scores: (n_frames,) float32.
        counted: (n_frames,) bool, the frames that the rules evaluate.
        fps: Frames per second, or None where the file does not say.
        labelled: (k, 2) int64 abnormal spans, or None where the truth is not known.
        categories: Category probabilities by window, or None.
    """

    video: str
    frame_scores: FloatArray
    counted: NDArray[np.bool_]
    fps: Fraction | None = None
    labelled: IntArray | None = None
    categories: Categories | None = None

    def to_json(self) -> dict[str, Any]:
        """For JSON; the scores as base64 of little-endian float32, so that none is rounded."""
        return {
            "video": self.video,
            "n_frames": len(self.frame_scores),
            "fps": None if self.fps is None else float(self.fps),
            "frame_scores": base64.b64encode(self.frame_scores.astype("<f4").tobytes()).decode(),
            "skipped": _runs(~self.counted),
            "labelled": None if self.labelled is None else self.labelled.tolist(),
            "categories": None
            if self.categories is None
            else {
                "names": list(self.categories.names),
                "spans": self.categories.spans.tolist(),
                "probabilities": self.categories.probabilities.astype(float).round(6).tolist(),
            },
        }


def read_timeline(file: Path, video: str) -> Timeline:
    """Read a file of `RUN/scores/RULES/`.

    It holds `frame_scores` and `counted`, and where the run was evaluated by this version also `labelled`,
    `category_spans`, `category_probabilities`, and in its header `fps` and `category_names`.

    Raises:
        StoreError: If there is no such file, or it is damaged.
    """
    try:
        with safe_open(file, framework="numpy") as opened:
            arrays = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 (not a dict)
            header = opened.metadata() or {}
        categories = None
        if "category_names" in header and len(arrays["category_spans"]):
            names = tuple(json.loads(header["category_names"]))
            categories = Categories(arrays["category_spans"], arrays["category_probabilities"], names)
        return Timeline(
            video,
            arrays["frame_scores"],
            arrays["counted"].astype(bool),
            fps=Fraction(header["fps"]) if "fps" in header else None,
            labelled=arrays.get("labelled"),
            categories=categories,
        )
    except (SafetensorError, OSError, KeyError, ValueError, ArithmeticError, DataError) as error:
        raise StoreError(
            "the file of scores is damaged", file=file, found=str(error), remedy="run vadlab evaluate again"
        ) from error


def write_timeline(file: Path, timeline: Timeline) -> None:
    """Write a file that `read_timeline` reads."""
    arrays: dict[str, NDArray[Any]] = {
        "frame_scores": np.ascontiguousarray(timeline.frame_scores),
        "counted": timeline.counted.astype(np.uint8),
    }
    header: dict[str, str] = {}
    if timeline.labelled is not None:
        arrays["labelled"] = timeline.labelled
    if timeline.fps is not None:
        header["fps"] = str(timeline.fps)
    if timeline.categories is not None:
        arrays["category_spans"] = np.ascontiguousarray(timeline.categories.spans)
        arrays["category_probabilities"] = np.ascontiguousarray(timeline.categories.probabilities)
        header["category_names"] = json.dumps(timeline.categories.names)
    write_whole(file, save(arrays, header))


def _runs(mask: NDArray[np.bool_]) -> list[list[int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    runs: list[list[int]] = edges.reshape(-1, 2).tolist()
    return runs
