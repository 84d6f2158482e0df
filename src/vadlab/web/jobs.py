"""Videos that were sent to be scored: a queue, one worker, a folder a job that outlives the server."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vadlab.errors import DataError, StoreError
from vadlab.files import read_json, write_json
from vadlab.web.site import MissingError

__all__ = ["RESULT", "TIMELINE", "BusyError", "Job", "Jobs", "State", "command"]

State = Literal["waiting", "running", "done", "failed", "cancelled"]
JOB, RESULT, TIMELINE = "job.json", "result.json", "timeline.safetensors"
SECONDS_TO_STOP = 5.0
_ID = re.compile(r"[0-9a-z-]{10,40}")


class BusyError(DataError):
    """Too many jobs wait already; answered with 503."""


@dataclass(frozen=True)
class Job:
    """One video to score.

    Args:
        id: Also the name of its folder.
        run: Key of the run that scores it.
        name: The video's file name, within the folder.
        state: Where it is in its life.
        created: UNIX seconds.
        share: Done so far, in 0..1; None where it is not known.
        text: What it is at, in words.
        error: Why it failed, or None.
        result: What `score_job` found, or None.
    """

    id: str
    run: str
    name: str
    state: State
    created: float
    share: float | None = None
    text: str = ""
    error: str | None = None
    result: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")


class Jobs:
    """All jobs of a site.

    Args:
        folder: Where each job has a folder; made when the first job comes.
        max_waiting: Jobs that may wait or run at a time.
    """

    def __init__(self, folder: Path, *, max_waiting: int) -> None:
        self.folder = folder
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._queue: queue.Queue[tuple[str, Path] | None] = queue.Queue()  # None: nothing more is begun
        self._process: tuple[str, subprocess.Popen[str]] | None = None
        self._worker: threading.Thread | None = None
        self._closed = False
        for job in _stored(folder):
            self._jobs[job.id] = job

    def all(self) -> list[Job]:
        """All jobs, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: (job.created, job.id), reverse=True)

    def get(self, id_: str) -> Job:
        """One job.

        Raises:
            MissingError: If there is none of this id.
        """
        with self._lock:
            return self._known(id_)

    def place(self, id_: str) -> Path:
        """The folder of a job that exists."""
        return self.folder / self.get(id_).id

    def check_room(self) -> None:
        """Refuse before a long upload where it would be in vain.

        Raises:
            BusyError: If too many jobs wait.
        """
        with self._lock:
            n_waiting = sum(not job.over for job in self._jobs.values())
        if n_waiting >= self._max_waiting:
            raise BusyError("too many jobs wait", found=f"{n_waiting}", remedy="try again when some are done")

    def new_folder(self) -> tuple[str, Path]:
        """The id and the empty folder of a job to be; see `begin`."""
        id_ = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        place = self.folder / id_
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise StoreError(
                "uploads cannot be kept here",
                file=self.folder,
                found=error.strerror,
                remedy="start the server with --uploads FOLDER",
            ) from error
        return id_, place

    def begin(self, id_: str, *, run: str, run_folder: Path, name: str) -> Job:
        """Put a job whose video is in its folder into the queue.

        Raises:
            BusyError: If too many jobs wait meanwhile.
        """
        self.check_room()
        job = Job(id_, run, name, "waiting", time.time())
        with self._lock:
            self._jobs[id_] = job
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="score jobs", daemon=True)
                self._worker.start()
        self._keep(job)
        self._queue.put((id_, run_folder))
        return job

    def cancel(self, id_: str) -> Job:
        """Stop a job that waits or runs; one that is over stays as it is.

        Raises:
            MissingError: If there is none of this id.
        """
        with self._lock:
            job = self._known(id_)
            if job.over:
                return job
            job = self._jobs[id_] = replace(job, state="cancelled", share=None, text="")
            running = self._process[1] if self._process and self._process[0] == id_ else None
        self._keep(job)
        if running is not None:
            _end(running)
        return job

    def delete(self, id_: str) -> None:
        """Forget a job and delete its folder; one that runs is cancelled before.

        Raises:
            MissingError: If there is none of this id.
        """
        self.cancel(id_)
        with self._lock:
            self._jobs.pop(id_, None)  # another request may have been as quick
        shutil.rmtree(self.folder / id_, ignore_errors=True)

    def close(self) -> None:
        """Begin no more jobs, and end the running process, if any; its job is cancelled."""
        with self._lock:
            self._closed = True
            running, worker = self._process, self._worker
        if running is not None:
            self.cancel(running[0])
        self._queue.put(None)
        if worker is not None:
            worker.join(SECONDS_TO_STOP)

    def _known(self, id_: str) -> Job:
        job = self._jobs.get(id_)
        if job is None:
            raise MissingError(f"there is no job {id_!r}")
        return job

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            id_, run_folder = asked
            with self._lock:
                job = self._jobs.get(id_)
                if self._closed or job is None or job.over:
                    continue
                self._jobs[id_] = replace(job, state="running", text="loading the run")
                place = self.folder / id_
                # A session of its own, so that all that it starts ends with it.
                process = subprocess.Popen(
                    command(run_folder, place / job.name, place),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )  # fmt: skip
                self._process = id_, process
            with process:
                error = self._follow(id_, process)
            self._finish(id_, error)

    def _follow(self, id_: str, process: subprocess.Popen[str]) -> str | None:
        """Take over the progress until the process ends; the error that it names, if any."""
        errors: list[str] = []
        assert process.stdout is not None and process.stderr is not None
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        reader.start()
        named = None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                named = said.get("error", named)
                self._update(id_, share=said.get("share"), text=said.get("text", ""))
        process.wait()
        reader.join(1)
        if process.returncode and named is None:
            named = errors[-1].strip() if errors else f"the process ended with {process.returncode}"
        return named

    def _update(self, id_: str, *, share: float | None, text: str) -> None:
        with self._lock:
            job = self._jobs.get(id_)
            if job is not None and job.state == "running":
                self._jobs[id_] = replace(job, share=share, text=text)

    def _finish(self, id_: str, error: str | None) -> None:
        result = None
        if error is None:
            try:
                result = read_json(self.folder / id_ / RESULT)
            except StoreError as broken:
                error = str(broken)
        with self._lock:
            self._process = None
            job = self._jobs.get(id_)
            if job is None or job.state == "cancelled":
                return
            state: State = "failed" if error else "done"
            share = None if error else 1.0
            job = replace(job, state=state, share=share, text="", error=error, result=result)
            self._jobs[id_] = job
        self._keep(job)

    def _keep(self, job: Job) -> None:
        with contextlib.suppress(StoreError):  # what cannot be kept is still shown
            if (self.folder / job.id).is_dir():
                write_json(self.folder / job.id / JOB, asdict(job))


def command(run: Path, video: Path, out: Path) -> list[str]:
    """What scores one video; see `score_job`."""
    return [sys.executable, "-m", "vadlab.web.score_job", str(run), str(video), str(out)]


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a process and all that it started to end, then make them."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_STOP)
            return


def _stored(folder: Path) -> list[Job]:
    """The jobs of earlier servers; what was not over then has been cut short."""
    jobs = []
    for file in sorted(folder.glob(f"*/{JOB}")) if folder.is_dir() else []:
        try:
            job = Job(**read_json(file))
        except (StoreError, TypeError):
            continue
        if job.id != file.parent.name or not _ID.fullmatch(job.id) or job.state not in get_args(State):
            continue
        if not job.over:
            job = replace(job, state="failed", share=None, text="", error="the server was stopped meanwhile")
        jobs.append(job)
    return jobs
