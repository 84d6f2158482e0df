"""Who may use a server, and by which names (standard library only, so that it can be asked at once)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Access", "is_loopback", "local_names"]


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Args:
        hosts: Names, without port, under which browsers may address it; an address (IP) needs no entry.
        token: What every request must carry; None asks for nothing, which is for loopback only.
    """

    hosts: frozenset[str] = frozenset({"localhost"})
    token: str | None = None


def is_loopback(host: str) -> bool:
    """Whether a server bound to this name or address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def local_names(more: Iterable[str] = ()) -> frozenset[str]:
    """The names by which this machine may be addressed: localhost, its own name, and `more`."""
    own = socket.gethostname().lower()
    return frozenset({"localhost", own, f"{own}.local", *(name.lower() for name in more)})
