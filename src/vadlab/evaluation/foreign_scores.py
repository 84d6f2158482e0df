"""Other people's scores, from the files that they come in.

- `.npz`: one array a video, its name the video's id.
- `.csv`: `video,frame,score` with frames counted from 0, or `video,start,stop,score`, half-open.
- `.json`: an object of video id to a list of scores, or to `{"spans": [[start, stop]], "scores": []}`.
- `.pkl`: a pickled dict of arrays; read without running anything in it.
- a folder: one `.npy` or `.txt` (a number a line) a video, named by its id.
- `.npy` or `.txt`: one video, named by its id.

Scores without frames follow each other from the video's first frame; see `alignment`.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab import array_pickle
from vadlab.csv_table import Cells, Problem, listed, read_lines, refuse
from vadlab.errors import DataError, StoreError
from vadlab.files import read_json
from vadlab.types import FloatArray, IntArray

__all__ = ["ForeignScores", "matched", "read_categories", "read_scores"]

KINDS = ".npz, .csv, .json, .pkl, .npy, .txt, or a folder of .npy or .txt files"


@dataclass(frozen=True)
class ForeignScores:
    """One video's scores as a file gives them.

    Args:
        values: (m,) float32.
        spans: (m, 2) frames that the file names, half-open, or None where it names none.
    """

    values: FloatArray
    spans: IntArray | None = None


def read_scores(files: Sequence[Path]) -> dict[str, ForeignScores]:
    """Video id to its scores, from all files together.

    Raises:
        DataError: If a file is missing, malformed or of another kind, two give the same video, or any
            score is not finite; tells every such video.
    """
    found: dict[str, ForeignScores] = {}
    problems: list[str] = []
    for file in files:
        for name, scores in _read(file):
            if name in found:
                problems.append(f"{name}: given twice, again in {file}")
            elif not len(scores.values):
                problems.append(f"{name}: no score")
            elif not np.isfinite(scores.values).all():
                bad = np.flatnonzero(~np.isfinite(scores.values))
                problems.append(
                    f"{name}: {len(bad)} scores are NaN or infinite, the first is number {bad[0]}"
                )
            found[name] = scores
    if problems:
        raise DataError(
            f"the scores of {len(problems)} videos cannot be used",
            expected="one array of finite numbers a video",
            found=listed(problems),
        )
    return found


def _read(file: Path) -> Iterator[tuple[str, ForeignScores]]:
    if not file.exists():
        raise DataError("no such file", file=file, expected=KINDS)
    if file.is_dir():
        inside = sorted(path for path in file.rglob("*") if path.suffix in (".npy", ".txt"))
        if not inside:
            raise DataError("the folder has no scores", file=file, expected=".npy or .txt files")
        for path in inside:
            name = path.relative_to(file).with_suffix("").as_posix()
            yield name, ForeignScores(_load(path, path.name))
        return
    readers: dict[str, Callable[[Path], Mapping[str, ForeignScores]]] = {
        ".npz": _npz, ".csv": _csv, ".json": _json, ".pkl": _pickle, ".pickle": _pickle,
        ".npy": lambda path: {path.stem: ForeignScores(_load(path, path.name))},
        ".txt": lambda path: {path.stem: ForeignScores(_load(path, path.name))},
    }  # fmt: skip
    if file.suffix not in readers:
        raise DataError("scores of this kind are not known", file=file, expected=KINDS, found=file.suffix)
    yield from readers[file.suffix](file).items()


def _load(file: Path, name: str) -> FloatArray:
    try:
        if file.suffix == ".txt":
            return _values(np.array(file.read_text().split(), dtype=np.float64), file, name)
        return _values(np.load(file, allow_pickle=False), file, name)
    except (ValueError, OSError, EOFError) as error:
        raise _damaged(file, name, str(error)) from error


def _npz(file: Path) -> dict[str, ForeignScores]:
    name = "the archive"
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = {}
            for name in archive.files:
                found[name] = ForeignScores(_values(archive[name], file, name))
            return found
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(file, name, str(error)) from error


def _damaged(file: Path, name: str, found: str) -> DataError:
    remedy = None
    if "pickle" in found.lower():
        remedy = "save plain arrays of numbers: np.savez(FILE, **{video: scores})"
    return DataError(
        f"{name} cannot be read", file=file, expected="an array of numbers", found=found, remedy=remedy
    )


def _values(array: NDArray[Any], file: Path, name: str) -> FloatArray:
    """(m,) float32 of an array of one axis; axes of length 1 are dropped."""
    flat = array.reshape(-1) if array.size == max(array.shape, default=1) else array
    if flat.ndim != 1 or flat.dtype.kind not in "biuf":
        raise DataError(
            f"{name} is no list of scores",
            file=file,
            expected="one axis of numbers",
            found=f"shape {array.shape}, type {array.dtype}",
            remedy="average over crops, or take the column of the anomaly",
        )
    return flat.astype(np.float32)


def _json(file: Path) -> dict[str, ForeignScores]:
    try:
        content = read_json(file)
    except StoreError as error:
        raise DataError(error.message, file=file, expected=error.expected, found=error.found) from error
    return {name: _of_json(part, file, name) for name, part in content.items()}


def _of_json(part: Any, file: Path, name: str) -> ForeignScores:
    spans = None
    try:
        if isinstance(part, Mapping):
            spans = np.array(part["spans"], dtype=np.int64).reshape(-1, 2)
            part = part["scores"]
        values = _values(np.array(part, dtype=np.float64), file, name)
        if spans is not None and len(spans) != len(values):
            raise ValueError(f"{len(spans)} spans, {len(values)} scores")
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{name} is no list of scores",
            file=file,
            expected='[0.1, 0.2, ...], or {"spans": [[0, 16], ...], "scores": [0.1, ...]}',
            found=f"{error} in {json.dumps(part)[:60]}",
        ) from error
    return ForeignScores(values, spans)


def _pickle(file: Path) -> dict[str, ForeignScores]:
    try:
        content = array_pickle.loads(file.read_bytes())
    except pickle.UnpicklingError as error:
        raise _damaged(file, "the pickle", str(error)) from error
    if not isinstance(content, Mapping):
        raise _damaged(file, "the pickle", f"a {type(content).__name__} instead of a dict by video")
    return {
        str(key): ForeignScores(_values(np.asarray(value), file, str(key))) for key, value in content.items()
    }


def _csv(file: Path) -> dict[str, ForeignScores]:
    problems: list[Problem] = []
    rows: dict[str, list[tuple[int, int, float]]] = {}
    columns, required = ("video", "score", "frame", "start", "stop"), ("video", "score")
    for line, fields in read_lines(
        file, columns=columns, required=required, problems=problems, example="Fire/v_01,0,0.25"
    ):
        if ("frame" in fields) == ("start" in fields) or ("start" in fields) != ("stop" in fields):
            raise DataError(
                "line 1, the header, does not say which frames a score is for",
                file=file,
                expected="video,frame,score or video,start,stop,score",
                found=",".join(fields),
            )
        cells, before = Cells(line, fields, problems), len(problems)
        score = cells.read("score", float, "a number")
        starts = "frame" if "frame" in fields else "start"
        start = cells.read(starts, _frame, "a frame, a whole number from 0 on") or 0
        stop = start + 1
        if starts == "start":
            stop = cells.read("stop", _frame, "a frame, a whole number from 0 on") or 0
            if len(problems) == before and stop <= start:
                problems.append(Problem(line, "stop", f"a frame after start = {start}", str(stop)))
        if len(problems) == before and score is not None:
            rows.setdefault(fields["video"], []).append((start, stop, score))
    refuse(file, problems)
    found = {}
    for name, triples in rows.items():
        table = np.array(triples)
        table = table[np.argsort(table[:, 0], kind="stable")]
        found[name] = ForeignScores(table[:, 2].astype(np.float32), table[:, :2].astype(np.int64))
    return found


def _frame(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def matched(given: Iterable[str], wanted: Iterable[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Find each wanted video among the given names: by its id, else by its last part if that is unique.

    Returns:
        Wanted id to given name; wanted ids without scores; given names without a video.
    """
    names, ids = list(given), list(wanted)
    by_last: dict[str, list[str]] = {}
    for name in names:
        by_last.setdefault(name.rsplit("/", 1)[-1], []).append(name)
    last_of_ids = Counter(name.rsplit("/", 1)[-1] for name in ids)
    known = set(names)
    pairs: dict[str, str] = {}
    for name in ids:
        last = name.rsplit("/", 1)[-1]
        if name in known:
            pairs[name] = name
        elif len(by_last.get(last, [])) == 1 and last_of_ids[last] == 1:
            pairs[name] = by_last[last][0]
    used = set(pairs.values())
    return pairs, [name for name in ids if name not in pairs], [name for name in names if name not in used]


def read_categories(file: Path) -> tuple[tuple[str, ...], dict[str, FloatArray]]:
    """Each video's category, or the probability of each, from `video,category[,probability]`.

    Returns:
        The C names, sorted, and video id to (C,) float32 probabilities that sum to 1.

    Raises:
        DataError: If a line is malformed, a video's probabilities do not sum to 1, or a category comes
            twice; tells every such line or video.
    """
    problems: list[Problem] = []
    given: dict[str, dict[str, float]] = {}
    columns, required = ("video", "category", "probability"), ("video", "category")
    for line, fields in read_lines(
        file, columns=columns, required=required, problems=problems, example="Fire/v_01,Fire"
    ):
        cells = Cells(line, fields, problems)
        probability = 1.0 if "probability" not in fields else cells.read("probability", float, "a number")
        of_video = given.setdefault(fields["video"], {})
        if fields["category"] in of_video:
            problems.append(Problem(line, "category", "each category once a video", fields["category"]))
        of_video[fields["category"]] = probability or 0.0
    refuse(file, problems)
    names = tuple(sorted({name for of_video in given.values() for name in of_video}))
    wrong = [
        f"{video}: {sum(of_video.values()):g}"
        for video, of_video in given.items()
        if abs(sum(of_video.values()) - 1) > 1e-3 or min(of_video.values()) < 0
    ]
    if wrong:
        raise DataError(
            "probabilities do not sum to 1",
            file=file,
            expected="probabilities of 0 or more that sum to 1 for each video",
            found=listed(wrong),
        )
    rows = {video: np.array([of_video.get(name, 0.0) for name in names]) for video, of_video in given.items()}
    return names, {video: (row / row.sum()).astype(np.float32) for video, row in rows.items()}
