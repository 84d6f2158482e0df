"""Block statistics of pixels and flow; no learning; for tests and quick looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from vadlab.errors import UsageError
from vadlab.types import FloatArray

__all__ = ["PooledPixels"]


@dataclass(frozen=True)
class PooledPixels:
    """Means over the cells of a 4x4 grid: cheap, deterministic, and needs neither weights nor PyTorch.

    Args:
        streams: "rgb", "flow" or both; columns come in this order, RGB first.

    Raises:
        UsageError: If the streams are unknown.
    """

    streams: tuple[str, ...] = ("rgb", "flow")

    clip_length: ClassVar[int] = 16  # frames
    frame_size: ClassVar[tuple[int, int]] = (64, 64)  # (width, height) in pixels
    flow_bound: ClassVar[float] = 20.0  # pixels per frame; larger flow is cut off
    grid: ClassVar[int] = 4  # cells a side
    statistics: ClassVar[dict[str, tuple[str, ...]]] = {
        "rgb": ("mean", "deviation", "change"),
        "flow": ("speed", "x", "y"),
    }

    def __post_init__(self) -> None:
        if self.streams not in (("rgb",), ("flow",), ("rgb", "flow")):
            raise UsageError(
                "unknown streams", expected='["rgb"], ["flow"] or ["rgb", "flow"]', found=self.streams
            )

    @property
    def needs_flow(self) -> bool:
        """Whether `embed` wants flow."""
        return "flow" in self.streams

    @property
    def dim(self) -> int:
        """Columns of a feature row."""
        return sum(self.dims().values())

    def dims(self) -> dict[str, int]:
        """Columns of each stream, in column order: statistic by statistic, cells row by row."""
        return {stream: len(self.statistics[stream]) * self.grid**2 for stream in self.streams}

    def settings(self) -> dict[str, Any]:
        """The settings that make the same features elsewhere."""
        return {"streams": list(self.streams)}

    def facts(self) -> dict[str, Any]:
        """What a feature store records; plain JSON values."""
        return {
            "backbone": "pooled_pixels",
            "dim": self.dim,
            "dims": self.dims(),
            "clip_length": self.clip_length,
            "frame_size": list(self.frame_size),
            "grid": self.grid,
            "statistics": {stream: list(self.statistics[stream]) for stream in self.streams},
        }

    def embed(self, rgb: NDArray[np.uint8], flow: FloatArray | None = None) -> FloatArray:
        """Features of clips.

        Args:
            rgb: (b, 16, 64, 64, 3) uint8.
            flow: (b, 16, 64, 64, 2) float32, pixels per frame; None where only RGB is read.

        Returns:
            (b, dim) float32. RGB: mean and standard deviation of brightness and mean absolute change
            from frame to frame, in 0..1. Flow, in -1..1 (20 pixels = 1): mean length, mean x, mean y.

        Raises:
            UsageError: If flow is needed and missing, or a clip has another form.
        """
        columns = []
        if "rgb" in self.streams:
            self._check("rgb", rgb.shape, len(rgb), 3)
            cells = self._cells(rgb.astype(np.float32).mean(axis=-1) / 255)
            change = np.abs(np.diff(cells, axis=1))
            columns += [cells.mean(axis=(1, 3)), cells.std(axis=(1, 3)), change.mean(axis=(1, 3))]
        if "flow" in self.streams:
            if flow is None:
                raise UsageError(
                    "these streams need flow",
                    found=self.streams,
                    remedy="choose a flow, or the RGB stream alone",
                )
            self._check("flow", flow.shape, len(rgb), 2)
            scaled = np.clip(flow, -self.flow_bound, self.flow_bound) / self.flow_bound
            for part in (np.hypot(scaled[..., 0], scaled[..., 1]), scaled[..., 0], scaled[..., 1]):
                columns.append(self._cells(part).mean(axis=(1, 3)))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def _cells(self, x: FloatArray) -> FloatArray:
        """(b, t, h, w) to (b, t, cells, pixels of a cell)."""
        return rearrange(x, "b t (r h) (c w) -> b t (r c) (h w)", r=self.grid, c=self.grid)

    def _check(self, stream: str, shape: tuple[int, ...], n: int, channels: int) -> None:
        wanted = (n, self.clip_length, self.frame_size[1], self.frame_size[0], channels)
        if shape != wanted:
            raise UsageError(f"{stream} clips have the wrong form", expected=wanted, found=shape)
