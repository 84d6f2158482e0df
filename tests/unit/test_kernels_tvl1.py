"""The compiled loops of TV-L1 against the same equations written plainly in float64."""

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from vadlab.kernels import tvl1 as kernel
from vadlab.kernels.cubic import BORDER, sample

Array = NDArray[np.float64]
H, W = 37, 53  # rows that make no whole number of runs, or vectors


@njit
def _sampled(image: NDArray[np.float32], pitch: int, x: float, y: float) -> tuple[float, float, float]:
    column, line = int(x), int(y)
    corner = (line + BORDER - 1) * pitch + column + BORDER - 1
    return sample(image, np.uintp(corner), np.uintp(pitch), np.float32(x - column), np.float32(y - line))


def keys(t: float) -> float:
    """The cubic convolution kernel with a = -1/2 (Keys 1981, Eq. 15)."""
    t = abs(t)
    if t < 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0


def interpolated(image: Array, x: float, y: float) -> float:
    """The sum over all pixels, the border repeated."""
    total = 0.0
    for j in range(int(y) - 2, int(y) + 4):
        for i in range(int(x) - 2, int(x) + 4):
            pixel = image[np.clip(j, 0, image.shape[0] - 1), np.clip(i, 0, image.shape[1] - 1)]
            total += pixel * keys(x - i) * keys(y - j)
    return total


def padded(image: Array) -> NDArray[np.float32]:
    return np.pad(image, BORDER, mode="edge").astype(np.float32).reshape(-1)


@pytest.mark.parametrize("place", [(3.0, 4.0), (0.0, 0.0), (2.25, 7.75), (9.5, 0.125), (10.999, 8.001)])
def test_a_sample_is_keys_cubic_and_its_slopes(place: tuple[float, float]) -> None:
    image = np.random.default_rng(1).uniform(0, 255, (10, 12))
    x, y = place
    value, along_x, along_y = _sampled(padded(image), 12 + 2 * BORDER, x, y)
    assert value == pytest.approx(interpolated(image, x, y), abs=2e-3)
    step = 1e-4
    if x - int(x) and y - int(y):  # the kernel is smooth there on both sides
        slope = (interpolated(image, x + step, y) - interpolated(image, x - step, y)) / (2 * step)
        assert along_x == pytest.approx(slope, abs=2e-2)
        slope = (interpolated(image, x, y + step) - interpolated(image, x, y - step)) / (2 * step)
        assert along_y == pytest.approx(slope, abs=2e-2)


def test_at_a_pixel_the_slope_is_the_central_difference() -> None:
    image = np.random.default_rng(2).uniform(0, 255, (10, 12))
    _, along_x, along_y = _sampled(padded(image), 12 + 2 * BORDER, 5.0, 6.0)
    assert along_x == pytest.approx((image[6, 6] - image[6, 4]) / 2, abs=1e-3)
    assert along_y == pytest.approx((image[7, 5] - image[5, 5]) / 2, abs=1e-3)


def plane(field: Array) -> NDArray[np.float32]:
    """A field as the kernel has it, its last row and column repeated."""
    h, w = field.shape
    grid = np.zeros((h + 2, w + 1), np.float32)
    grid[1:-1, :-1] = field
    grid[1:-1, -1] = field[:, -1]
    grid[-1] = grid[-2]
    return grid.reshape(-1)


def field(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    return flat.reshape(H + 2, W + 1)[1:-1, :-1]


def iterate(
    u: Array, v: Array, linear: tuple[Array, Array, Array], n: int, *, lt: float, theta: float, step: float
):
    """Zach et al. 2007 in whole arrays: threshold (Eq. 15), primal (Eq. 9), dual (Eq. 11)."""
    gx, gy, residual = linear
    square = gx**2 + gy**2
    dual = {key: (np.zeros((H, W)), np.zeros((H, W))) for key in "uv"}

    def divergence(px: Array, py: Array) -> Array:
        return np.diff(px, axis=1, prepend=0) + np.diff(py, axis=0, prepend=0)

    for _ in range(n):
        rho = residual + gx * u + gy * v
        move = np.where(rho < -lt * square, lt, np.where(rho > lt * square, -lt, 0.0))
        inner = (np.abs(rho) <= lt * square) & (square > 1e-9)
        move = np.where(inner, -rho / np.where(square > 1e-9, square, 1), move)
        u = u + move * gx + theta * divergence(*dual["u"])
        v = v + move * gy + theta * divergence(*dual["v"])
        for key, flow in (("u", u), ("v", v)):
            dx = np.diff(flow, axis=1, append=flow[:, -1:])
            dy = np.diff(flow, axis=0, append=flow[-1:])
            shrink = 1 / (1 + step * np.hypot(dx, dy))
            px, py = dual[key]
            dual[key] = ((px + step * dx) * shrink, (py + step * dy) * shrink)
    return u, v


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("run", [1, 6000])
def test_iterations_follow_the_equations(n: int, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a level is cut into runs of single rows, which the dual update has to bridge."""
    rng = np.random.default_rng(n)
    u, v = rng.normal(0, 1, (2, H, W))
    gx, gy, residual = rng.normal(0, 5, (3, H, W))
    gx[:9, :9] = gy[:9, :9] = 0  # no gradient at all
    inverse = 1 / np.maximum(gx**2 + gy**2, 1e-9)
    improve = kernel.improve
    if run != 6000:
        monkeypatch.setattr(kernel, "_RUN", run)
        improve = njit(kernel.improve.py_func)  # compiled anew, with the other run
    planes = [plane(u), plane(v), *np.zeros((4, (H + 2) * (W + 1)), np.float32)]
    linear = [plane(a) for a in (gx, gy, residual, inverse)]
    for a in linear:
        a.reshape(H + 2, W + 1)[:, -1] = 0
    lt, theta, step = 0.045, 0.3, 0.25 / 0.3
    improve(*planes, *linear, H, W, np.float32(lt), np.float32(theta), np.float32(step), n)
    expected = iterate(u, v, (gx, gy, residual), n, lt=lt, theta=theta, step=step)
    np.testing.assert_allclose(field(planes[0]), expected[0], atol=2e-4)
    np.testing.assert_allclose(field(planes[1]), expected[1], atol=2e-4)


def test_linearising_gives_the_moved_frames_difference() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.uniform(0, 255, (2, H, W))
    u, v = rng.uniform(-6, 6, (2, H, W))
    linear = np.full((4, (H + 2) * (W + 1)), np.nan, np.float32)
    kernel.linearise(plane(first), padded(second), plane(u), plane(v), *linear, H, W)
    gx, gy, residual, inverse = (field(a) for a in linear)
    outside = 0
    for y in range(0, H, 3):
        for x in range(0, W, 3):
            px, py = x + u[y, x], y + v[y, x]
            at_flow = residual[y, x] + gx[y, x] * u[y, x] + gy[y, x] * v[y, x]
            if 0 <= px <= W - 1 and 0 <= py <= H - 1:
                assert at_flow == pytest.approx(interpolated(second, px, py) - first[y, x], abs=5e-2)
                assert inverse[y, x] == pytest.approx(1 / (gx[y, x] ** 2 + gy[y, x] ** 2), rel=1e-4)
            else:
                outside += 1
                assert gx[y, x] == gy[y, x] == residual[y, x] == at_flow == 0
    assert outside > 10
