"""Numbers of a source, and how Prometheus reads them."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request

import pytest
from hook_server import until

from vadlab.errors import UsageError
from vadlab.live import health as module
from vadlab.live.health import Health, prometheus, report
from vadlab.live.metrics_server import MetricsServer
from vadlab.live.sink import SinkHealth


class Clock:
    """A clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)


def test_the_rate_is_that_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    health = Health("door")
    for _ in range(200):  # 20 s of 10 frames a second
        clock.now += 0.1
        health.came(clock.now)
    assert health.now().fps == pytest.approx(10, rel=0.05)
    for _ in range(200):  # 10 s of 20 frames a second
        clock.now += 0.05
        health.came(clock.now)
    assert health.now().fps == pytest.approx(20, rel=0.05)
    clock.now += 60  # and then nothing
    assert health.now().fps < 0.5


def test_states_and_counts() -> None:
    health = Health("door")
    assert health.now().state == "connecting" and health.now().last_frame_time is None
    health.connected()
    health.came(1.5)
    health.told(16, 0.75)
    health.lost(dropped=7, damaged=2)
    health.event()
    health.turned("lost", "refused")
    now = health.now()
    assert (now.state, now.error, now.frames, now.scored, now.dropped, now.damaged) == (
        *("lost", "refused", 1, 16, 7, 2),
    )
    assert (now.lag_s, now.last_frame_time, now.reconnects, now.events) == (0.75, 1.5, 0, 1)
    health.connected()
    health.came(2.5)
    now = health.now()
    assert (now.state, now.error, now.reconnects) == ("live", None, 1)


LINE = re.compile(r'vadlab_[a-z_]+\{(source|sink)="(?:[^"\\\n]|\\\\|\\"|\\n)*"\} [0-9.e+-]+')


def test_prometheus_text() -> None:
    door = Health('a"b\\c\n')
    door.came(1.5)
    lossy = SinkHealth("webhook", "ok", n_lost=4)
    failing = SinkHealth("mqtt", "failing", n_waiting=3, last_error="no\n  answer")
    text = prometheus([door.now(), Health("hall").now()], [failing, lossy])
    lines = text.splitlines()
    assert text.endswith("\n")
    assert all(line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line) for line in lines)
    assert 'vadlab_up{source="a\\"b\\\\c\\n"} 1' in lines
    assert 'vadlab_up{source="hall"} 0' in lines
    assert 'vadlab_last_frame_timestamp_seconds{source="hall"} 0' in lines
    # What was lost earlier is counted, and does not keep a sink from being well.
    for name, values in {"ok": (0, 1), "waiting": (3, 0), "lost_total": (0, 4)}.items():
        for sink, value in zip(("mqtt", "webhook"), values, strict=True):
            assert f'vadlab_sink_{name}{{sink="{sink}"}} {value}' in lines
    assert report([door.now(), Health("hall").now()], [failing, lossy]).splitlines() == [
        'a"b\\c : live',
        "hall: connecting",
        "mqtt: failing, 3 waiting, 0 lost (no answer)",
        "webhook: ok, 0 waiting, 4 lost",
    ]
    # Each figure's lines stand together, after its description, which comes once.
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))
    order = list(dict.fromkeys(line.split("{")[0] for line in lines if not line.startswith("#")))
    assert order == named
    # And counters, only they, are called so.
    assert {line.split()[2] for line in lines if line.endswith(" counter")} == {
        name for name in named if name.endswith("_total")
    }


def fetch(address: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.read().decode()


def is_refused(address: str) -> bool:
    """Whether nobody listens; a child of this process may hold the socket until it runs its own program."""
    try:
        said = fetch(address)
    except urllib.error.URLError:
        return True
    except ConnectionResetError:
        return False
    raise AssertionError(said)


def test_the_server_tells_the_numbers_of_the_moment() -> None:
    well = threading.Event()
    count = iter(range(1, 10))
    answers = {"healthy": well.is_set, "report": lambda: "webhook: ok, 0 waiting, 1 lost\n"}
    server = MetricsServer(0, metrics=lambda: f"n {next(count)}\n", **answers)
    with server:
        assert server.address.startswith("http://127.0.0.1:")
        assert fetch(server.address) == (200, "text/plain; version=0.0.4; charset=utf-8", "n 1\n")
        assert fetch(server.address)[2] == "n 2\n"
        base = server.address.removesuffix("/metrics")
        status, _, said = fetch(base + "/healthz")
        assert (status, said) == (503, "not all sources are live\nwebhook: ok, 0 waiting, 1 lost\n")
        well.set()
        status, _, said = fetch(base + "/healthz")
        assert (status, said) == (200, "ok\nwebhook: ok, 0 waiting, 1 lost\n")
        assert fetch(base + "/etc/passwd")[0] == 404
        port = int(base.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"port {port}"):
            MetricsServer(port, metrics=str, **answers)
    until(lambda: is_refused(server.address))
