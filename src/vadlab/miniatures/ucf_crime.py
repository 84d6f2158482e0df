"""UCF-Crime: .mp4 files by class, `Anomaly_Train.txt`, `Temporal_Anomaly_Annotation.txt`."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.drawn_video import EVENT, write_file

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of two classes four training and two test videos, and eight and four normal ones."""
    train: list[str] = []
    truth: list[str] = []
    for kind in ("Abuse", "RoadAccidents"):
        for number in range(1, 7):
            name = f"{kind}{number:03d}_x264.mp4"
            write_file(root / "Anomaly-Videos-Part-1" / kind / name, abnormal=True, fps=30)
            if number <= 4:
                train.append(f"{kind}/{name}")
            else:
                truth.append(f"{name}  {kind}  {EVENT[0] + 1}  {EVENT[1]}  -1  -1  ")  # from 1, inclusive
    for number in range(1, 9):
        folder, name = "Training_Normal_Videos_Anomaly", f"Normal_Videos{number:03d}_x264.mp4"
        write_file(root / folder / name, abnormal=False, fps=30)
        train.append(f"{folder}/{name}")
    for number in range(11, 15):
        name = f"Normal_Videos_{number:03d}_x264.mp4"
        write_file(root / "Testing_Normal_Videos_Anomaly" / name, abnormal=False, fps=30)
        truth.append(f"{name}  Normal  -1  -1  -1  -1  ")
    (root / "Anomaly_Train.txt").write_text("\n".join(train) + "\n")
    (root / "Temporal_Anomaly_Annotation.txt").write_text("\n".join(truth) + "\n")
