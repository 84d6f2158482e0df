"""The whole evaluation on cases worked out by hand."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import DataError, UsageError
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.rules import PRESETS, Rules, get
from vadlab.evaluation.summary import to_json
from vadlab.types import Categories, FrameLabels, Scores, Video

Pair = tuple[Scores, FrameLabels]


def pair(
    name: str,
    values: list[float],
    labels: list[int],
    *,
    category: str | None = None,
    probabilities: list[list[float]] | None = None,
    names: tuple[str, ...] = ("Crash", "Fire"),
    fps: int = 1,
) -> Pair:
    """A video with one score a frame and one category window a row of `probabilities`."""
    n = len(values)
    spans = np.stack([np.arange(n), np.arange(n) + 1], axis=1)
    categories = None
    if probabilities is not None:
        categories = Categories(spans[: len(probabilities)], np.float32(probabilities), names)
    video = Video(name, Path(name), n, Fraction(fps), (4, 4))
    return Scores(video, spans, np.float32(values), categories), FrameLabels.from_mask(
        np.array(labels), category=category
    )


# Video by video: AUC 1, AUC 0, no AUC. Pooled abnormal .9 .8 .2 against normal .1 .6 .7 .3 .4.
THREE = [
    pair("a", [0.1, 0.9, 0.8], [0, 1, 1]),
    pair("b", [0.6, 0.2, 0.7], [0, 1, 0]),
    pair("c", [0.3, 0.4], [0, 0]),
]


def test_micro_pools_frames_and_macro_averages_videos() -> None:
    found = evaluate(THREE, get("strict")).metrics
    assert found["auc"] == found["auc_micro"] == pytest.approx(11 / 15)
    assert found["auc_macro_skip"] == 0.5
    assert found["auc_abnormal_only"] == pytest.approx(7 / 9)
    assert found["auc_video_level"] == 1  # peaks .9 .7 against .4
    assert (found["n_videos"], found["n_frames"], found["n_abnormal_frames"]) == (3, 8, 3)


def test_the_three_macro_conventions_on_videos_of_one_class() -> None:
    """AUC 1, AUC 0, all normal, all abnormal: one figure a convention, all three always reported."""
    videos = [*THREE, pair("d", [0.5], [1])]
    found = evaluate(videos, get("strict")).metrics
    assert found["auc_macro_skip"] == (1 + 0) / 2
    assert found["auc_macro_half"] == (1 + 0 + 0.5 + 0.5) / 4
    # With a normal frame below and an abnormal one above all others: a has 3 x 2 pairs, all right; b has
    # 2 x 3, of which its own 2 are wrong; c and d have right pairs only.
    assert found["auc_macro_pad"] == pytest.approx((1 + 4 / 6 + 1 + 1) / 4)
    for name, convention in (("macro-skip", "skip"), ("macro-half", "half"), ("macro-pad", "pad")):
        assert evaluate(videos, get(name)).metrics["auc"] == found[f"auc_macro_{convention}"]


def test_padding_is_what_appending_two_frames_gives() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 2, 5, 40):
        labels = rng.random(n) < 0.4
        values = rng.integers(0, 4, n).astype(float)
        appended = pair("v", [*values, -9.0, 9.0], [*labels.astype(int), 0, 1])
        padded = evaluate([pair("v", values.tolist(), labels.astype(int).tolist())], get("macro-pad"))
        assert padded.metrics["auc"] == pytest.approx(evaluate([appended], get("strict")).metrics["auc"])


def test_macro_may_take_the_abnormal_videos_only() -> None:
    found = evaluate(THREE, Rules(average="macro", macro_one_class="half", frames="abnormal-videos"))
    assert found.metrics["auc"] == 0.5  # c, which would count half, takes no part


def test_a_video_without_counted_frames_takes_no_part_in_macro() -> None:
    rules = Rules(average="macro", macro_one_class="half", tail="drop-group", group=3)
    assert evaluate([THREE[0], THREE[2]], rules).metrics["auc"] == 1  # two frames are less than a group


def test_rules_may_take_the_abnormal_videos_only() -> None:
    found = evaluate(THREE, Rules(frames="abnormal-videos")).metrics
    assert found["auc"] == found["auc_abnormal_only"] == pytest.approx(7 / 9)
    assert (found["n_videos"], found["n_frames"]) == (2, 6)
    assert found["far_normal_videos"] == 0  # false alarms are still counted on normal videos


def test_inverted_scores_give_one_minus_the_auc() -> None:
    inverted = [(dataclasses.replace(scores, values=-scores.values), labels) for scores, labels in THREE]
    assert evaluate(inverted, get("strict")).metrics["auc"] == pytest.approx(1 - 11 / 15)


def test_false_alarm_rates_by_kind_of_video() -> None:
    found = evaluate([*THREE, pair("d", [0.5, 0.1, 0.6, 0.0], [0, 0, 0, 0])], get("strict")).metrics
    assert found["far_normal_videos"] == pytest.approx(2 / 6)
    assert found["far_abnormal_videos"] == pytest.approx(2 / 3)
    assert found["far_all"] == pytest.approx(4 / 9)
    # Starts on normal frames: b at 0 and 2, d at 0 and 2; nine normal frames at one a second.
    assert found["false_alarms_per_hour"] == pytest.approx(4 * 3600 / 9)


def test_false_alarms_per_hour_weighs_videos_by_their_own_frame_rate() -> None:
    videos = [pair("a", [1.0] * 10, [0] * 10, fps=1), pair("b", [0.0] * 100, [0] * 100, fps=10)]
    assert evaluate(videos, get("strict")).metrics["false_alarms_per_hour"] == pytest.approx(1 / (20 / 3600))


def test_dropped_groups_leave_scores_and_labels_out() -> None:
    # Only the first two frames count; the third would have made the AUC 1/2.
    found = evaluate([pair("a", [0.1, 0.9, 0.0], [0, 1, 1])], get("lad-code"), group=2)
    assert found.metrics["auc"] == 1
    assert found.metrics["n_frames"] == 2


def test_a_video_shorter_than_a_group_counts_for_nothing() -> None:
    without = evaluate(THREE[:2], get("lad-code"), group=3)
    found = evaluate([*THREE[:2], pair("short", [0.99], [0])], get("lad-code"), group=3)
    assert (found.metrics["auc"], found.metrics["n_frames"]) == (without.metrics["auc"], 6)
    assert found.reasons["far_normal_videos"] == "there is no normal frame in such videos"
    assert found.reasons["auc_video_level"] == "no normal video is counted"


def test_per_video_minmax_changes_micro_but_not_macro() -> None:
    strict, stretched = evaluate(THREE, get("strict")), evaluate(THREE, Rules(normalisation="video-minmax"))
    assert stretched.metrics["auc_macro_skip"] == strict.metrics["auc_macro_skip"]
    # Stretched by hand: a to 0, 1, .875; b to .8, 0, 1; c to 0, 1.
    abnormal, normal = [1, 0.875, 0], [0, 0.8, 1, 0, 1]
    expected = sum((x > y) + (x == y) / 2 for x in abnormal for y in normal) / 15
    assert stretched.metrics["auc"] == pytest.approx(expected)
    for key in ("far_normal_videos", "far_all", "false_alarms_per_hour", "auc_video_level"):
        assert math.isnan(stretched.metrics[key])
        assert "min-max" in stretched.reasons[key]


def test_calibration_moves_thresholds_but_not_ranks() -> None:
    calibrated = evaluate(THREE, Rules(normalisation="train-calibrated"), calibration=(0.0, 0.5)).metrics
    assert calibrated["auc"] == evaluate(THREE, get("strict")).metrics["auc"]
    assert calibrated["far_normal_videos"] == 1  # .3 and .4 become .6 and .8


def test_every_undefined_figure_has_a_reason_and_no_other() -> None:
    found = evaluate([pair("n", [0.1, 0.2], [0, 0], category="Fire")], get("strict"))
    undefined = {key for key, value in found.metrics.items() if math.isnan(value)}
    assert undefined == {
        "auc", "auc_micro", "auc_macro_skip", "auc_abnormal_only", "auc_video_level", "ap", "pr_auc", "eer",
        "far_abnormal_videos", "accuracy_windows", "accuracy_videos",
        "event_precision@0.1", "event_recall@0.1", "event_f1@0.1", "event_precision@0.5", "event_recall@0.5",
        "event_f1@0.5", "event_ap@0.1:0.5", "map@0.1:0.5", "event_miss_rate", "delay_s", "delay_frames",
    }  # fmt: skip
    figures = ("auc", "auc_against_all_normal", "auc_abnormal_videos", "accuracy_videos")
    per_category = {f"per_category/Fire/{name}" for name in figures}
    assert set(found.reasons) == undefined | per_category
    assert found.reasons["auc"] == "no abnormal frame is counted"
    assert all(len(rates) == 0 for rates in found.roc)


CATEGORISED = [
    pair(
        "a", [0.1, 0.9, 0.8], [0, 1, 1], category="Crash", probabilities=[[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]]
    ),
    pair("b", [0.6, 0.2, 0.7], [0, 1, 0], category="Fire", probabilities=[[0.2, 0.8]]),
    pair("c", [0.3, 0.4], [0, 0], category="Crash", probabilities=[[0.9, 0.1], [0.2, 0.8]]),
]


def test_accuracy_by_window_and_by_video() -> None:
    found = evaluate(CATEGORISED, get("strict"))
    assert found.categories == ("Crash", "Fire")
    assert found.metrics["accuracy_windows"] == pytest.approx(4 / 6)  # a 2 of 3, b 1 of 1, c 1 of 2
    # Means: a (.4, .6) is wrong though most of its windows are right; c (.55, .45) is right.
    assert found.metrics["accuracy_videos"] == pytest.approx(2 / 3)
    assert found.confusion is not None
    assert found.confusion_videos is not None
    assert found.confusion.tolist() == [[3, 2], [0, 1]]
    assert found.confusion_videos.tolist() == [[1, 1], [0, 1]]


def test_figures_by_category() -> None:
    found = evaluate(CATEGORISED, get("strict")).per_category
    assert found == {
        "Crash": {
            "auc": 1.0,
            "auc_against_all_normal": 1.0,
            "auc_abnormal_videos": 1.0,
            "accuracy_videos": 0.5,
            "n_videos": 2,
            "n_abnormal_videos": 1,
        },
        # Its .2 is below .6 and .7 of its own video, and below .3 and .4 of the normal video of Crash.
        "Fire": {
            "auc": 0.0,
            "auc_against_all_normal": 0.0,
            "auc_abnormal_videos": 0.0,
            "accuracy_videos": 1.0,
            "n_videos": 1,
            "n_abnormal_videos": 1,
        },
    }


def test_a_category_against_all_normal_videos_is_the_auc_of_just_these_videos() -> None:
    names = ("Crash", "Fire")
    videos = [
        pair(f"{name}{i}", values.tolist(), [0] * 4 + [i % 2] * 4, category=name)
        for i, name in enumerate([*names, "Fire", "Crash", "Fire", "Crash"])
        for values in np.random.default_rng(i).integers(0, 5, (1, 8)).astype(float)
    ]
    found = evaluate(videos, get("strict")).per_category
    for name in names:
        chosen = [v for v in videos if not v[1].abnormal or v[1].category == name]
        expected = evaluate(chosen, get("strict")).metrics["auc"]
        assert found[name]["auc_against_all_normal"] == pytest.approx(expected)


def test_a_category_the_detector_never_learned_counts_as_wrong() -> None:
    unseen = pair("d", [0.1], [0], category="Flood", probabilities=[[1, 0]])
    found = evaluate([*CATEGORISED, unseen], get("strict"))
    assert found.categories == ("Crash", "Fire", "Flood")
    assert found.metrics["accuracy_videos"] == 0.5
    assert found.confusion_videos is not None
    assert found.confusion_videos.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_videos_without_a_category_are_not_judged_by_it() -> None:
    nameless = pair("d", [0.1], [0], probabilities=[[1, 0]])
    assert evaluate([*CATEGORISED, nameless], get("strict")).metrics["accuracy_videos"] == pytest.approx(
        2 / 3
    )


def test_differing_category_names_are_refused() -> None:
    other = pair("d", [0.1], [0], category="Fire", probabilities=[[1, 0]], names=("Fire", "Crash"))
    with pytest.raises(DataError, match="different categories"):
        evaluate([*CATEGORISED, other], get("strict"))


def test_labels_of_another_length_are_refused_with_both_lengths() -> None:
    scores, _ = THREE[0]
    with pytest.raises(DataError, match=r"(?s)'a'.*labels of 3 frames.*labels of 4 frames.*data check"):
        evaluate([(scores, FrameLabels.from_spans([(0, 2)], 4))], get("strict"))


def test_no_video_and_a_video_twice_are_refused() -> None:
    with pytest.raises(DataError, match="no test video"):
        evaluate([], get("strict"))
    with pytest.raises(DataError, match="'a' is to be evaluated twice"):
        evaluate([THREE[0], THREE[0]], get("strict"))


def test_rules_that_lack_their_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="group"):
        evaluate(THREE, get("lad-code"))
    with pytest.raises(UsageError, match="calibration"):
        evaluate(THREE, Rules(normalisation="train-calibrated"))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("videos", [THREE, CATEGORISED, THREE[2:]])
def test_json_is_strict_and_complete(videos: list[Pair], name: str) -> None:
    found = evaluate(videos, get(name), group=2)
    plain = to_json(found)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["rules"]["name"] == name
    for key, value in plain["metrics"].items():
        assert (value is None) == (key in plain["reasons"]), key
        assert value is None or value == found.metrics[key]
    assert [video["id"] for video in plain["videos"]] == [scores.video.id for scores, _ in videos]


def test_json_summary_of_a_video() -> None:
    summary = to_json(evaluate(CATEGORISED, get("strict")))["videos"]
    assert summary[0] == {
        "id": "a",
        "category": "Crash",
        "n_frames": 3,
        "n_counted_frames": 3,
        "n_abnormal_frames": 2,
        "auc": 1.0,
        "peak_frame": 1,
        "peak_score": float(np.float32(0.9)),
    }
    assert summary[2]["auc"] is None


def test_annotators_mean_gives_probabilistic_figures() -> None:
    means = {"a": np.array([0, 1, 1.0]), "b": np.array([0, 1.0, 0]), "c": np.zeros(2)}
    certain = evaluate(THREE, get("strict"), probabilities=means).metrics
    assert certain["prob_auc"] == certain["auc"]
    assert certain["prob_ap"] == pytest.approx(certain["ap"])
    assert "prob_auc" not in evaluate(THREE, get("strict")).metrics
    some = evaluate(THREE, get("strict"), probabilities={"a": means["a"]})
    assert some.reasons["prob_auc"] == "2 videos have no annotators' marks"
    with pytest.raises(DataError, match="'a' differ in length"):
        evaluate(THREE, get("strict"), probabilities={"a": np.zeros(4)})
