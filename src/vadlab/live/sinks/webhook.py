"""Events to a web address, by HTTP POST: signed, repeated until they are taken.

The body is the event as JSON. The headers are

- `Idempotency-Key`: the same at every attempt of a message and of no other message. An answer may get lost,
  so a message can arrive twice; a receiver that keeps the keys it has seen takes each once.
- `X-Vadlab-Timestamp`: UNIX seconds of the attempt; with a secret only.
- `X-Vadlab-Signature`: "sha256=" and the hexadecimal HMAC-SHA256 of timestamp, ".", body; with a secret only.

Any answer from 200 to 299 takes the message. After 400, 413, 415 and 422 it is given up, for the receiver
would never take it; after anything else it is tried again.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from vadlab import __version__
from vadlab.errors import StoreError, UsageError
from vadlab.live.courier import Courier, Retry, Undelivered
from vadlab.live.event import LiveEvent
from vadlab.live.outbox import Message, Outbox
from vadlab.live.sink import SinkHealth

__all__ = ["WebhookSink", "is_signed", "signature"]

_HOPELESS = frozenset({400, 413, 415, 422})
_TIMEOUT_S = 10.0


def signature(body: bytes, *, secret: str, timestamp: str) -> str:
    """What the header `X-Vadlab-Signature` should be."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def is_signed(body: bytes, headers: Mapping[str, str], *, secret: str, max_age_s: float = 300.0) -> bool:
    """For receivers written in Python: whether a request was signed with the secret, and lately.

    Args:
        body: As it was received, before it is parsed.
        headers: Of the request; names in any case.
        secret: The one the sink has.
        max_age_s: Older ones, and those from so far in the future, are refused: someone may repeat them.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get("x-vadlab-timestamp", "")
    expected = signature(body, secret=secret, timestamp=timestamp)
    if not hmac.compare_digest(expected.encode(), lower.get("x-vadlab-signature", "").encode()):
        return False
    return timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= max_age_s


class WebhookSink:
    """See `vadlab.live.sink.Sink`; messages wait in an outbox on disk and are sent in order."""

    def __init__(
        self, url: str, *, outbox: Path, secret: str | None = None, retry: Retry | None = None
    ) -> None:
        """Take the address.

        Args:
            url: http or https; a user and password in it are sent as basic authentication.
            outbox: The file in which messages wait, such as WATCH/webhook.sqlite; of this sink alone.
            secret: Signs each request; None for none.
            retry: When to try again.

        Raises:
            UsageError: If the address is none.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise UsageError("this is no web address", found=repr(url)) from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise UsageError("this is no web address", expected="http://... or https://...", found=repr(url))
        self._url, self._path, self._secret, self._retry = parsed, outbox, secret, retry
        self._client: httpx.Client | None = None
        self._outbox: Outbox | None = None
        self._courier: Courier | None = None

    def open(self) -> None:
        """Begin with what waits from the last time.

        Raises:
            StoreError: If the outbox cannot be used, or another process uses it.
        """
        self._outbox = Outbox(self._path)
        agent = {"User-Agent": f"vadlab/{__version__}", "Content-Type": "application/json"}
        self._client = httpx.Client(timeout=_TIMEOUT_S, headers=agent)
        self._courier = Courier(self._outbox, self._post, name="webhook", retry=self._retry)

    def send(self, event: LiveEvent) -> None:
        """Put one message into the outbox."""
        if self._courier is None or self._outbox is None:
            raise StoreError("the sink is not open", file=self._path)
        self._outbox.put(event)
        self._courier.wake()

    def _post(self, message: Message) -> None:
        assert self._client is not None
        body = message.event.to_line().encode()
        headers = {"Idempotency-Key": message.key}
        if self._secret is not None:
            timestamp = str(int(time.time()))
            headers["X-Vadlab-Timestamp"] = timestamp
            headers["X-Vadlab-Signature"] = signature(body, secret=self._secret, timestamp=timestamp)
        try:
            # The answer's text is not read: it may be without end.
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                code = answer.status_code
        except httpx.HTTPError as error:
            raise Undelivered(f"{self._url.host}: {type(error).__name__} {error}".rstrip()) from error
        if not 200 <= code < 300:
            reason = f"{self._url.host} answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
            raise Undelivered(reason, hopeless=code in _HOPELESS)

    def health(self) -> SinkHealth:
        """How it does."""
        return SinkHealth("webhook") if self._courier is None else self._courier.health()

    def close(self) -> None:
        """Send what can be sent at once; the rest stays in the outbox for the next time."""
        if self._courier is not None and self._client is not None and self._outbox is not None:
            self._courier.close()
            self._client.close()
            self._outbox.close()
            self._outbox = None  # the courier still tells how it went
