"""The LAD paper's model: two-layer ConvLSTM over K clips, frame scores and categories (full supervision).

Paper: Wan et al., IET Image Processing 2021, https://doi.org/10.1049/ipr2.12258, Secs. 4 and 5.1.
Reference read for facts: the authors' PyTorch release (no licence file). Defaults are the paper's numbers.
Where paper and release differ, or the release is faulty, a setting names the difference: `peephole`,
`reduction`, `learning_rate`, `k`, `authors_draw`, `scrambled_windows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from vadlab import training
from vadlab.clip_windows import Batch, ClipWindows, Draw
from vadlab.detector import Head, Reach, State
from vadlab.engine import fast_bf16
from vadlab.errors import UsageError
from vadlab.feature_moments import feature_moments
from vadlab.nets.aed import AEDNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.spans import completed, windows
from vadlab.types import Categories, Features, FloatArray, FrameLabels, IntArray, Sample, Scores, Supervision

__all__ = ["AED"]

CLIP_LENGTH = 16  # m, the frames of a clip (paper, Sec. 5.1)
SCORING_BATCH = 256
VALIDATING_BATCH = 60


@dataclass
class AED:
    """Frame scores and a category for every window of K consecutive clips.

    Args:
        k: Clips in a window, K (paper, Sec. 5.1: 5; the authors' scripts: 10 on all sets but LAD).
        hidden: Channels of the ConvLSTM states (Sec. 5.1).
        layers: ConvLSTM layers (Sec. 4).
        peephole: The W_c terms of Eqs. 1, 2 and 4; the release has none.
        lambda_category: Weight of the cross-entropy, lambda_1 (Eq. 8).
        lambda_score: Weight of the smooth-L1 loss, lambda_2 (Eq. 8, Fig. 6).
        reduction: Over the frames of the score loss: "mean" (release) or "sum" (Eq. 7).
        learning_rate: Of Adam (Sec. 5.1; release: 1e-4, and 5e-5 on Avenue and Ped2).
        weight_decay: On all parameters, which stands for gamma of Eq. 6 (Sec. 5.1).
        abnormal_per_batch: Windows from abnormal videos in a batch (30 + 30 is the paper's 60).
        normal_per_batch: Windows from normal videos in a batch.
        steps: Gradient steps; the paper is silent, the release stops at 12,000.
        standardise: Shift and scale features by the training clips' mean and deviation (ours).
        select: "last" keeps the last step's parameters; "val" those with the lowest validation loss.
        authors_draw: Draw windows as the release does: never a video's last window, short videos padded
            with zeros that count as normal frames, and after a redraw features of one window with the
            labels of the video's first.
        scrambled_windows: Score as the release does: the last clip repeated to a multiple of K, then
            windows whose clips are spread over the video by a missing transpose.
        precision: Of the convolutions in training: "fp32", "bf16", or "auto", bf16 where the processor
            multiplies it in hardware; the state names it. Scores are always fp32.
        seed: Of the initialisation and the batches.
    """

    supervision: ClassVar[Supervision] = Supervision.FULL
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # Sec. 5.1: scores are binarised at 0.5

    k: int = 5
    hidden: int = 128
    layers: int = 2
    peephole: bool = False
    lambda_category: float = 1.0
    lambda_score: float = 10.0
    reduction: Literal["mean", "sum"] = "mean"
    learning_rate: float = 3e-4
    weight_decay: float = 5e-4
    abnormal_per_batch: int = 30
    normal_per_batch: int = 30
    steps: int = 12_000
    standardise: bool = False
    select: Literal["last", "val"] = "last"
    authors_draw: bool = False
    scrambled_windows: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    categories_: tuple[str, ...] = field(init=False, default=(), repr=False, compare=False)
    trained_in_: str = field(init=False, default="", repr=False, compare=False)
    network_: AEDNet | None = field(init=False, default=None, repr=False, compare=False)
    mean_: FloatArray | None = field(init=False, default=None, repr=False, compare=False)
    deviation_: FloatArray | None = field(init=False, default=None, repr=False, compare=False)

    @property
    def window_frames(self) -> int:
        """Frames of a window, K * m: the group that the authors' evaluation drops at a video's end."""
        return self.k * CLIP_LENGTH

    @property
    def reach(self) -> Reach | None:
        """The windows that a clip is in; None where a window's clips are spread over the whole video."""
        return None if self.scrambled_windows else Reach(self.k - 1, self.k - 1)

    def fit(
        self,
        train: Sequence[Sample[Features, FrameLabels]],
        val: Sequence[Sample[Features, FrameLabels]] = (),
    ) -> Self:
        """Train on videos with frame labels; the categories are those seen, sorted by name.

        Raises:
            UsageError: If no video is abnormal or none is normal, or `select` is "val" without `val`.
        """
        normal = [s for s in train if not s.y.abnormal]
        abnormal = [s for s in train if s.y.abnormal]
        if not normal or not abnormal:
            raise UsageError(
                "aed needs normal and abnormal training videos",
                found=f"{len(normal)} normal, {len(abnormal)} abnormal",
                remedy="choose the full split of a dataset that has both",
            )
        if self.select == "val" and not val:
            raise UsageError("select=val needs validation videos", remedy="--val 0.2, or --set select=last")
        self.categories_ = tuple(sorted({s.y.category for s in train if s.y.category is not None}))
        dim = train[0].x.values.shape[1]
        self.mean_, self.deviation_ = feature_moments(train) if self.standardise else (None, None)
        with training.seeded(self.seed):
            self.network_ = self._build(dim)
        device = training.current().device
        bf16 = fast_bf16(device) if self.precision == "auto" else self.precision == "bf16"
        self.trained_in_ = "bf16" if bf16 else "fp32"
        network = self.network_.to(device)
        optimiser = torch.optim.Adam(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        all_windows = self._windows(train, zero_padded=self.authors_draw)
        draw = Draw(
            all_windows,
            abnormal=self.abnormal_per_batch,
            normal=self.normal_per_batch,
            authors=self.authors_draw,
        )

        def losses(batch: Batch) -> dict[str, Tensor]:
            return self._losses(network, batch, device)

        training.optimise(
            network,
            optimiser,
            draw=lambda step: draw(training.generator(self.seed, step)),
            assemble=all_windows.stack,
            losses=losses,
            steps=self.steps,
            validate=self._validation(val, losses) if self.select == "val" else None,
        )
        self.network_ = network.cpu()
        return self

    def score(self, sample: Sample[Features, None]) -> Scores:
        """A score for every frame of every window, windows at a stride of one clip (Sec. 5.1)."""
        network = self._fitted()
        features = self._standardised(sample.x.values)
        n = len(features)
        if self.scrambled_windows:
            rows = _scrambled(n, self.k)
        else:
            rows = np.stack([completed((a, b), self.k) for a, b in windows(n, self.k, 1)])
        scores, probabilities = self._forward(network, features, rows)
        # Window i answers for the clips i .. i + K - 1 whichever clips it was shown; what it says of clips
        # beyond the last is dropped.
        answered = np.arange(len(rows))[:, None] + np.arange(self.k)
        frame = np.arange(CLIP_LENGTH)
        clip_starts, clip_stops = sample.spans[:, 0], sample.spans[:, 1]
        clip = np.minimum(answered, n - 1)
        starts = clip_starts[clip][..., None] + frame
        real = (answered < n)[..., None] & (starts < clip_stops[clip][..., None])
        starts = starts[real].astype(np.int64)
        spans = np.stack([starts, starts + 1], axis=1)
        values = rearrange(scores, "w (k m) -> w k m", m=CLIP_LENGTH)[real]
        categories = None
        if probabilities is not None:
            first = clip_starts[np.minimum(answered[:, 0], n - 1)]
            last = clip_stops[np.minimum(answered[:, -1], n - 1)]
            categories = Categories(np.stack([first, last], axis=1), probabilities, self.categories_)
        return Scores(sample.video, spans, values, categories)

    def state(self) -> State:
        """Parameters, feature moments, category names, and the precision of the training."""
        state = state_of(self._fitted())
        state["categories"] = np.array(self.categories_, dtype=np.str_)
        state["trained_in"] = np.array([self.trained_in_], dtype=np.str_)
        if self.mean_ is not None and self.deviation_ is not None:
            state |= {"mean": self.mean_, "deviation": self.deviation_}
        return state

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.categories_ = tuple(str(name) for name in state["categories"])
        self.trained_in_ = "".join(str(name) for name in state.get("trained_in", ()))
        self.mean_ = np.asarray(state["mean"], np.float32) if "mean" in state else None
        self.deviation_ = np.asarray(state["deviation"], np.float32) if "deviation" in state else None
        tensors = parameters_of(state)
        kernel = tensors["recurrent.0.input_conv.weight"]
        self.network_ = loaded(self._build(kernel.shape[1] * 16), tensors)
        return self

    def head(self) -> Head:
        """A window's features to its frame scores and, where categories were learned, their probabilities."""
        network = self._fitted()
        dim = network.state_dict()["recurrent.0.input_conv.weight"].shape[1] * 16
        outputs = ("scores", "probabilities") if self.categories_ else ("scores",)
        return Head(
            _Whole(network, self.mean_, self.deviation_).eval(), self.k, dim, outputs, self.categories_
        )

    def _build(self, dim: int) -> AEDNet:
        if dim % 16:
            raise UsageError(
                "aed lays a feature vector out as a (d / 16, 4, 4) map",
                expected="features whose length is a multiple of 16",
                found=dim,
            )
        return AEDNet(
            dim,
            k=self.k,
            clip_length=CLIP_LENGTH,
            n_categories=len(self.categories_),
            hidden=self.hidden,
            layers=self.layers,
            peephole=self.peephole,
        )

    def _fitted(self) -> AEDNet:
        return fitted(self.network_, "aed")

    def _standardised(self, values: FloatArray) -> FloatArray:
        if self.mean_ is None or self.deviation_ is None:
            return values
        return (values - self.mean_) / self.deviation_

    def _windows(
        self, samples: Sequence[Sample[Features, FrameLabels]], *, zero_padded: bool = False
    ) -> ClipWindows:
        return ClipWindows(
            samples,
            k=self.k,
            clip_length=CLIP_LENGTH,
            categories=self.categories_,
            zero_padded=zero_padded,
            prepare=self._standardised,
        )

    def _validation(
        self,
        val: Sequence[Sample[Features, FrameLabels]],
        losses: Callable[[Batch], dict[str, Tensor]],
    ) -> Callable[[], float]:
        """The mean loss over all windows of the validation videos."""
        held_out = self._windows(val)
        chosen = held_out.all()
        parts = [chosen[i : i + VALIDATING_BATCH] for i in range(0, len(chosen), VALIDATING_BATCH)]

        def validate() -> float:
            means = [float(losses(held_out.stack(part))["loss"]) for part in parts]
            return float(np.average(means, weights=[len(part) for part in parts]))

        return validate

    def _losses(self, network: AEDNet, batch: Batch, device: torch.device) -> dict[str, Tensor]:
        x, target, weight, category = (
            torch.from_numpy(array).to(device)
            for array in (batch.features, batch.labels, batch.weights, batch.categories)
        )
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.trained_in_ == "bf16"):
            scores, logits = network(x)
        by_frame = smooth_l1_loss(scores, target, reduction="none")
        by_sum = self.reduction == "sum"
        score = training.total(by_frame * weight) if by_sum else training.mean(by_frame, weight)
        losses = {"score": score}
        loss = self.lambda_score * score
        if logits is not None:
            by_window = cross_entropy(logits, category, ignore_index=-1, reduction="none")
            losses["category"] = training.mean(by_window, (category >= 0).to(by_window.dtype))
            loss = loss + self.lambda_category * losses["category"]
        return {"loss": loss, **losses}

    @torch.no_grad()
    def _forward(
        self, network: AEDNet, features: FloatArray, rows: IntArray
    ) -> tuple[FloatArray, FloatArray | None]:
        device = training.current().device
        network = network.to(device).eval()
        scores: list[FloatArray] = []
        probabilities: list[FloatArray] = []
        for i in range(0, len(rows), SCORING_BATCH):
            x = torch.from_numpy(features[rows[i : i + SCORING_BATCH]]).to(device)
            s, logits = network(x)
            scores.append(s.cpu().numpy())
            if logits is not None:
                probabilities.append(torch.softmax(logits, dim=1).cpu().numpy())
        return np.concatenate(scores), np.concatenate(probabilities) if probabilities else None


def _scrambled(n: int, k: int) -> IntArray:
    """Clip indices (w, k) of the release's test windows.

    Windows are laid out one after the other, (w k), but read as (k w): step t of window b is the flat row
    t * w + b. The last clip is first repeated up to a multiple of k.
    """
    padded = np.minimum(np.arange(-(-n // k) * k), n - 1)
    right = np.stack([padded[i : i + k] for i in range(len(padded) - k + 1)])
    return rearrange(right.reshape(-1), "(k w) -> w k", k=k)


class _Whole(nn.Module):
    """The network from raw features to scores and probabilities."""

    def __init__(self, network: AEDNet, mean: FloatArray | None, deviation: FloatArray | None) -> None:
        super().__init__()
        self.network = network
        self.mean = None if mean is None else nn.Buffer(torch.from_numpy(mean))
        # Division by an infinite deviation is a product with zero.
        self.scale = None if deviation is None else nn.Buffer(torch.from_numpy(1 / deviation))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(b, k, d) to (b, k * m) and, with categories, (b, C)."""
        if self.mean is not None and self.scale is not None:
            x = (x - self.mean) * self.scale
        scores, logits = self.network(x)
        return (scores,) if logits is None else (scores, torch.softmax(logits, dim=1))
