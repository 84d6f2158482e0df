"""Receive the events of `vadlab watch`: only signed ones, and each message once.

VADLAB_WEBHOOK_SECRET=... python examples/webhook_receiver.py
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vadlab.live.event import LiveEvent
from vadlab.live.sinks.webhook import is_signed


class EventServer(ThreadingHTTPServer):
    """Keeps the events and the keys of the messages that it has seen.

    Args:
        address: Host and port.
        secret: The same as that of the sender.
    """

    def __init__(self, address: tuple[str, int], secret: str) -> None:
        super().__init__(address, _Request)
        self.secret = secret
        self.seen: set[str] = set()
        self.events: list[LiveEvent] = []


class _Request(BaseHTTPRequestHandler):
    server: EventServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_signed(body, dict(self.headers), secret=self.server.secret):
            self.send_error(403)  # vadlab keeps the message and tries again
            return
        key = self.headers["Idempotency-Key"]
        if key not in self.server.seen:
            self.server.events.append(LiveEvent.from_json(json.loads(body)))
            self.server.seen.add(key)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    with EventServer(("127.0.0.1", 8900), os.environ["VADLAB_WEBHOOK_SECRET"]) as server:
        server.serve_forever()
