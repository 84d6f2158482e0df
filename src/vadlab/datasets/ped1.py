"""UCSD Ped1: people walking towards the camera and away; 34 normal and 36 abnormal clips of 200 frames.

- Paper: W. Li, V. Mahadevan, N. Vasconcelos: Anomaly detection and localization in crowded scenes,
  IEEE TPAMI 36(1), 2014.
- Get it: from the project page (`home` below), UCSD_Anomaly_Dataset.tar.gz, which holds Ped2 too.
- Terms: none stated; for research.
- Layouts: see `vadlab.layouts.ucsd`.
- Errors in circulation: pixel masks of ten clips only (the others came later, from other authors), so
  frame labels are read from `UCSDped1.m` alone; ranges read as if from 0.
- What differs here: the LAD paper lists Ped1 in Table 1 and has no split of it; ours is the same draw as
  for Ped2, a random half.
"""

from __future__ import annotations

from typing import ClassVar

from vadlab.layouts.ucsd import UCSD

__all__ = ["Ped1"]


class Ped1(UCSD):
    """UCSD Ped1; see `vadlab.layouts.ucsd.UCSD`."""

    name: ClassVar[str] = "ped1"
    published: ClassVar[dict[str, int]] = {
        "videos": 70,
        "normal": 34,
        "abnormal": 36,
        "train": 34,
        "test": 36,
        "train_frames": 6800,
        "test_frames": 7200,
    }
