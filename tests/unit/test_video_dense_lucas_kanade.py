"""Dense Lucas-Kanade flow, against NumPy's eigenvectors and known motion."""

from __future__ import annotations

import numpy as np

from vadlab.video.dense_lucas_kanade import dense_lucas_kanade

NOISE = 0.0039


def texture(shift_x: float, shift_y: float, side: int = 48) -> np.ndarray:
    """A pattern in both directions, moved to the right and down."""
    y, x = np.meshgrid(np.arange(side) - shift_y, np.arange(side) - shift_x, indexing="ij")
    level = 128 + 55 * np.sin(x / 2.2 + 0.3 * y) + 55 * np.cos(y / 2.6 - 0.2 * x)
    return np.rint(level).astype(np.uint8)


def test_small_motion_is_found_with_axes_and_signs() -> None:
    for dx, dy in ((0.5, 0.0), (0.0, -0.4), (0.6, 0.3)):
        flow = dense_lucas_kanade(texture(0, 0), texture(dx, dy), noise=1e-4)
        assert flow.shape == (48, 48, 2) and flow.dtype == np.float32
        np.testing.assert_allclose(flow[6:-6, 6:-6].mean(axis=(0, 1)), [dx, dy], atol=0.05)


def test_a_pixels_flow_is_least_squares_over_the_strong_directions() -> None:
    rng = np.random.default_rng(0)
    before = texture(0, 0)
    before[:, 24:] = np.linspace(30, 220, 24).astype(np.uint8)  # there gradients have one direction
    before[30:, :20] = 77  # and here none
    after = np.roll(before, 1, axis=1)
    flow = dense_lucas_kanade(before, after, noise=NOISE)
    first, second = before / 255.0, after / 255.0
    mean, kernel = (first + second) / 2, np.array([1, -8, 0, 8, -1]) / 12
    weights = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    ranks = set()
    for y, x in rng.integers(5, 43, (300, 2)):
        moments, right = np.zeros((2, 2)), np.zeros(2)
        for i in range(-2, 3):
            for j in range(-2, 3):
                row, column = mean[y + i, x + j - 2 : x + j + 3], mean[y + i - 2 : y + i + 3, x + j]
                gradient = np.array([kernel @ row, kernel @ column])
                change = second[y + i, x + j] - first[y + i, x + j]
                moments += weights[i + 2, j + 2] * np.outer(gradient, gradient)
                right += weights[i + 2, j + 2] * gradient * change
        values, vectors = np.linalg.eigh(moments)
        if (np.abs(values - NOISE) < 1e-5).any():
            continue
        strong = values >= NOISE
        ranks.add(int(strong.sum()))
        expected = sum(
            (-(e @ right) / v * e for e, v in zip(vectors.T[strong], values[strong], strict=True)), 0
        )
        np.testing.assert_allclose(flow[y, x], np.broadcast_to(expected, 2), atol=2e-3)
    assert ranks == {0, 1, 2}


def test_time_reversed_is_flow_reversed() -> None:
    a, b = texture(0, 0), texture(0.7, 0.2)
    forth, back = dense_lucas_kanade(a, b, noise=NOISE), dense_lucas_kanade(b, a, noise=NOISE)
    np.testing.assert_allclose(forth, -back, atol=1e-6)
    assert np.abs(forth).max() > 0.5


def test_where_nothing_is_seen_nothing_moves() -> None:
    flat = np.full((20, 30), 99, dtype=np.uint8)
    assert not dense_lucas_kanade(flat, flat, noise=NOISE).any()
    assert not dense_lucas_kanade(flat, flat + 50, noise=NOISE).any()
