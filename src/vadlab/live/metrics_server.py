"""A small web server on this machine alone, from which Prometheus and health checks read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vadlab.errors import UsageError

__all__ = ["MetricsServer"]

LOOPBACK = "127.0.0.1"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsServer:
    """Answers `/metrics` and `/healthz`, the latter with 200 or 503, while the context lasts.

    Args:
        port: On the loopback address; 0 takes a free one.
        metrics: The text of this moment; called in the server's threads, as the others are.
        healthy: Whether all sources are well, which decides between 200 and 503.
        report: What `/healthz` says besides, in whole lines.

    Raises:
        UsageError: If the port is taken.
    """

    def __init__(
        self,
        port: int,
        *,
        metrics: Callable[[], str],
        healthy: Callable[[], bool],
        report: Callable[[], str],
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(HTTPStatus.OK, metrics())
                elif self.path == "/healthz":
                    well = healthy()
                    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, ("ok\n" if well else "not all sources are live\n") + report())
                else:
                    self._answer(HTTPStatus.NOT_FOUND, "there are /metrics and /healthz\n")

            def _answer(self, status: HTTPStatus, text: str) -> None:
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", TEXT)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing: the terminal is for events."""

        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"the metrics cannot be served at port {port}",
                expected="a free port of this machine",
                found=str(error),
                remedy="choose another with --metrics-port",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def address(self) -> str:
        """Where the metrics are."""
        return f"http://{LOOPBACK}:{self._server.server_port}/metrics"

    def __enter__(self) -> MetricsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
