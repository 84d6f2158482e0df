"""LAD: .mp4 files by class, `train_split.txt` and `test_split.txt`, frame labels in .mat files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from vadlab.miniatures.drawn_video import EVENT, N_FRAMES, write_file

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of two classes six normal and six abnormal videos, two thirds of them to train."""
    lists: dict[str, list[str]] = {"train": [], "test": []}
    (root / "GT_mat" / "all").mkdir(parents=True)
    for category in ("Crash", "Violence"):
        for number in range(12):
            abnormal = number % 2 == 1
            name = f"{category}_{'a' if abnormal else 'n'}_{number:02d}_01"
            write_file(root / "videos" / category / f"v_{name}.mp4", abnormal=abnormal)
            labels = np.zeros((1, N_FRAMES), np.uint8)
            if abnormal:
                labels[0, slice(*EVENT)] = 1
            scipy.io.savemat(root / "GT_mat" / "all" / f"gt_{name}.mat", {"gt": labels})
            lists["train" if number < 8 else "test"].append(f"v_{name}")
    for part, names in lists.items():
        (root / f"{part}_split.txt").write_text("\n".join(names) + "\n")
