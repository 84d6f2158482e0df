"""vadlab undelivered: a watch's messages that wait to be delivered, and those that were given up."""

from __future__ import annotations

from pathlib import Path

from vadlab.errors import StoreError
from vadlab.live.outbox import Message, messages_of

__all__ = ["OUTBOXES", "undelivered"]

OUTBOXES = {"webhook": "webhook.sqlite", "mqtt": "mqtt.sqlite"}  # in the watch's folder, by sink


def undelivered(watch: Path) -> dict[str, list[Message]]:
    """What the receivers of a watch have not got; the watch may be running.

    Args:
        watch: Its folder.

    Returns:
        Of each sink that has an outbox, the messages in the order in which they were put. All that wait are
        there (`given_up` is None), and of those given up the last 1000.

    Raises:
        StoreError: If it is no folder of a watch, or an outbox cannot be read.
    """
    if not (watch / "watch.json").exists():
        raise StoreError(
            "this is no folder of a watch", file=watch, expected="watch.json in it", remedy="name WATCH"
        )
    there = {sink: watch / name for sink, name in OUTBOXES.items() if (watch / name).exists()}
    return {sink: messages_of(path) for sink, path in there.items()}
