"""The page is one file that asks nothing of anybody, says everything, and believes no text."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from report_example import NAMES, evaluation

from vadlab.errors import StoreError
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import PRESETS, describe
from vadlab.report.findings import worst
from vadlab.report.page import write_page
from vadlab.report.wording import MEANINGS

VOID = {"meta", "br", "img", "input", "link", "hr"}
RUN: dict[str, Any] = {
    "dataset": "LAD",
    "detector": "aed",
    "settings": {"k": 5, "learning_rate": 1e-4, "select": None},
    "split": {"name": "lad full", "seed": 7, "train": 1440, "test": 560},
    "features": {"backbone": "i3d", "streams": ["rgb", "flow"], "weights": "abc123", "flow": "tvl1"},
    "versions": {"vadlab": "0.1.0"},
    "seed": 11,
    "started": "2025-01-02 03:04",
    "minutes": 4.25,
    "auc_interval": (0.81, 0.93),
}


class Checked(HTMLParser):
    """Reads a page, refusing tags that do not close; keeps what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts)).replace("\u00a0", " ")


def no_frame(video_id: str, frame: int) -> None:
    return None


def picture(video_id: str, frame: int) -> np.ndarray:
    return np.full((90, 700, 3), (200, 30, 10), dtype=np.uint8)


def page(path: Path, found: Evaluation, run: dict[str, Any] | None = None, frame: Any = no_frame) -> str:
    write_page(path / "report.html", found, run={} if run is None else run, frame=frame)
    return (path / "report.html").read_text(encoding="utf-8")


def data(text: str) -> dict[str, Any]:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluation()


@pytest.fixture(scope="module")
def html(found: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(tmp_path_factory.mktemp("page"), found, RUN, picture)


def test_the_page_is_one_file_without_addresses(html: str, found: Evaluation, tmp_path: Path) -> None:
    page(tmp_path, found, RUN, picture)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert not re.search(r"https?://", html)
    for tag, attributes in Checked(html).tags:
        for key in ("src", "href", "action", "srcset", "data", "poster"):
            value = attributes.get(key)
            assert value is None or value.startswith(("#", "data:")), (tag, key, value)
    assert "@import" not in html
    assert set(re.findall(r"url\((?!#)[^)]*\)", html)) == set()


def test_tags_are_balanced_and_ids_are_unique(html: str) -> None:
    ids = [attributes["id"] for _, attributes in Checked(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', html)) - {"hatch"}  # the script makes hatch
    assert references <= set(ids)


def test_every_metric_and_the_whole_protocol_are_in_the_text(html: str, found: Evaluation) -> None:
    text = Checked(html).text
    for name, value in found.metrics.items():
        assert MEANINGS[name][0] in text and MEANINGS[name][1].replace("\u00a0", " ") in text, name
        shown = f"{value:,.0f}" if name.startswith("n_") else f"{100 * value:.2f} %"
        assert (
            f"{value:.4g}" if name.endswith(("per_hour", "delay_s", "delay_frames")) else shown
        ) in text, name
    assert describe(found.rules) in text
    for part in (
        "aed on LAD",
        "lad full, seed 7, train 1440, test 560",
        "k 5, learning_rate 0.0001",
        "streams rgb, flow",
        "weights abc123",
        "vadlab 0.1.0",
        "Seed 11",
        "2025-01-02 03:04",
        "4.2 minutes",
        "interval 81.0 to 93.0",
    ):
        assert part in text, part


def test_the_protocol_stands_in_the_card_of_the_headline(html: str) -> None:
    results = html[html.index('id="results"') : html.index("Further figures")]
    assert 'class="numbers"' in results and 'class="protocol"' in results
    assert results.count('<div class="card"') == 2  # the headline with the protocol, then the table's own


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_undefined_figures_are_dashes_with_their_reason(name: str, found: Evaluation, tmp_path: Path) -> None:
    judged = evaluate(
        [(v.scores, v.labels) for v in found.videos if not v.labels.abnormal], PRESETS[name], group=80
    )
    assert judged.reasons
    text = Checked(page(tmp_path, judged)).text
    for key, reason in judged.reasons.items():
        if key in judged.metrics:
            assert f"Undefined: {reason}." in text
    assert "nan" not in re.findall(r"\w+", text.lower())
    assert "no ROC curve" in text


def test_a_metric_unknown_to_the_page_is_shown_all_the_same(found: Evaluation, tmp_path: Path) -> None:
    odd = replace(
        found, metrics={"new_figure": 0.1234567, "worse": float("nan")}, reasons={"worse": "it <is>"}
    )
    text = Checked(page(tmp_path, odd)).text
    assert "new figure" in text and "0.1235" in text and "Undefined: it <is>." in text


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;$body"
    names = ("<i>fire</i>", 'a" onload="x')
    hostile = evaluation(n=6, names=names, ids={0: evil, 1: "--><!--", 3: "\u2028</SCRIPT>"})
    run: dict[str, Any] = dict.fromkeys(("dataset", "detector", "started", "seed"), evil)
    run |= {"settings": {evil: evil}, "split": {"name": evil}, "versions": [evil]}
    text = page(tmp_path, hostile, run, picture)
    checked = Checked(text)
    assert [tag for tag, _ in checked.tags].count("script") == 2
    assert all(attributes for tag, attributes in checked.tags if tag == "i")  # ours have a class or a style
    assert not any(key.startswith("on") for _, attributes in checked.tags for key in attributes)
    sources = [attributes["src"] for _, attributes in checked.tags if "src" in attributes]
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert re.sub(r"\s+", " ", evil) in checked.text
    assert [video["id"] for video in data(text)["videos"]] == [video.id for video in hostile.videos]


def test_thumbnails_are_small_and_of_the_right_frames(found: Evaluation, tmp_path: Path) -> None:
    asked = []

    def frame(video_id: str, index: int) -> np.ndarray:
        asked.append((video_id, index))
        return picture(video_id, index)

    text = page(tmp_path, found, RUN, frame)
    false_alarms, misses = worst(found)
    assert asked == [(miss.video.id, miss.frame) for miss in false_alarms + misses]
    assert len(asked) == 12
    images = [attributes for tag, attributes in Checked(text).tags if tag == "img"]
    assert len(images) == 12 and all(image["alt"] for image in images)
    content = base64.b64decode(images[0]["src"].partition(",")[2])
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (41, 320, 3)
    assert np.abs(pixels[20, 100].astype(int) - (10, 30, 200)).max() < 12  # BGR of the picture's red


def test_frames_that_are_not_at_hand_are_said_to_be(found: Evaluation, tmp_path: Path) -> None:
    checked = Checked(page(tmp_path, found))
    assert not [tag for tag, _ in checked.tags if tag == "img"]
    assert checked.text.count("frame not at hand") == 12


def test_missing_facts_are_simply_not_shown(found: Evaluation, tmp_path: Path) -> None:
    text = Checked(page(tmp_path, found)).text
    for word in ("Dataset", "Split", "Detector", "Settings", "Versions", "None", "minutes", "interval"):
        assert word not in text
    assert "Evaluation: vadlab report" in text


def test_tests_without_categories_or_abnormal_frames_have_a_page(tmp_path: Path) -> None:
    for i, names in enumerate(((), NAMES[:3])):
        folder = tmp_path / str(i)
        text = page(folder, evaluation(n=4, names=names, normal_only=True))
        checked = Checked(text)
        assert ("Confusion" in checked.text) == bool(names)
        assert "Missed events" not in checked.text and "False alarms" in checked.text


def test_the_confusion_tables_hold_the_counts_with_headers(html: str, found: Evaluation) -> None:
    tables = re.findall(r'<table class="matrix.*?</table>', html, flags=re.DOTALL)
    for table, counts in zip(tables, (found.confusion, found.confusion_videos), strict=True):
        assert table.count('scope="col"') == table.count('scope="row"') == len(NAMES)
        for line, row in zip(
            re.findall(r"<tr><th scope=\"row\".*?</tr>", table), counts.tolist(), strict=True
        ):
            cells = re.findall(r"<td[^>]*>(.*?)</td>", line)
            expected = [f"{100 * c / sum(row):.0f}<small>{c:,}</small>" if c else "" for c in row]
            assert cells == [*expected, f"{sum(row):,}"]


def test_the_table_has_a_row_with_a_timeline_for_each_video(html: str, found: Evaluation) -> None:
    table = html[html.index('<table id="videos">') :]
    assert table.count('<tr data-i="') == len(found.videos) == table.count('<svg class="mini"')
    for video in found.videos:
        assert f'data-v="{video.id}"' in table
        assert f'data-v="{int(video.labels.mask().sum())}"' in table


def test_the_script_gets_real_points_with_the_peaks(html: str, found: Evaluation) -> None:
    for sent, video in zip(data(html)["videos"], found.videos, strict=True):
        assert len(sent["x"]) == len(sent["y"]) <= 600
        assert np.allclose(sent["y"], video.frame_scores[sent["x"]], rtol=1e-3)
        assert int(video.frame_scores.argmax()) in sent["x"]
        assert sent["events"] == video.labels.intervals.tolist()
        skipped = np.zeros(sent["n"], dtype=bool)
        for start, stop in sent["skipped"]:
            skipped[start:stop] = True
        assert np.array_equal(skipped, ~video.counted)


def test_three_hundred_videos_stay_below_five_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    page(tmp_path, evaluation(n=300), RUN, lambda video_id, index: noise)
    assert (tmp_path / "report.html").stat().st_size < 5_000_000


def test_every_table_has_column_headers_and_every_picture_a_name(html: str) -> None:
    tags = Checked(html).tags
    for tag, attributes in tags:
        if tag == "svg":
            assert attributes.get("role") == "img" and attributes.get("aria-label")
    assert html.count("<caption>") == html.count("<table")


def test_a_page_that_cannot_be_written_leaves_nothing(found: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StoreError):
        write_page(tmp_path / "report.html", found, run={}, frame=no_frame)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
