"""Which video of a dataset a foreign name means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from vadlab.ground_truth.name_list import VIDEO_SUFFIXES

__all__ = ["Names", "common_tail"]


class Names:
    """The names of a dataset's videos, to look foreign ones up in.

    A name means the video with that id; else, after a video file's suffix is taken off, the one whose id
    ends with the most of the same parts between `/`, the last part at least.

    Args:
        ids: The dataset's.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        self._by_last: dict[str, list[str]] = {}
        for one in self.ids:
            self._by_last.setdefault(one.rsplit("/", 1)[-1], []).append(one)

    def find(self, name: str) -> tuple[str, ...]:
        """Ids that a name may mean: none, one, or several if it is ambiguous."""
        bare = _bare(name)
        found = self._by_last.get(bare.rsplit("/", 1)[-1], [])
        if bare in found:
            return (bare,)
        depth = max((common_tail(bare, one) for one in found), default=0)
        return tuple(one for one in found if common_tail(bare, one) == depth)

    def find_all(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Each name's ids. Where some names agree with ids in their folders too, none may contradict them.

        So `ten_crop/Abuse001` may be `Abuse/Abuse001`; but where there is a `Fire/v2` that is `Fire/v2`,
        then `Panic/v1` is not `Fire/v1`.
        """
        found = {name: self.find(name) for name in names}
        if any(common_tail(_bare(name), one) > 1 for name, ids in found.items() for one in ids):
            found = {
                name: tuple(one for one in ids if not _contradict(_bare(name), one))
                for name, ids in found.items()
            }
        return found


def _bare(name: str) -> str:
    """With `/` between parts, and without a video file's suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    return str(path.with_suffix("")) if path.suffix.lower() in VIDEO_SUFFIXES else str(path)


def _contradict(a: str, b: str) -> bool:
    return common_tail(a, b) < min(a.count("/"), b.count("/")) + 1


def common_tail(a: str, b: str) -> int:
    """How many parts between `/` two paths share, counted from the end."""
    n = 0
    for one, other in zip(reversed(a.split("/")), reversed(b.split("/")), strict=False):
        if one != other:
            break
        n += 1
    return n
