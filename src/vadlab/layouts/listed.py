"""Listing and splitting videos: the part of a dataset that does not depend on its folder's layout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from vadlab.csv_table import listed
from vadlab.errors import DataError, UsageError
from vadlab.splits import Protocol, assemble, official, random_half
from vadlab.types import Entry, Split, Supervision

__all__ = ["HalvedVideos", "ListedVideos", "VideosAbsentError", "two_kinds"]


class VideosAbsentError(DataError):
    """A split names videos that the folder has not."""


class ListedVideos:
    """Videos whose own parts are the LAD paper's too.

    A subclass gives all its videos to `_keep`, also those that its lists name and the folder has not:
    they are `absent`, and a split with one of them is refused.
    """

    name: ClassVar[str]
    home: ClassVar[str]
    normal_training: ClassVar[bool] = False  # whether the set's own training part is normal throughout
    _entries: tuple[Entry, ...]
    absent: tuple[Entry, ...] = ()

    def _keep(self, videos: Iterable[Entry]) -> None:
        ordered = sorted(videos, key=lambda entry: entry.id)
        self._entries = tuple(entry for entry in ordered if entry.path.exists())
        self.absent = tuple(entry for entry in ordered if not entry.path.exists())

    def entries(self) -> tuple[Entry, ...]:
        """All videos that are there, sorted by id."""
        return self._entries

    def has_frame_labels(self, entry: Entry) -> bool:  # noqa: ARG002
        """True: every video has them."""
        return True

    def split(
        self,
        supervision: Supervision,
        *,
        seed: int = 0,
        val_fraction: float = 0.0,
        protocol: Protocol = "paper",
    ) -> Split:
        """The set's own parts, for both protocols; the seed draws validation only.

        Raises:
            UsageError: If the set trains on normal videos only, and the mode needs others.
            VideosAbsentError: If videos of the split are absent.
        """
        if protocol == "paper":
            return self._complete(self._papers(supervision, seed, val_fraction))
        if self.normal_training and supervision is not Supervision.UNSUPERVISED:
            raise UsageError(
                f"the official split of {self.name} trains on normal videos only",
                expected="unsupervised",
                found=str(supervision),
                remedy="use the paper's split",
            )
        return self._complete(self._officials(supervision, seed, val_fraction, protocol))

    def _papers(self, supervision: Supervision, seed: int, val_fraction: float) -> Split:
        """The LAD paper's split (Table 2)."""
        return self._officials(supervision, seed, val_fraction, "paper")

    def _officials(
        self, supervision: Supervision, seed: int, val_fraction: float, protocol: Protocol
    ) -> Split:
        # Where the paper splits otherwise, the name says which split it is.
        name = f"{self.name} official" if protocol == "official" and self.normal_training else self.name
        return official(
            name, self._every(), supervision, protocol=protocol, val_fraction=val_fraction, seed=seed
        )

    def _every(self) -> tuple[Entry, ...]:
        return tuple(sorted(self._entries + self.absent, key=lambda entry: entry.id))

    def _complete(self, split: Split) -> Split:
        """Refuse a split that names videos which are not there: half of it would be another split."""
        absent = {entry.id for entry in self.absent}
        lost = [e.id for part in (split.train, split.val, split.test) for e in part if e.id in absent]
        if lost:
            size = len(split.train) + len(split.val) + len(split.test)
            raise VideosAbsentError(
                f"{len(lost)} of the {size} videos of this split are absent",
                expected=f"all videos of {split.name}",
                found=listed(lost),
                remedy=f"finish the download from {self.home}; what is there can be extracted meanwhile",
            )
        return split


class HalvedVideos(ListedVideos):
    """Videos of which the LAD paper trains on a random half.

    Its draw is not published, so average over several seeds (Sec. 5.1, Weakly Supervised Splits).
    """

    normal_training: ClassVar[bool] = True

    def _papers(self, supervision: Supervision, seed: int, val_fraction: float) -> Split:
        train, test = random_half(self._every(), seed=seed)
        return assemble(
            self.name,
            supervision,
            protocol="paper",
            train=train,
            test=test,
            val_fraction=val_fraction,
            seed=seed,
            drawn=True,
        )


def two_kinds(*, abnormal: bool) -> str:
    """The category in sets without kinds of anomaly; the LAD authors classify these with C = 2."""
    return "Abnormal" if abnormal else "Normal"
