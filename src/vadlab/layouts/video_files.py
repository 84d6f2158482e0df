"""Finding videos in a dataset's folder: parts by folder, files by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vadlab.csv_table import listed
from vadlab.errors import DataError
from vadlab.ground_truth.name_list import VIDEO_SUFFIXES

__all__ = ["absent_part", "by_name", "first", "here", "of_part", "refuse_other_case"]


def of_part(base: Path, folders: Sequence[str]) -> dict[str, Path]:
    """Path by name of the videos, files or folders of images, in the first of the folders that is there.

    Folders of masks (`..._gt`) and hidden files are passed over.
    """
    folder = first(base, folders)
    if folder is None:
        return {}
    return {
        path.stem if path.is_file() else path.name: path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
        and not path.name.endswith("_gt")
        and (path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES)
    }


def by_name(root: Path, *, skip: Iterable[str] = ()) -> dict[str, Path]:
    """Path by name (without suffix) of all video files below a folder.

    Args:
        root: The folder.
        skip: Words; a folder with one in its name is passed over.

    Raises:
        DataError: If two files have one name; tells every one.
    """
    found: dict[str, Path] = {}
    twice = [
        f"{path.relative_to(root)} and {found[path.stem].relative_to(root)}"
        for path in sorted(_files(root, tuple(skip)))
        if found.setdefault(path.stem, path) != path
    ]
    if twice:
        raise DataError(
            f"{len(twice)} videos are there twice",
            file=root,
            expected="each name once",
            found=listed(twice),
            remedy="delete the copies",
        )
    return found


def refuse_other_case(names: Iterable[str], found: Mapping[str, Path], *, file: Path) -> None:
    """Refuse videos that are named as in a list but for capitals, which file systems tell apart.

    Raises:
        DataError: If there is any; tells every one.
    """
    folded = {name.casefold(): name for name in found}
    wrong = [
        f"{name} is there as {folded[name.casefold()]}"
        for name in sorted(names)
        if name not in found and name.casefold() in folded
    ]
    if wrong:
        raise DataError(
            f"{len(wrong)} videos are named with other capitals",
            file=file,
            expected="names as in the list",
            found=listed(wrong),
            remedy="rename the videos; the lists are right",
        )


def absent_part(root: Path, what: str, *, expected: str, home: str) -> DataError:
    """The error for a folder that holds none of a dataset's parts."""
    there = sorted(path.name for path in root.iterdir())[:10] if root.is_dir() else ["no such folder"]
    return DataError(
        f"{what} not found here",
        file=root,
        expected=expected,
        found=", ".join(there) or "an empty folder",
        remedy=f"download it from {home} and unpack it here",
    )


def first(base: Path, names: Sequence[str]) -> Path | None:
    """The first of the names that is there."""
    return next((base / name for name in names if (base / name).exists()), None)


def here(root: Path, bases: Sequence[str], wanted: Sequence[str]) -> Path:
    """The first of the folders in which one of the wanted names is there; else the root."""
    return next((root / base for base in bases if first(root / base, wanted) is not None), root)


def _files(folder: Path, skip: tuple[str, ...]) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not any(word in path.name for word in skip):
                yield from _files(path, skip)
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            yield path
