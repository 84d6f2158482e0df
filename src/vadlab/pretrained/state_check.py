"""Whether the arrays of a file are exactly those of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from vadlab.errors import WeightsError
from vadlab.types import FloatArray

if TYPE_CHECKING:
    from torch import nn

__all__ = ["State", "check"]

State: TypeAlias = dict[str, FloatArray]
"""A network's parameters and statistics by name."""


def check(
    state: Mapping[str, FloatArray], network: nn.Module, path: Path, *, what: str, note: str | None = None
) -> None:
    """Compare each name and each shape with a network's, and look for values that are not finite.

    Args:
        state: The arrays by name, without the counts of training batches.
        network: The network; on the meta device it costs nothing.
        path: The file, for messages.
        what: The network with its article, for messages.
        note: More that was expected.

    Raises:
        WeightsError: If anything differs.
    """
    expected = {
        key: tuple(value.shape)
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    found = {key: value.shape for key, value in state.items()}
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    wrong = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    if missing or extra or wrong:
        first = [f"{key} {found[key]} in place of {expected[key]}" for key in wrong[:3]]
        raise WeightsError(
            f"the arrays are not those of {what}",
            file=path,
            expected=f"{len(expected)} arrays" + (f" with {note}" if note else ""),
            found=f"missing {missing[:3]}, unknown {extra[:3]}, wrong shape {first}",
        )
    infinite = sorted(key for key, value in state.items() if not np.isfinite(value).all())
    if infinite:
        raise WeightsError("some weights are NaN or infinite", file=path, found=infinite[:3])
