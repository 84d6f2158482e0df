"""Extraction on a Ray cluster: a pool of actors, each of which takes a video from file to feature store.

Ray (https://www.ray.io) starts the actors, spreads the videos and, when a process or a machine dies, gives
its video to another actor. Nothing is done twice, for an actor first looks whether the store has the video;
nothing is lost, for a feature file is whole or absent. Videos and store have to be on a disk that all
machines share, under the same path.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vadlab.errors import StoreError, UsageError, VadlabError
from vadlab.features.extract import remake_extractor
from vadlab.features.pipeline import Done, Job, fill
from vadlab.features.store import Store

__all__ = ["Cluster", "extract_on_cluster"]

SECONDS_TO_CONNECT = 5.0
INSTALL = "pip install 'vadlab[ray]'"


class _Actor:
    """An extractor in a process of its own."""

    def __init__(self, root: str, manifest: Mapping[str, Any], device: str):
        self.store = Store.open(Path(root), manifest=manifest)
        self.extractor = remake_extractor(manifest, device=device)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, list[Any]]:
        """One video; what is wrong with it is an answer, lest Ray tries it again."""
        job = Job(str(batch["id"][0]), Path(str(batch["path"][0])), _rate(str(batch["fps"][0])))
        try:
            done, fatal = self._done(job), ""
        except VadlabError as error:
            done, fatal = Done(job.id, 0), f"{error}\n  on: {socket.gethostname()}"
        return {"id": [job.id], "n_clips": [done.n_clips], "error": [done.error or ""], "fatal": [fatal]}

    def _done(self, job: Job) -> Done:
        # Whoever had this video before may have died after the last write.
        if not self.store.missing([job.id]):
            return Done(job.id, len(self.store.read(job.id).spans))
        (done,) = fill(self.store, [job], self.extractor)
        return done


@dataclass(frozen=True)
class Cluster:
    """Which machines, and how much of them.

    Args:
        address: "auto" for the cluster that this machine belongs to, "local" for this machine alone, or
            the address of a cluster.
        device: "cpu", "cuda", or "auto": a GPU for each actor where the cluster has some.
        workers: Actors; None for one a core, or one a GPU.
    """

    address: str = "auto"
    device: str = "auto"
    workers: int | None = None


def extract_on_cluster(jobs: Iterable[Job], store: Store, cluster: Cluster) -> Generator[Done]:
    """Extract videos into a store with the machines of a Ray cluster.

    Args:
        jobs: The videos.
        store: Where features go; its manifest says how they are made.
        cluster: The machines.

    Yields:
        What became of each video, as they are done.

    Raises:
        UsageError: If Ray is not installed or there is no such cluster.
        StoreError: If a machine does not see the store, cannot write it, or lacks the weights.
    """
    ray = _import()
    started = not ray.is_initialized()
    if started:
        _connect(ray, cluster.address)
    try:
        yield from _outcomes(ray, list(jobs), store, cluster)
    finally:
        if started:
            ray.shutdown()


def _import() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UsageError("Ray is not installed", remedy=INSTALL) from error
    # What goes wrong comes as exceptions; the rest is told by the caller's one bar.
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _connect(ray: Any, address: str) -> None:
    try:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            # Ray itself tries for minutes before it says that nobody is there.
            socket.create_connection((host, int(port)), timeout=SECONDS_TO_CONNECT).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError) as error:
        raise UsageError(
            "there is no such Ray cluster",
            expected="auto (where `ray start` was run on this machine) | local | HOST:PORT",
            found=address,
            remedy="start one with `ray start --head`, or use this machine alone: --ray local",
        ) from error


def _outcomes(ray: Any, jobs: list[Job], store: Store, cluster: Cluster) -> Generator[Done]:
    if not jobs:
        return
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0)) if cluster.device != "cpu" else 0
    wanted = min(cluster.workers or gpus or int(resources.get("CPU", 1)), len(jobs))
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A block a video: the next video goes to whichever actor is free.
    rows = [
        {"id": j.id, "path": str(j.path.resolve()), "fps": "" if j.fps is None else str(j.fps)} for j in jobs
    ]
    videos = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = videos.map_batches(
        _Actor,
        fn_constructor_args=(str(store.root.resolve()), dict(store.manifest), "cuda" if gpus else "cpu"),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=wanted, max_tasks_in_flight_per_actor=2),
        num_cpus=0 if gpus else 1,
        num_gpus=1 if gpus else 0,
    )
    try:
        for row in done.iter_rows():
            if row["fatal"]:
                raise StoreError("a machine of the cluster cannot go on", found=row["fatal"])
            yield Done(row["id"], int(row["n_clips"]), row["error"] or None)
    except ray.exceptions.RayError as error:
        raise StoreError(
            "extraction on the cluster failed",
            found=str(error).strip().splitlines()[-1],
            remedy="see that every machine has the same vadlab, weights and shared disk; then run it again",
        ) from error


def _rate(text: str) -> Fraction | None:
    return Fraction(text) if text else None
