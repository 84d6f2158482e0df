"""Making items in a thread, ahead of the one who uses them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from vadlab.errors import UsageError

__all__ = ["read_ahead"]

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """The last entry of the queue: why there are no more items."""

    error: BaseException | None = None


def read_ahead(source: Generator[T], n: int) -> Generator[T]:
    """Yield the items of a generator that runs ahead in its own thread.

    At most n items wait, and one more is in the making, so memory is bounded. When the consumer
    stops early (closes the iterator or drops it) the thread ends after the item in the making,
    and the source is closed in that thread. An exception of the source is raised after the items
    before it.

    Args:
        source: Used by the thread alone from the first item on.
        n: Items that may wait, at least 1.

    Raises:
        UsageError: If n is less than 1.
    """
    if n < 1:
        raise UsageError("reading ahead needs room for one item", expected="n >= 1", found=n)
    return _consume(source, n)


def _consume(source: Generator[T], n: int) -> Generator[T]:
    waiting: queue.Queue[T | _End] = queue.Queue(maxsize=n)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(source, waiting, stop), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        # The thread may wait for room: one put is all it does after `stop`, and this makes room for it.
        while not waiting.empty():
            waiting.get_nowait()
        thread.join()


def _produce(source: Generator[T], waiting: queue.Queue[T | _End], stop: threading.Event) -> None:
    end = _End()
    try:
        with closing(source):
            for item in source:
                waiting.put(item)
                if stop.is_set():
                    return
    except BaseException as error:  # whatever it is, the consumer must see it
        end = _End(error)
    waiting.put(end)
