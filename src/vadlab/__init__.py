"""vadlab: video anomaly detection, from video to frame scores, categories and a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vadlab.pipeline import Pipeline

__all__ = ["Pipeline", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`vadlab.Pipeline`, imported when it is asked for: it needs PyTorch."""
    if name == "Pipeline":
        from vadlab.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module 'vadlab' has no attribute {name!r}")
