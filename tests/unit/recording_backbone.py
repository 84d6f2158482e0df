"""A backbone and a flow method whose features tell what the clip was, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

M = 4  # frames a clip, here


@dataclass
class Recorder:
    """Features that tell the clip's content: the mean of each frame, then of each flow field."""

    batches: list[int] = field(default_factory=list)
    clip_length = M
    frame_size = (12, 12)
    needs_flow = True

    def dims(self) -> dict[str, int]:
        return {"rgb": M, "flow": M}

    def embed(self, rgb: np.ndarray, flow: np.ndarray | None) -> np.ndarray:
        self.batches.append(len(rgb))
        assert rgb.shape[1:] == (M, 12, 12, 3) and rgb.dtype == np.uint8
        columns = [rgb.mean((2, 3, 4))]
        if flow is not None:
            assert flow.shape == (len(rgb), M, 12, 12, 2) and flow.dtype == np.float32
            columns.append(flow.mean((2, 3, 4)))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def settings(self) -> dict[str, Any]:
        return {}

    def facts(self) -> dict[str, Any]:
        return {}


class LevelDifference:
    """The flow of a pair is how much brighter the second frame is."""

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        difference = np.diff(grey.astype(np.float32), axis=0)
        return np.stack([difference, difference], axis=-1)

    def facts(self) -> dict[str, Any]:
        return {}


def level(i: int) -> int:
    return i * i % 251  # no two neighbouring differences alike


def frames(n: int) -> Iterator[np.ndarray]:
    return (np.full((12, 12, 3), level(i), dtype=np.uint8) for i in range(n))
