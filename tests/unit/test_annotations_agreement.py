import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from vadlab.annotations.agreement import Limits, agreement
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.reliability import fleiss_kappa, krippendorff_alpha
from vadlab.report.annotators import annotator_timelines

Spans = list[tuple[int, int]]


def video(path: str, n_frames: int, **people: Spans) -> AnnotatedVideo:
    annotations = [Annotation(name, tuple(Mark(*span) for span in spans)) for name, spans in people.items()]
    return AnnotatedVideo(ListedVideo(path, path, n_frames), tuple(annotations))


def mask(spans: Spans, n_frames: int) -> np.ndarray:
    found = np.zeros(n_frames, dtype=np.int64)
    for start, stop in spans:
        found[start:stop] = 1
    return found


GOOD = {"ann": [(10, 50)], "bob": [(12, 51)], "cem": [(11, 49)]}
BAD = {"ann": [(10, 20), (60, 70)], "bob": [(15, 40)], "cem": []}


def test_figures_are_those_of_all_frames_one_by_one() -> None:
    videos = [video("a", 100, **GOOD), video("b", 80, **BAD)]
    found = agreement(videos)
    masks = {
        name: np.concatenate([mask(GOOD[name], 100), mask(BAD[name], 80)]) for name in ("ann", "bob", "cem")
    }
    abnormal = sum(masks.values())
    table = np.stack([abnormal, 3 - abnormal], axis=1)
    assert found.kappa == pytest.approx(fleiss_kappa(table))
    assert found.alpha == pytest.approx(krippendorff_alpha(table))
    assert found.annotators == ("ann", "bob", "cem")
    for i, one in enumerate(masks.values()):
        for j, other in enumerate(masks.values()):
            assert found.cohen[i, j] == pytest.approx(cohen_kappa_score(one, other))
    good = next(one for one in found.videos if one.annotated.video.path == "a")
    # Consensus 11-50; begins 10, 12, 11; ends 50, 51, 49.
    assert good.merged.labels.intervals.tolist() == [[11, 50]]
    assert (good.begin.std, good.end.std, good.begin.mad) == (1, 1, 1)
    pairs = [38 / 41, 38 / 40, 37 / 40]  # ann-bob, ann-cem, bob-cem
    assert good.event_iou == pytest.approx(sum(pairs) / 3)


def test_the_worst_comes_first_with_its_reasons() -> None:
    found = agreement([video("a", 100, **GOOD), video("b", 80, **BAD)])
    assert [one.annotated.video.path for one in found.to_adjudicate] == ["b"]
    assert found.videos[0].annotated.video.path == "b"
    text = "; ".join(found.videos[0].reasons)
    # Two of three agree on 15-20 only.
    assert "events of a minority: ann 60-70" in text
    assert "1 of 3 marked nothing" in text
    assert "alpha" in text
    assert "event IoU" in text


def test_limits_decide() -> None:
    videos = [video("a", 100, **GOOD)]
    assert agreement(videos).to_adjudicate == ()
    strict = agreement(videos, limits=Limits(alpha=0.99, event_iou=0.99, boundary=0.5))
    assert [reason.split(" ")[0] for reason in strict.videos[0].reasons] == ["alpha", "event", "begin", "end"]


def test_categories_that_tie_are_a_reason() -> None:
    people = (Annotation("p", (Mark(0, 9, "Fire"),)), Annotation("q", (Mark(0, 9, "Panic"),)))
    found = agreement([AnnotatedVideo(ListedVideo("a", "a", 20), people)])
    assert found.videos[0].reasons == ("categories tie: Fire 1, Panic 1",)


def test_missing_annotators_leave_alpha_but_no_kappa() -> None:
    found = agreement([video("a", 100, **GOOD), video("b", 100, ann=[(0, 9)], bob=[(0, 9)])])
    assert math.isnan(found.kappa)
    assert "2 to 3 annotators" in found.kappa_reason
    assert 0.9 < found.alpha < 1
    assert found.alpha_reason == ""


def test_undefined_figures_have_a_reason() -> None:
    normal = agreement([video("a", 50, ann=[], bob=[])])
    assert math.isnan(normal.kappa)
    assert math.isnan(normal.alpha)
    assert "same label" in normal.kappa_reason
    assert normal.to_adjudicate == ()
    alone = agreement([video("a", 50, ann=[(0, 3)])])
    assert alone.kappa_reason == alone.alpha_reason == "no video has two annotators"
    assert alone.videos[0].reasons == ("only one annotator",)
    nothing = agreement([])
    assert nothing.videos == ()
    assert math.isnan(nothing.alpha)


def test_the_figure_has_a_panel_a_video_and_a_row_a_person() -> None:
    found = agreement([video("a$b", 100, **GOOD), video("b", 80, **BAD)])
    figure = annotator_timelines(found.videos)
    assert len(figure.axes) == 2
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["ann", "bob", "cem", "share", "consensus"]
    figure.canvas.draw()
    bars = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[1].containers[0])
    assert bars == [(11, 50)]
    assert len(annotator_timelines(()).texts) == 1
