"""Serving the application: address, token, and what to tell the user."""

from __future__ import annotations

import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

from vadlab.errors import UsageError
from vadlab.web.access import Access, is_loopback, local_names
from vadlab.web.site import Site

__all__ = ["FIRST_PORT", "Binding", "access_for", "addresses", "serve"]

FIRST_PORT = 8470
PORTS = 30  # tried from FIRST_PORT on
MIN_TOKEN = 16  # characters
TOKEN_VARIABLE = "VADLAB_TOKEN"


@dataclass(frozen=True)
class Binding:
    """Where a server listens.

    Args:
        host: Name or address; anything but loopback needs a token, which is made if none is given.
        port: 0 takes any free one; None the first free one from FIRST_PORT on.
        names: Further names under which browsers may address it, such as that of a proxy.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    names: tuple[str, ...] = ()


def access_for(binding: Binding) -> Access:
    """Who may use a server: anybody on this machine on loopback, else only who has the token.

    The token is VADLAB_TOKEN where that is set (on loopback too), else a new one.

    Raises:
        UsageError: If VADLAB_TOKEN is short enough to be guessed.
    """
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is not None and len(token) < MIN_TOKEN:
        raise UsageError(
            "the token is too short",
            expected=f"{TOKEN_VARIABLE} of at least {MIN_TOKEN} characters",
            found=f"{len(token)}",
            remedy=f"unset {TOKEN_VARIABLE}, and a token is made",
        )
    if token is None and not is_loopback(binding.host):
        token = secrets.token_urlsafe(24)
    # A proxy on this machine is no reason to accept every name: each is named.
    return Access(local_names(binding.names), token)


def addresses(binding: Binding, port: int, access: Access, *, page: str = "/") -> str:
    """The address to open, with the token where one is needed."""
    host = "localhost" if is_loopback(binding.host) else binding.host
    if host in ("0.0.0.0", "::", ""):
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{page}" + (f"?token={access.token}" if access.token else "")


def serve(
    site: Site,
    binding: Binding,
    *,
    page: str = "/",
    open_browser: bool = False,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C.

    Args:
        site: What is shown.
        binding: Where to listen.
        page: The first page.
        open_browser: Also open that page in the user's browser.
        tell: Called once with the address, when requests are answered.

    Raises:
        UsageError: If the packages of the extra `web` are missing, the address cannot be bound, or the token
            is too short.
    """
    try:
        import uvicorn

        from vadlab.web.app import create_app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("vadlab"):
            raise
        raise UsageError(
            "the packages of the web pages are not installed",
            found=str(error),
            remedy='pip install "vadlab[web]"',
        ) from error
    access = access_for(binding)
    app = create_app(site, access=access)
    with _bound(binding) as listening:
        address = addresses(binding, listening.getsockname()[1], access, page=page)
        tell(address)
        if open_browser:
            webbrowser.open(address)
        # No access log: it would hold the token of the first link.
        settings = uvicorn.Config(
            app, access_log=False, log_level="warning", timeout_graceful_shutdown=2, server_header=False
        )
        uvicorn.Server(settings).run(sockets=[listening])


def _bound(binding: Binding) -> socket.socket:
    ports = range(FIRST_PORT, FIRST_PORT + PORTS) if binding.port is None else [binding.port]
    failure: OSError | None = None
    for port in ports:
        try:
            family = socket.getaddrinfo(binding.host, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((binding.host, port), family=family, backlog=256)
        except OSError as error:
            failure = error
    raise UsageError(
        f"cannot listen on {binding.host}, port {ports[0]}",
        found=(failure.strerror if failure else None) or str(failure),
        remedy="choose another with --port, or --port 0 for any",
    )
