"""The webhook against a local server that fails, answers nothing, is down, and against a killed process."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from hook_server import QUICK, serving, until
from live_examples import live_event

from vadlab.errors import StoreError, UsageError
from vadlab.live.outbox import Outbox
from vadlab.live.sinks.webhook import WebhookSink, is_signed, signature


def opened(port: int, outbox: Path, *, secret: str | None = None) -> WebhookSink:
    sink = WebhookSink(f"http://127.0.0.1:{port}/hook", outbox=outbox, secret=secret, retry=QUICK)
    sink.open()
    return sink


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_fails_half_of_the_time_gets_each_event_once(tmp_path: Path) -> None:
    draw = random.Random(1)
    with serving(lambda: draw.choice([200, 204, 500, 503])) as server:
        sink = opened(server.server_port, tmp_path / "outbox.sqlite")
        sent = [live_event(number, state) for number in range(15) for state in ("new", "end")]
        for event in sent:
            sink.send(event)
        until(lambda: sink.health().n_waiting == 0)
        assert server.events() == sent
        assert server.n_requests > len(sent)
        sink.close()
        assert (sink.health().state, sink.health().n_sent, sink.health().n_lost) == ("ok", len(sent), 0)


def test_where_the_answer_is_lost_the_key_tells_the_repetition(tmp_path: Path) -> None:
    draw = random.Random(2)
    with serving(lambda: draw.choice([204, None])) as server:
        sink = opened(server.server_port, tmp_path / "outbox.sqlite")
        sent = [live_event(number) for number in range(12)]
        for event in sent:
            sink.send(event)
        until(lambda: sink.health().n_waiting == 0)
        sink.close()
        assert len(server.taken) > len(sent)
        once = dict(zip(server.keys(), server.events(), strict=True))
        assert list(once.values()) == sent


def test_a_server_that_is_down_is_told_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    sink = opened(port, tmp_path / "outbox.sqlite")
    sent = [live_event(number) for number in range(5)]
    for event in sent:
        sink.send(event)
    until(lambda: sink.health().state == "failing")
    health = sink.health()
    assert health.n_waiting == 5
    assert "ConnectError" in str(health.last_error)
    sink.close()
    assert (sink.health().state, sink.health().n_waiting) == ("failing", 5)
    with Outbox(tmp_path / "outbox.sqlite") as waiting:
        assert waiting.totals().n_waiting == 5
    with serving(port=port) as server:
        sink = opened(port, tmp_path / "outbox.sqlite")
        until(lambda: sink.health().n_waiting == 0)
        sink.close()
        assert server.events() == sent


def send_and_wait_for_ever(port: int, outbox: Path, n_sent: Any) -> None:
    sink = opened(port, outbox)
    while True:
        if n_sent.value < 30:
            sink.send(live_event(n_sent.value))
            n_sent.value += 1
        time.sleep(0.005)


def test_a_killed_process_resumes_its_outbox(tmp_path: Path) -> None:
    draw = random.Random(3)
    context = multiprocessing.get_context("spawn")
    n_sent = context.Value("q", 0)
    with serving(lambda: draw.choice([204, 500, 500, 500, 500, None])) as server:
        arguments = (server.server_port, tmp_path / "outbox.sqlite", n_sent)
        process = context.Process(target=send_and_wait_for_ever, args=arguments)
        process.start()
        until(lambda: n_sent.value == 30)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        n_before = len(set(server.keys()))
        server.answer = lambda: 204
        sink = opened(server.server_port, tmp_path / "outbox.sqlite")
        until(lambda: sink.health().n_waiting == 0)
        sink.close()
        assert n_before < 30, "the process was to be killed while messages waited"
        once = dict(zip(server.keys(), server.events(), strict=True))
        assert list(once.values()) == [live_event(number) for number in range(30)]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_the_receiver_will_never_take_is_given_up_and_reported(tmp_path: Path, status: int) -> None:
    answers = iter([status, 204])
    with serving(lambda: next(answers)) as server:
        sink = opened(server.server_port, tmp_path / "outbox.sqlite")
        sink.send(live_event(1))
        sink.send(live_event(2))
        until(lambda: sink.health().n_waiting == 0)
        health = sink.health()
        assert (health.state, health.n_lost) == ("ok", 1)  # the second one was taken
        sink.close()
        assert server.events() == [live_event(2)]
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        (lost,) = outbox.given_up()
        assert lost.event == live_event(1)
        assert str(status) in str(lost.given_up)


@pytest.mark.parametrize("status", [302, 401, 404, 429])
def test_other_refusals_are_tried_again_and_redirections_are_not_followed(
    tmp_path: Path, status: int
) -> None:
    answers = iter([status, status, 204])
    with serving(lambda: next(answers)) as server:
        sink = opened(server.server_port, tmp_path / "outbox.sqlite", secret="s")
        sink.send(live_event(1))
        until(lambda: sink.health().n_waiting == 0)
        sink.close()
        assert server.n_requests == 3
        assert server.events() == [live_event(1)]


def test_requests_are_signed_and_a_changed_one_is_known(tmp_path: Path) -> None:
    with serving() as server:
        sink = opened(server.server_port, tmp_path / "outbox.sqlite", secret="grüß")
        sink.send(live_event(1, source="Tür"))
        until(lambda: sink.health().n_waiting == 0)
        sink.close()
        ((headers, body),) = server.taken
    assert json.loads(body)["source"] == "Tür"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == f"{live_event(1).id}:new:{live_event(1).stop_frame}"
    assert is_signed(body, headers, secret="grüß")
    assert not is_signed(body + b" ", headers, secret="grüß")
    assert not is_signed(body, headers, secret="gruss")
    assert not is_signed(body, {**headers, "X-Vadlab-Timestamp": "0"}, secret="grüß")
    assert not is_signed(body, {}, secret="grüß")
    stale = str(int(time.time()) - 301)
    repeated = {
        "x-vadlab-timestamp": stale,
        "x-vadlab-signature": signature(body, secret="grüß", timestamp=stale),
    }
    assert not is_signed(body, repeated, secret="grüß")
    assert is_signed(body, repeated, secret="grüß", max_age_s=400)


def test_the_signature_is_that_of_openssl() -> None:
    # printf '1.what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe
    expected = "a9049465ce89cfb8e9aac62333abda66f80e3403f51f57f6bae3c3a4485eca38"
    assert signature(b"what do ya want for nothing?", secret="Jefe", timestamp="1") == f"sha256={expected}"


@pytest.mark.parametrize(
    "url", ["", "example.org/hook", "ftp://example.org", "http://", "http://host:port", "file:///x"]
)
def test_addresses_that_are_none_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="no web address"):
        WebhookSink(url, outbox=tmp_path / "outbox.sqlite")


def test_a_closed_sink_takes_nothing(tmp_path: Path) -> None:
    sink = WebhookSink("http://127.0.0.1:9/", outbox=tmp_path / "outbox.sqlite")
    assert sink.health().state == "ok"
    with pytest.raises(StoreError, match="not open"):
        sink.send(live_event(1))
    sink.close()
