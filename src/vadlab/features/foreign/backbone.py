"""What a store of imported features names as its backbone: one that nobody here can run."""

from __future__ import annotations

from dataclasses import dataclass

from vadlab.errors import UsageError

__all__ = ["ImportedFeatures"]


@dataclass(frozen=True)
class ImportedFeatures:
    """Stands in a manifest where the network would; making one always fails, with the reason.

    So a detector can be trained and evaluated on imported features, and `score`, which would have to make
    such features of a new video, says why it cannot.

    Raises:
        UsageError: Always.
    """

    layout: str = ""

    def __post_init__(self) -> None:
        raise UsageError(
            f"the detector was trained on imported features (layout {self.layout}); "
            "how to make such features of a new video is not known",
            expected="features that vadlab extract made",
            remedy="vadlab evaluate works on the imported videos; to score others, extract this dataset's "
            "features with vadlab extract and train on those",
        )
