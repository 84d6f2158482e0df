"""The report: one self-contained HTML file that opens from disk, with no request to anywhere."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, TypeAlias

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vadlab.evaluation.metrics import roc_auc
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import describe
from vadlab.files import write_whole
from vadlab.report import figures
from vadlab.report.findings import Miss, by_category, predicted, thinned, worst
from vadlab.types import FrameLabels, IntArray, Video

__all__ = ["write_page"]

FrameSource: TypeAlias = Callable[[str, int], NDArray[np.uint8] | None]

THUMBNAIL_PX = 320
N_MISSES = 6  # of each kind
N_POINTS = 600  # of a timeline, fewer where there are very many videos
N_POINTS_IN_ALL = 180_000
N_POINTS_MINI = 100
DASH = "–"
PERCENT = "\N{NO-BREAK SPACE}%"

# Figure -> (its name in print, what it means). Those before the mark make the headline.
HEADLINE = ("auc", "ap", "eer", "false_alarms_per_hour", "accuracy_windows", "accuracy_videos")
MEANINGS = {
    "auc": (
        "Frame AUC",
        "Chance that an abnormal frame scores above a normal one. Guessing gives 50\N{NO-BREAK SPACE}%.",
    ),
    "auc_micro": ("AUC, micro", "The frames of all videos in one pool."),
    "auc_macro": ("AUC, macro", "The AUC of each video by itself, averaged."),
    "auc_abnormal_only": (
        "AUC, abnormal videos only",
        "Whether the detector finds when it happens, not just in which video.",
    ),
    "auc_video_level": (
        "AUC of videos",
        "Whether the highest score tells abnormal videos from normal ones.",
    ),
    "ap": ("Average precision", "Precision over all recalls. Guessing gives the share of abnormal frames."),
    "pr_auc": ("PR area", "Precision-recall area by trapezoids; kinder than average precision."),
    "eer": ("Equal error rate", "Where false alarms and misses are equally frequent. Lower is better."),
    "far_normal_videos": (
        "False-alarm rate, normal videos",
        "Share of the frames of normal videos at or above the threshold. Lower is better.",
    ),
    "far_abnormal_videos": (
        "False-alarm rate, abnormal videos",
        "The same for the normal frames of abnormal videos.",
    ),
    "far_all": ("False-alarm rate, all videos", "The same for the normal frames of all videos."),
    "false_alarms_per_hour": (
        "False alarms per hour",
        "Alarms that start on a normal frame, for each hour of normal video. Lower is better.",
    ),
    "accuracy_windows": (
        "Category accuracy, windows",
        "Share of the windows whose likeliest category is the video's own.",
    ),
    "accuracy_videos": (
        "Category accuracy, videos",
        "Share of the videos whose likeliest category is the right one.",
    ),
    "n_videos": ("Videos", "Test videos in the pool."),
    "n_frames": ("Frames", "Counted frames in the pool."),
    "n_abnormal_frames": ("Abnormal frames", "Those of them that are labelled abnormal."),
}
NUMBER = ' class="n"'
VIDEO_COLUMNS = (
    ("Video", ""),
    ("Category", ""),
    ("Frames", NUMBER),
    ("Abnormal", NUMBER),
    ("AUC, %", NUMBER),
    ("Peak", NUMBER),
    ("Predicted", ""),
)
FIGURE_COLOURS = {
    figures.INK: "--ink",
    figures.MUTED: "--muted",
    figures.EDGE: "--edge",
    figures.GRID: "--grid",
    figures.PAPER: "--card",
    figures.BLUE: "--blue",
    figures.VERMILION: "--vermilion",
}


def write_page(path: Path, evaluation: Evaluation, *, run: Mapping[str, Any], frame: FrameSource) -> None:
    """Write the report of one evaluation.

    Args:
        path: The HTML file; replaced whole or not at all.
        evaluation: The result.
        run: Where it comes from. Known keys, each may be absent: dataset, detector, settings, split,
            features, versions, seed, started, minutes, auc_interval (low, high in 0..1). A value is
            text, a number, a list or a mapping of those.
        frame: Gives a frame of a video as (height, width, 3) RGB uint8, or None where it is not at hand.

    Raises:
        StoreError: If the file cannot be written.
    """
    sections = {
        "Results": _results(evaluation, run),
        "Curves": _curves(evaluation),
        "Categories": _categories(evaluation),
        "Worst misses": _misses(evaluation, frame),
        "All videos": _videos(evaluation),
        "Run": _run(run),
    }
    present = {title: content for title, content in sections.items() if content}
    heading = " on ".join(_text(run[key]) for key in ("detector", "dataset") if _text(run.get(key)))
    heading = heading or "Evaluation"
    template = resources.files("vadlab.report").joinpath("page.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=escape(f"{heading}: vadlab report"),
        heading=escape(heading),
        subtitle=escape(_subtitle(evaluation, run)),
        nav="".join(f'<a href="#{_anchor(title)}">{title}</a>' for title in present),
        body="\n".join(
            f'<section id="{_anchor(title)}"><h2>{title}</h2>\n{content}\n</section>'
            for title, content in present.items()
        ),
        data=_script_json(_data(evaluation)),
        footer="Made by vadlab. Figures compare only with figures under the same rules, split and features.",
    )
    write_whole(path, page.encode())


# Results


def _results(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    metrics = evaluation.metrics
    headline = [name for name in HEADLINE if name in metrics]
    # Categories are no headline for a detector that names none.
    if not evaluation.categories:
        headline = [name for name in headline if not name.startswith("accuracy")]
    rest = [name for name in metrics if name not in headline]
    cards = "".join(
        f'<div class="number"><b>{_metric(name, metrics[name])}</b><span>{escape(_label(name))}</span>'
        f"<small>{_interval(run) if name == 'auc' else ''}{_meaning(evaluation, name)}</small></div>"
        for name in headline
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(_label(name))}</th><td class="n">{_metric(name, metrics[name])}</td>'
        f'<td class="muted">{_meaning(evaluation, name)}</td><td><code>{escape(name)}</code></td></tr>'
        for name in rest
    )
    more = (
        '<div class="scroll"><table><caption>Further figures</caption><thead><tr><th scope="col">Figure</th>'
        '<th scope="col" class="n">Value</th><th scope="col">What it means</th>'
        f'<th scope="col">Name in metrics.json</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return f'<div class="card"><div class="numbers">{cards}</div>{_protocol(evaluation, run)}</div>' + (
        f'<div class="card" style="margin-top:16px">{more}</div>' if rest else ""
    )


def _metric(name: str, value: float) -> str:
    if math.isnan(value):
        return DASH
    if name.startswith("n_"):
        return f"{value:,.0f}"
    if name in MEANINGS and not name.endswith("per_hour"):
        return f"{100 * value:.2f}{PERCENT}"
    return f"{value:.4g}"


def _label(name: str) -> str:
    return MEANINGS[name][0] if name in MEANINGS else name.replace("_", " ")


def _meaning(evaluation: Evaluation, name: str) -> str:
    """What the figure means, after why it has no value where it has none."""
    meaning = MEANINGS.get(name, ("", ""))[1]
    if math.isnan(evaluation.metrics[name]):
        meaning = f"Undefined: {evaluation.reasons.get(name, 'no reason given')}. {meaning}"
    return escape(meaning)


def _interval(run: Mapping[str, Any]) -> str:
    low, high = run.get("auc_interval") or (math.nan, math.nan)
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"95{PERCENT} interval {100 * low:.1f} to {100 * high:.1f} (drawing videos). "


def _protocol(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    terms = {"Rules": describe(evaluation.rules)}
    for key in ("dataset", "split", "detector", "settings", "features", "seed", "versions"):
        if _text(run.get(key)):
            terms[key.capitalize()] = _text(run[key])
    lines = "".join(f"<div><dt>{term}</dt><dd>{escape(text)}</dd></div>" for term, text in terms.items())
    return f'<dl class="protocol" aria-label="What these numbers hold for">{lines}</dl>'


def _subtitle(evaluation: Evaluation, run: Mapping[str, Any]) -> str:
    n_frames = sum(judged.labels.n_frames for judged in evaluation.videos)
    parts = [f"{len(evaluation.videos):,} test videos, {n_frames:,} frames"]
    if _text(run.get("started")):
        parts.append(_text(run["started"]))
    if run.get("minutes") is not None:
        parts.append(f"{float(run['minutes']):.1f} minutes")
    return " · ".join(parts)


def _run(run: Mapping[str, Any]) -> str:
    tables = []
    for key in ("settings", "split", "features", "versions"):
        value = run.get(key)
        if isinstance(value, Mapping) and value:
            rows = "".join(
                f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(_text(setting)) or DASH}</td></tr>'
                for name, setting in value.items()
            )
            table = f"<table><caption>{key.capitalize()}</caption><tbody>{rows}</tbody></table>"
            tables.append(f'<div class="card scroll">{table}</div>')
    return f'<div class="grid">{"".join(tables)}</div>' if tables else ""


def _text(value: object) -> str:
    """A setting as plain text; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        shown = {key: _text(part) for key, part in value.items() if _text(part)}
        return ", ".join(part if key == "name" else f"{key} {part}" for key, part in shown.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(part) for part in value)
    return str(value)


# Curves and categories


def _curves(evaluation: Evaluation) -> str:
    auc = _metric("auc_micro", evaluation.metrics.get("auc_micro", math.nan))
    roc = _inline(
        figures.roc(evaluation),
        name="roc",
        alt=f"ROC curve over all counted frames, area {auc}",
    )
    histogram = _inline(
        figures.score_histogram(evaluation),
        name="histogram",
        alt="Histogram of the scores of normal and of abnormal frames",
    )
    return (
        '<div class="grid">'
        f'<figure class="card figure"><figcaption><h3>ROC curve</h3></figcaption>{roc}</figure>'
        f'<figure class="card figure"><figcaption><h3>Scores of normal and abnormal frames</h3></figcaption>'
        f"{histogram}</figure></div>"
    )


def _inline(figure: Figure, *, name: str, alt: str) -> str:
    """SVG to stand inside HTML: ids of its own, the page's colours and font, no namespaces."""
    svg = figures.to_svg(figure)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", svg, flags=re.DOTALL)
    svg = (
        re.sub(r'\s(xmlns(:\w+)?|width|height|version)="[^"]*"', "", svg.partition(">")[0])
        + svg[svg.index(">") :]
    )
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for colour, variable in FIGURE_COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def _categories(evaluation: Evaluation) -> str:
    parts = [
        f'<div class="card scroll">{_matrix(counts, evaluation.categories, of=of)}</div>'
        for counts, of in ((evaluation.confusion, "windows"), (evaluation.confusion_videos, "videos"))
        if counts is not None and len(evaluation.categories)
    ]
    table = _category_table(evaluation)
    if not parts and not table:
        return ""
    return f'<div class="grid">{"".join(parts)}</div>' + (
        f'<div class="card scroll" style="margin-top:16px">{table}</div>' if table else ""
    )


def _matrix(counts: IntArray, names: tuple[str, ...], *, of: str) -> str:
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    rows = []
    for name, row in zip(names, counts.tolist(), strict=True):
        total = sum(row)
        cells = "".join(_cell(count, total) for count in row)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}<td class="total">{total:,}</td></tr>')
    many = " many" if len(names) > 8 else ""
    corner = '<td class="none"></td>'
    return (
        f'<table class="matrix{many}"><caption>Confusion of {of}<small>Row: true category. Column: '
        f"predicted. In % of the row, counts in small print, {of} of the row on the right.</small></caption>"
        f"<thead><tr>{corner}{head}{corner}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(count: int, total: int) -> str:
    if not total:
        return f'<td class="none">{DASH}</td>'
    if not count:
        return "<td></td>"
    share = count / total
    kind = ' class="hi"' if share > 0.5 else ""
    return f'<td{kind} style="--s:{share:.3f}">{100 * share:.0f}<small>{count:,}</small></td>'


def _category_table(evaluation: Evaluation) -> str:
    rows = []
    for row in by_category(evaluation):
        auc = _share(row.auc, reason=row.reasons.get("auc", ""))
        bar = (
            ""
            if math.isnan(row.auc)
            else f'<span class="bar"><i style="width:{100 * row.auc:.1f}%"></i></span>'
        )
        accuracy = _share(row.accuracy, reason=row.reasons.get("accuracy", ""))
        rows.append(
            f'<tr><th scope="row">{escape(row.name)}</th><td class="n">{row.n_videos:,}</td>'
            f'<td class="n">{row.n_abnormal_videos:,}</td><td class="n">{row.n_frames:,}</td>'
            f'<td class="n">{row.n_abnormal_frames:,}</td><td class="n">{auc}{bar}</td>'
            f'<td class="n">{accuracy}</td></tr>'
        )
    if not rows:
        return ""
    heads = ("Videos", "Abnormal videos", "Frames", "Abnormal frames", "Frame AUC", "Category accuracy")
    head = "".join(f'<th scope="col" class="n">{text}</th>' for text in heads)
    return (
        "<table><caption>By category<small>Counted frames; accuracy over videos.</small></caption>"
        f'<thead><tr><th scope="col">Category</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _share(value: float, *, reason: str) -> str:
    if math.isnan(value):
        return f'<span class="muted small">{DASH} {escape(reason)}</span>'
    return f"{100 * value:.1f}{PERCENT}"


# Worst misses


def _misses(evaluation: Evaluation, frame: FrameSource) -> str:
    false_alarms, missed = worst(evaluation, n=N_MISSES)
    index = {judged.id: i for i, judged in enumerate(evaluation.videos)}
    parts = []
    for title, text, found in (
        ("False alarms", "The highest scores on normal frames, one a video.", false_alarms),
        ("Missed events", "Labelled events whose best frame scores lowest, one a video.", missed),
    ):
        if found:
            cards = "".join(_miss(miss, index[miss.video.id], frame) for miss in found)
            parts.append(
                f'<div class="card" style="margin-bottom:16px"><h3>{title} <span class="muted small" '
                f'style="font-weight:400">{text}</span></h3><ul class="misses">{cards}</ul></div>'
            )
    return "".join(parts)


def _miss(miss: Miss, index: int, frame: FrameSource) -> str:
    video = miss.video
    name = escape(video.id)
    time = _clock(video.seconds(miss.frame))
    source = _thumbnail(frame(video.id, miss.frame))
    alt = f"Frame {miss.frame} of {name}, at {time}"
    picture = (
        f'<img src="{source}" alt="{alt}" loading="lazy">'
        if source
        else '<div class="blank">frame not at hand</div>'
    )
    if miss.event is None:
        text = (
            ""
            if math.isnan(miss.share)
            else f"Scores above {100 * miss.share:.0f}{PERCENT} of the abnormal frames."
        )
    else:
        start, stop = (_clock(video.seconds(edge)) for edge in miss.event)
        text = f"Event {start} to {stop}."
        if not math.isnan(miss.share):
            text += f" Its best frame scores below {100 * miss.share:.0f}{PERCENT} of the normal frames."
    return (
        f'<li>{picture}<p><strong>{miss.score:.3g}</strong> <span class="muted">at {time}</span><br>'
        f'<button type="button" class="link" data-show="{index}" data-frame="{miss.frame}">{name}</button>'
        f'<br><span class="muted">Frame {miss.frame:,}. {text}</span></p></li>'
    )


def _thumbnail(picture: NDArray[np.uint8] | None) -> str:
    """A JPEG as a data address, at most THUMBNAIL_PX wide; empty where there is no picture."""
    if picture is None:
        return ""
    height, width = picture.shape[:2]
    if width > THUMBNAIL_PX:
        size = (THUMBNAIL_PX, max(1, round(height * THUMBNAIL_PX / width)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()


def _clock(seconds: float) -> str:
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


# Videos


def _videos(evaluation: Evaluation) -> str:
    if not evaluation.videos:
        return ""
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{text}</button></th>' for text, kind in VIDEO_COLUMNS
    )
    limits = _score_limits(evaluation.videos)
    rows = "".join(_video_row(i, judged, limits) for i, judged in enumerate(evaluation.videos))
    threshold = f"threshold of the false-alarm rate, {evaluation.rules.far_threshold:g}"
    keys = "".join(
        f'<span><i class="{kind}"></i>{text}</span>'
        for kind, text in (
            ("line", "score"),
            ("event", "labelled abnormal"),
            ("hatch", "not counted"),
            ("dashes", threshold),
        )
    )
    return (
        f"{_tools(evaluation)}"
        '<div class="card" id="viewer" data-needs-script hidden><h3><strong id="name"></strong>'
        '<span id="facts"></span></h3><div id="plot" tabindex="0" role="group" aria-label="Timeline; the '
        'arrow keys move along it"><div id="tip"></div></div><output id="said" class="unseen"></output>'
        f'<div class="key">{keys}</div></div>'
        '<div class="card scroll"><table id="videos"><caption>Test videos<small>A row opens its timeline; a '
        f'heading sorts.</small></caption><thead><tr>{head}<th scope="col">Timeline</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _tools(evaluation: Evaluation) -> str:
    names = sorted({judged.labels.category for judged in evaluation.videos if judged.labels.category})
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in names)
    choice = f'<label>Category <select id="category"><option value="">all</option>{options}</select></label>'
    return (
        f'<div class="tools" data-needs-script hidden>{choice if names else ""}'
        '<label>Show <select id="kind"><option value="">all videos</option><option value="abnormal">abnormal'
        '</option><option value="normal">normal</option></select></label>'
        '<label>Find <input type="search" id="search" placeholder="part of a name"></label>'
        '<label><input type="checkbox" id="same" checked> one score axis for all videos</label>'
        '<button type="button" id="before" aria-label="Previous video">‹ previous</button>'
        '<button type="button" id="after" aria-label="Next video">next ›</button>'
        '<span class="muted" id="found" role="status"></span></div>'
    )


def _video_row(index: int, judged: Judged, limits: tuple[float, float]) -> str:
    name = escape(judged.id)
    category = escape(judged.labels.category or "")
    auc = roc_auc(judged.counted_labels(), judged.counted_scores())
    n_abnormal = int(judged.labels.mask().sum())
    peak = float(judged.frame_scores.max())
    answer = predicted(judged)
    if answer is None:
        guess = f'<td data-v="">{DASH}</td>'
    else:
        wrong = bool(category) and answer[0] != judged.labels.category
        text = f"{'✕ ' if wrong else ''}{escape(answer[0])} <small>{100 * answer[1]:.0f}{PERCENT}</small>"
        kind = ' class="wrong" title="not the labelled category"' if wrong else ""
        guess = f'<td data-v="{escape(answer[0])}"{kind}>{text}</td>'
    auc_cell = (
        f'<td class="n" data-v="" title="frames of one kind only">{DASH}</td>'
        if math.isnan(auc)
        else f'<td class="n" data-v="{auc:.6f}">{100 * auc:.1f}</td>'
    )
    return (
        f'<tr data-i="{index}"><th scope="row" data-v="{name}">'
        f'<button type="button" class="link">{name}</button></th>'
        f'<td data-v="{category}">{category or DASH}</td>'
        f'<td class="n" data-v="{judged.labels.n_frames}">{judged.labels.n_frames:,}</td>'
        f'<td class="n" data-v="{n_abnormal}">{n_abnormal:,}</td>{auc_cell}'
        f'<td class="n" data-v="{peak:.7g}">{peak:.3g}</td>{guess}<td>{_mini(judged, limits)}</td></tr>'
    )


def _mini(judged: Judged, limits: tuple[float, float]) -> str:
    """A small timeline, 170 wide and 28 high in its own units."""
    low, high = limits
    scores = judged.frame_scores
    kept = thinned(scores, n_points=N_POINTS_MINI)
    xs = 170 * kept / max(1, len(scores) - 1)
    ys = 26 - 24 * (scores[kept].astype(np.float64) - low) / (high - low)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    scale = 170 / judged.labels.n_frames
    events = "".join(
        f'<rect x="{scale * start:.1f}" y="0" width="{max(1.0, scale * (stop - start)):.1f}" height="28"/>'
        for start, stop in judged.labels.intervals.tolist()
    )
    return (
        '<svg class="mini" viewBox="0 0 170 28" preserveAspectRatio="none" role="img" '
        f'aria-label="score over time">{events}<polyline points="{points}"/></svg>'
    )


def _data(evaluation: Evaluation) -> dict[str, Any]:
    """What the page's script draws."""
    videos = evaluation.videos
    low, high = _score_limits(videos)
    n_points = max(100, min(N_POINTS, N_POINTS_IN_ALL // max(1, len(videos))))
    return {
        "low": low,
        "high": high,
        "threshold": evaluation.rules.far_threshold,
        "first": next((i for i, judged in enumerate(videos) if judged.labels.abnormal), 0),
        "videos": [_timeline(judged, n_points) for judged in videos],
    }


def _timeline(judged: Judged, n_points: int) -> dict[str, Any]:
    video = judged.scores.video
    kept = thinned(judged.frame_scores, n_points=n_points)
    return {
        "id": video.id,
        "category": judged.labels.category,
        "facts": _facts(judged, video),
        "n": video.n_frames,
        "fps": round(float(video.fps), 6),
        "x": kept.tolist(),
        "y": [float(f"{score:.4g}") for score in judged.frame_scores[kept].tolist()],
        "events": judged.labels.intervals.tolist(),
        "skipped": FrameLabels.from_mask(~judged.counted).intervals.tolist(),
    }


def _facts(judged: Judged, video: Video) -> str:
    answer = predicted(judged)
    auc = roc_auc(judged.counted_labels(), judged.counted_scores())
    parts = [
        judged.labels.category or "",
        f"{video.n_frames:,} frames, {_clock(video.seconds(video.n_frames))}",
        "" if math.isnan(auc) else f"AUC {100 * auc:.1f}{PERCENT}",
        "" if answer is None else f"predicted {answer[0]} {100 * answer[1]:.0f}{PERCENT}",
    ]
    return " · ".join(part for part in parts if part)


def _score_limits(videos: Iterable[Judged]) -> tuple[float, float]:
    low = min((float(judged.frame_scores.min()) for judged in videos), default=0.0)
    high = max((float(judged.frame_scores.max()) for judged in videos), default=1.0)
    return (low, high) if high > low else (low, low + 1)


def _script_json(value: object) -> str:
    """JSON that cannot end its script element, whatever texts it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
