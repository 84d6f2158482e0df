"""The outbox against a list that does the same, and the courier against receivers that fail."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from live_examples import live_event

from vadlab.errors import StoreError
from vadlab.live import outbox as outbox_module
from vadlab.live.courier import Courier, Retry, Undelivered
from vadlab.live.event import LiveEvent, State
from vadlab.live.outbox import Message, Outbox, Totals

QUICK = Retry(first_s=0.01, longest_s=0.05, closing_s=0.1)


class OutboxAndList(RuleBasedStateMachine):
    """Every message put is waiting, delivered or given up, in order, over any number of restarts."""

    folder: Path
    limit = 4

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / f"{time.monotonic_ns()}.sqlite"
        self.outbox = Outbox(self.path, max_waiting=self.limit)
        self.waiting: list[LiveEvent] = []
        self.given_up: list[LiveEvent] = []
        self.n_put = self.n_delivered = 0
        self.keys: set[str] = set()

    @rule(state=st.sampled_from(["new", "update", "end"]))
    def put(self, state: State) -> None:
        if len(self.waiting) == self.limit:
            updates = [event for event in self.waiting if event.state == "update"]
            dropped = (updates or self.waiting)[0]
            self.waiting.remove(dropped)
            self.given_up.append(dropped)
        event = live_event(self.n_put, state)
        self.n_put += 1
        self.outbox.put(event)
        self.waiting.append(event)

    @precondition(lambda self: self.waiting)
    @rule()
    def deliver(self) -> None:
        message = self.outbox.first()
        assert message is not None
        assert message.event == self.waiting.pop(0)
        assert message.key not in self.keys
        self.keys.add(message.key)
        self.outbox.delivered(message)
        self.outbox.delivered(message)  # twice is once
        self.n_delivered += 1

    @precondition(lambda self: self.waiting)
    @rule()
    def fail(self) -> None:
        before = self.outbox.first()
        assert before is not None
        self.outbox.failed(before)
        after = self.outbox.first()
        assert after is not None
        assert (after.key, after.attempts) == (before.key, before.attempts + 1)

    @precondition(lambda self: self.waiting)
    @rule()
    def give_up(self) -> None:
        message = self.outbox.first()
        assert message is not None
        self.outbox.give_up(message, "no use")
        self.given_up.append(self.waiting.pop(0))

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path, max_waiting=self.limit)

    @invariant()
    def nothing_is_lost_unseen(self) -> None:
        totals = self.outbox.totals()
        assert totals == Totals(len(self.waiting), self.n_delivered, len(self.given_up))
        assert sum((totals.n_waiting, totals.n_delivered, totals.n_given_up)) == self.n_put
        first = self.outbox.first()
        assert (first and first.event) == (self.waiting[0] if self.waiting else None)
        found = [message.event for message in self.outbox.given_up()]
        assert sorted(event.id for event in found) == sorted(event.id for event in self.given_up)

    def teardown(self) -> None:
        self.outbox.close()


def test_the_outbox_is_a_list_that_outlasts_the_process(tmp_path: Path) -> None:
    OutboxAndList.folder = tmp_path
    case = OutboxAndList.TestCase
    case.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
    case().runTest()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "a.sqlite")
    with pytest.raises(StoreError, match="another process"):
        Outbox(tmp_path / "a.sqlite")
    first.close()
    Outbox(tmp_path / "a.sqlite").close()
    (tmp_path / "b.sqlite").write_text("text" * 1000)
    for _ in range(2):  # the lock is given back
        with pytest.raises(StoreError, match="outbox cannot be used"):
            Outbox(tmp_path / "b.sqlite")


def test_a_message_given_up_while_it_was_on_its_way_counts_as_delivered(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite", max_waiting=1)
    outbox.put(live_event(1))
    on_its_way = outbox.first()
    assert on_its_way is not None
    outbox.put(live_event(2))
    assert outbox.totals() == Totals(1, 0, 1)
    outbox.delivered(on_its_way)
    assert outbox.totals() == Totals(1, 1, 0)
    outbox.close()


def test_the_last_message_put_again_is_the_same_one_under_the_same_key(tmp_path: Path) -> None:
    with Outbox(tmp_path / "a.sqlite", max_waiting=2) as outbox:
        first, second = live_event(1), live_event(1, "update", grown=5)
        for event in (first, second, second):
            outbox.put(event)
        assert outbox.totals() == Totals(2, 0, 0)
        keys = []
        for _ in range(2):
            message = outbox.first()
            assert message is not None
            keys.append(message.key)
            outbox.delivered(message)
        outbox.put(second)  # it has gone, so it is sent again, and the receiver knows it
        repeated = outbox.first()
        assert repeated is not None
        assert keys[0] != keys[1] == repeated.key
        outbox.give_up(repeated, "no")
        outbox.put(second)
        assert outbox.totals() == Totals(0, 2, 1)


def test_the_count_of_lost_messages_never_falls(tmp_path: Path) -> None:
    """Prometheus takes a counter that falls for one that began anew."""
    outbox = Outbox(tmp_path / "a.sqlite", max_waiting=1)
    under_way, go_on = threading.Event(), threading.Event()

    def slow(_: Message) -> None:
        under_way.set()
        go_on.wait(20)

    courier = Courier(outbox, slow, name="test", retry=QUICK)
    outbox.put(live_event(1))
    courier.wake()
    under_way.wait(20)
    outbox.put(live_event(2))
    assert courier.health().n_lost == 1
    go_on.set()
    until(lambda: outbox.totals() == Totals(0, 2, 0))
    assert courier.health().n_lost == 1
    courier.close()
    outbox.close()


def test_the_text_of_old_given_up_messages_goes_their_number_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_KEPT", 3)
    outbox = Outbox(tmp_path / "a.sqlite")
    for number in range(7):
        outbox.put(live_event(number))
    outbox.give_up_older(0, "too old")
    assert outbox.totals() == Totals(0, 0, 7)
    assert [message.event for message in outbox.given_up()] == [live_event(number) for number in (4, 5, 6)]
    assert {message.given_up for message in outbox.given_up()} == {"too old"}
    outbox.close()


class Receiver:
    """Takes messages; `fails` says at each attempt whether it does not."""

    def __init__(self, fails: Callable[[int, Message], bool], *, hopeless: bool = False) -> None:
        self.fails, self.hopeless = fails, hopeless
        self.n_attempts = 0
        self.taken: list[Message] = []

    def __call__(self, message: Message) -> None:
        self.n_attempts += 1
        if self.fails(self.n_attempts, message):
            raise Undelivered("no", hopeless=self.hopeless)
        self.taken.append(message)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_receiver_that_fails_half_of_the_time_gets_each_message_once_and_in_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite")
    receiver = Receiver(lambda attempt, _: attempt % 2 == 1)
    courier = Courier(outbox, receiver, name="test", retry=QUICK)
    for number in range(20):
        outbox.put(live_event(number))
        courier.wake()
    until(lambda: outbox.totals().n_waiting == 0)
    courier.close()
    assert [message.event for message in receiver.taken] == [live_event(number) for number in range(20)]
    assert len({message.key for message in receiver.taken}) == 20
    health = courier.health()
    assert (health.state, health.n_sent, health.n_waiting, health.n_lost) == ("ok", 20, 0, 0)
    outbox.close()


def test_a_message_that_is_never_taken_is_given_up_and_the_others_arrive(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite")
    receiver = Receiver(lambda _, message: message.event.start_frame == 1500, hopeless=True)
    courier = Courier(outbox, receiver, name="test", retry=QUICK)
    for number in range(2):
        outbox.put(live_event(number))
    courier.wake()
    until(lambda: outbox.totals().n_waiting == 0)
    # Nothing waits, but the last attempt failed.
    health = courier.health()
    assert (health.state, health.n_sent, health.n_lost, health.last_error) == ("failing", 1, 1, "no")
    for number in range(2, 4):
        outbox.put(live_event(number))
    courier.wake()
    until(lambda: outbox.totals().n_waiting == 0)
    courier.close()
    assert [message.event for message in receiver.taken] == [live_event(0), live_event(2), live_event(3)]
    assert [(message.event, message.given_up) for message in outbox.given_up()] == [(live_event(1), "no")]
    health = courier.health()
    assert (health.state, health.n_sent, health.n_lost, health.last_error) == ("ok", 3, 1, None)
    outbox.close()
    with Outbox(tmp_path / "a.sqlite") as again:  # what was lost stays counted, and is no trouble of today
        courier = Courier(again, receiver, name="test", retry=QUICK)
        assert (courier.health().state, courier.health().n_lost) == ("ok", 1)
        courier.close()


def test_while_the_receiver_is_down_messages_wait_and_old_ones_are_given_up(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite")
    for number in range(3):
        outbox.put(live_event(number))
    down = Receiver(lambda *_: True)
    courier = Courier(outbox, down, name="test", retry=QUICK)
    until(lambda: down.n_attempts >= 3)
    health = courier.health()
    assert (health.state, health.n_waiting, health.last_error) == ("failing", 3, "no")
    courier.close()
    first = outbox.first()
    assert first is not None
    assert (first.event, first.attempts) == (live_event(0), down.n_attempts)
    impatient = Retry(0.01, 0.05, give_up_after_s=0, closing_s=0.1)
    courier = Courier(outbox, down, name="test", retry=impatient)
    until(lambda: outbox.totals() == Totals(0, 0, 3))
    courier.close()
    outbox.close()


def test_a_fault_of_ours_neither_stops_the_thread_nor_repeats_what_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path / "a.sqlite")
    outbox.put(live_event(1))
    real, counts = Outbox.delivered, Counter[str]()

    def full_at_first(self: Outbox, message: Message) -> None:
        counts["delivered"] += 1
        if counts["delivered"] <= 2:
            raise StoreError("the disk is full")
        real(self, message)

    def deliver(message: Message) -> None:
        counts["attempts"] += 1
        if counts["attempts"] == 1:
            raise ZeroDivisionError

    monkeypatch.setattr(Outbox, "delivered", full_at_first)
    courier = Courier(outbox, deliver, name="test", retry=QUICK)
    until(lambda: counts["delivered"] >= 1 and courier.health().state == "failing")
    until(lambda: outbox.totals() == Totals(0, 1, 0))
    until(lambda: courier.health().state == "ok")
    courier.close()
    assert counts == {"attempts": 2, "delivered": 3}
    outbox.close()


def test_closing_delivers_what_is_there(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite")
    started = threading.Event()
    taken: list[LiveEvent] = []

    def slow(message: Message) -> None:
        started.set()
        time.sleep(0.02)
        taken.append(message.event)

    courier = Courier(outbox, slow, name="test")
    for number in range(5):
        outbox.put(live_event(number))
    courier.wake()
    started.wait()
    courier.close()
    assert taken == [live_event(number) for number in range(5)]
    outbox.close()


def test_closing_tries_again_for_a_while(tmp_path: Path) -> None:
    """A file that is scored in a moment is over before a receiver that stumbles has its events."""
    outbox = Outbox(tmp_path / "a.sqlite")
    receiver = Receiver(lambda attempt, _: attempt % 4 != 0)
    courier = Courier(outbox, receiver, name="test", retry=Retry(first_s=0.01, longest_s=60, closing_s=10))
    for number in range(5):
        outbox.put(live_event(number))
    courier.wake()
    courier.close()
    assert [message.event for message in receiver.taken] == [live_event(number) for number in range(5)]
    assert (courier.health().state, courier.health().n_waiting) == ("ok", 0)
    outbox.close()


def test_waits_double_up_to_the_longest_and_are_shortened_by_no_more_than_half() -> None:
    retry = Retry(first_s=1, longest_s=60)
    for n_failures, longest in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (10_000, 60)]:
        waits = [retry.wait_s(n_failures) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
