"""A training's losses by step: training.csv and the TensorBoard log."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

from vadlab.files import write_whole

__all__ = ["CURVES", "Curves"]

CURVES = "training.csv"


class Curves:
    """Rows of losses; those that a resumed training will repeat are cut off.

    Args:
        folder: Where they go; None keeps nothing.
        first: Steps done before.
    """

    FIELDS = ("step", "seconds", "loss")

    def __init__(self, folder: Path | None, first: int):
        self.folder, self.first = folder, first
        self.rows: list[dict[str, float]] = []
        self.started = time.monotonic()
        self.board: Any = None

    def __enter__(self) -> Curves:
        if self.folder is not None:
            path = self.folder / CURVES
            if self.first and path.exists():
                with path.open(newline="") as file:
                    rows = [{k: float(v) for k, v in r.items() if v} for r in csv.DictReader(file)]
                self.rows = [r | {"step": int(r["step"])} for r in rows if r["step"] <= self.first]
                if self.rows:
                    self.started -= self.rows[-1]["seconds"]
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self.board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=self.first + 1)
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self.board is not None:
            self.board.close()

    def add(self, step: int, row: dict[str, float]) -> None:
        """One step's losses."""
        if self.folder is None:
            return
        self.rows.append({"step": step, "seconds": round(time.monotonic() - self.started, 3), **row})
        for name, value in row.items():
            self.board.add_scalar(name, value, step)

    def flush(self) -> None:
        """Write training.csv."""
        if self.folder is None:
            return
        fields = list(dict.fromkeys([*self.FIELDS, *(key for row in self.rows for key in row)]))
        text = io.StringIO()
        writer = csv.DictWriter(text, fields)
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.folder / CURVES, text.getvalue().encode())
