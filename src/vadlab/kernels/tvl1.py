"""The two loops of TV-L1 flow on one level of the pyramid: linearise around a flow, and improve it.

Planes lie flat: a level of (h, w) pixels is h + 2 rows of w + 1, pixel (y, x) at (y + 1) * (w + 1) + x. The
row above and the column behind are there so that differences at the border need no case of their own:

- flow planes repeat their last column and last row, so the forward difference there is zero;
- dual planes are zero above the first row and behind the last column, so the backward difference at the first
  row and column is the value itself.

Loops over a run of rows are flat, without a branch, each over few arrays: LLVM turns them into full vectors
and loses little at the ends. Indices are unsigned, for a signed one may count from the end in Python, and
numba's test for that keeps a loop from becoming vectors.
"""

from __future__ import annotations

import numpy as np
from numba import float32, int32, njit, uintp
from numpy.typing import NDArray

from vadlab.kernels.cubic import BORDER, sample

__all__ = ["improve", "linearise"]

Plane = NDArray[np.float32]

_compiled = njit(nogil=True, fastmath=True, error_model="numpy", cache=True)

# A run of rows has about so many pixels: its planes stay in the second cache level, and loops are long.
_RUN = 6000
# Squared gradients below this count as none: there the brightness says nothing about motion.
_FLAT = 1e-9


@_compiled  # type: ignore[untyped-decorator]
def linearise(
    first: Plane,
    second: Plane,
    u: Plane,
    v: Plane,
    gx: Plane,
    gy: Plane,
    residual: Plane,
    inverse: Plane,
    h: int,
    w: int,
) -> None:
    """Linearise the brightness difference around the flow (u, v).

    With (u, v) about the flow it was made at, residual + gx * u + gy * v is the second frame at the moved
    place less the first frame. Where the moved place is outside the second frame all are zero, so that only
    the smoothness counts.

    Args:
        first: The first frame as a plane.
        second: The second frame, flat, with `BORDER` pixels around it.
        u, v: Flow planes.
        gx, gy, residual, inverse: Planes to fill: the second frame's gradient at the moved place, the
            constant part, and 1 / |gradient|^2.
        h, w: Size of the level.

    Source: Zach et al. 2007, Eq. 7 (rho), on frames interpolated by cubics.
    """
    pitch, width = w + 2 * BORDER, w + 1
    across, down = np.empty(w, np.float32), np.empty(w, np.float32)
    corner = np.empty(w, np.int32)
    for y in range(h):
        row = (y + 1) * width
        _place(u, v, across, down, corner, y, row, h, w, int32(pitch))
        for x in range(w):
            i = uintp(row) + uintp(x)
            residual[i], gx[i], gy[i] = sample(second, uintp(corner[x]), uintp(pitch), across[x], down[x])
        _constant_part(first, u, v, gx, gy, residual, y, row, h, w)
        end = uintp(row + w)
        gx[end] = gy[end] = residual[end] = float32(0)
        for x in range(width):
            i = uintp(row) + uintp(x)
            inverse[i] = float32(1) / max(gx[i] * gx[i] + gy[i] * gy[i], float32(_FLAT))


@_compiled  # type: ignore[untyped-decorator]
def _place(
    u: Plane,
    v: Plane,
    across: Plane,
    down: Plane,
    corner: NDArray[np.int32],
    y: int,
    row: int,
    h: int,
    w: int,
    pitch: int,
) -> None:
    """Where in the second frame the pixels of a row are now, kept within it."""
    right, bottom, zero = float32(w - 1), float32(h - 1), float32(0)
    for x in range(w):
        i = uintp(row) + uintp(x)
        px = min(max(float32(x) + u[i], zero), right)
        py = min(max(float32(y) + v[i], zero), bottom)
        column, line = int32(px), int32(py)
        across[x], down[x] = px - float32(column), py - float32(line)
        corner[x] = (line + int32(BORDER - 1)) * pitch + column + int32(BORDER - 1)


@_compiled  # type: ignore[untyped-decorator]
def _constant_part(
    first: Plane, u: Plane, v: Plane, gx: Plane, gy: Plane, residual: Plane, y: int, row: int, h: int, w: int
) -> None:
    """From the sampled value to the residual at zero flow; nothing where the place is outside."""
    right, bottom, zero = float32(w - 1), float32(h - 1), float32(0)
    for x in range(w):
        i = uintp(row) + uintp(x)
        px, py = float32(x) + u[i], float32(y) + v[i]
        inside = float32(1) if (px >= zero) & (px <= right) & (py >= zero) & (py <= bottom) else zero
        gx[i] *= inside
        gy[i] *= inside
        residual[i] = (residual[i] - first[i]) * inside - gx[i] * u[i] - gy[i] * v[i]


@_compiled  # type: ignore[untyped-decorator]
def improve(
    u: Plane,
    v: Plane,
    p_ux: Plane,
    p_uy: Plane,
    p_vx: Plane,
    p_vy: Plane,
    gx: Plane,
    gy: Plane,
    residual: Plane,
    inverse: Plane,
    h: int,
    w: int,
    data_step: float,
    theta: float,
    dual_step: float,
    iterations: int,
) -> None:
    """So many iterations of the dual scheme, in place.

    One goes down the level in runs of rows: the thresholding step and the flow's update on the run, then the
    dual update one row behind it, since that needs the new flow of the row below.

    Args:
        u, v: Flow planes.
        p_ux, p_uy, p_vx, p_vy: Dual planes of u and v.
        gx, gy, residual, inverse: As `linearise` made them.
        h, w: Size of the level.
        data_step: lambda * theta, the largest step of the thresholding per gradient.
        theta: Tightness.
        dual_step: tau / theta.
        iterations: How many.

    Source: Zach et al. 2007, Eqs. 9, 11 and 15; Sanchez Perez et al. 2013, Algorithm 1.
    """
    width = w + 1
    run = max(1, min(h, _RUN // width))
    steps = np.empty(run * width, np.float32)
    for _ in range(iterations):
        top = 0
        while top < h:
            rows = min(run, h - top)
            start, n = (top + 1) * width, rows * width
            _threshold(steps, u, v, gx, gy, residual, inverse, start, n, data_step)
            _primal(u, steps, gx, p_ux, p_uy, start, n, width, theta)
            _primal(v, steps, gy, p_vx, p_vy, start, n, width, theta)
            for y in range(top, top + rows):
                end = uintp((y + 1) * width + w)
                u[end], v[end] = u[end - uintp(1)], v[end - uintp(1)]
            above, below = max(top - 1, 0), top + rows - 1
            if top + rows == h:
                for x in range(width):
                    last = uintp(h * width + x)
                    u[last + uintp(width)], v[last + uintp(width)] = u[last], v[last]
                below = h
            _dual(u, p_ux, p_uy, (above + 1) * width, (below - above) * width, width, dual_step)
            _dual(v, p_vx, p_vy, (above + 1) * width, (below - above) * width, width, dual_step)
            for y in range(above, below):
                end = uintp((y + 1) * width + w)
                p_ux[end] = p_vx[end] = float32(0)
            top += rows


@_compiled  # type: ignore[untyped-decorator]
def _threshold(
    steps: Plane,
    u: Plane,
    v: Plane,
    gx: Plane,
    gy: Plane,
    residual: Plane,
    inverse: Plane,
    start: int,
    n: int,
    data_step: float,
) -> None:
    """How far along the gradient the data term moves each pixel: its three cases are one clamp."""
    for x in range(n):
        i = uintp(start) + uintp(x)
        rho = residual[i] + gx[i] * u[i] + gy[i] * v[i]
        steps[x] = min(max(-rho * inverse[i], -data_step), data_step)


@_compiled  # type: ignore[untyped-decorator]
def _primal(
    flow: Plane,
    steps: Plane,
    gradient: Plane,
    px: Plane,
    py: Plane,
    start: int,
    n: int,
    width: int,
    theta: float,
) -> None:
    """The flow after the thresholding step, plus theta times the divergence of its dual."""
    for x in range(n):
        i = uintp(start) + uintp(x)
        divergence = px[i] - px[i - uintp(1)] + py[i] - py[i - uintp(width)]
        flow[i] += steps[x] * gradient[i] + theta * divergence


@_compiled  # type: ignore[untyped-decorator]
def _dual(flow: Plane, px: Plane, py: Plane, start: int, n: int, width: int, dual_step: float) -> None:
    """The dual after a step along the flow's gradient."""
    one = float32(1)
    for x in range(n):
        i = uintp(start) + uintp(x)
        dx, dy = flow[i + uintp(1)] - flow[i], flow[i + uintp(width)] - flow[i]
        shrink = one / (one + dual_step * np.sqrt(dx * dx + dy * dy))
        px[i] = (px[i] + dual_step * dx) * shrink
        py[i] = (py[i] + dual_step * dy) * shrink
