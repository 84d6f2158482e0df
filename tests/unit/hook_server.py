"""A web server on this machine that takes events, or fails as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vadlab.live.courier import Retry
from vadlab.live.event import LiveEvent

__all__ = ["QUICK", "Server", "serving", "until"]

QUICK = Retry(first_s=0.01, longest_s=0.05, closing_s=0.1)


class Server(ThreadingHTTPServer):
    """Keeps what it takes; `answer` says the status of each request, or None to hang up after taking it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Callable[[], int | None], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer = answer
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.n_requests = 0

    def events(self) -> list[LiveEvent]:
        return [LiveEvent.from_line(body.decode()) for _, body in self.taken]

    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for headers, _ in self.taken]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender was killed meanwhile, so no message has arrived
        self.server.n_requests += 1
        status = self.server.answer()
        if status is None or 200 <= status < 300:
            self.server.taken.append((dict(self.headers), body))
        if status is not None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(answer: Callable[[], int | None] = lambda: 204, port: int = 0) -> Iterator[Server]:
    with Server(answer, port) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)
