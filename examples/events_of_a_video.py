"""A trained run stays loaded, and videos become events.

python examples/events_of_a_video.py RUN VIDEO...
"""

from __future__ import annotations

import sys

from vadlab import Pipeline


def events(run: str, videos: list[str]) -> list[str]:
    """One line an event, in seconds."""
    pipeline = Pipeline.load(run)
    lines = []
    for path in videos:
        scored = pipeline(path)
        video = scored.scores.video
        for event in scored.events:
            start, stop = video.seconds(event.start), video.seconds(event.stop)
            lines.append(
                f"{path}: {start:.2f} - {stop:.2f} s, {event.category or 'abnormal'}, {event.score:.3f}"
            )
    return lines


if __name__ == "__main__":
    print("\n".join(events(sys.argv[1], sys.argv[2:])))
