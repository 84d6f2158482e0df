"""Displacements of waves that move by known fractions of a pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from vadlab.nets.lucas_kanade import displacement, sampled_along


def waves(dx: float, dy: float, side: int = 48) -> Tensor:
    """(1, 1, side, side): a smooth texture, moved by (dx, dy)."""
    y, x = np.mgrid[:side, :side].astype(float)
    x, y = x - dx, y - dy
    level = 0.5 + 0.2 * np.sin(0.35 * x + 0.1 * y) + 0.2 * np.cos(0.3 * y - 0.12 * x)
    return torch.from_numpy(level)[None, None]


@pytest.mark.parametrize(("dx", "dy"), [(0.4, 0), (0, -0.3), (-0.25, 0.5)])
def test_finds_a_shift(dx: float, dy: float) -> None:
    inner = displacement(waves(0, 0), waves(dx, dy))[0, :, 8:-8, 8:-8]
    np.testing.assert_allclose(inner.mean((1, 2)), [dx, dy], atol=0.1)
    assert (inner - torch.tensor([dx, dy])[:, None, None]).abs().mean() < 0.15


def test_nothing_moved_and_nothing_to_see() -> None:
    assert not displacement(waves(0, 0), waves(0, 0)).any()
    flat = torch.full((1, 1, 9, 9), 0.5)
    assert not displacement(flat, flat + 0.2).any()  # no gradient tells of a motion


def test_is_linear_in_what_moved() -> None:
    still, change = waves(0, 0), waves(0.3, 0.1) - waves(0, 0)
    once, twice = (displacement(still, still + k * change) for k in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-12)


def test_samples_where_flow_leads() -> None:
    rng = np.random.default_rng(0)
    maps, flow = rng.normal(size=(2, 3, 7, 9)), rng.normal(0, 3, (2, 2, 7, 9))
    found = sampled_along(torch.from_numpy(maps), torch.from_numpy(flow))
    y, x = np.mgrid[:7, :9]
    for b in range(2):
        places = [y + flow[b, 1], x + flow[b, 0]]
        wanted = [map_coordinates(plane, places, order=1, mode="nearest") for plane in maps[b]]
        np.testing.assert_allclose(found[b], wanted, atol=1e-12)
