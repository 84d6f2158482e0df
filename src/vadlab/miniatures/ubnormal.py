"""UBnormal: .mp4 files by scene, tracks of abnormal objects, six lists of names."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.drawn_video import EVENT, write_file

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of two scenes eight normal and eight abnormal videos; a quarter validates."""
    lists: dict[str, list[str]] = {}
    for scene in (1, 12):
        for kind in ("normal", "abnormal"):
            for number in range(1, 9):
                name = f"{kind}_scene_{scene}_scenario_{number}"
                folder = root / f"Scene{scene}"
                write_file(folder / f"{name}.mp4", abnormal=kind == "abnormal", fps=30)
                if kind == "abnormal":
                    tracks = folder / f"{name}_annotations" / f"{name}_tracks.txt"
                    tracks.parent.mkdir()
                    # Two objects, from 0, the end inclusive.
                    tracks.write_text(f"1,{EVENT[0]},{EVENT[1] - 2}\n3,{EVENT[0] + 1},{EVENT[1] - 1}\n")
                part = "training" if number <= 4 else "validation" if number <= 6 else "test"
                lists.setdefault(f"{kind}_{part}_video_names.txt", []).append(name)
    (root / "scripts").mkdir()
    for name, names in lists.items():
        (root / "scripts" / name).write_text("\n".join(names) + "\n")
