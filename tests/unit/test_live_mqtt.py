"""MQTT with a real broker (mosquitto), stopped and started in the middle."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_examples import live_event

from vadlab.errors import StoreError, UsageError
from vadlab.live.courier import Retry
from vadlab.live.event import LiveEvent
from vadlab.live.sinks.mqtt import Broker, MqttSink

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
QUICK = Retry(first_s=0.05, longest_s=0.2, closing_s=0.1)

mqtt = pytest.importorskip("paho.mqtt.client", reason='needs paho-mqtt: pip install "vadlab[live]"')
needs_broker = pytest.mark.skipif(
    MOSQUITTO is None, reason="needs the broker mosquitto: apt-get install mosquitto"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


class Mosquitto:
    """A broker on a free port that can be stopped, killed and started again."""

    def __init__(self, folder: Path, *, password: str | None = None, tls: bool = False) -> None:
        self.port = free_port()
        self._settings = folder / "mosquitto.conf"
        # The broker keeps sessions in a file, so that a restart loses no subscription.
        text = f"listener {self.port} 127.0.0.1\npersistence true\npersistence_location {folder}/\n"
        # Started by root it would become another user, who may not write here.
        text += f"user {'root' if os.geteuid() == 0 else 'mosquitto'}\n"
        if password is None:
            text += "allow_anonymous true\n"
        else:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            subprocess.run(["mosquitto_passwd", "-b", passwords, "ann", password], check=True)
            text += f"allow_anonymous false\npassword_file {passwords}\n"
        if tls:
            key, self.certificate = folder / "key.pem", folder / "certificate.pem"
            words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
            words = [*words.split(), "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate]
            subprocess.run(["openssl", *words], check=True, capture_output=True)
            text += f"certfile {self.certificate}\nkeyfile {key}\n"
        self._settings.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", self._settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "mosquitto did not start"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def broker(self, **other: Any) -> Broker:
        return Broker("127.0.0.1", self.port, **other)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "broker").mkdir()
    running = Mosquitto(tmp_path / "broker")
    running.start()
    yield running
    running.stop()


class Subscriber:
    """Keeps (topic, payload, retained) of all below the prefix; its session outlasts the broker's restart."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=f"test-{time.monotonic_ns()}", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("vadlab/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def events(self) -> dict[str, LiveEvent]:
        """By key, each once."""
        payloads = [json.loads(text) for topic, text, _ in self.heard if topic.startswith("vadlab/events/")]
        return {payload["key"]: LiveEvent.from_json(payload) for payload in payloads}

    def availability(self) -> list[str]:
        return [text for topic, text, _ in self.heard if topic == "vadlab/availability"]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def opened(broker: Broker, outbox: Path) -> MqttSink:
    sink = MqttSink(broker, outbox=outbox, retry=QUICK)
    sink.open()
    return sink


@needs_broker
def test_events_arrive_in_order_under_the_topic_of_their_source(tmp_path: Path, mosquitto: Mosquitto) -> None:
    subscriber = Subscriber(mosquitto.port)
    sink = opened(mosquitto.broker(), tmp_path / "outbox.sqlite")
    sent = [live_event(1), live_event(1, "update", grown=5), live_event(1, "end", grown=9)]
    for event in sent:
        sink.send(event)
    sink.send(live_event(2, source="rtsp://cam/+#/Tür"))
    until(lambda: sink.health().n_waiting == 0 and len(subscriber.heard) == 5)
    assert (sink.health().state, sink.health().n_sent) == ("ok", 4)
    sink.close()
    assert (sink.health().state, sink.health().n_sent, sink.health().n_waiting) == ("ok", 4, 0)
    until(lambda: subscriber.availability() == ["online", "offline"])
    assert list(subscriber.events().values()) == [*sent, live_event(2, source="rtsp://cam/+#/Tür")]
    assert [topic for topic, _, _ in subscriber.heard if "events" in topic] == [
        *["vadlab/events/gate"] * 3,
        "vadlab/events/rtsp_cam_Tür",
    ]
    subscriber.close()
    later = Subscriber(mosquitto.port)
    until(lambda: len(later.heard) > 0)
    assert later.heard == [("vadlab/availability", "offline", True)]
    later.close()


@needs_broker
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_that_restarts_in_the_middle_loses_nothing(
    tmp_path: Path, mosquitto: Mosquitto, how: signal.Signals
) -> None:
    sink = opened(mosquitto.broker(), tmp_path / "outbox.sqlite")
    subscriber = Subscriber(mosquitto.port)
    for number in range(10):
        sink.send(live_event(number))
    until(lambda: len(subscriber.events()) == 10)
    mosquitto.stop(how)
    for number in range(10, 20):
        sink.send(live_event(number))
    until(lambda: sink.health().state == "failing")
    assert sink.health().n_waiting == 10
    subscriber.close()
    mosquitto.start()
    after = Subscriber(mosquitto.port)
    for number in range(20, 25):
        sink.send(live_event(number))
    until(lambda: sink.health().n_waiting == 0)
    assert (sink.health().state, sink.health().n_sent, sink.health().n_lost) == ("ok", 25, 0)
    until(lambda: len(after.events()) == 15)
    assert list(after.events().values()) == [live_event(number) for number in range(10, 25)]
    assert after.availability()[-1] == "online"
    sink.close()
    after.close()


@needs_broker
def test_messages_on_their_way_while_the_broker_restarts_arrive(tmp_path: Path, mosquitto: Mosquitto) -> None:
    subscriber = Subscriber(mosquitto.port)
    sink = opened(mosquitto.broker(), tmp_path / "outbox.sqlite")
    sent = [live_event(number) for number in range(120)]

    def restart_twice() -> None:
        for _ in range(2):
            time.sleep(0.15)
            mosquitto.stop()
            mosquitto.start()

    restarting = threading.Thread(target=restart_twice)
    restarting.start()
    for event in sent:
        sink.send(event)
        time.sleep(0.005)
    restarting.join()
    until(lambda: len(subscriber.events()) == len(sent))
    assert list(subscriber.events().values()) == sent
    until(lambda: sink.health().n_waiting == 0)
    assert (sink.health().n_sent, sink.health().n_lost) == (120, 0)
    sink.close()
    subscriber.close()


KILLED = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from live_examples import live_event
    from vadlab.live.sinks.mqtt import Broker, MqttSink
    sink = MqttSink(Broker("127.0.0.1", {port}), outbox=Path({outbox!r}))
    sink.open()
    while sink.health().state != "ok":
        time.sleep(0.01)
    sink.send(live_event(1))
    while sink.health().n_waiting:
        time.sleep(0.01)
    print("sent", flush=True)
    time.sleep(600)
"""


@needs_broker
def test_the_broker_says_offline_for_a_killed_process(tmp_path: Path, mosquitto: Mosquitto) -> None:
    subscriber = Subscriber(mosquitto.port)
    program = textwrap.dedent(KILLED).format(
        tests=str(Path(__file__).parent), port=mosquitto.port, outbox=str(tmp_path / "outbox.sqlite")
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"sent\n"
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: subscriber.availability() == ["online", "offline"])
    assert list(subscriber.events().values()) == [live_event(1)]
    subscriber.close()


@needs_broker
def test_the_broker_may_come_later_and_the_outbox_waits(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    mosquitto = Mosquitto(tmp_path / "broker")
    sink = opened(mosquitto.broker(), tmp_path / "outbox.sqlite")
    sink.send(live_event(1))
    until(lambda: "reached" in str(sink.health().last_error))
    assert (sink.health().state, sink.health().n_waiting) == ("failing", 1)
    sink.close()
    mosquitto.start()
    subscriber = Subscriber(mosquitto.port)
    sink = opened(mosquitto.broker(), tmp_path / "outbox.sqlite")
    until(lambda: len(subscriber.events()) == 1)
    sink.close()
    subscriber.close()
    mosquitto.stop()


@needs_broker
@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="needs mosquitto_passwd")
def test_a_wrong_password_is_said_and_the_right_one_serves(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    mosquitto = Mosquitto(tmp_path / "broker", password="right")
    mosquitto.start()
    sink = opened(mosquitto.broker(username="ann", password="wrong"), tmp_path / "outbox.sqlite")
    sink.send(live_event(1))
    until(lambda: "refused" in str(sink.health().last_error))
    sink.close()
    sink = opened(mosquitto.broker(username="ann", password="right"), tmp_path / "outbox.sqlite")
    until(lambda: sink.health().n_waiting == 0)
    assert sink.health().n_sent == 1
    sink.close()
    mosquitto.stop()


@needs_broker
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
# paho does not close the socket of a handshake that failed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broker").mkdir()
    mosquitto = Mosquitto(tmp_path / "broker", tls=True)
    mosquitto.start()
    sink = opened(mosquitto.broker(tls=True), tmp_path / "outbox.sqlite")
    sink.send(live_event(1))
    until(lambda: "certificate is not trusted" in str(sink.health().last_error))
    assert sink.health().n_waiting == 1
    sink.close()
    del sink
    gc.collect()  # here, where its warning is expected
    monkeypatch.setenv("SSL_CERT_FILE", str(mosquitto.certificate))
    sink = opened(mosquitto.broker(tls=True), tmp_path / "outbox.sqlite")
    until(lambda: sink.health().n_waiting == 0)
    assert sink.health().n_sent == 1
    sink.close()
    mosquitto.stop()


def test_addresses() -> None:
    assert Broker.at("mqtt://10.0.0.2") == Broker("10.0.0.2")
    assert Broker.at("mqtts://ann@host/a/b/", password="x") == Broker(
        "host", 8883, "a/b", "ann", "x", tls=True
    )
    assert Broker.at("mqtt://a%40b:p%2F@[::1]:99") == Broker("::1", 99, "vadlab", "a@b", "p/")
    assert "p%2F" not in repr(Broker.at("mqtt://a:p%2F@h")) and "p/" not in repr(Broker.at("mqtt://a:p%2F@h"))
    for url in (
        "",
        "host",
        "http://host",
        "mqtt://",
        "mqtt://host:99999",
        "mqtt://host:0",
        "mqtt://host/a/%23",
    ):
        with pytest.raises(UsageError, match="no address of an MQTT broker"):
            Broker.at(url)


def test_without_paho_the_command_to_install_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    with pytest.raises(UsageError, match=r'pip install "vadlab\[live\]"'):
        MqttSink(Broker("host"), outbox=tmp_path / "outbox.sqlite")


def test_a_closed_sink_takes_nothing(tmp_path: Path) -> None:
    sink = MqttSink(Broker("host"), outbox=tmp_path / "outbox.sqlite")
    assert sink.health().state == "ok"
    with pytest.raises(StoreError, match="not open"):
        sink.send(live_event(1))
    sink.close()
