"""The drawn videos of all miniatures: somebody walks slowly; in the event something large rushes by."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vadlab.video.encode import write_video
from vadlab.video.transform import Frame

__all__ = ["EVENT", "N_FRAMES", "frames", "masks", "write_file", "write_images"]

N_FRAMES = 24
EVENT = (8, 16)  # half-open, from 0
HEIGHT, WIDTH = 36, 48


def frames(*, abnormal: bool) -> Iterator[Frame]:
    """Yield the frames, (36, 48, 3) RGB uint8."""
    for number, mask in enumerate(masks(abnormal=abnormal)):
        frame = np.full((HEIGHT, WIDTH, 3), (150, 160, 150), np.uint8)
        frame[18:30, number : number + 5] = (60, 50, 90)
        frame[mask] = (210, 90, 30)
        yield frame


def masks(*, abnormal: bool) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Yield (36, 48) bool, True where something is abnormal."""
    for number in range(N_FRAMES):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        if abnormal and EVENT[0] <= number < EVENT[1]:
            left = 4 * (number - EVENT[0])
            mask[8:22, left : left + 14] = True
        yield mask


def write_file(path: Path, *, abnormal: bool, fps: int = 25) -> None:
    """A video file; its suffix names the container."""
    write_video(path, frames(abnormal=abnormal), fps=Fraction(fps))


def write_images(folder: Path, *, abnormal: bool, suffix: str = ".jpg", first: int = 0) -> None:
    """A folder of numbered images."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames(abnormal=abnormal), start=first):
        cv2.imwrite(str(folder / f"{number:03d}{suffix}"), frame[..., ::-1])
