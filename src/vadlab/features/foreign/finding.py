"""Finding the files of each video: by the layout's names, the dataset's ids, and a list file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vadlab.csv_table import listed
from vadlab.errors import DataError
from vadlab.features.foreign.arrays import ARCHIVES, array_names
from vadlab.features.foreign.layouts import Layout, Name
from vadlab.features.foreign.names import Names, common_tail
from vadlab.ground_truth.name_list import VIDEO_SUFFIXES

__all__ = ["Found", "Piece", "find"]

_NAMELESS = {"arr_0", "data", "feat", "feats", "feature", "features"}  # say nothing of the video


@dataclass(frozen=True)
class Piece:
    """An array of a video: all of it, one crop or one stream.

    Args:
        file: Where it is.
        array: Its name in an archive, or None.
        stem: What is read for a name: the path within the source without suffix, or the array's name.
        crop: Number of the crop, or None.
        stream: The stream, or None.
    """

    file: Path
    array: str | None
    stem: str
    crop: int | None = None
    stream: str | None = None


@dataclass(frozen=True)
class Found:
    """What a source holds of a dataset.

    Args:
        videos: Id to its pieces, in the order of streams and crops.
        unused: Names of pieces that mean no video of the dataset.
    """

    videos: dict[str, tuple[Piece, ...]]
    unused: tuple[str, ...]


def find(layout: Layout, source: Path, ids: Iterable[str], *, wanted: Path | None = None) -> Found:
    """Sort a source's files by video.

    Args:
        layout: How they are named.
        source: Their folder, searched with all folders in it; or one file.
        ids: The dataset's.
        wanted: A list file, a path or name a line (what follows a comma is passed over, as is a header
            `path`); only files that it names are used. Its paths may be those of another machine: they are
            compared from their ends. None uses every file.

    Raises:
        DataError: If there are no such files, a name is ambiguous or a video is there twice, a line of the
            list names no file, or no file is of the dataset; tells every one.
    """
    pieces = _pieces(layout, source)
    if wanted is not None:
        pieces = _chosen(layout, pieces, wanted)
    names = Names(ids)
    readings = {piece: layout.readings(piece.stem) for piece in pieces}
    ids_of = names.find_all({name.video for read in readings.values() for name in read})
    videos: dict[str, list[Piece]] = {}
    unused: list[str] = []
    ambiguous: list[str] = []
    for piece in pieces:
        meanings = {(one, name) for name in readings[piece] for one in ids_of[name.video]}
        exact = {(one, name) for one, name in meanings if name.video == piece.stem == one}
        meanings = exact or meanings
        targets = sorted({f"{one}{_of_crop(name)}" for one, name in meanings})
        if not meanings:
            unused.append(piece.stem)
        elif len(targets) > 1:
            ambiguous.append(f"{piece.stem}: {' or '.join(targets)}")
        else:
            one, name = next(iter(meanings))
            made = Piece(piece.file, piece.array, piece.stem, name.crop, name.stream)
            videos.setdefault(one, []).append(made)
    if ambiguous:
        raise DataError(
            f"{len(ambiguous)} names may mean several videos or crops",
            file=source,
            expected="names that end as one id of the dataset does",
            found=listed(ambiguous),
            remedy="put the files in folders as the ids have them, or rename them",
        )
    _refuse_twice(source, videos)
    if not videos:
        raise DataError(
            f"none of the {len(pieces)} arrays is of a video of the dataset",
            file=source,
            expected=f"names such as {', '.join(names.ids[:3])}",
            found=", ".join(unused[:3]),
            remedy="name another dataset or layout, or rename the files (capitals count)",
        )
    order = {one: tuple(sorted(parts, key=_rank)) for one, parts in sorted(videos.items())}
    return Found(order, tuple(unused))


def _of_crop(name: Name) -> str:
    return "" if name.crop is None else f" (crop {name.crop})"


def _rank(piece: Piece) -> tuple[int, int]:
    # RGB stands before flow, as in the LAD paper (Sec. 5.1).
    return (["rgb", "flow", "combine", None].index(piece.stream), -1 if piece.crop is None else piece.crop)


def _pieces(layout: Layout, source: Path) -> list[Piece]:
    if not source.exists():
        raise DataError("no such file or folder", file=source, expected=layout.what)
    if source.is_file():
        files, base = [source], source.parent
    else:
        hidden = (path for path in source.rglob("*") if not path.name.startswith("."))
        files, base = sorted(path for path in hidden if path.suffix in layout.suffixes), source
    pieces: list[Piece] = []
    for file in files:
        stem = file.relative_to(base).with_suffix("").as_posix()
        if file.suffix in ARCHIVES:
            pieces += _in_archive(file, stem)
        elif file.suffix in layout.suffixes and layout.readings(stem):
            pieces.append(Piece(file, None, stem))
    if not pieces:
        raise DataError(
            f"no features of the layout {layout.name}",
            file=source,
            expected=layout.what,
            found="other files" if source.is_file() or any(source.iterdir()) else "an empty folder",
        )
    return pieces


def _in_archive(file: Path, stem: str) -> list[Piece]:
    inside = array_names(file)
    if len(inside) == 1 and inside[0].lower() in _NAMELESS:
        return [Piece(file, inside[0], stem)]
    return [Piece(file, name, name) for name in inside]


def _chosen(layout: Layout, pieces: Sequence[Piece], wanted: Path) -> list[Piece]:
    try:
        lines = wanted.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "the list cannot be read", file=wanted, expected="a file's path a line", found=str(error)
        ) from error
    # By the whole name, and by the video's that it means: a list of videos chooses all their crops.
    by_name: dict[str, list[Piece]] = {}
    for piece in pieces:
        meant = {piece.stem, *(name.video for name in layout.readings(piece.stem))}
        for last in {name.rsplit("/", 1)[-1] for name in meant}:
            by_name.setdefault(last, []).append(piece)
    chosen: dict[Piece, None] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.split(",")[0].strip().strip("\"'").replace("\\", "/")
        if not text or (number == 1 and text.lower() in ("path", "video", "name")):
            continue
        path = PurePosixPath(text)
        known = path.suffix.lower() in {*layout.suffixes, *VIDEO_SUFFIXES}
        stem = str(path.with_suffix("")) if known else text
        found = by_name.get(stem.rsplit("/", 1)[-1], [])
        whole = [piece for piece in found if piece.stem.rsplit("/", 1)[-1] == stem.rsplit("/", 1)[-1]]
        found = whole or found
        depth = max((common_tail(piece.stem, stem) for piece in found), default=0)
        found = [piece for piece in found if common_tail(piece.stem, stem) == depth]
        if not found:
            problems.append(f"line {number}: no file for {text}")
        elif whole and len(found) > 1:
            problems.append(f"line {number}: {text} may mean {', '.join(piece.stem for piece in found)}")
        chosen.update(dict.fromkeys(found))
    if problems or not chosen:
        raise DataError(
            f"{len(problems)} lines of the list do not name one file",
            file=wanted,
            expected="a file's path a line, its end as in the source's folder",
            found=listed(problems) or "no line",
        )
    return list(chosen)


def _refuse_twice(source: Path, videos: dict[str, list[Piece]]) -> None:
    problems = []
    for one, parts in videos.items():
        count = Counter((part.stream, part.crop) for part in parts)
        again = [part for part in parts if count[part.stream, part.crop] > 1]
        crops = {part.crop is None for part in parts}
        if again or len(crops) > 1:
            places = sorted(
                f"{part.file}" + (f" {part.array}" if part.array else "") for part in again or parts
            )
            problems.append(f"{one}: {', '.join(places)}")
    if problems:
        raise DataError(
            f"{len(problems)} videos are there twice",
            file=source,
            expected="one array a video, or one for each of its crops",
            found=listed(problems),
            remedy="name the folder of one copy, or a list of the files to use: --list FILE",
        )
