"""Downloads that go on where they were cut off, and addresses from the Python package index."""

from __future__ import annotations

import html.parser
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import httpx

from vadlab.pretrained import pip_settings

__all__ = ["DownloadError", "Progress", "download", "index_link"]

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes so far, and the bytes in all where known."""

_TIMEOUT = httpx.Timeout(60.0, connect=20.0)


class DownloadError(Exception):
    """What happened instead of the download, in one line without passwords."""


def download(url: str, part: Path, *, progress: Progress | None = None) -> None:
    """Download into `part`, after the bytes that an earlier call left there.

    The caller checks the hash: a complete `part` of another file is not noticed here.

    Raises:
        DownloadError: If the server, the network or the disk fails; `part` keeps what arrived.
    """
    with _errors(), _client() as client:
        done = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={done}-"} if done else {}
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and done:
                return  # nothing is left to send
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            if not resumed:
                done = 0  # the server sends the whole file again
            length = response.headers.get("Content-Length")
            total = done + int(length) if length else None
            with part.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_raw():
                    file.write(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, total)


def index_link(project: str, file: str) -> str:
    """The address of a project's file on the user's package index, with its password if it needs one.

    Raises:
        DownloadError: If the index cannot be reached or does not list the file.

    Source: PEP 503 and PEP 691, the HTML and the JSON page of a project.
    """
    base = pip_settings.index_url()
    if base is None:
        raise DownloadError("no Python package index is configured, and there is no pip; set PIP_INDEX_URL")
    page = f"{base.rstrip('/')}/{project}/"
    accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
    with _errors(), _client() as client:
        response = client.get(page, headers={"Accept": accept})
        response.raise_for_status()
        if "json" in response.headers.get("Content-Type", ""):
            try:
                links = [entry["url"] for entry in response.json()["files"]]
            except (ValueError, KeyError, TypeError) as error:
                raise DownloadError(f"an index page that cannot be read: {_shown(page)}") from error
        else:
            links = _Links(response.text).found
        for link in links:
            address = httpx.URL(urljoin(str(response.url), link))
            if address.path.rpartition("/")[2] == file:
                index = httpx.URL(page)
                # As pip does: credentials of the index serve for files on the same host, and only there.
                if index.userinfo and address.host == index.host and not address.userinfo:
                    address = address.copy_with(username=index.username, password=index.password)
                return str(address)
    raise DownloadError(f"no link to {file} on the index page {_shown(page)}")


def _client() -> httpx.Client:
    # httpx reads the proxy variables and SSL_CERT_FILE by itself, but not pip's own settings.
    bundle = None if os.environ.get("SSL_CERT_FILE") else pip_settings.certificates()
    context = ssl.create_default_context(cafile=bundle) if bundle else True
    # Compressed transfer would make byte ranges meaningless.
    headers = {"Accept-Encoding": "identity"}
    return httpx.Client(verify=context, timeout=_TIMEOUT, follow_redirects=True, headers=headers)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what a download can fail with into one error."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        where = _shown(str(error.request.url))
        raise DownloadError(f"HTTP {error.response.status_code} from {where}") from error
    except httpx.RequestError as error:
        where = _shown(str(error.request.url))
        raise DownloadError(f"{type(error).__name__} at {where}: {error}") from error
    except (httpx.InvalidURL, OSError) as error:
        raise DownloadError(f"{type(error).__name__}: {error}") from error


def _shown(url: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _Links(html.parser.HTMLParser):
    """Targets of all links of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.found.append(target)
