"""What a user may watch, and what becomes of a connection."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import UsageError
from vadlab.live.source import Connection, LostError, Source, parse_sources
from vadlab.video.colour import rgb


def test_names_and_kinds(tmp_path: Path) -> None:
    file = tmp_path / "hall one.mp4"
    file.touch()
    found = parse_sources(
        [
            str(file),
            "rtsp://user:pass@cam.example:554/stream/1?token=x",
            "door=rtsp://cam.example/2",
            "lavfi:testsrc",
            "/dev/null",
            str(tmp_path),
        ]
    )
    assert [(s.name, s.kind) for s in found] == [
        ("hall-one", "file"),
        ("cam.example-stream-1", "stream"),
        ("door", "stream"),
        ("lavfi-testsrc", "device"),
        ("null", "device"),
        (tmp_path.name.strip("-._"), "file"),
    ]


def test_same_names_are_numbered_and_a_given_name_is_kept(tmp_path: Path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.mp4").touch()
    paths = [str(tmp_path / folder / "v.mp4") for folder in ("a", "b", "c")]
    found = parse_sources([paths[0], paths[1], f"v-2={paths[2]}"])
    assert [s.name for s in found] == ["v", "v-3", "v-2"]


def test_a_file_may_have_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.mp4").touch()
    assert parse_sources(["a=b.mp4"]) == (Source("a-b", "a=b.mp4", "file"),)


def test_secrets_are_not_shown() -> None:
    (source,) = parse_sources(["rtsp://user:secret@cam:554/live?token=abc"])
    assert source.shown == "rtsp://cam:554/live"
    assert "secret" not in source.name and "abc" not in source.name
    assert source.address == "rtsp://user:secret@cam:554/live?token=abc"


@pytest.mark.parametrize(
    ("texts", "message"),
    [(["nowhere.mp4"], "no such source"), (["a=rtsp://x/1", "a=rtsp://x/2"], "same name")],
)
def test_wrong_sources(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_sources(texts)


def test_a_device_gives_pictures_at_its_rate() -> None:
    source = Source("test", "lavfi:testsrc=size=64x48:rate=15", "device")
    with Connection(source, patience_s=5) as connection:
        assert connection.fps == 15
        pictures = iter(connection)
        first, second = (rgb(next(pictures)) for _ in range(2))
    assert first.shape == (48, 64, 3)
    assert np.abs(first.astype(int) - second).sum() > 0


def test_a_device_that_ends_is_lost_after_its_last_picture() -> None:
    source = Source("test", "lavfi:testsrc=size=64x48:rate=15:duration=1", "device")
    seen = 0
    with Connection(source, patience_s=5) as connection, pytest.raises(LostError, match="ended") as caught:
        for _ in connection:
            seen += 1
    assert seen == 15
    assert not caught.value.stalled


def test_nobody_there() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    source = Source("cam", f"rtsp://127.0.0.1:{port}/x", "stream")
    with pytest.raises(LostError, match="refused") as caught, Connection(source, patience_s=5):
        pass
    assert not caught.value.stalled


def test_a_server_that_says_nothing_has_stalled() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        source = Source("cam", f"rtsp://127.0.0.1:{server.getsockname()[1]}/x", "stream")
        with pytest.raises(LostError, match=r"no answer for 0\.4 s") as caught:
            Connection(source, patience_s=0.4).__enter__()
    assert caught.value.stalled
