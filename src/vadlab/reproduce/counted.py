"""Frames, abnormal frames and category of every video of the datasets at hand; decoded once, then cached."""

from __future__ import annotations

import dataclasses

from vadlab import files
from vadlab.report.statistics import VideoFacts
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.cells import fingerprint
from vadlab.verbs.data import stats

__all__ = ["counted"]


def counted(bench: Bench, source: Source) -> list[VideoFacts]:
    """What `vadlab data stats` counts; decoded again only when a file of the dataset has changed.

    Raises:
        DataError: If a video does not decode or its labels do not fit.
    """
    cache = bench.out / "counts" / f"{source.name}-{fingerprint(source.root)[:16]}.json"
    if cache.exists():
        return [VideoFacts(**facts) for facts in files.read_json(cache)["videos"]]
    facts = stats(source.name, source.root)
    files.write_json(cache, {"videos": [dataclasses.asdict(one) for one in facts]})
    return facts
