"""What decides a feature: backbone, flow method and tail rule; made by name or from a store's manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vadlab import catalog, config, devices
from vadlab.errors import UsageError, WeightsError
from vadlab.features.clips import Clip, Clips
from vadlab.spans import Tail, windows
from vadlab.types import Features, FloatArray, IntArray

__all__ = ["Backbone", "Extractor", "Flow", "make_extractor", "remake_extractor"]

GPU_BATCH = 8


class Backbone(Protocol):
    """What `backbones/` holds: a network, its weights and its preprocessing."""

    @property
    def clip_length(self) -> int:
        """Frames of a clip."""
        ...

    @property
    def frame_size(self) -> tuple[int, int]:
        """(width, height) of the frames it reads, in pixels."""
        ...

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
        workers: Threads that may call `embed` at once, each on one core's share; no effect on the result.
        names: Catalogue names of backbone and flow, for the manifest.

    Raises:
        UsageError: If the tail rule is unknown.
    """

    backbone: Backbone
    flow: Flow | None
    tail: Tail = "drop"
    batch: int = 1
    workers: int = 1
    names: tuple[str, str | None] = ("", None)

    def __post_init__(self) -> None:
        windows(1, 1, 1, tail=self.tail)  # refuses an unknown tail before a store is made with it

    def n_clips(self, n_frames: int) -> int:
        """How many clips a video of so many frames has."""
        return len(windows(n_frames, self.backbone.clip_length, self.backbone.clip_length, tail=self.tail))

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

    def clips(self, frames: Iterable[NDArray[np.uint8]]) -> Clips:
        """The clips of a video, to be given to `embed`."""
        return Clips(frames, self.backbone.clip_length, tail=self.tail)

    def embed(self, clips: Sequence[Clip]) -> FloatArray:
        """Features (len(clips), d) of clips, flow included; may be called from `workers` threads at once."""
        length = self.backbone.clip_length
        rgb = np.stack([clip.rgb(length) for clip in clips])
        if self.flow is None:
            return self.backbone.embed(rgb, None)
        return self.backbone.embed(rgb, np.stack([clip.flow(self.flow, length) for clip in clips]))

    def run(
        self, frames: Iterable[NDArray[np.uint8]], *, progress: Callable[[int], None] | None = None
    ) -> tuple[Features, IntArray, int]:
        """Features of one video, one step after the other; `features.pipeline` gives the same, sooner.

        Args:
            frames: RGB, (height, width, 3) uint8 of the backbone's frame size.
            progress: Called with the number of clips done so far.

        Returns:
            Features (n, d), spans (n, 2), and the number of frames.

        Raises:
            DataError: If there is no frame.
        """
        clips, rows = self.clips(frames), list[FloatArray]()
        waiting: list[Clip] = []

        def flush() -> None:
            if waiting:
                rows.append(self.embed(waiting))
                waiting.clear()
                if progress is not None:
                    progress(sum(len(r) for r in rows))

        for clip in clips:
            waiting.append(clip)
            if len(waiting) == self.batch:
                flush()
        flush()
        return Features(np.concatenate(rows)), clips.spans(), clips.n_frames


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
    workers: int = 1,
) -> Extractor:
    """An extractor by names; what is recorded of it is enough for `remake_extractor`.

    Args:
        backbone: Catalogue name.
        flow: Catalogue name; not looked at where the backbone needs no flow.
        tail: See `Extractor`.
        settings: The backbone's, where they differ from its defaults.
        flow_settings: The flow method's.
        device: Where the backbone runs, if it is one that can choose.
        workers: Threads that will call it at once.

    Raises:
        UsageError: If a name or a setting is unknown, or the backbone needs a flow method and none is named.
    """
    cls = catalog.load("backbones", backbone)
    fields = {f.name for f in dataclasses.fields(cls)}
    place = {key: value for key, value in (("device", device), ("workers", workers)) if key in fields}
    made = config.build(cls, place, settings or {})
    # One clip at a time keeps a core's caches warm; a GPU wants several.
    batch = GPU_BATCH if "device" in fields and devices.pick(device).type == "cuda" else 1
    if not made.needs_flow:
        return Extractor(made, None, tail=tail, batch=batch, workers=workers, names=(backbone, None))
    if flow is None:
        raise UsageError(
            f"backbone {backbone!r} needs a flow method", expected=" | ".join(catalog.names("flow"))
        )
    method = config.build(catalog.load("flow", flow), flow_settings or {})
    return Extractor(made, method, tail=tail, batch=batch, workers=workers, names=(backbone, flow))


def remake_extractor(
    manifest: Mapping[str, Any], *, engine: str | None = None, device: str = "auto", workers: int = 1
) -> Extractor:
    """The extractor that a store's manifest describes, for videos outside the store.

    Args:
        manifest: The store's.
        engine: Another engine than the store's, or "auto"; the features' last digits may differ then.
        device: Where the backbone runs; no part of the manifest.
        workers: Threads that will call it at once; no part of it either.

    Raises:
        UsageError: If the store's engine is not installed.
        WeightsError: If the weights here are not those that the features were made with.
    """
    backbone, flow = manifest["backbone"], manifest["flow"]
    settings, ignored = backbone["settings"], set[str]()
    if engine is not None and "engine" in settings:
        settings, ignored = settings | {"engine": engine, "precision": "auto"}, {"engine", "precision"}
    extractor = make_extractor(
        backbone["name"],
        flow=flow and flow["name"],
        tail=manifest["tail"],
        settings=settings,
        flow_settings=flow and flow["settings"],
        device=device,
        workers=workers,
    )
    found, wanted = (
        {k: v for k, v in facts.items() if k not in ignored}
        for facts in (extractor.facts()["backbone"]["facts"], backbone["facts"])
    )
    if found != wanted:
        raise WeightsError(
            f"the backbone {backbone['name']!r} here is not the one that the detector was trained on",
            expected=wanted,
            found=found,
            remedy="install the same weights (vadlab weights list), or extract and train anew",
        )
    return extractor
