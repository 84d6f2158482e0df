"""UCSD Ped2: a walkway with bicycles, carts and skaters; 16 normal and 12 abnormal clips.

W. Li, V. Mahadevan, N. Vasconcelos: Anomaly detection and localization in crowded scenes,
IEEE TPAMI 36(1), 2014. Two layouts are read:

- the official archive, `UCSDped2/{Train,Test}/{Train,Test}NNN/*.tif`, `Test/UCSDped2.m`, masks
  `Test/TestNNN_gt/*.bmp`;
- the customary one, `{training,testing}/frames/NN/*.jpg`, `UCSDped2.m`, masks `testing/masks/NN/*.png`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.splits import Protocol, assemble, official, random_half
from vadlab.types import Entry, FrameLabels, Split, Supervision
from vadlab.video.image_folder import image_paths, read_image

__all__ = ["Ped2", "parse_ranges"]

FPS = Fraction(10)  # LAD paper, Sec. 2.1
BASES = (".", "UCSDped2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2")
FOLDERS = {"train": ("Train", "training/frames"), "test": ("Test", "testing/frames")}
TRUTHS = ("Test/UCSDped2.m", "UCSDped2.m", "testing/UCSDped2.m")


class Ped2:
    """UCSD Ped2 in its official or its customary layout.

    Ids are `Train001` ... and `Test001` ... in both. Every clip is its own source.

    Args:
        root: The folder that holds the two parts, `UCSDped2`, or the archive's folder above it.

    Raises:
        DataError: If clips or `UCSDped2.m` are missing, or do not fit each other.
    """

    name: ClassVar[str] = "ped2"
    licence: ClassVar[str] = "none stated; for research, cite Mahadevan et al., CVPR 2010"
    home: ClassVar[str] = "http://www.svcl.ucsd.edu/projects/anomaly/dataset.html"
    published: ClassVar[dict[str, int]] = {
        "videos": 28,
        "normal": 16,
        "abnormal": 12,
        "train": 16,
        "test": 12,
        "train_frames": 2550,
        "test_frames": 2010,
        "test_abnormal_frames": 1648,
    }
    # The LAD authors classify Ped2's clips with C = 2.
    categories: tuple[str, ...] = ("Normal", "Abnormal")

    def __init__(self, root: Path) -> None:
        self.root = root
        base = _base(root)
        self._truth = next((base / name for name in TRUTHS if (base / name).is_file()), None)
        if self._truth is None:
            raise DataError(
                "the ground truth of Ped2 is missing",
                file=base,
                expected=" | ".join(TRUTHS),
                remedy=f"copy UCSDped2.m here from the official archive's Test folder: {self.home}",
            )
        ranges = parse_ranges(self._truth)
        test = _clips(base, "test")
        if sorted(test) != list(range(1, len(ranges) + 1)):
            raise DataError(
                "the test clips are not those of the ground truth",
                file=base,
                expected=f"clips 1 to {len(ranges)}, one a line of {self._truth.name}",
                found=f"clips {', '.join(map(str, sorted(test)))}",
                remedy=f"unpack the official archive again: {self.home}",
            )
        self._spans = {f"Test{number:03d}": ranges[number - 1] for number in test}
        made = [
            _entry(f"Train{n:03d}", path, "train", abnormal=False)
            for n, path in _clips(base, "train").items()
        ]
        made += [
            _entry(f"Test{n:03d}", path, "test", abnormal=bool(ranges[n - 1])) for n, path in test.items()
        ]
        self._entries = tuple(sorted(made, key=lambda entry: entry.id))

    def entries(self) -> tuple[Entry, ...]:
        """All clips, sorted by id."""
        return self._entries

    def has_frame_labels(self, entry: Entry) -> bool:  # noqa: ARG002
        """True: every clip has them."""
        return True

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from `UCSDped2.m`; training clips are normal.

        Raises:
            DataError: If `n_frames` is not the number of the clip's images, or a range lies outside.
        """
        n_images = len(image_paths(entry.path))
        if n_images != n_frames:
            raise DataError(
                f"clip {entry.id} has another length than its folder",
                file=entry.path,
                expected=f"{n_images} frames, one an image",
                found=f"{n_frames} frames",
                remedy="extract it anew, or unpack the official archive again",
            )
        spans = self._spans.get(entry.id, ())
        if any(stop > n_frames for _, stop in spans):
            raise DataError(
                f"the ground truth of {entry.id} ends after the clip",
                file=self._truth,
                expected=f"frames 1 to {n_frames}",
                found=[f"{start + 1}:{stop}" for start, stop in spans],
                remedy=f"images are missing; unpack the official archive again: {self.home}",
            )
        return FrameLabels.from_spans(spans, n_frames, category=entry.category)

    def pixel_masks(self, entry: Entry) -> Iterator[NDArray[np.bool_]]:
        """Yield (height, width) bool for every frame of a test clip, True where it is abnormal.

        Raises:
            DataError: If the clip has no masks (training clips have none), or one cannot be read.
        """
        # Test001 has its masks in Test001_gt, frames/01 in masks/01.
        official = entry.path.with_name(f"{entry.path.name}_gt")
        customary = entry.path.parents[1] / "masks" / entry.path.name
        folder = official if official.is_dir() else customary
        if entry.part != "test" or not folder.is_dir():
            raise DataError(
                f"clip {entry.id} has no pixel masks",
                file=entry.path,
                expected=f"{official} or {customary}; training clips have none",
                remedy=f"get them from {self.home}",
            )
        for path in image_paths(folder):
            yield np.any(read_image(path), axis=-1)

    def split(
        self,
        supervision: Supervision,
        *,
        seed: int = 0,
        val_fraction: float = 0.0,
        protocol: Protocol = "paper",
    ) -> Split:
        """The paper's split is a random half of the clips; the official one is normal train, abnormal test.

        The paper's (Table 2): 14 train (6 abnormal, 8 normal) and 14 test; 8 and 14 without
        supervision. Its draw is not published, so average over several seeds.

        Raises:
            UsageError: If the official split is asked for a supervised mode.
        """
        if protocol == "official":
            if supervision is not Supervision.UNSUPERVISED:
                raise UsageError(
                    "the official split of ped2 trains on normal clips only",
                    expected="unsupervised",
                    found=str(supervision),
                    remedy="use the paper's split",
                )
            name = f"{self.name} official"
            return official(
                name, self.entries(), supervision, protocol=protocol, val_fraction=val_fraction, seed=seed
            )
        train, test = random_half(self.entries(), seed=seed)
        return assemble(
            self.name,
            supervision,
            protocol=protocol,
            train=train,
            test=test,
            val_fraction=val_fraction,
            seed=seed,
            drawn=True,
        )


def parse_ranges(file: Path) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The abnormal frames of every test clip, in the order of the lines of an `UCSDped*.m`.

    MATLAB's 1-based inclusive `[61:180, 190:195]` becomes the half-open `((60, 180), (189, 195))`.

    Raises:
        DataError: If the file has no such line, or a range is malformed.
    """
    clips: list[tuple[tuple[int, int], ...]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = re.search(r"gt_frame\s*=\s*\[([^\]]*)\]", line.partition("%")[0])
        if match is None:
            continue
        spans: list[tuple[int, int]] = []
        for part in re.split(r"[,;\s]+", re.sub(r"\s*:\s*", ":", match[1].strip())):
            found = re.fullmatch(r"([0-9]+):([0-9]+)", part)
            if found and 1 <= int(found[1]) <= int(found[2]):
                spans.append((int(found[1]) - 1, int(found[2])))
            elif part:
                raise DataError(
                    f"line {number} has a malformed range",
                    file=file,
                    expected="first:last with 1 <= first <= last",
                    found=part,
                )
        clips.append(tuple(spans))
    if not clips:
        raise DataError(
            "no clip in the ground truth", file=file, expected="lines such as x.gt_frame = [61:180];"
        )
    return tuple(clips)


def _base(root: Path) -> Path:
    for base in (root / name for name in BASES):
        for layout in zip(*FOLDERS.values(), strict=True):
            if all((base / folder).is_dir() for folder in layout):
                return base
    raise DataError(
        "this is not a folder of UCSD Ped2",
        file=root,
        expected="Train/ and Test/, or training/frames/ and testing/frames/",
        found=", ".join(sorted(p.name for p in root.iterdir())[:10]) if root.is_dir() else "no such folder",
        remedy=f"download it from {Ped2.home} and unpack it",
    )


def _clips(base: Path, part: str) -> dict[int, Path]:
    """Folder by clip number, of a part; hidden and mask folders are passed over."""
    folder = next(base / name for name in FOLDERS[part] if (base / name).is_dir())
    pattern = rf"(?:{part.title()})?([0-9]+)"
    found = ((re.fullmatch(pattern, path.name), path) for path in sorted(folder.iterdir()) if path.is_dir())
    clips = {int(match[1]): path for match, path in found if match}
    if not clips:
        raise DataError(
            f"the {part} clips are missing",
            file=folder,
            expected=f"folders of images named 01, 02 ... or {part.title()}001, {part.title()}002 ...",
            remedy=f"unpack the official archive again: {Ped2.home}",
        )
    return clips


def _entry(name: str, path: Path, part: str, *, abnormal: bool) -> Entry:
    category = "Abnormal" if abnormal else "Normal"
    return Entry(id=name, path=path, category=category, abnormal=abnormal, source=name, part=part, fps=FPS)
