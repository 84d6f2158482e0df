"""How far a picture has moved from another, to first order and differentiably.

Source: Lucas, Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision",
IJCAI 1981: one step, least squares over a square around each pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, pad

__all__ = ["displacement", "sampled_along"]

STIFFNESS = 1e-4  # mean squared gradient, for levels 0..1, at which a displacement is halved


def displacement(still: Tensor, moved: Tensor, *, width: int = 7) -> Tensor:
    """Where each pixel of one picture is found in another: right for a pixel or so, and in textured places.

    Args:
        still: (b, 1, h, w), levels 0..1; its gradients are used.
        moved: (b, 1, h, w); the result is linear in it.
        width: Of the square over which squares are averaged, odd.

    Returns:
        (b, 2, h, w) pixels, x (to the right) first, then y (down).
    """
    framed = pad(still, (1, 1, 1, 1), mode="replicate")
    gx = (framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]) / 2
    gy = (framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]) / 2
    change = moved - still
    products = torch.cat([gx * gx, gx * gy, gy * gy, gx * change, gy * change], dim=1)
    means = avg_pool2d(products, width, stride=1, padding=width // 2, count_include_pad=False)
    xx, xy, yy, xt, yt = means.unbind(dim=1)
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    determinant = xx * yy - xy * xy
    return torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant[:, None]


def sampled_along(maps: Tensor, flow: Tensor) -> Tensor:
    """Values where flow leads: maps (b, c, h, w) at p + flow(p), bilinear, the border's beyond the border.

    Args:
        maps: (b, c, h, w).
        flow: (b, 2, h, w) pixels, x first.
    """
    h, w = maps.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(h, device=maps.device, dtype=maps.dtype),
        torch.arange(w, device=maps.device, dtype=maps.dtype),
        indexing="ij",
    )
    to_x = 2 * (x + flow[:, 0]) / max(w - 1, 1) - 1
    to_y = 2 * (y + flow[:, 1]) / max(h - 1, 1) - 1
    places = torch.stack([to_x, to_y], dim=-1)
    return grid_sample(maps, places, mode="bilinear", padding_mode="border", align_corners=True)
