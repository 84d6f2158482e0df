"""The figures draw the numbers that they are given, and save at the size that they promise."""

from __future__ import annotations

import csv
import struct
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from report_example import NAMES, evaluation
from sklearn.metrics import roc_auc_score

from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import Rules
from vadlab.report import figures
from vadlab.types import Event


@pytest.fixture(scope="module")
def example() -> Evaluation:
    return evaluation()


def png_size(content: bytes) -> tuple[int, int]:
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def is_drawn(figure: Figure) -> None:
    """The PNG has twice the nominal size and the SVG says the same in points."""
    width, height = figure.get_size_inches()
    size = png_size(figures.to_png(figure))
    assert abs(size[0] - 200 * width) <= 1 and abs(size[1] - 200 * height) <= 1
    assert f'viewBox="0 0 {72 * width:g}' in figures.to_svg(figure)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def with_event(found: Evaluation) -> Judged:
    return next(video for video in found.videos if video.labels.abnormal and not video.counted.all())


def test_every_figure_can_be_saved(example: Evaluation) -> None:
    video = with_event(example)
    scores = video.scores
    for figure in (
        figures.timeline(video, threshold=0.5),
        figures.timelines(example, n=5),
        figures.roc(example),
        figures.confusion(example),
        figures.score_histogram(example),
        figures.per_category(example),
        figures.training([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]),
        figures.score_plot(scores.video, video.frame_scores, (), scores.categories),
    ):
        is_drawn(figure)


def test_a_figure_saves_to_the_same_svg_twice(example: Evaluation) -> None:
    assert figures.to_svg(figures.roc(example)) == figures.to_svg(figures.roc(example))


def test_timeline_draws_scores_over_seconds_and_shades_the_labels(example: Evaluation) -> None:
    video = with_event(example)
    axes = figures.timeline(video, threshold=0.5).axes[0]
    line = axes.lines[0]
    seconds = video.scores.video.seconds
    assert np.allclose(line.get_xdata(), [seconds(i) for i in range(video.labels.n_frames)])
    assert np.array_equal(line.get_ydata(), video.frame_scores)
    spans = [(p.get_x(), p.get_x() + p.get_width(), p.get_hatch()) for p in axes.patches]
    labelled = [span[:2] for span in spans if span[2] is None]
    assert np.allclose(labelled, [(seconds(a), seconds(b)) for a, b in video.labels.intervals.tolist()])
    hatched = [span[:2] for span in spans if span[2] is not None]
    first = int(np.flatnonzero(~video.counted)[0])
    assert np.allclose(hatched, [(seconds(first), seconds(video.labels.n_frames))])
    assert axes.get_ylim()[1] > 0.5


def test_timelines_share_one_score_axis_and_spread_over_the_set(example: Evaluation) -> None:
    figure = figures.timelines(example, n=5)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    assert len({axes.get_ylim() for axes in shown}) == 1
    titles = [axes.get_title(loc="left") for axes in shown]
    assert titles[0] == example.videos[0].id and titles[-1] == example.videos[-1].id


def test_roc_names_the_area_and_marks_equal_errors(example: Evaluation) -> None:
    axes = figures.roc(example).axes[0]
    labels = np.concatenate([v.labels.mask()[v.counted] for v in example.videos])
    scores = np.concatenate([v.frame_scores[v.counted] for v in example.videos])
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[0] == f"AUC {100 * roc_auc_score(labels, scores):.2f} %"
    marker = next(line for line in axes.lines if line.get_marker() == "o")
    x, y = float(marker.get_xdata()[0]), float(marker.get_ydata()[0])
    # At equal error rates as many normal frames pass the threshold as abnormal ones fail it.
    threshold = np.quantile(scores[~labels], 1 - x)
    assert abs(np.mean(scores[labels] < threshold) - x) < 0.005
    assert abs(x + y - 1) < 1e-9


def test_roc_of_one_class_says_why_it_is_missing() -> None:
    figure = figures.roc(evaluation(n=3, normal_only=True))
    assert not figure.axes
    assert "no abnormal frame is counted" in figure.texts[0].get_text()


@pytest.mark.parametrize("n", [2, 5, 14])
@pytest.mark.parametrize("of", ["windows", "videos"])
def test_confusion_prints_row_percentages_and_counts(n: int, of: str) -> None:
    found = evaluation(n=20, names=NAMES[:n])
    counts = found.confusion if of == "windows" else found.confusion_videos
    figure = figures.confusion(found, of=of)
    printed = texts(figure)
    expected = []
    for row in counts.tolist():
        for count in row:
            if count:
                expected += [f"{100 * count / sum(row):.0f}", f"{count:,}"]
    assert printed == expected + [f"n = {sum(row):,}" for row in counts.tolist()]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES[:n])
    assert "true" in axes.get_ylabel()
    figures.to_png(figure)
    # No two names overlap.
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(not a.overlaps(b) for a, b in pairwise(boxes))


def test_a_category_without_examples_has_dashes() -> None:
    found = evaluation(n=6, names=("Crash", "Fire"))
    empty = replace(found, confusion=np.array([[3, 1], [0, 0]]))
    assert texts(figures.confusion(empty)) == ["75", "3", "25", "1", "–", "–", "n = 4", "n = 0"]


def test_histogram_shares_sum_to_one_for_each_kind(example: Evaluation) -> None:
    outlines = [p for p in figures.score_histogram(example).axes[0].patches if not p.get_fill()]
    assert len(outlines) == 2
    for outline in outlines:
        assert abs(outline.get_data().values.sum() - 1) < 1e-9


def test_histogram_leaves_out_what_the_rules_leave_out(example: Evaluation) -> None:
    pairs = [(video.scores, video.labels) for video in example.videos]
    found = evaluate(pairs, Rules(frames="abnormal-videos"))
    n_normal = sum(int((~v.labels.mask()).sum()) for v in found.videos if v.labels.abnormal)
    legend = figures.score_histogram(found).axes[0].get_legend()
    assert legend.get_texts()[0].get_text() == f"normal, {n_normal:,} frames"


def test_category_bars_are_the_categories_areas(example: Evaluation) -> None:
    axes = figures.per_category(example).axes[0]
    bars = {
        label.get_text().split("  ")[0]: bar.get_width()
        for label, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)
    }
    for name in NAMES:
        videos = [v for v in example.videos if v.labels.category == name]
        labels = np.concatenate([v.labels.mask()[v.counted] for v in videos])
        scores = np.concatenate([v.frame_scores[v.counted] for v in videos])
        area = roc_auc_score(labels, scores) if 0 < labels.sum() < len(labels) else 0
        assert abs(bars[name] - area) < 1e-9


def test_training_reads_rows_and_files_alike(tmp_path: Path) -> None:
    rows = [{"step": s, "seconds": s, "loss": 1 / s, "val_auc": s / 10 if s % 2 else ""} for s in range(1, 9)]
    path = tmp_path / "training.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    for figure in (figures.training(rows), figures.training(path)):
        losses, auc = figure.axes
        assert np.allclose(losses.lines[0].get_ydata(), [1 / s for s in range(1, 9)])
        assert auc.lines[0].get_xdata().tolist() == [1, 3, 5, 7]


def test_a_long_curve_is_smoothed_about_its_own_steps() -> None:
    figure = figures.training([{"step": s, "loss": 3.0 * s} for s in range(1000)])
    smooth = figure.axes[0].lines[1]
    # The running mean of a straight line is that line, if it is centred.
    assert np.abs(smooth.get_ydata() - 3 * smooth.get_xdata()).max() <= 3


def test_an_empty_log_is_said_to_be_empty() -> None:
    assert "nothing" in figures.training([]).texts[0].get_text()


def test_score_plot_shows_events_and_categories(example: Evaluation) -> None:
    judged = example.videos[0]
    video = judged.scores.video
    events = (
        Event(video.id, 10, 40, 20, 0.9, "Fire", 0.876),
        Event(video.id, 45, 50, 47, 0.8, "Panic", 0.5),  # too near for a second name
        Event(video.id, 100, 120, 110, 0.7),
    )
    figure = figures.score_plot(video, judged.frame_scores, events, judged.scores.categories)
    assert texts(figure) == ["Fire 88 %"]
    assert len(figure.axes[0].patches) == 3
    assert figure.axes[0].get_title(loc="right") == "3 events"
    heat = figure.axes[1]
    assert len(heat.images) == len(judged.scores.categories.spans)
    assert len(figures.score_plot(video, judged.frame_scores).axes) == 1
    is_drawn(figure)


def test_names_are_never_read_as_mathematics() -> None:
    found = evaluation(n=6, names=("$x^", "a$\\frac{$b"), ids={0: "$\\notacommand$"})
    for figure in (
        figures.timelines(found),
        figures.timeline(found.videos[0]),
        figures.confusion(found),
        figures.per_category(found),
        figures.score_plot(found.videos[0].scores.video, found.videos[0].frame_scores),
    ):
        figures.to_png(figure)


def test_figures_work_without_categories_and_without_abnormal_frames() -> None:
    found = evaluation(n=4, names=(), normal_only=True)
    for figure in (figures.confusion(found), figures.per_category(found)):
        assert "categories" in figure.texts[0].get_text()
    for figure in (figures.roc(found), figures.score_histogram(found), figures.timelines(found)):
        is_drawn(figure)


def test_a_constant_score_and_one_frame_can_be_drawn() -> None:
    found = evaluation(n=3)
    video = found.videos[0]
    flat = replace(video, frame_scores=np.full_like(video.frame_scores, 0.5))
    is_drawn(figures.timeline(flat, threshold=None))
    single = replace(video.scores.video, n_frames=1)
    is_drawn(figures.score_plot(single, np.array([0.3], dtype=np.float32)))


def test_the_report_needs_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys, vadlab.report.page, vadlab.report.overlay; "
        "sys.exit(' '.join({'torch', 'matplotlib.pyplot'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
