"""The thread that runs ahead: order, bound, errors, and its end."""

from __future__ import annotations

import gc
import threading
import time
from itertools import count, islice

import pytest

from vadlab.errors import UsageError
from vadlab.video.read_ahead import read_ahead


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "read-ahead"]


def settled(values: list[int], at_least: int) -> int:
    """The length of a list once it has reached a length and stopped growing."""
    deadline = time.monotonic() + 10
    while len(values) < at_least and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    return len(values)


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_every_item_once_and_in_order(n):
    assert list(read_ahead((i for i in range(200)), n)) == list(range(200))
    assert not threads()


def test_no_items():
    assert list(read_ahead((i for i in ()), 3)) == []
    assert not threads()


@pytest.mark.parametrize("n", [1, 4])
def test_a_slow_consumer_holds_the_producer_back(n):
    made: list[int] = []

    def source():
        for i in range(1000):
            made.append(i)
            yield i

    items = read_ahead(source(), n)
    for consumed in range(1, 6):
        next(items)
        # n wait and one is in the producer's hand.
        assert settled(made, consumed + n + 1) == consumed + n + 1
    items.close()
    assert not threads()


@pytest.mark.parametrize("taken", [1, 2, 50])
def test_closing_early_ends_the_thread_and_closes_the_source_there(taken):
    closed_in: list[str] = []

    def source():
        try:
            yield from count()
        finally:
            closed_in.append(threading.current_thread().name)

    items = read_ahead(source(), 3)
    assert list(islice(items, taken)) == list(range(taken))
    assert len(threads()) == 1
    items.close()
    assert not threads()
    assert closed_in == ["read-ahead"]


def test_dropping_the_iterator_ends_the_thread():
    items = read_ahead((i for i in count()), 3)
    next(items)
    del items
    gc.collect()
    assert not threads()


def test_an_exception_in_the_consumer_ends_the_thread():
    with pytest.raises(KeyError):
        for i in read_ahead((i for i in count()), 3):
            if i == 5:
                raise KeyError(i)
    gc.collect()
    assert not threads()


def test_an_unused_iterator_starts_no_thread():
    items = read_ahead((i for i in count()), 3)
    assert not threads()
    items.close()


@pytest.mark.parametrize("n", [1, 100])
def test_an_error_of_the_source_comes_after_the_items_before_it(n):
    def source():
        yield from range(10)
        raise OSError("disk gone")

    seen: list[int] = []
    with pytest.raises(OSError, match="disk gone"):
        seen.extend(read_ahead(source(), n))
    assert seen == list(range(10))
    assert not threads()


def test_room_for_nothing_is_refused():
    with pytest.raises(UsageError, match="room"):
        read_ahead((i for i in range(3)), 0)
