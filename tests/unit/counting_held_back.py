"""A long video, for tests: numbered by its packets, and decoded only when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vadlab.video.decode import decoded_pictures
from vadlab.video.frame_index import packet_index


def hold_back(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let pages number every video by its packets; what it returns lets the decoding behind go on."""
    from vadlab.web import frame_pictures

    go_on = threading.Event()

    def later(path: Path) -> Iterator[Any]:
        assert go_on.wait(60)
        yield from decoded_pictures(path)

    monkeypatch.setattr(frame_pictures, "decoded_pictures", later)
    monkeypatch.setattr(frame_pictures, "packet_index", lambda path, short: packet_index(path))
    return go_on
