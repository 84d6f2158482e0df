"""Prediction of the next frame, with normal and abnormal clips kept apart by a margin (three label levels).

Paper: Liu, Luo, Li, Zhao, Gao, "Margin Learning Embedded Prediction for Video Anomaly Detection with A Few
Anomalies", IJCAI 2019, release at https://github.com/svip-lab/MLEP.
Reference read for facts: the authors' TensorFlow release (no licence file). Its score of a frame is that of
the frame four later (`authors_alignment`).

What differs: frames are shrunk by area and not bilinearly, channels are R, G, B. Learning from video labels
goes on from the last step on normal videos, with Adam's moments, where the release takes a snapshot that it
chose. Clips with gaps between their frames are of normal videos only. With frame labels the positive clips
are, as with video labels, of the abnormal videos (release: of these and the normal ones), and a clip is
abnormal where more than half of its frames are (release: where all are). With video labels a clip is as
normal as its last frame's PSNR says (release: chosen by the mean over its frames, weighted by the last).
Without frame labels no clip is shown backwards (release: half of them, whatever the labels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab import ranks, training
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindow, FrameWindows, Pixels, shrunk, sliding
from vadlab.nets.mlep import MLEPNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.psnr import psnr
from vadlab.spans import windows as spans_of
from vadlab.types import FloatArray, FrameLabels, Frames, IntArray, Sample, Scores, Supervision, VideoLabel

__all__ = ["MLEP"]

SCORING_BATCH = 4
NORMAL_FROM = 0.5  # clips of at least this normality, in 0..1, are positive ones, the others negative
LEVELS = {"none": Supervision.UNSUPERVISED, "video": Supervision.WEAK, "frame": Supervision.FULL}

Labelled: TypeAlias = Sample[Frames, FrameLabels | VideoLabel | None]


@dataclass(frozen=True)
class Pick:
    """A clip of an abnormal video, named before it is known which are normal.

    Args:
        video: Which of the abnormal videos.
        chance: Which of its clips of the wanted kind, in 0..1.
        backwards: Whether it is shown with time reversed.
    """

    video: int
    chance: float
    backwards: bool


@dataclass(frozen=True)
class Triplet:
    """One place in a batch.

    Args:
        step: Of the training.
        anchor: A clip of a normal video.
        backwards: Whether the anchor is shown with time reversed.
        positive, negative: Clips of abnormal videos; None where the normal ones alone are learnt.
    """

    step: int
    anchor: FrameWindow
    backwards: bool = False
    positive: Pick | None = None
    negative: Pick | None = None


@dataclass
class MLEP:
    """One score a frame, its predicted picture's PSNR with the sign turned.

    Args:
        labels: What is learnt from: "none", normal videos alone; "video", whether a video is abnormal; or
            "frame", every frame's label.
        context: Frames from which the next is predicted.
        size: Side of the frames in pixels, a multiple of 4, at least 8.
        channels: Maps of the first layer; the embedding has four times as many.
        strides: Steps from frame to frame in clips of normal videos, drawn alike (the release has longer ones
            for Avenue, and for ShanghaiTech with video labels).
        reverse: With frame labels, show half of the clips backwards.
        margin: By which clips of different kinds are to be farther apart than those of the same, m.
        lambda_margin: Weight of the margin loss, lambda.
        learning_rate: Of Adam.
        drop_after: Steps after which it is a tenth (release: Avenue 80,000, ShanghaiTech 50,000, and there
            with frame labels 80,000).
        batch: Triplets in a step.
        steps: Gradient steps; with video labels, those on normal videos alone, which come first (release:
            snapshots of 74,000 for Avenue, and of 100,000 for ShanghaiTech).
        tune_steps: Gradient steps with video labels that follow.
        tune_rate: Of Adam in these (release, ShanghaiTech: 2e-5).
        authors_alignment: As the release scores: clips follow each other without overlap, a clip's PSNR is
            that of its first frame (the last clip's, of the last), and those between are interpolated; so
            scores come four frames early.
        seed: Of the initialisation and the batches.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: Supervision = field(init=False, default=Supervision.WEAK, repr=False, compare=False)
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None

    labels: Literal["none", "video", "frame"] = "video"
    context: int = 4
    size: int = 224
    channels: int = 64
    strides: tuple[int, ...] = (1,)
    reverse: bool = True
    margin: float = 1.0
    lambda_margin: float = 1.0
    learning_rate: float = 2e-4
    drop_after: int = 80_000
    batch: int = 2
    steps: int = 80_000
    tune_steps: int = 80_000
    tune_rate: float = 2e-4
    authors_alignment: bool = False
    seed: int = 0

    network_: MLEPNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.size < 8 or self.size % 4 or min(self.context, self.channels, self.batch, *self.strides) < 1:
            raise UsageError(
                "mlep cannot work with these settings",
                expected="size 8 or more and a multiple of 4, context, channels, batch and strides >= 1",
                found=f"{self.size}, {self.context}, {self.channels}, {self.batch}, {self.strides}",
            )
        self.supervision = LEVELS[self.labels]

    @property
    def window_frames(self) -> int:
        """Frames of a clip, the predicted one included."""
        return self.context + 1

    @property
    def reach(self) -> Reach | None:
        """The frames of which a frame is predicted; None for the release's clips, which depend on its end."""
        return None if self.authors_alignment else Reach(self.context)

    def fit(self, train: Sequence[Labelled], val: Sequence[Labelled] = ()) -> Self:
        """Train on videos labelled as `labels` says; `val` is not used, the last step's parameters are kept.

        Raises:
            UsageError: If videos of a kind are missing, or labels, or room on disk for the frames.
        """
        del val
        normal = self._windows([s for s in train if s.y is None or not s.y.abnormal], "normal")
        few = None
        if self.labels != "none":
            abnormal = [s for s in train if s.y is not None and s.y.abnormal]
            reverse = self.reverse and self.labels == "frame"
            few = Few(self._windows(abnormal, "abnormal"), abnormal, reverse=reverse)
        device = training.current().device
        with training.seeded(self.seed):
            network = self._build().to(device)
        trained = nn.ModuleDict({"network": network})
        if few is not None:
            trained["few"] = few
        begins = {"none": self.steps, "video": self.steps, "frame": 0}[self.labels]  # the margin loss

        def draw(step: int) -> list[Triplet]:
            rng = training.generator(self.seed, step)
            anchors = normal.by_video(rng, self.batch, strides=self.strides)
            if few is None or step < begins:
                return [Triplet(step, anchor) for anchor in anchors]
            return few.triplets(step, anchors, rng)

        def losses(batch: tuple[Sequence[Triplet], Pixels]) -> dict[str, Tensor]:
            triplets, anchors = batch
            if few is None or triplets[0].step < begins:
                made, _, wanted = predicted(network, anchors, device)
                return {"loss": training.mean(difference(made, wanted))}
            if self.labels == "video" and triplets[0].step == begins:
                few.measure(lambda windows: self._decibels(network, windows))
            clips, normality = few.clips(triplets)
            clips = [turned(anchors, [t.backwards for t in triplets]), *clips]
            weights = normality.to(device)
            return margin_losses(network, clips, weights, margin=self.margin, weight=self.lambda_margin)

        training.optimise(
            trained,
            torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True),
            draw=draw,
            assemble=lambda triplets: (triplets, normal.stack([t.anchor for t in triplets])),
            losses=losses,
            steps=self.steps + (self.tune_steps if self.labels == "video" else 0),
            schedule=self._rate,
        )
        self.network_ = network.cpu()
        return self

    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A score for every frame but the first `context`, which nothing predicts."""
        network = self._fitted().to(training.current().device).eval()
        frames = shrunk(sample.x, size=self.size, grey=False)
        batches = sliding(frames, self.window_frames, batch=SCORING_BATCH)
        decibels = np.concatenate([self._decibels(network, batch) for batch in batches])
        n = sample.video.n_frames
        starts: IntArray = np.minimum(np.arange(len(decibels), dtype=np.int64) + self.context, n - 1)
        if self.authors_alignment:
            first = spans_of(n, self.window_frames, self.window_frames, tail="shift")[:, 0]
            starts = np.arange(n, dtype=np.int64)
            decibels = np.interp(starts, [*first[:-1], n - 1], decibels[first])
        values: FloatArray = -decibels.astype(np.float32)
        return Scores(sample.video, np.stack([starts, starts + 1], axis=1), values)

    def state(self) -> State:
        """The network's parameters."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.network_ = loaded(self._build(), parameters_of(state))
        return self

    def _build(self) -> MLEPNet:
        return MLEPNet(channels=self.channels)

    def _fitted(self) -> MLEPNet:
        return fitted(self.network_, "mlep")

    def _windows(self, samples: Sequence[Labelled], kind: str) -> FrameWindows:
        if not samples:
            raise UsageError(
                f"mlep with labels = {self.labels} needs {kind} training videos",
                found=f"no {kind} one",
                remedy="choose a split that has both kinds, or labels = none for normal videos alone",
            )
        return FrameWindows(samples, length=self.window_frames, size=self.size, grey=False)

    def _rate(self, step: int) -> float:
        """What the learning rate is multiplied by."""
        if self.labels == "video" and step >= self.steps:
            return self.tune_rate / self.learning_rate
        return 1.0 if step < self.drop_after else 0.1

    @torch.no_grad()
    def _decibels(self, network: MLEPNet, windows: Pixels) -> NDArray[np.float64]:
        """(b,) PSNR of the last frames of clips (b, n, 3, h, w)."""
        made, _, wanted = predicted(network, windows, training.current().device)
        error = ((made - wanted) / 2).square()  # of values in 0..1
        return psnr(error.mean((1, 2, 3)).cpu().numpy())


class Few(nn.Module):
    """The abnormal videos, and how normal each of their clips is, 0..1, which snapshots hold.

    Args:
        windows: All clips of these videos.
        samples: The videos.
        reverse: Whether clips may be shown backwards.

    Raises:
        UsageError: If frame labels show no clip of a kind.
    """

    normality: Tensor

    def __init__(self, windows: FrameWindows, samples: Sequence[Labelled], *, reverse: bool):
        super().__init__()
        self.windows, self.reverse = windows, reverse
        self.first = windows.ends - windows.n_windows
        labels = [s.y for s in samples if isinstance(s.y, FrameLabels)]
        known = [clip_normality(y, windows.length) for y in labels]
        # Of video labels a clip's normality is measured later, so that each video has both kinds.
        normality = np.concatenate(known) if known else np.full(len(windows), NORMAL_FROM)
        self.register_buffer("normality", torch.from_numpy(normality.astype(np.float32)))
        self.kinds = [
            [video for video, of in enumerate(known) if ((of >= NORMAL_FROM) == positive).any()]
            if known
            else list(range(len(samples)))
            for positive in (True, False)
        ]
        if not all(self.kinds):
            raise UsageError(
                "mlep needs clips of abnormal videos that are mostly normal, and others that are not",
                found=f"{len(self.kinds[0])} and {len(self.kinds[1])} videos that have such",
                remedy="longer videos, or a smaller context",
            )

    def triplets(self, step: int, anchors: Sequence[FrameWindow], rng: np.random.Generator) -> list[Triplet]:
        """Give each anchor a positive and a negative clip: the video is drawn first, all alike."""
        made = []
        for anchor in anchors:
            backwards = (self.reverse & (rng.random(3) < 0.5)).tolist()
            positive, negative = (
                Pick(int(rng.choice(videos)), float(rng.random()), turned)
                for videos, turned in zip(self.kinds, backwards[1:], strict=True)
            )
            made.append(Triplet(step, anchor, backwards[0], positive, negative))
        return made

    @torch.no_grad()
    def measure(self, decibels: Callable[[Pixels], NDArray[np.float64]]) -> None:
        """Take each video's PSNR, scaled to 0..1 over the video, as its clips' normality."""
        for first, n in zip(self.first.tolist(), self.windows.n_windows.tolist(), strict=True):
            numbers = range(first, first + n)
            parts = [numbers[i : i + SCORING_BATCH] for i in range(0, n, SCORING_BATCH)]
            found = np.concatenate(
                [decibels(self.windows.stack([self.windows.window(i) for i in part])) for part in parts]
            )
            extent = np.ptp(found)
            scaled = (found - found.min()) / extent if extent > 0 else np.full(n, NORMAL_FROM)
            self.normality[first : first + n] = torch.from_numpy(scaled)

    def clips(self, triplets: Sequence[Triplet]) -> tuple[list[Pixels], Tensor]:
        """The positive and the negative clips (b, n, 3, h, w), and their normality (2, b)."""
        clips, numbers = [], []
        for positive in (True, False):
            picks = [pick for t in triplets if (pick := t.positive if positive else t.negative)]
            chosen = [self._number(pick, positive=positive) for pick in picks]
            stacked = self.windows.stack([self.windows.window(number) for number in chosen])
            clips.append(turned(stacked, [pick.backwards for pick in picks]))
            numbers.append(chosen)
        return clips, self.normality[torch.tensor(numbers)]

    def _number(self, pick: Pick, *, positive: bool) -> int:
        first, n = self.first[pick.video], self.windows.n_windows[pick.video]
        fits = (self.normality[first : first + n] >= NORMAL_FROM).numpy() == positive
        # Of a video whose PSNR never changes all clips are alike.
        among = np.flatnonzero(fits) if fits.any() else np.arange(n)
        return int(first + among[int(pick.chance * len(among))])


def clip_normality(labels: FrameLabels, length: int) -> FloatArray:
    """(w,) of a video's clips at a stride of one: 1 if at least half of their frames are normal, else 0."""
    mask = labels.mask()
    n = max(1, len(mask) - length + 1)
    frames = np.minimum(np.arange(n)[:, None] + np.arange(length), len(mask) - 1)
    normality: FloatArray = (2 * (~mask[frames]).sum(axis=1) >= length).astype(np.float32)
    return normality


def turned(clips: Pixels, backwards: Sequence[bool]) -> Pixels:
    """Clips (b, n, ...), some of them with time reversed."""
    order = np.array(backwards).reshape(-1, *[1] * (clips.ndim - 1))
    return np.where(order, clips[:, ::-1], clips)


def predicted(network: MLEPNet, windows: Pixels, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Of clips (b, n, 3, h, w): the last frames as predicted, the embeddings, the true ones; -1..1."""
    frames = torch.from_numpy(windows).to(device).float() / 127.5 - 1
    made, embedding = network(frames[:, :-1])
    return made, embedding, frames[:, -1]


def difference(made: Tensor, wanted: Tensor) -> Tensor:
    """(b,) mean absolute differences."""
    return (made - wanted).abs().mean((1, 2, 3))


def margin_losses(
    network: MLEPNet, clips: Sequence[Pixels], normality: Tensor, *, margin: float, weight: float
) -> dict[str, Tensor]:
    """Losses of triplets; the negative clips' prediction is not trained.

    Args:
        network: What is trained.
        clips: Anchors, positive and negative clips, (b, n, 3, h, w) each.
        normality: (2, b) in 0..1 of the positive and the negative clips: 1 and 0 where frames are labelled.
        margin: By which the mean squared distances are to differ.
        weight: Of the margin loss.
    """
    made, embedding, wanted = predicted(network, np.concatenate(clips), normality.device)
    anchor, positive, _ = difference(made, wanted).chunk(3)
    h_anchor, h_positive, h_negative = embedding.chunk(3)
    within = (h_anchor - h_positive).square().mean((1, 2, 3))
    between = (h_anchor - h_negative).square().mean((1, 2, 3))
    apart = whole(training.mean((normality[0] - normality[1]).abs()))
    losses = {
        "anchor": training.mean(anchor),
        "positive": training.mean(normality[0] * positive),
        "margin": apart * hinge(training.mean(margin + within - between)),
    }
    return {"loss": losses["anchor"] + losses["positive"] + weight * losses["margin"], **losses}


def whole(mean: Tensor) -> Tensor:
    """What `training.mean` is of the whole batch, where this process holds a part; without gradient."""
    return ranks.summed(mean.detach()) / ranks.size()


def hinge(mean: Tensor) -> Tensor:
    """max(0, mean) for the mean of the whole batch, where this process holds a part."""
    return mean * (whole(mean) > 0)
