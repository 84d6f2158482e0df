"""Extraction on a Ray cluster of two nodes on this machine: the same store, whatever dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab.backbones.pooled_pixels import PooledPixels
from vadlab.distributed.ray import Cluster, extract_on_cluster
from vadlab.errors import UsageError
from vadlab.features.extract import make_extractor
from vadlab.features.pipeline import Job
from vadlab.features.store import Store
from vadlab.types import Entry
from vadlab.verbs.extract import extract
from vadlab.video.encode import write_video

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'vadlab[ray]'")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own warnings are not ours


class Mortal(PooledPixels):
    """Kills its process where a file says so, once, in the middle of a video."""

    def embed(self, rgb: np.ndarray, flow: np.ndarray | None) -> np.ndarray:
        order = Path(os.environ["VADLAB_TEST_DEATH"])
        if rgb.mean() > 150 and order.exists():
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(rgb, flow)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes of one core each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADLAB_TEST_DEATH", str(tmp_path_factory.mktemp("order") / "die"))
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        memory = 100 * 2**20
        nodes = cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": memory}
        )
        nodes.add_node(num_cpus=1, object_store_memory=memory)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Seven videos; the fourth is bright, the last is none."""
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    for i in range(6):
        level = 200 if i == 3 else 20 * i
        frames = (rng.integers(level, level + 30, (48, 64, 3), dtype=np.uint8) for _ in range(40 + i))
        write_video(folder / f"{i}.mp4", frames, fps=Fraction(25))
    (folder / "6.mp4").write_text("no video")
    return [
        Entry(p.stem, p, None, abnormal=False, source=p.stem, part="train") for p in sorted(folder.iterdir())
    ]


def test_two_nodes_make_the_store_that_one_process_makes_though_a_worker_dies(
    cluster: Any, entries: list[Entry], tmp_path: Path
) -> None:
    name = "test_ray:Mortal"
    order = Path(os.environ["VADLAB_TEST_DEATH"])
    alone = extract(entries, tmp_path / "alone", make_extractor(name, flow="tvl1"))
    order.touch()
    together = extract(
        entries, tmp_path / "ray", make_extractor(name, flow="tvl1"), cluster=Cluster(cluster.address)
    )
    assert not order.exists(), "no worker died"
    assert sorted(together.done) == sorted(alone.done) == ["0", "1", "2", "3", "4", "5"]
    assert [name for name, _ in together.failed] == ["6"] and "cannot be opened" in together.failed[0][1]
    assert together.n_clips == alone.n_clips
    for video_id in alone.done:
        ours = (tmp_path / "ray/videos" / f"{video_id}.safetensors").read_bytes()
        assert ours == (tmp_path / "alone/videos" / f"{video_id}.safetensors").read_bytes()
    again = extract(
        entries, tmp_path / "ray", make_extractor(name, flow="tvl1"), cluster=Cluster(cluster.address)
    )
    assert again.done == () and again.kept == 6


def test_no_such_cluster_is_told() -> None:
    if ray.is_initialized():
        ray.shutdown()
    extractor = make_extractor("pooled_pixels", settings={"streams": ["rgb"]})
    store = Store(Path("none"), extractor.facts())
    with pytest.raises(UsageError, match="no such Ray cluster"):
        list(extract_on_cluster([Job("a", Path("a.mp4"))], store, Cluster("127.0.0.1:1")))
