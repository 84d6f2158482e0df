"""Every choice between a detector's scores and a published figure, as one value that travels with it.

Two figures are comparable only under the same rules. The presets:

- `strict`: ours and the default. Every frame counts and nothing is normalised or smoothed.
- `lad-paper`: as the LAD paper states it. Clips do not overlap, their remainder is left out.
- `lad-code`: as the LAD authors' released code does it, with its scrambled test windows.
- `ffp`: as future frame prediction does it. Scores are stretched to 0..1 in each video, and the
  first frames, which have no prediction, are left out. Also for ConvAE, stacked RNN and MNAD.
- `hf2`: as HF2-VAD does it. A median filter of 17 frames, and the first frames left out.
- `ai-vad`: as AI-VAD does it on Ped2 and Avenue. A Gaussian filter with a deviation of 3 frames.
- `macro-skip`, `macro-half`, `macro-pad`: `strict`, but the headline is the mean over videos, by each
  of the three conventions for videos of one class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vadlab.config import build
from vadlab.errors import UsageError

__all__ = ["PRESETS", "Rules", "describe", "explain", "from_dict", "get", "to_dict"]


@dataclass(frozen=True)
class Rules:
    """One evaluation protocol; the defaults are those of `strict`.

    Args:
        name: The preset that it is, or started from; `describe` tells whether it was changed.
        overlap: A frame under several spans gets their "max" (the LAD authors' code) or their
            "mean" (the usual alternative).
        tail: Frames after the first scored one that no span covers. "hold" repeats the score before
            them (ours: a video's every frame counts). "drop" does not count them (LAD paper, Sec. 4:
            a video is N = M / m clips). "drop-group" holds, and counts the first
            floor(n / group) * group frames only (the LAD authors' code: when the clips do not fill
            the last group of K, the whole group goes; a video shorter than one counts for nothing).
        group: Frames in a group for "drop-group": K * 16, so 80 for K = 5. None stands for the
            detector's own window, which `evaluate` is told.
        head: Frames before the first scored one. "hold" gives them the first score (ours). "drop"
            does not count them (Liu et al., CVPR 2018, leave out the first four).
        normalisation: "none" (all methods that learn from labels). "video-minmax" stretches each
            video to 0..1, which makes wholly normal videos look abnormal (ConvAE, stacked RNN, FFP,
            MNAD). "train-calibrated" maps two scores measured on training videos to 0 and 1, and
            does not clip.
        smoothing: "none" (what the published evaluations of the LAD paper's methods do, with rare
            exceptions), "gaussian" or "median" along time, before the normalisation.
        smoothing_width: Frames: the Gaussian's standard deviation, or the median's odd length.
        average: Which AUC is the headline: "micro" pools the frames of all videos (Tables 3 to 5 of
            the LAD paper), "macro" is the mean over videos.
        macro_one_class: What macro does with a video of one class, which has no AUC. "skip" leaves
            it out. "half" counts it as 0.5. "pad" gives every video one more normal frame below all
            scores and one more abnormal frame above all (the releases of Georgescu et al. and of
            Reiss and Hoshen), so that such a video counts as 1. All are in use, often unnamed.
        frames: "all" videos make up AUC, AP, PR area and EER, or only the "abnormal-videos", as the
            LAD authors and AR-Net report beside it.
        scrambled_windows: The LAD authors' code views its test windows in the wrong order, so that
            a window holds clips from all over the video. True asks the detector for the same; the
            evaluation itself does not change.
        far_threshold: A normal frame is a false alarm when its score is at least this (0.5:
            Sultani et al., CVPR 2018, and the LAD authors' code).

    Raises:
        UsageError: If a value is not one of those named here.
    """

    name: str = "strict"
    overlap: Literal["max", "mean"] = "max"
    tail: Literal["hold", "drop", "drop-group"] = "hold"
    group: int | None = None
    head: Literal["hold", "drop"] = "hold"
    normalisation: Literal["none", "video-minmax", "train-calibrated"] = "none"
    smoothing: Literal["none", "gaussian", "median"] = "none"
    smoothing_width: float = 0.0
    average: Literal["micro", "macro"] = "micro"
    macro_one_class: Literal["skip", "half", "pad"] = "skip"
    frames: Literal["all", "abnormal-videos"] = "all"
    scrambled_windows: bool = False
    far_threshold: float = 0.5

    def __post_init__(self) -> None:
        for key, hint in get_type_hints(Rules).items():
            value = getattr(self, key)
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise UsageError(
                    f"the rule {key!r} has an unknown value",
                    expected=" | ".join(get_args(hint)),
                    found=repr(value),
                )
        if self.group is not None and (type(self.group) is not int or self.group < 1):
            raise UsageError(
                "the rule 'group' is not a number of frames", expected="1 or more", found=repr(self.group)
            )
        width = self.smoothing_width
        if self.smoothing == "gaussian" and not width > 0:
            raise UsageError(
                "Gaussian smoothing needs its standard deviation",
                found=f"smoothing_width={width}",
                remedy="set smoothing_width to a number of frames above 0",
            )
        if self.smoothing == "median" and not (width > 0 and width % 2 == 1):
            raise UsageError(
                "median smoothing needs its length",
                found=f"smoothing_width={width}",
                remedy="set smoothing_width to an odd number of frames",
            )
        if self.smoothing == "none" and width != 0:
            raise UsageError(
                "smoothing_width is set but nothing is smoothed",
                found=f"smoothing='none', smoothing_width={width}",
                remedy="set smoothing to gaussian or median, or smoothing_width to 0",
            )


PRESETS: dict[str, Rules] = {
    "strict": Rules(),
    "lad-paper": Rules(name="lad-paper", tail="drop"),
    "lad-code": Rules(name="lad-code", tail="drop-group", scrambled_windows=True),
    "ffp": Rules(name="ffp", head="drop", normalisation="video-minmax"),
    "hf2": Rules(name="hf2", head="drop", smoothing="median", smoothing_width=17),
    "ai-vad": Rules(name="ai-vad", smoothing="gaussian", smoothing_width=3),
    "macro-skip": Rules(name="macro-skip", average="macro", macro_one_class="skip"),
    "macro-half": Rules(name="macro-half", average="macro", macro_one_class="half"),
    "macro-pad": Rules(name="macro-pad", average="macro", macro_one_class="pad"),
}


_IN_WORDS = {
    "strict": "ours: every frame counts, no score is changed",
    "lad-paper": "as the LAD paper's text: frames after the last scored clip are left out",
    "lad-code": "as its authors' code: scrambled test windows, and no frames after the last whole window",
    "ffp": "future frame prediction: scores stretched to 0..1 a video, no frames before the first score",
    "hf2": "HF2-VAD: a median filter of 17 frames, no frames before the first score",
    "ai-vad": "AI-VAD on Ped2 and Avenue: a Gaussian filter with a deviation of 3 frames",
    "macro-skip": "the headline is the mean AUC of the videos; those of one class are left out",
    "macro-half": "the same, but those of one class count as 0.5",
    "macro-pad": "the same, with one easy frame of each class more in every video",
}


def get(name: str) -> Rules:
    """The preset of that name.

    Raises:
        UsageError: If there is none; lists those there are.
    """
    if name not in PRESETS:
        raise UsageError(f"no rules {name!r}", expected=" | ".join(PRESETS))
    return PRESETS[name]


def describe(rules: Rules) -> str:
    """One line that names every choice, to print beside each number."""
    choices = to_dict(rules)
    name = choices.pop("name")
    if name in PRESETS and rules != PRESETS[name]:
        name += " (changed)"
    if rules.group is None:
        choices["group"] = "window"
    return f"{name}: " + ", ".join(f"{key}={_shown(value)}" for key, value in choices.items())


def explain(name: str) -> str:
    """A preset in words, and its choices: all of `strict`, of others those that differ from it."""
    choices = to_dict(get(name))
    usual = {} if name == "strict" else to_dict(PRESETS["strict"])
    told = [
        f"{k}={_shown(v)}" for k, v in choices.items() if k != "name" and v is not None and usual.get(k) != v
    ]
    return f"{_IN_WORDS[name]} ({', '.join(told)})"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def to_dict(rules: Rules) -> dict[str, Any]:
    """The rules as plain values, for JSON and TOML."""
    return dataclasses.asdict(rules)


def from_dict(settings: Mapping[str, Any]) -> Rules:
    """Rules from what `to_dict` gave, or from a part of it; keys left out are those of `strict`.

    Raises:
        UsageError: If a key or a value is unknown.
    """
    return build(Rules, settings)
