"""UCSD Ped2: a walkway with bicycles, carts and skaters; 16 normal and 12 abnormal clips.

- Paper: W. Li, V. Mahadevan, N. Vasconcelos: Anomaly detection and localization in crowded scenes,
  IEEE TPAMI 36(1), 2014.
- Get it: from the project page (`home` below), UCSD_Anomaly_Dataset.tar.gz, which holds Ped1 too.
- Terms: none stated; for research.
- Layouts: see `vadlab.layouts.ucsd`.
- Errors in circulation: ranges read as if from 0 (off by one: 1,648 abnormal frames become 1,636);
  copies at 256x256, as some codes write them, which is no longer the published picture.
- What differs here: the LAD paper's split is a random half of the 28 clips (Table 2), which is not
  comparable with the official split of most other papers (`--protocol official`).
"""

from __future__ import annotations

from typing import ClassVar

from vadlab.layouts.ucsd import UCSD

__all__ = ["Ped2"]


class Ped2(UCSD):
    """UCSD Ped2; see `vadlab.layouts.ucsd.UCSD`."""

    name: ClassVar[str] = "ped2"
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
