"""Scoring an uploaded video: send it, follow it, cancel it, look at it."""

from __future__ import annotations

import shutil
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from vadlab.timeline import read_timeline
from vadlab.web import run_files
from vadlab.web.jobs import TIMELINE, Job, Jobs
from vadlab.web.playback import Playback, Playbacks
from vadlab.web.problems import VIDEO
from vadlab.web.routes.viewer import Playable, playable, sent
from vadlab.web.security import CHANGES
from vadlab.web.site import MissingError, Site
from vadlab.web.uploads import TooLargeError, check_video, receive, safe_name

__all__ = ["router"]

FILE = {"schema": {"type": "string", "format": "binary"}}
BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": FILE}}}


class JobView(BaseModel):
    """A job as the API tells it; see `vadlab.web.jobs.Job`."""

    id: str
    run: str
    name: str
    state: str
    created: float
    share: float | None
    text: str
    error: str | None
    n_frames: int | None
    n_events: int | None
    top_score: float | None
    alarm: dict[str, float] | None


def router(site: Site, jobs: Jobs, playbacks: Playbacks) -> APIRouter:
    """The addresses below `jobs`."""
    routes = APIRouter(prefix="/jobs", tags=["jobs"])

    @routes.get("")
    def list_jobs() -> list[JobView]:
        """All jobs, the newest first."""
        return [_view(job) for job in jobs.all()]

    @routes.post("", status_code=201, openapi_extra=BODY, dependencies=[CHANGES])
    async def create(
        request: Request,
        run: Annotated[str, Query(description="Key of the run that scores")],
        name: Annotated[str, Query(description="The file's name", min_length=1, max_length=255)],
    ) -> JobView:
        """Score a video: the request's body is the file itself. It is checked to be a video before."""
        jobs.check_room()
        folder = site.run(run)
        if not run_files.facts(folder).can_score:
            raise MissingError(f"the run {run!r} cannot score videos", expected="a finished training")
        file_name = safe_name(name)
        if int(request.headers.get("content-length") or 0) > site.upload.max_bytes:
            raise TooLargeError("the file is too large", expected=f"at most {site.upload.max_bytes:,} bytes")
        id_, place = jobs.new_folder()
        try:
            await receive(request.stream(), place / file_name, max_bytes=site.upload.max_bytes)
            await run_in_threadpool(check_video, place / file_name)
            return _view(jobs.begin(id_, run=run, run_folder=folder, name=file_name))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    @routes.get("/{job}")
    def read_job(job: str) -> JobView:
        """One job; ask again for its progress."""
        return _view(jobs.get(job))

    @routes.post("/{job}/cancel", dependencies=[CHANGES])
    def cancel(job: str) -> JobView:
        """Stop a job that waits or runs."""
        return _view(jobs.cancel(job))

    @routes.delete("/{job}", status_code=204, response_class=Response, dependencies=[CHANGES])
    def delete(job: str) -> Response:
        """Delete a job, its video and its scores."""
        jobs.delete(job)
        return Response(status_code=204)

    @routes.get("/{job}/timeline")
    def timeline(job: str) -> dict[str, Any]:
        """Frame scores (base64 of little-endian float32) and category probabilities of a finished job."""
        found = jobs.get(job)
        file = jobs.place(job) / TIMELINE
        if not file.is_file():
            raise MissingError(f"there are no scores of {found.name!r} yet")
        return read_timeline(file, found.name).to_json()

    @routes.get("/{job}/playback")
    def playback(job: str) -> Playable:
        """Whether the video can be played; begins to make a playable copy where one is needed."""
        return playable(_playback(job))

    @routes.get("/{job}/media", response_class=FileResponse, responses=VIDEO)
    def media(job: str) -> FileResponse:
        """The playable video; answers range requests."""
        return sent(_playback(job))

    def _playback(job: str) -> Playback:
        found = jobs.get(job)
        if found.result is None:
            raise MissingError("the job is not done")
        return playbacks.get(
            jobs.place(job) / found.name,
            fps=Fraction(found.result["fps"]),
            n_frames=found.result["n_frames"],
        )

    return routes


def _view(job: Job) -> JobView:
    result = job.result or {}
    return JobView(
        id=job.id,
        run=job.run,
        name=job.name,
        state=job.state,
        created=job.created,
        share=job.share,
        text=job.text,
        error=job.error,
        n_frames=result.get("n_frames"),
        n_events=result.get("n_events"),
        top_score=result.get("top_score"),
        alarm=result.get("alarm"),
    )
