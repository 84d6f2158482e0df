"""What the viewer draws of one test video of a run: its scores, its picture, the run's worst errors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel

from vadlab.report.findings import Miss
from vadlab.web.dataset_videos import DatasetVideos
from vadlab.web.playback import Playback, Playbacks
from vadlab.web.problems import JPEG, UNCHANGED, VIDEO
from vadlab.web.recorded import FPS_UNKNOWN, Recorded
from vadlab.web.site import MissingError, Site
from vadlab.web.stamps import stamp
from vadlab.web.thumbnails import thumbnail

__all__ = ["Playable", "playable", "router", "sent"]


class Playable(BaseModel):
    """Whether a video can be played now; "preparing" says to ask again."""

    state: str
    share: float | None
    reason: str | None


class Error(BaseModel):
    """A frame that the detector got wrong; `event` is the missed event, None for a false alarm.

    `share` is the part of the other side's frames that it beats; None where there are none.
    """

    video: str
    frame: int
    score: float
    event: tuple[int, int] | None
    share: float | None


class ErrorLists(BaseModel):
    """The worst errors, worst first, and the range of all frame scores."""

    low: float
    high: float
    false_alarms: list[Error]
    missed: list[Error]


def router(site: Site, datasets: DatasetVideos, playbacks: Playbacks) -> APIRouter:
    """The addresses below `runs/RUN` that concern single videos."""
    routes = APIRouter(prefix="/runs/{run}", tags=["viewer"])
    recorded = Recorded(datasets)

    @routes.get("/timeline/{video:path}")
    def timeline(run: str, video: str, rules: str | None = None) -> dict[str, Any]:
        """Frame scores (base64 of little-endian float32), labelled spans, category probabilities."""
        return recorded.timeline(site.run(run), rules, video).to_json()

    @routes.get("/errors")
    def errors(run: str, rules: str | None = None) -> ErrorLists:
        """The highest scores on normal frames and the labelled events that score lowest, one a video."""
        found = recorded.errors(site.run(run), rules)
        return ErrorLists(
            low=found.low,
            high=found.high,
            false_alarms=[_error(miss) for miss in found.false_alarms],
            missed=[_error(miss) for miss in found.missed],
        )

    @routes.get("/playback/{video:path}")
    def playback(run: str, video: str, rules: str | None = None) -> Playable:
        """Whether the video can be played; begins to make a playable copy where one is needed."""
        return playable(_playback(run, video, rules))

    @routes.get("/media/{video:path}", response_class=FileResponse, responses=VIDEO)
    def media(run: str, video: str, rules: str | None = None) -> FileResponse:
        """The playable video; answers range requests. 404 until `playback` says "ready"."""
        return sent(_playback(run, video, rules))

    @routes.get("/thumbnail/{video:path}", response_class=Response, responses=JPEG | UNCHANGED)
    def picture(
        run: str,
        video: str,
        frame: Annotated[int, Query(ge=0, le=10**9)] = 0,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One frame as JPEG, at most 320 pixels wide."""
        entry = datasets.entry(site.run(run), video)
        headers = {"cache-control": "private, no-cache", "etag": f'"{stamp(entry.path)}"'}
        if if_none_match == headers["etag"]:
            return Response(status_code=304, headers=headers)
        fps = recorded.fps(site.run(run), video) or FPS_UNKNOWN
        return Response(thumbnail(entry.path, frame, fps), media_type="image/jpeg", headers=headers)

    def _playback(run: str, video: str, rules: str | None) -> Playback:
        folder = site.run(run)
        line = recorded.timeline(folder, rules, video)
        entry = datasets.entry(folder, video)
        return playbacks.get(entry.path, fps=line.fps, n_frames=len(line.frame_scores))

    return routes


def playable(playback: Playback) -> Playable:
    """The answer of a `playback` address."""
    return Playable(state=playback.state, share=playback.share, reason=playback.reason)


def sent(playback: Playback) -> FileResponse:
    """The answer of a `media` address.

    Raises:
        MissingError: If there is no playable copy yet.
    """
    if playback.file is None:
        raise MissingError(
            "the video cannot be played" if playback.state == "failed" else "the video is being prepared",
            found=playback.reason,
        )
    return FileResponse(playback.file, media_type=playback.media_type)


def _error(miss: Miss) -> Error:
    share = None if miss.share != miss.share else miss.share
    return Error(video=miss.video.id, frame=miss.frame, score=miss.score, event=miss.event, share=share)
