"""Networks that score a stream of little frames, for tests of `live/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vadlab import catalog
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.features.extract import make_extractor
from vadlab.features.pipeline import extract_video
from vadlab.live.networks import Networks
from vadlab.samples import frames_of
from vadlab.spans import windows
from vadlab.types import Features, FrameLabels, Sample, Video

SETTINGS = {"aed": {"steps": 2, "hidden": 16, "k": 3}}


def networks(name: str = "aed", *, tail: Any = "drop", piece: int | None = None, **settings: Any) -> Networks:
    """A detector that learned next to nothing; its scores are numbers all the same."""
    cls = catalog.load("detectors", name)
    detector = cls(**(SETTINGS.get(name, {}) | settings))
    extractor = None
    if detector.reads == "features":
        extractor = make_extractor("pooled_pixels", flow="dis", tail=tail, workers=2)
        dim = sum(extractor.backbone.dims().values())
        detector.fit([_sample(i, dim) for i in range(4)])
    else:
        detector.fit([_frames(i) for i in range(2)])
    return Networks(detector, {"detector": {"name": name}, "streams": None}, extractor, piece=piece)


def offline(of: Networks, path: Path) -> np.ndarray:
    """Frame scores as `vadlab score` gives them."""
    if of.extractor is None:
        sample: Any = frames_of(path, id="v")
    else:
        sample = extract_video(path, of.extractor, id="v")
    return to_frames(of.detector.score(sample), get("strict"))[0]


def _sample(seed: int, dim: int) -> Sample[Any, Any]:
    rng = np.random.default_rng(seed)
    spans = windows(160, 16, 16)
    labels = FrameLabels.from_spans([(16, 80)] if seed % 2 else [], 160, category=("Fire", "Fall")[seed // 2])
    video = Video(f"v{seed}", Path("v"), 160, 25, (64, 64))
    return Sample(video, spans, Features(rng.normal(size=(10, dim)).astype(np.float32)), labels)


def _frames(seed: int) -> Sample[Any, None]:
    frames = np.random.default_rng(seed).integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)
    starts = np.arange(20)
    video = Video(f"v{seed}", Path("v"), 20, 25, (64, 48))
    return Sample(video, np.stack([starts, starts + 1], axis=1), list(frames), None)
