"""From the frames of one video to its clip features.

Clips are non-overlapping (paper, Sec. 5.1). The clip's flow has one field a frame, from that frame to the
next; the video's last frame, which has none after it, repeats the field before it (denseflow drops that
frame instead, and the authors' clips with it). Frames that a short last clip lacks repeat its last frame
and do not move.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from vadlab import catalog, config
from vadlab.errors import DataError, UsageError, WeightsError
from vadlab.spans import Tail, windows
from vadlab.types import Features, FloatArray, IntArray, Sample, Video
from vadlab.video.decode import VideoFrames
from vadlab.video.transform import to_grey

__all__ = ["Backbone", "Extractor", "Flow", "extract_video", "make_extractor", "remake_extractor"]


class Backbone(Protocol):
    """What `backbones/` holds: a network, its weights and its preprocessing."""

    clip_length: ClassVar[int]
    frame_size: ClassVar[tuple[int, int]]

    @property
    def needs_flow(self) -> bool:
        """Whether `embed` wants optical flow."""
        ...

    def dims(self) -> dict[str, int]:
        """Columns of each stream, in column order."""
        ...

    def embed(self, rgb: NDArray[np.uint8], flow: FloatArray | None) -> FloatArray:
        """Clips (b, t, h, w, 3) and flow (b, t, h, w, 2) to (b, d) features."""
        ...

    def settings(self) -> dict[str, Any]:
        """Settings that make the same features on another machine: nothing left to "auto", no device."""
        ...

    def facts(self) -> dict[str, Any]:
        """Weights, hashes, precision and preprocessing, for the store's manifest."""
        ...


class Flow(Protocol):
    """What `flow/` holds."""

    def __call__(self, grey: NDArray[np.uint8]) -> FloatArray:
        """Grey frames (t + 1, h, w) to pixels per frame (t, h, w, 2), x first."""
        ...

    def facts(self) -> dict[str, Any]:
        """The method's settings, for the store's manifest."""
        ...


@dataclass(frozen=True)
class Extractor:
    """A backbone, a flow method and the tail rule: all that decides what a feature is.

    Args:
        backbone: From `backbones/`.
        flow: From `flow/`, or None where the backbone needs none.
        tail: What happens to the frames after the last full clip; the paper drops them.
        batch: Clips that go through the backbone together; no effect on the result.
        workers: Threads that compute flow, each on its own pairs.
        names: Catalogue names of backbone and flow, for the manifest.

    Raises:
        UsageError: If the tail rule is unknown.
    """

    backbone: Backbone
    flow: Flow | None
    tail: Tail = "drop"
    batch: int = 4
    workers: int = 2
    names: tuple[str, str | None] = ("", None)
    _pool: ThreadPoolExecutor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        windows(1, 1, 1, tail=self.tail)  # refuses an unknown tail before a store is made with it
        object.__setattr__(self, "_pool", ThreadPoolExecutor(self.workers, thread_name_prefix="flow"))

    def facts(self) -> dict[str, Any]:
        """The store's manifest: how a feature came about, and what another machine needs to make the same."""
        backbone, flow = self.names
        return {
            "format": 1,
            "streams": self.backbone.dims(),
            "backbone": {
                "name": backbone,
                "settings": self.backbone.settings(),
                "facts": self.backbone.facts(),
            },
            "flow": None
            if self.flow is None
            else {"name": flow, "settings": _settings(self.flow), "facts": self.flow.facts()},
            "clip_length": self.backbone.clip_length,
            "clip_stride": self.backbone.clip_length,
            "tail": self.tail,
        }

    def run(
        self, frames: Iterable[NDArray[np.uint8]], *, progress: Callable[[int], None] | None = None
    ) -> tuple[Features, IntArray, int]:
        """Features of one video; memory does not grow with its length, but for the features.

        Args:
            frames: RGB, (height, width, 3) uint8 of the backbone's frame size.
            progress: Called with the number of clips done so far.

        Returns:
            Features (n, d), spans (n, 2), and the number of frames.

        Raises:
            DataError: If there is no frame.
        """
        m = self.backbone.clip_length
        held: list[NDArray[np.uint8]] = []  # frames from the start of the clip at hand
        before: list[NDArray[np.uint8]] = []  # the clip before, for tail="shift"
        waiting: list[tuple[NDArray[np.uint8], FloatArray | None]] = []
        rows: list[FloatArray] = []
        n_frames = 0

        def flush() -> None:
            if waiting:
                flows = [flow for _, flow in waiting if flow is not None]
                rows.append(
                    self.backbone.embed(np.stack([c for c, _ in waiting]), np.stack(flows) if flows else None)
                )
                waiting.clear()
                if progress is not None:
                    progress(sum(len(r) for r in rows))

        for frame in frames:
            n_frames += 1
            held.append(frame)
            if len(held) > m:  # one frame more than the clip, which its last flow field needs
                waiting.append((np.stack(held[:m]), _stacked(self._fields(held))))
                before, held = held[:m], held[m:]
                if len(waiting) == self.batch:
                    flush()
        if not n_frames:
            raise DataError("the video has no frames")
        spans = windows(n_frames, m, m, tail=self.tail)
        done = sum(len(r) for r in rows) + len(waiting)
        if done < len(spans):
            last = (before + held)[-m:] if self.tail == "shift" else held
            clip = last + [last[-1]] * (m - len(last))
            waiting.append((np.stack(clip), self._last_flow(last, before)))
        flush()
        return Features(np.concatenate(rows)), spans, n_frames

    def _fields(self, frames: list[NDArray[np.uint8]]) -> list[FloatArray]:
        """The flow from each frame to the next; empty where the backbone wants none."""
        if self.flow is None:
            return []
        grey, flow = [to_grey(frame) for frame in frames], self.flow
        return list(self._pool.map(lambda i: flow(np.stack(grey[i : i + 2]))[0], range(len(grey) - 1)))

    def _last_flow(self, clip: list[NDArray[np.uint8]], before: list[NDArray[np.uint8]]) -> FloatArray | None:
        """Flow of the video's last clip, which may be short: real fields, the last again, then none."""
        if self.flow is None:
            return None
        still = np.zeros((*clip[0].shape[:2], 2), dtype=np.float32)
        # The field before a clip of one frame belongs to the clip before.
        fields = self._fields(before[-1:] + clip if len(clip) == 1 else clip) or [still]
        real = fields if len(clip) > 1 else []
        return np.stack(real + [fields[-1]] + [still] * (self.backbone.clip_length - len(clip)))


def _stacked(fields: list[FloatArray]) -> FloatArray | None:
    return np.stack(fields) if fields else None


def extract_video(
    path: Path,
    extractor: Extractor,
    *,
    id: str,  # noqa: A002 (the field's name)
    fps: Fraction | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sample[Features, None]:
    """Decode a video file or image folder and extract its features.

    Raises:
        DataError: If the video cannot be decoded to its end.
    """
    frames = VideoFrames(path, resize=extractor.backbone.frame_size, fps=fps)
    try:
        features, spans, n_frames = extractor.run(frames, progress=progress)
    except DataError as error:
        if error.file is not None:
            raise
        raise DataError(
            error.message, file=path, expected=error.expected, found=error.found, remedy=error.remedy
        ) from error
    size = VideoFrames(path).size  # before resizing
    return Sample(Video(id, path, n_frames, frames.fps, size), spans, features, None)


def _settings(thing: Any) -> dict[str, Any]:
    """A dataclass's fields in the form that JSON gives back."""
    fields = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing) if f.init}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}


def make_extractor(
    backbone: str,
    *,
    flow: str | None = None,
    tail: Tail = "drop",
    settings: Mapping[str, Any] | None = None,
    flow_settings: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Extractor:
    """An extractor by names; what is recorded of it is enough for `remake_extractor`.

    Args:
        backbone: Catalogue name.
        flow: Catalogue name; not looked at where the backbone needs no flow.
        tail: See `Extractor`.
        settings: The backbone's, where they differ from its defaults.
        flow_settings: The flow method's.
        device: Where the backbone runs, if it is one that can choose.

    Raises:
        UsageError: If a name or a setting is unknown, or the backbone needs a flow method and none is named.
    """
    cls = catalog.load("backbones", backbone)
    place = {"device": device} if any(f.name == "device" for f in dataclasses.fields(cls)) else {}
    made = config.build(cls, place, settings or {})
    if not made.needs_flow:
        return Extractor(made, None, tail=tail, names=(backbone, None))
    if flow is None:
        raise UsageError(
            f"backbone {backbone!r} needs a flow method", expected=" | ".join(catalog.names("flow"))
        )
    method = config.build(catalog.load("flow", flow), flow_settings or {})
    return Extractor(made, method, tail=tail, names=(backbone, flow))


def remake_extractor(manifest: Mapping[str, Any], *, device: str = "auto") -> Extractor:
    """The extractor that a store's manifest describes, for videos outside the store.

    Args:
        manifest: The store's.
        device: Where the backbone runs; no part of the manifest.

    Raises:
        WeightsError: If the weights here are not those that the features were made with.
    """
    backbone, flow = manifest["backbone"], manifest["flow"]
    extractor = make_extractor(
        backbone["name"],
        flow=flow and flow["name"],
        tail=manifest["tail"],
        settings=backbone["settings"],
        flow_settings=flow and flow["settings"],
        device=device,
    )
    found = extractor.facts()["backbone"]["facts"]
    if found != backbone["facts"]:
        raise WeightsError(
            f"the backbone {backbone['name']!r} here is not the one that the detector was trained on",
            expected=backbone["facts"],
            found=found,
            remedy="install the same weights (vadlab weights list), or extract and train anew",
        )
    return extractor
