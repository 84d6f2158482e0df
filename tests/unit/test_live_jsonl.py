"""JSON lines: torn last lines, a killed writer, a full disk, log rotation."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_examples import live_event

from vadlab.errors import StoreError, UsageError
from vadlab.live.sinks.jsonl import JsonlSink, read_events


def opened(path: Path) -> JsonlSink:
    sink = JsonlSink(path)
    sink.open()
    return sink


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 4), cut=st.integers(0, 400), kept=st.sampled_from(["gate", "Tür 3\n", "閘"]))
def test_wherever_the_power_fails_whole_lines_stay_and_the_rest_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, n: int, cut: int, kept: str
) -> None:
    path = tmp_path_factory.mktemp("watch") / "events.jsonl"
    sink = opened(path)
    for number in range(n):
        sink.send(live_event(number, source=kept))
    content = path.read_bytes()
    content = content[: max(0, len(content) - cut)]
    path.write_bytes(content)
    n_whole = content.count(b"\n")
    torn = content.rpartition(b"\n")[2]

    before = read_events(path)
    assert len(before.events) == n_whole
    assert before.torn == (torn.decode(errors="replace") or None)
    again = opened(path)
    again.send(live_event(9))
    after = read_events(path)
    assert after.torn is None
    assert list(after.events) == [*(live_event(i, source=kept) for i in range(n_whole)), live_event(9)]
    aside = path.with_name("events.jsonl.torn")
    assert (aside.read_bytes() if torn else b"") == (torn + b"\n" if torn else b"")


def write_until_killed(path: Path, n_told: Any) -> None:
    sink = opened(path)
    while True:
        sink.send(live_event(n_told.value))
        n_told.value += 1


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    n_told = context.Value("q", 0)
    writer = context.Process(target=write_until_killed, args=(tmp_path / "events.jsonl", n_told))
    writer.start()
    while n_told.value < 50:
        assert writer.is_alive()
        if n_told.value:
            read_events(tmp_path / "events.jsonl")
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    found = read_events(tmp_path / "events.jsonl")
    assert n_told.value <= len(found.events) <= n_told.value + 1
    assert found.events == tuple(live_event(number) for number in range(len(found.events)))


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    sink = opened(path)
    sink.send(live_event(1))
    real, calls = os.write, []

    def write(file: int, content: bytes) -> int:
        calls.append(len(content))
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, content[:20])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match="No space left"):
        sink.send(live_event(2))
    assert sink.health().state == "failing"
    monkeypatch.setattr(os, "write", real)
    sink.send(live_event(3))
    assert read_events(path).events == (live_event(1), live_event(3))
    assert (sink.health().state, sink.health().n_sent) == ("ok", 2)


def test_the_file_may_be_rotated_away(tmp_path: Path) -> None:
    path = tmp_path / "watch" / "events.jsonl"
    sink = opened(path)
    sink.send(live_event(1))
    path.rename(path.with_suffix(".1"))
    sink.send(live_event(2))
    assert read_events(path).events == (live_event(2),)
    sink.close()


@pytest.mark.parametrize(("sync", "expected"), [("always", 3), ("end", 1), ("never", 0)])
def test_sync_says_which_lines_are_forced_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Any, expected: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    sink = JsonlSink(tmp_path / "events.jsonl", sync=sync)
    sink.open()
    for state in ("new", "update", "end"):
        sink.send(live_event(1, state))  # type: ignore[arg-type]
    assert len(synced) == expected


def test_damage_before_the_last_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = live_event(1).to_line().encode()
    path.write_bytes(b"\n".join([line, b"garbage", line, b"\xff", b'{"id": 3}', line, b"torn"]))
    with pytest.raises(StoreError, match="line 2, 4, 5"):
        read_events(path)
    with pytest.raises(StoreError, match="cannot read"):
        read_events(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match=r"always \| end \| never"):
        JsonlSink(path, sync="sometimes")  # type: ignore[arg-type]
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="not written"):
        JsonlSink(tmp_path / "folder").open()
