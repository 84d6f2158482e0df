"""Batch normalisations taken into the convolutions before them, for a network that is not trained further."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_norms"]


def fold_norms(network: nn.Module) -> None:
    """Fold, in place, every normalisation that stands next after a 2D convolution in its module.

    The network must apply them one right after the other, and be in evaluation.
    """
    for module in list(network.modules()):
        for (first, convolution), (second, norm) in pairwise(list(module.named_children())):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, first, fuse_conv_bn_eval(convolution, norm))
                setattr(module, second, nn.Identity())
