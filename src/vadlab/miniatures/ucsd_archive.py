"""UCSD's archive, as Ped1 and Ped2 have it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vadlab.miniatures.drawn_video import EVENT, masks, write_images

__all__ = ["write_archive"]


def write_archive(root: Path, title: str, *, train: int, test: int, masks: int) -> None:
    """`UCSD_Anomaly_Dataset.v1p2/<title>` with so many clips, and masks of the first test clips."""
    base = root / "UCSD_Anomaly_Dataset.v1p2" / title
    for number in range(1, train + 1):
        write_images(base / "Train" / f"Train{number:03d}", abnormal=False, suffix=".tif", first=1)
    lines = ["TestVideoFile = {};"]
    for number in range(1, test + 1):
        write_images(base / "Test" / f"Test{number:03d}", abnormal=True, suffix=".tif", first=1)
        lines.append(f"TestVideoFile{{end+1}}.gt_frame = [{EVENT[0] + 1}:{EVENT[1]}];")  # from 1, inclusive
        if number <= masks:
            _write_masks(base / "Test" / f"Test{number:03d}_gt")
    (base / "Test" / f"{title}.m").write_text("\n".join(lines) + "\n")


def _write_masks(folder: Path) -> None:
    folder.mkdir()
    for number, mask in enumerate(masks(abnormal=True), start=1):
        cv2.imwrite(str(folder / f"{number:03d}.bmp"), mask.astype(np.uint8) * 255)
