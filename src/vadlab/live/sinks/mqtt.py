"""Events to an MQTT broker, such as mosquitto or the one of a home automation.

- `PREFIX/events/SOURCE`: each message as JSON with a `key`, at least once (QoS 1). After a broken connection
  one may come twice, with the same key. Whether someone subscribes, or may, MQTT 3.1.1 does not tell.
- `PREFIX/availability`: "online" or "offline", retained; the broker itself says "offline" (last will) where
  the connection breaks.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError, UsageError
from vadlab.live.courier import Courier, Retry, Undelivered
from vadlab.live.event import LiveEvent
from vadlab.live.outbox import Message, Outbox
from vadlab.live.sink import SinkHealth

__all__ = ["Broker", "MqttSink"]

_ANSWER_S = 10.0
_NOT_IN_TOPICS = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Broker:
    """Where to publish.

    Args:
        host: Name or address.
        port: TCP port.
        prefix: Of all topics.
        username: Or None for none.
        password: Or None for none.
        tls: Whether to encrypt, and check the broker's certificate against the system's authorities, or
            those in the file that the environment variable SSL_CERT_FILE names.
    """

    host: str
    port: int = 1883
    prefix: str = "vadlab"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def at(cls, url: str, *, password: str | None = None) -> Broker:
        """From mqtt://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX], or mqtts:// for TLS.

        Args:
            url: The address.
            password: Where it is not in the address.

        Raises:
            UsageError: If the address is none.
        """
        parts = urllib.parse.urlsplit(url)
        prefix = urllib.parse.unquote(parts.path).strip("/")
        try:
            port = parts.port
        except ValueError:
            port = 0
        if (
            parts.scheme not in ("mqtt", "mqtts")
            or not parts.hostname
            or port == 0
            or set(prefix) & set("+#")
        ):
            raise UsageError(
                "this is no address of an MQTT broker",
                expected="mqtt://HOST[:PORT][/PREFIX] or mqtts://..., no + or # in PREFIX",
                found=repr(url),
            )
        tls = parts.scheme == "mqtts"
        return cls(
            parts.hostname,
            port or (8883 if tls else 1883),
            prefix or "vadlab",
            urllib.parse.unquote(parts.username) if parts.username else None,
            urllib.parse.unquote(parts.password) if parts.password else password,
            tls,
        )


class MqttSink:
    """See `vadlab.live.sink.Sink`; messages wait in an outbox on disk and are published in order."""

    def __init__(self, broker: Broker, *, outbox: Path, retry: Retry | None = None) -> None:
        """Take the broker.

        Args:
            broker: Where to publish.
            outbox: The file in which messages wait, such as WATCH/mqtt.sqlite; of this sink alone.
            retry: When to try again.

        Raises:
            UsageError: If paho-mqtt is not installed.
        """
        self._paho = _paho()
        self._broker, self._path, self._retry = broker, outbox, retry
        self._client: Any = None
        self._outbox: Outbox | None = None
        self._courier: Courier | None = None
        # What paho's thread says, and the courier's waits for.
        self._news = threading.Condition()
        self._acknowledged: set[int] = set()
        self._fault: str | None = None
        self._under_way: tuple[str, int] | None = None  # key and paho's number of what it publishes

    def open(self) -> None:
        """Begin to connect, and with what waits from the last time; the broker need not be there yet.

        Raises:
            StoreError: If the outbox cannot be used, or another process uses it.
        """
        self._outbox = Outbox(self._path)
        self._fault, self._under_way = "not connected yet", None
        broker = self._broker
        self._client = self._paho.Client(self._paho.CallbackAPIVersion.VERSION2)
        if broker.username is not None:
            self._client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            self._client.tls_set()
        self._client.will_set(self._availability, "offline", qos=1, retain=True)
        longest = self._retry.longest_s if self._retry else 60.0
        self._client.reconnect_delay_set(min_delay=1, max_delay=max(1, int(longest)))
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()
        self._courier = Courier(self._outbox, self._publish, name="mqtt", retry=self._retry)

    @property
    def _availability(self) -> str:
        return f"{self._broker.prefix}/availability"

    def send(self, event: LiveEvent) -> None:
        """Put one message into the outbox."""
        if self._outbox is None or self._courier is None:
            raise StoreError("the sink is not open", file=self._path)
        self._outbox.put(event)
        self._courier.wake()

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._news:
            self._fault = f"the broker refused: {reason}" if reason.is_failure else None
            self._news.notify_all()
        if not reason.is_failure:
            client.publish(self._availability, "online", qos=1, retain=True)

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        with self._news:
            unsure = ", or its certificate is not trusted" if self._broker.tls else ""
            self._fault = f"the broker cannot be reached{unsure}"

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._news:
            # After a refusal, that is the reason that helps.
            self._fault = self._fault or f"the connection broke: {reason}"

    def _on_publish(self, _client: Any, _data: Any, number: int, _reason: Any, _properties: Any) -> None:
        with self._news:
            self._acknowledged.add(number)
            self._news.notify_all()

    def _publish(self, message: Message) -> None:
        """Publish one message, or go on waiting for one that is with paho already; it repeats by itself."""
        if self._under_way is None or self._under_way[0] != message.key:
            with self._news:
                if not self._news.wait_for(lambda: self._fault is None, timeout=2.0):
                    raise Undelivered(f"{self._broker.host}:{self._broker.port}: {self._fault}")
            topic = f"{self._broker.prefix}/events/{_NOT_IN_TOPICS.sub('_', message.event.source)}"
            payload = json.dumps({**message.event.to_json(), "key": message.key}, ensure_ascii=False)
            with self._news:
                self._acknowledged.clear()  # paho counts to 65535 and begins again
            self._under_way = (message.key, self._client.publish(topic, payload, qos=1).mid)
        number = self._under_way[1]
        with self._news:
            if not self._news.wait_for(lambda: number in self._acknowledged, timeout=_ANSWER_S):
                fault = self._fault or f"no answer for {_ANSWER_S:g} s"
                raise Undelivered(f"{self._broker.host}:{self._broker.port}: {fault}")
        self._under_way = None

    def health(self) -> SinkHealth:
        """How it does; failing while there is no connection, even if nothing waits."""
        if self._courier is None:
            return SinkHealth("mqtt")
        health = self._courier.health()
        with self._news:
            fault = self._fault if self._outbox is not None else None  # closed by us is no fault
        return health if fault is None else replace(health, state="failing", last_error=fault)

    def close(self) -> None:
        """Publish what can be published at once, and "offline"; the rest stays in the outbox."""
        if self._courier is None or self._outbox is None:
            return
        self._courier.close()
        with contextlib.suppress(RuntimeError, ValueError):  # there is no connection
            self._client.publish(self._availability, "offline", qos=1, retain=True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()
        self._outbox.close()
        self._outbox = None  # the courier still tells how it went


def _paho() -> Any:
    try:
        from paho.mqtt import client
    except ImportError as error:
        raise UsageError(
            "MQTT needs a package that is not installed",
            expected="paho-mqtt",
            found=str(error),
            remedy='pip install "vadlab[live]"',
        ) from error
    return client
