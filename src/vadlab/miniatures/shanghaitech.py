"""ShanghaiTech: .avi files to train, folders of .jpg to test, .npy frame masks, the re-split's lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadlab.miniatures.drawn_video import EVENT, N_FRAMES, write_file, write_images

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of two cameras eight normal and six abnormal videos."""
    labels = np.zeros(N_FRAMES, np.uint8)
    labels[slice(*EVENT)] = 1
    folder = root / "testing" / "test_frame_mask"
    folder.mkdir(parents=True)
    lists: dict[str, list[str]] = {"Train": [], "Test": []}
    for camera in (1, 6):
        for number in range(1, 9):
            name = f"{camera:02d}_{number:03d}"
            write_file(root / "training" / "videos" / f"{name}.avi", abnormal=False, fps=24)
            lists["Train" if number <= 5 else "Test"].append(name)
        for number in range(14, 20):
            name = f"{camera:02d}_{number:04d}"
            write_images(root / "testing" / "frames" / name, abnormal=True)
            np.save(folder / f"{name}.npy", labels)
            lists["Train" if number % 2 else "Test"].append(name)
    for part, names in lists.items():
        (root / f"SH_{part}.txt").write_text("\n".join(names) + "\n")
