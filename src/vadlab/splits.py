"""Drawing splits from a dataset's entries, and keeping them in files.

Every draw depends on the seed and the videos' ids alone: things are ordered by a hash of both, so
neither the order of the file system nor the version of a random generator can change a split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.files import read_json, write_json
from vadlab.types import Entry, Split, Supervision

__all__ = [
    "TABLE_2",
    "Protocol",
    "assemble",
    "by_part",
    "cut_validation",
    "normal_only",
    "official",
    "random_half",
    "read_split",
    "write_split",
]

Protocol: TypeAlias = Literal["paper", "official"]
"""Whose split: the LAD paper's (Sec. 5.1, Data Splits, Table 2) or the dataset's own."""

TABLE_2: dict[str, tuple[int, int, int]] = {
    "avenue": (8, 19, 18),
    "avenue_ranges": (8, 19, 18),
    "ped2": (8, 14, 14),
    "shanghaitech": (175, 238, 199),
    "ucf_crime": (800, 1610, 290),
    "lad": (958, 1440, 560),
}
"""By dataset, the LAD paper's numbers of videos: to train without supervision, to train with it, to test."""

Part: TypeAlias = tuple[Entry, ...]


def by_part(entries: Iterable[Entry]) -> tuple[Part, Part, Part]:
    """The official parts: train, val (mostly empty), test; each sorted by id."""
    ordered = _by_id(entries)
    train, val, test = (tuple(e for e in ordered if e.part == part) for part in ("train", "val", "test"))
    return train, val, test


def random_half(entries: Iterable[Entry], *, seed: int) -> tuple[Part, Part]:
    """Draw half of the normal and half of the abnormal videos to train with, the rest to test.

    An odd number gives the larger half to training: Avenue's 21 abnormal videos become 11 and 10.

    Returns:
        train, test; each sorted by id.

    Source: LAD paper, Sec. 5.1, Weakly Supervised Splits. Its lists are not published.
    """
    ordered = _by_id(entries)
    train: list[Entry] = []
    test: list[Entry] = []
    for abnormal in (False, True):
        drawn = _shuffled([entry.id for entry in ordered if entry.abnormal is abnormal], seed)
        chosen = set(drawn[: (len(drawn) + 1) // 2])
        for entry in ordered:
            if entry.abnormal is abnormal:
                (train if entry.id in chosen else test).append(entry)
    return _by_id(train), _by_id(test)


def normal_only(entries: Iterable[Entry]) -> Part:
    """The normal videos: all that unsupervised training may see (LAD paper, Sec. 5.1)."""
    return tuple(entry for entry in _by_id(entries) if not entry.abnormal)


def cut_validation(entries: Iterable[Entry], fraction: float, *, seed: int) -> tuple[Part, Part]:
    """Cut a validation part from training videos, whole sources at a time.

    One source after the other is taken, always one that brings the part closest, for each of its
    videos, to `fraction` of all videos, of the normal and abnormal ones, of each category, and of the
    normal and abnormal ones of each category; the seed decides between equally good ones.

    Args:
        entries: The training part.
        fraction: Wanted share of videos, 0 <= fraction < 1. Above 0, at least one video is cut.
        seed: Seed of the draw.

    Returns:
        train, val; each sorted by id.

    Raises:
        UsageError: If the fraction is out of range.
        DataError: If all videos are of one source.
    """
    if not 0 <= fraction < 1:
        raise UsageError(
            "the validation fraction is out of range", expected="0 <= fraction < 1", found=fraction
        )
    ordered = _by_id(entries)
    if fraction == 0:
        return ordered, ()
    sources = _shuffled(sorted({entry.source for entry in ordered}), seed)
    if len(sources) < 2:
        raise DataError(
            "cannot cut a validation part from the training videos",
            expected="videos of two sources or more",
            found=f"{len(ordered)} videos of {len(sources)} sources",
            remedy="train without validation, or add recordings",
        )
    counts = _stratum_counts(ordered, sources)
    size = counts[:, 0]
    missing = fraction * counts.sum(axis=0)
    chosen: list[int] = []
    while len(chosen) < len(sources) - 1:
        gain = (np.abs(missing) - np.abs(missing - counts)).sum(axis=1) / size
        gain[chosen] = -np.inf
        # Rounded, so that equal gains stay equal and the seed's order decides.
        best = int(np.argmax(gain.round(9)))
        if chosen and gain[best] <= 1e-9:
            break
        chosen.append(best)
        missing = missing - counts[best]
    cut = {sources[index] for index in chosen}
    train = tuple(entry for entry in ordered if entry.source not in cut)
    return train, tuple(entry for entry in ordered if entry.source in cut)


def assemble(
    name: str,
    supervision: Supervision,
    *,
    protocol: Protocol,
    train: Iterable[Entry],
    test: Iterable[Entry],
    val: Iterable[Entry] = (),
    val_fraction: float = 0.0,
    seed: int = 0,
    drawn: bool = False,
) -> Split:
    """Make the split of one supervision mode from a dataset's parts.

    Without supervision only the normal videos of train and val stay; test is the same in all modes
    (LAD paper, Sec. 5.1). Validation is cut from what then is the training part.

    Args:
        name: The dataset's name.
        supervision: The mode.
        protocol: Whose split; only checked here, the caller drew the parts by it.
        train: The training part.
        test: The test part.
        val: A validation part that the dataset lists itself.
        val_fraction: Share of the training part to cut for validation.
        seed: Seed of the draw.
        drawn: Whether train and test were drawn by the seed too.

    Raises:
        UsageError: If the protocol is unknown, or the dataset lists a validation part and another is
            asked for.
        DataError: If no normal video is left to train with, or a source is on two sides.
    """
    if protocol not in get_args(Protocol):
        raise UsageError(f"unknown protocol {protocol!r}", expected=" | ".join(get_args(Protocol)))
    train, val, test = _by_id(train), _by_id(val), _by_id(test)
    if val and val_fraction:
        raise UsageError(
            f"{name} lists its own validation part",
            expected="a validation fraction of 0",
            found=f"{val_fraction}, and {len(val)} listed videos",
            remedy="leave the fraction out, or mark the listed videos as train",
        )
    if supervision is Supervision.UNSUPERVISED:
        if train and not normal_only(train):
            raise DataError(
                f"{name} has no normal video in its training part",
                expected="normal videos: unsupervised detectors learn from them alone",
                found=f"{len(train)} abnormal videos",
                remedy="add normal videos, or choose a weakly or fully supervised detector",
            )
        train, val = normal_only(train), normal_only(val)
    label = f"{name} {supervision}, {len(train)}/{len(test)}"
    if val_fraction:
        train, val = cut_validation(train, val_fraction, seed=seed)
    if val:
        label += f", {len(val)} to validate"
    return Split(label, supervision, train, val, test, seed if drawn or val_fraction else None)


def official(
    name: str,
    entries: Iterable[Entry],
    supervision: Supervision,
    *,
    protocol: Protocol,
    val_fraction: float = 0.0,
    seed: int = 0,
) -> Split:
    """`assemble` for the parts that the dataset itself lists; the seed draws validation only.

    Raises:
        UsageError: As `assemble`.
        DataError: As `assemble`.
    """
    train, val, test = by_part(entries)
    return assemble(
        name,
        supervision,
        protocol=protocol,
        train=train,
        val=val,
        test=test,
        val_fraction=val_fraction,
        seed=seed,
    )


def write_split(path: Path, split: Split) -> None:
    """Write a split as JSON: its name, supervision and seed, and the ids of each part, an id a line.

    JSON, as it is one text file that holds three lists and what they are, that every language reads and
    `diff` compares; `jq -r '.train[]' FILE` makes a plain list of it.
    """
    parts = {"train": split.train, "val": split.val, "test": split.test}
    value: dict[str, object] = {"name": split.name, "supervision": str(split.supervision), "seed": split.seed}
    value.update({part: [entry.id for entry in entries] for part, entries in parts.items()})
    write_json(path, value)


def read_split(path: Path, entries: Iterable[Entry]) -> Split:
    """Read a split, looking its ids up among a dataset's entries.

    Raises:
        StoreError: If the file is missing or is not JSON.
        DataError: If a key is missing or has the wrong type, or the dataset has no such video.
    """
    value = read_json(path)
    known = {entry.id: entry for entry in entries}
    parts: dict[str, Part] = {}
    absent: list[str] = []
    for part in ("train", "val", "test"):
        ids = value.get(part)
        if not isinstance(ids, list) or not all(isinstance(key, str) for key in ids):
            raise DataError(
                "the split is malformed",
                file=path,
                expected=f"a list of video ids as {part!r}",
                found=f"{ids!r:.60}" if part in value else "no such key",
                remedy="make it again: vadlab data split DATASET ROOT --out FILE",
            )
        twice = sorted({key for key in ids if ids.count(key) > 1}) if len(set(ids)) < len(ids) else []
        if twice:
            raise DataError(
                f"the split lists {len(twice)} videos twice as {part!r}",
                file=path,
                expected="each id once",
                found=", ".join(twice[:20]),
            )
        absent += [key for key in ids if key not in known]
        parts[part] = tuple(known[key] for key in ids if key in known)
    if absent:
        raise DataError(
            f"the split names {len(absent)} videos that the dataset has not",
            file=path,
            expected=f"ids such as {min(known, default='')!r}",
            found=", ".join(map(repr, absent[:20])) + (" ..." if len(absent) > 20 else ""),
            remedy="use the split with the dataset that it was made from",
        )
    name, seed, mode = value.get("name"), value.get("seed"), value.get("supervision")
    if not isinstance(name, str) or not isinstance(seed, int | None) or mode not in list(Supervision):
        raise DataError(
            "the split is malformed",
            file=path,
            expected=f"a name, a whole number or null as seed, supervision {' | '.join(Supervision)}",
            found={"name": name, "seed": seed, "supervision": mode},
        )
    return Split(name, Supervision(mode), parts["train"], parts["val"], parts["test"], seed)


def _by_id(entries: Iterable[Entry]) -> Part:
    return tuple(sorted(entries, key=lambda entry: entry.id))


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())


def _stratum_counts(entries: Part, sources: Sequence[str]) -> NDArray[np.float64]:
    """(sources, strata) number of videos; the first stratum is all videos."""
    strata = [
        (("all",), ("abnormal", e.abnormal), ("category", e.category), ("both", e.abnormal, e.category))
        for e in entries
    ]
    columns: dict[tuple[object, ...], int] = {}
    for keys in strata:
        for key in keys:
            columns.setdefault(key, len(columns))
    rows = {source: row for row, source in enumerate(sources)}
    counts = np.zeros((len(sources), len(columns)))
    for entry, keys in zip(entries, strata, strict=True):
        for key in keys:
            counts[rows[entry.source], columns[key]] += 1
    return counts
