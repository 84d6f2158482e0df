"""The camera of a generated scene: metres on the ground to pixels in the picture.

World axes: x to the right, y up, z away from the camera, in metres; the ground is y = 0. The optical
axis is level and the sensor is shifted, so that upright things stay upright in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Camera", "Pixel", "Point"]

Point = tuple[float, float, float]
Pixel = tuple[float, float]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the ground.

    Args:
        width, height: Picture in pixels.
        focal: Focal length in pixels.
        above: Height of the lens over the ground in metres.
        horizon: Picture row of the horizon in pixels from the top.
    """

    width: int
    height: int
    focal: float
    above: float
    horizon: float

    def scale(self, z: float) -> float:
        """Pixels a metre at depth z; nearer than half a metre counts as half a metre."""
        return self.focal / max(z, 0.5)

    def pixel(self, point: Point) -> Pixel:
        """Where a world point (x, y, z) lies in the picture, (column, row) in pixels."""
        x, y, z = point
        scale = self.focal / max(z, 0.5)
        return self.width / 2 + x * scale, self.horizon + (self.above - y) * scale

    def reach(self, z: float) -> float:
        """Half the visible width in metres at depth z."""
        return self.width / 2 / self.scale(z)
