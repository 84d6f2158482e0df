"""XD-Violence: .mp4 files whose names tell film and kind, `annotations.txt` of the violent test videos."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.drawn_video import EVENT, write_file

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of four films and two web videos eight training and four test videos."""
    lines: list[str] = []
    for film in range(1, 7):
        for clip, kind in enumerate(("A", "B1-0-0", "A", "G-B2-0")):
            name = f"A.Film.{film}__#00-0{clip}-00_00-0{clip}-20_label_{kind}"
            test = film > 4
            folder = "videos" if test else "1-1004"
            write_file(root / folder / f"{name}.mp4", abnormal=kind != "A", fps=24)
            if test and kind != "A":
                # From 0, the end exclusive; some lines have the suffix.
                lines.append(f"{name}{'.mp4' if clip == 1 else ''} {EVENT[0]} {EVENT[1]}")
    (root / "annotations.txt").write_text("\n".join(lines) + "\n")
