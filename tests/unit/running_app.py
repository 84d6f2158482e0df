"""The web application on a port of this machine, in a thread, for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def running(app: Any) -> Iterator[httpx.Client]:
    """A client of the running application; changes are allowed."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, headers={"X-Vadlab": "1"}, timeout=30, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
