"""The page's wording: what each figure is called and means; numbers, times and settings as text."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["DASH", "MEANINGS", "PERCENT", "clock", "metric_label", "metric_text", "setting_text"]

DASH = "–"
PERCENT = "\N{NO-BREAK SPACE}%"

# Figure of the evaluation -> (its name in print, what it means).
MEANINGS = {
    "auc": (
        "Frame AUC",
        "Chance that an abnormal frame scores above a normal one. Guessing gives 50\N{NO-BREAK SPACE}%.",
    ),
    "auc_micro": ("AUC, micro", "The frames of all videos in one pool."),
    "auc_macro_skip": (
        "AUC, macro, one-class videos skipped",
        "The AUC of each video by itself, averaged over the videos that have both classes.",
    ),
    "auc_macro_half": (
        "AUC, macro, one-class videos as half",
        "The same over all videos; one that is all normal or all abnormal counts as 50\N{NO-BREAK SPACE}%.",
    ),
    "auc_macro_pad": (
        "AUC, macro, videos padded",
        "The same with one easy normal and one easy abnormal frame more in each video; highest of the three.",
    ),
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
    "prob_auc": (
        "Frame AUC, annotators' mean",
        "Each frame is abnormal with the share of annotators who say so; a perfect order stays below 100.",
    ),
    "prob_ap": ("Average precision, annotators' mean", "The same for average precision."),
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
    "video_alarm_accuracy": (
        "Accuracy of videos",
        "Share of the videos that have an alarm if, and only if, they are abnormal.",
    ),
    "event_precision@0.1": ("Event precision, tIoU 0.1", "Share of the alarms that match a true event."),
    "event_recall@0.1": ("Event recall, tIoU 0.1", "Share of the true events that an alarm matches."),
    "event_f1@0.1": ("Event F1, tIoU 0.1", "Harmonic mean of event precision and recall."),
    "event_precision@0.5": ("Event precision, tIoU 0.5", "The same; the two must share half of their time."),
    "event_recall@0.5": ("Event recall, tIoU 0.5", "The same; the two must share half of their time."),
    "event_f1@0.5": ("Event F1, tIoU 0.5", "Harmonic mean of event precision and recall."),
    "event_ap@0.1:0.5": (
        "Event AP, tIoU 0.1 to 0.5",
        "Average precision of the alarms, whatever their category; mean over five tIoU thresholds.",
    ),
    "map@0.1:0.5": (
        "Event mAP, tIoU 0.1 to 0.5",
        "The same by category, averaged over the categories that have events.",
    ),
    "event_miss_rate": (
        "Events missed",
        "Share of the events without an alarm while they last. Lower is better.",
    ),
    "delay_s": (
        "Detection delay, seconds",
        "Mean time from an event's begin to its first alarm, over events not missed. Lower is better.",
    ),
    "delay_frames": ("Detection delay, frames", "The same in frames."),
    "rbdc": (
        "RBDC",
        "Share of the abnormal regions that are found, averaged up to one false region a frame.",
    ),
    "tbdc": ("TBDC", "The same by tracks; a track is found when a tenth of its regions is."),
    "n_events": ("Events", "True events in the counted frames."),
    "n_alarms": ("Alarms", "Alarms in the counted frames."),
    "n_events_missed": ("Events missed, count", "Events without an alarm while they last."),
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


def metric_text(name: str, value: float) -> str:
    """A figure in its unit: a count, a percentage or a plain number; a dash for NaN."""
    if math.isnan(value):
        return DASH
    if name.startswith("n_"):
        return f"{value:,.0f}"
    if name in MEANINGS and not name.endswith(("per_hour", "delay_s", "delay_frames")):
        return f"{100 * value:.2f}{PERCENT}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def metric_label(name: str) -> str:
    """The figure's name in print; an unknown one in plain letters."""
    return MEANINGS[name][0] if name in MEANINGS else name.replace("_", " ")


def clock(seconds: float) -> str:
    """Minutes, seconds and tenths."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def setting_text(value: object) -> str:
    """A setting as plain text; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        shown = {key: setting_text(part) for key, part in value.items() if setting_text(part)}
        return ", ".join(part if key == "name" else f"{key} {part}" for key, part in shown.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(setting_text(part) for part in value)
    return str(value)
