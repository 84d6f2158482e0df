"""The layouts that others keep features in: how files are named, what their axes are, what a row covers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vadlab.errors import UsageError

__all__ = ["LAYOUTS", "Layout", "Name", "get"]

Crops = Literal["axis", "files", "either", "none"]

_CROP = re.compile(r"(?P<video>.+?)__?(?P<crop>[0-9])")
_LAD = re.compile(r"(?:.*/)?(?P<stream>rgb|flow|combine)/(?P<video>.+)/feature")


@dataclass(frozen=True)
class Name:
    """One reading of a file's name."""

    video: str
    crop: int | None = None
    stream: str | None = None


@dataclass(frozen=True)
class Layout:
    """One way to keep features.

    Args:
        name: What users call it.
        what: One line for the help.
        suffixes: Of its files.
        crops: Where crops are: an axis (clip, crop, dim), a file each, either, or none.
        widths: Allowed columns by stream; an empty tuple allows any.
        endings: Put behind the video's name by the layout, and taken off.
        segments: Rows of a video if they are equal parts of it; None if rows are clips.
        archives: Whether one file may hold an array for each of many videos.
        by_stream: Whether folders tell streams (LAD).
    """

    name: str
    what: str
    suffixes: tuple[str, ...]
    crops: Crops
    widths: Mapping[str, tuple[int, ...]]
    endings: tuple[str, ...] = ()
    segments: int | None = None
    archives: bool = False
    by_stream: bool = False

    def readings(self, stem: str) -> tuple[Name, ...]:
        """What a path without its suffix may mean, the plainest first; nothing if it is none of this layout.

        Args:
            stem: Relative to the source's folder, with `/`; or an array's name within an archive.
        """
        if self.by_stream:
            found = _LAD.fullmatch(stem)
            return () if found is None else (Name(found["video"], stream=found["stream"]),)
        names = [Name(stem)]
        short = self._without_ending(stem)
        names += [Name(short)] if short != stem else []
        # "v_1" may be crop 1 of "v" or a video of that name: which one, the dataset's ids tell.
        crop = _CROP.fullmatch(short) if self.crops in ("files", "either") else None
        if crop is not None:
            names.append(Name(self._without_ending(crop["video"]), int(crop["crop"])))
        return tuple(names)

    def _without_ending(self, stem: str) -> str:
        for ending in self.endings:
            if stem.endswith(ending) and stem != ending:
                return stem.removesuffix(ending)
        return stem


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "rtfm",
            "RTFM, MGFN, S3R: <video>_i3d.npy, (clips, crops, 2048 or 1024)",
            (".npy",),
            "axis",
            {"rgb": (2048, 1024)},
            endings=("_i3d",),
        ),
        Layout(
            "ur-dmu",
            "UR-DMU, DeepMIL: <video>__0.npy to __9.npy, one a crop, or <video>.npy; (clips, 1024 or 2048)",
            (".npy",),
            "files",
            {"rgb": (1024, 2048)},
            endings=("_i3d",),
        ),
        Layout(
            "vadclip",
            "VadCLIP: <video>__0.npy to __9.npy, one a crop; (clips, 512)",
            (".npy",),
            "files",
            {"clip": (512,)},
        ),
        Layout(
            "sultani",
            "Sultani et al.: <video>.txt, 32 lines of 4096 C3D values",
            (".txt",),
            "none",
            {"c3d": (4096,)},
            endings=("_C",),
            segments=32,
        ),
        Layout(
            "lad",
            "the LAD authors: {rgb,flow,combine}/<video>/feature.npy; (clips, 1024), combine: rgb, then flow",
            (".npy",),
            "none",
            {"rgb": (1024,), "flow": (1024,), "combine": (2048,)},
            by_stream=True,
        ),
        Layout(
            "plain",
            "any npy, npz or h5: (clips, dim), or with an axis of 5 or 10 crops; a file or an array a video",
            (".npy", ".npz", ".h5", ".hdf5"),
            "either",
            {"features": ()},
            endings=("_i3d", "_rgb"),
            archives=True,
        ),
    )
}


def get(name: str) -> Layout:
    """A layout by name.

    Raises:
        UsageError: If there is none; lists them.
    """
    if name not in LAYOUTS:
        raise UsageError(f"no feature layout {name!r}", expected=" | ".join(LAYOUTS))
    return LAYOUTS[name]
