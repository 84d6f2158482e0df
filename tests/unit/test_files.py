"""Files that are whole or absent."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from vadlab import files
from vadlab.errors import StoreError


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for content in (b"first", b""):
        files.write_whole(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("there", [True, False])
def test_a_failed_write_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, there: bool
) -> None:
    path = tmp_path / "file"
    if there:
        path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError) as caught:
        files.write_whole(path, b"new" * 1000)
    full = number != errno.EIO
    assert ("disk is full" in str(caught.value)) is full
    assert ("3,000 bytes" in str(caught.value)) is full
    assert os.strerror(number) in str(caught.value) and str(path) in str(caught.value)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([b"old"] if there else [])


def test_ctrl_c_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        files.write_whole(tmp_path / "file" / "inside", b"")


def test_writers_of_one_file_do_not_hinder_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads, and processes of one number in two containers: each has flushed before any renames."""
    path, meet = tmp_path / "file", threading.Barrier(4)
    monkeypatch.setattr(os, "fsync", lambda _: meet.wait(10))
    errors: list[Exception] = []

    def write(content: bytes) -> None:
        try:
            files.write_whole(path, content)
        except Exception as error:
            errors.append(error)

    contents = [bytes([65 + i]) * 100_000 for i in range(4)]
    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() in contents


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    value: dict[str, Any] = {"b": [1, 0.1], "a": {"ö": None}}
    files.write_json(path, value)
    assert files.read_json(path) == value and list(files.read_json(path)) == ["b", "a"]
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"auc": float("nan")})
    assert files.read_json(path) == value


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"[1]", b"\xff\xfe", None])
def test_json_that_is_damaged_or_absent(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"a\.json"):
        files.read_json(path)
    with pytest.raises(StoreError, match="cannot read"):
        files.read_json(tmp_path)


def test_digest(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, order in ((one, "ab"), (other, "ba")):
        folder.mkdir()
        for name in order:
            (folder / name).write_text(name)
    assert files.digest(one / "a") == hashlib.sha256(b"a").hexdigest()
    assert files.digest(one) == files.digest(other)
    (other / ".DS_Store").write_text("noise")
    assert files.digest(one) == files.digest(other)
    (other / "b").rename(other / "c")  # another name is another place in the video
    assert files.digest(one) != files.digest(other)


def test_a_folder_is_made_and_found_writable_and_stays_empty(tmp_path: Path) -> None:
    files.require_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(StoreError):
        files.require_writable(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"kept"
