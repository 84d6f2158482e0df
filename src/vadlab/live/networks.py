"""A trained run made ready for streams: one set of networks, which all sources share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2

from vadlab import checkpoint, devices, training
from vadlab.detector import Detector
from vadlab.errors import UsageError
from vadlab.exported import extractor_by
from vadlab.features.clips import Clip
from vadlab.features.extract import Extractor
from vadlab.features.store import select_streams
from vadlab.live.rolling import Rolling, Timing, reach_of
from vadlab.types import FloatArray

__all__ = ["Networks", "load_networks"]

BLOCK = 16  # frames that a detector of frames is given at a time, as long as a clip


class Networks:
    """Detector and extractor of a run, until `close`.

    Args:
        detector: Trained.
        facts: The run's run.json.
        extractor: None where the detector reads frames.
        piece: Clips, or blocks of 16 frames, that are scored as a video of their own; None follows the
            stream without such cuts.
        device: Where the detector runs.

    Raises:
        UsageError: If no piece is given for a detector that needs the whole video, or does not say how far it
            looks.
    """

    def __init__(
        self,
        detector: Detector,
        facts: dict[str, Any],
        extractor: Extractor | None,
        *,
        piece: int | None = None,
        device: str = "auto",
    ) -> None:
        self.detector, self.facts, self.extractor, self.piece = detector, facts, extractor, piece
        self.reach = reach_of(detector, tail=extractor.tail if extractor else "drop")
        if piece is not None and piece < 1:
            raise UsageError("a piece holds one clip or more", found=piece)
        if piece is None and self.reach is None:
            says = "scores" if hasattr(detector, "reach") else "has no `reach`, so it is taken to score"
            raise UsageError(
                f"{facts['detector']['name']} {says} a frame by the whole video, which a stream never is",
                expected="a detector, or settings of it, whose scores depend on nearby frames only",
                remedy="--piece 32 scores every 32 clips (of 16 frames) as a video of their own",
            )
        self.workers = extractor.workers if extractor else 1
        self._place = training.Runtime(device=devices.pick(device))
        self._one_at_a_time = threading.Lock()
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="clips")
        # Each worker is one core's; OpenCV's own threads would only get in the way.
        self._cv2_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(width, height) of the frames to be given; None for their own size."""
        return None if self.extractor is None else self.extractor.backbone.frame_size

    @property
    def block(self) -> int:
        """Frames that become a row, or rows, at a time."""
        if self.extractor is not None:
            return self.extractor.backbone.clip_length
        return BLOCK * (self.piece or 1)

    def rolling(self, timing: Timing, *, fps: Fraction, size: tuple[int, int]) -> Rolling:
        """The scores of a new stretch; to be used within `scoring`."""
        piece = self.piece if self.piece is None or self.extractor is not None else self.block
        return Rolling(self.detector, self.reach, fps=fps, size=size, timing=timing, piece=piece)

    def embed(self, clip: Clip) -> Future[FloatArray]:
        """Begin to make a clip's features (1, d), in the streams that the detector reads."""
        return self._pool.submit(self._embed, clip)

    def _embed(self, clip: Clip) -> FloatArray:
        assert self.extractor is not None
        streams = self.facts["streams"]
        chosen = tuple(streams) if streams else None
        return select_streams(self.extractor.embed([clip]), self.extractor.backbone.dims(), chosen)

    @contextmanager
    def scoring(self) -> Iterator[None]:
        """For the calling thread alone, the detector."""
        with self._one_at_a_time, training.runtime(self._place):
            yield

    def close(self) -> None:
        """Let the workers go."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(self._cv2_threads)


def load_networks(
    run: Path, *, engine: str | None = None, device: str = "auto", piece: int | None = None
) -> Networks:
    """The networks of a run.

    Args:
        run: A finished run.
        engine: Another for the features than the training's, or a folder of `vadlab export`.
        device: Where the networks run.
        piece: See `Networks`.

    Raises:
        StoreError: If the run is unfinished, or the export is of another backbone.
        WeightsError: If the backbone's weights are not here.
        UsageError: If the engine is unknown or not installed, or the detector needs the whole video and no
            piece is given.
    """
    detector, facts = checkpoint.restore(run)
    extractor = None
    if facts["features"]:
        extractor = extractor_by(engine, facts["features"], device=device, workers=devices.cores())
    return Networks(detector, facts, extractor, piece=piece, device=device)
