"""Annotating the root folder's videos: frames by number, own marks, review, decisions, labels."""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import JSONResponse, Response

from vadlab import csv_table
from vadlab.annotations.agreement import agreement
from vadlab.annotations.journal import StaleError
from vadlab.annotations.operations import DECISION, Document, Operation
from vadlab.errors import DataError, UsageError
from vadlab.verbs.annotate import Project
from vadlab.verbs.annotated_labels import agreed_marks, export_journal, make_labels
from vadlab.verbs.annotations import FORMATS, describe
from vadlab.verbs.annotator_agreement import agreement_to_json
from vadlab.web.annotation_messages import (
    DocumentOut,
    Labels,
    LabelsIn,
    OperationIn,
    Person,
    ReviewVideo,
    Started,
    VideoInList,
    VideoList,
    VideoOut,
    document_out,
    mark_in,
    marks_out,
    person_name,
    progress_of,
)
from vadlab.web.frame_pictures import FramePictures
from vadlab.web.jobs import BusyError
from vadlab.web.problems import JPEG
from vadlab.web.security import CHANGES
from vadlab.web.site import MissingError, Site

__all__ = ["router"]

SUFFIXES = {"activitynet": "json", "cvat": "xml", "folder": "csv", "label-studio": "json", "via": "json"}
# Figures of a video that would help to guess where others marked something.
PLACES = ("n_events", "begin_std", "begin_mad", "end_std", "end_mad")
MAX_IMPORT_BYTES = 64 * 1024**2

Name = Annotated[str, Query(min_length=1, max_length=80, description="The person who asks.")]
VideoPath = Annotated[str, Query(max_length=1000, description="The video's path, as the list has it.")]
Threshold = Annotated[float, Query(gt=0, le=1, description="Share of the annotators.")]


class _Desk:
    """The root folder's project, opened when it is first asked for."""

    def __init__(self, site: Site) -> None:
        self.root, self.pictures = site.root, FramePictures()
        self._lock = threading.Lock()
        self._project: Project | None = None

    def close(self) -> None:
        """Close the journal; with it goes SQLite's second file. End what is counted in the background."""
        self.pictures.close()
        if self._project is not None:
            self._project.journal.close()

    def project(self) -> Project:
        with self._lock:
            if self._project is None:
                try:
                    self._project = Project(self.root, measure=self._measure)
                except DataError as error:
                    raise MissingError(
                        error.message, expected=error.expected, found=error.found, remedy=error.remedy
                    ) from error
            return self._project

    def video(self, path: str) -> tuple[Project, Path, Fraction | None]:
        project = self.project()
        listed = project.of_path.get(path)
        if listed is None:
            raise MissingError("there is no such video in the list", found=repr(path[:200]))
        return project, self.root / path, listed.fps

    def refuse_unsettled(self) -> None:
        """Let nothing leave whose frame numbers are not certain yet.

        Raises:
            BusyError: If a marked video is still being decoded.
            DataError: If one is damaged.
        """
        project = self.project()
        marked = {path for (_, path), document in project.journal.documents().items() if document.finished}
        listed = [project.of_path[path] for path in sorted(marked & project.of_path.keys())]
        open_ = [
            one.path
            for one in listed
            if one.n_frames is None and not self.pictures.facts(self.root / one.path, fps=one.fps).settled
        ]
        if open_:
            raise BusyError(
                f"the frames of {len(open_)} marked videos are still being counted",
                found=csv_table.listed(open_),
                remedy="try again in a minute",
            )

    def _measure(self, path: str) -> tuple[int, Fraction]:
        _, file, fps = self.video(path)
        facts = self.pictures.facts(file, fps=fps)
        return facts.n_frames, facts.fps


def router(site: Site) -> APIRouter:
    """The addresses below `annotate`."""
    desk = _Desk(site)

    @asynccontextmanager
    async def closing(_: Any) -> AsyncIterator[None]:
        yield
        desk.close()

    routes = APIRouter(prefix="/annotate", tags=["annotate"], lifespan=closing)

    @routes.get("/videos")
    def list_videos(annotator: Name) -> VideoList:
        """All videos, with the asking person's own progress; others' marks are not told."""
        project, name = desk.project(), person_name(annotator)
        documents = project.journal.documents()
        people = [key for key in documents if key[0] != DECISION]
        finished = Counter(path for who, path in people if documents[who, path].finished)
        return VideoList(
            folder=project.root.name,
            videos=[
                VideoInList(
                    path=row.path,
                    part=row.part,
                    **progress_of(documents.get((name, row.path), Document())),
                    n_finished=finished[row.path],
                    decided=documents.get((DECISION, row.path), Document()).finished,
                )
                for row in project.rows
            ],
            categories=list(project.categories),
            formats=list(FORMATS),
            annotators=sorted({key[0] for key in people}),
        )

    @routes.get("/video")
    def read_video(path: VideoPath, annotator: Name) -> VideoOut:
        """One video's facts and the asking person's marks.

        Where `settled` is false, a long video was counted by its packets and is being decoded to be sure: ask
        again. An error then tells of damage; another `stamp` says that its frames are numbered anew.
        """
        project, file, fps = desk.video(path)
        facts = desk.pictures.facts(file, fps=fps)
        told = project.of_path[path].n_frames
        return VideoOut(
            path=path,
            n_frames=facts.n_frames,
            fps=float(facts.fps),
            stamp=facts.stamp,
            settled=facts.settled,
            warning=None
            if told in (None, facts.n_frames)
            else f"annotations.csv says {told} frames, decoding yields {facts.n_frames}: mend the table",
            document=document_out(project.journal.document(person_name(annotator), path)),
        )

    @routes.get("/frame", response_class=Response, responses=JPEG)
    def read_frame(
        path: VideoPath, number: Annotated[int, Query(ge=0, le=10**9)], stamp: str = ""
    ) -> Response:
        """Exactly the frame of that number, as JPEG. With the file's stamp it may be cached."""
        _, file, fps = desk.video(path)
        picture = desk.pictures.jpeg(file, number, fps=fps)
        if picture is None:
            raise MissingError("the video has no such frame", found=number)
        kept = (
            "private, max-age=3600, immutable"
            if stamp == desk.pictures.facts(file, fps=fps).stamp
            else "no-cache"
        )
        return Response(picture, media_type="image/jpeg", headers={"cache-control": kept})

    @routes.post(
        "/operations",
        dependencies=[CHANGES],
        responses={409: {"description": "The document has gone on meanwhile."}},
    )
    def do(asked: OperationIn) -> DocumentOut:
        """Do one operation. When it is answered, it is on disk."""
        project, _, _ = desk.video(asked.video)
        name = person_name(asked.annotator)
        operation = Operation(
            asked.id,
            name,
            DECISION if asked.decision else name,
            asked.video,
            asked.kind,
            asked.mark,
            {mark.id: mark_in(mark) for mark in asked.marks},
        )
        try:
            return document_out(project.do(operation, base=asked.base))
        except StaleError as error:
            content = {"message": error.message, "document": document_out(error.document).model_dump()}
            return JSONResponse(content, status_code=409)  # type: ignore[return-value]

    @routes.get("/review")
    def review(annotator: Name, threshold: Threshold = 0.5) -> dict[str, Any]:
        """How far people agree. Where somebody marked something is told only of videos opened to them."""
        project, name = desk.project(), person_name(annotator)
        found = agreement_to_json(agreement(project.finished(), threshold=threshold))
        decided = project.decided()
        for video in found["videos"]:
            video["again"] = bool(video["reasons"])
            video["open"] = project.may_see_all(name, video["path"])
            video["decided_by"] = decided[video["path"]].by if video["path"] in decided else None
            if not video["open"]:
                video |= dict.fromkeys(PLACES) | {"reasons": []}
        return found

    @routes.get("/review/video")
    def review_video(path: VideoPath, annotator: Name, threshold: Threshold = 0.5) -> ReviewVideo:
        """Everybody's finished marks of a video, for those whose own marks of it are closed (`reveal`)."""
        project, _, _ = desk.video(path)
        if not project.may_see_all(person_name(annotator), path):
            raise UsageError(
                "others' marks are shown only after the own ones are closed",
                remedy="do the operation reveal first",
            )
        found = [one for one in project.finished() if one.video.path == path]
        if not found:
            raise MissingError("nobody has finished this video", found=path)
        (measured,) = agreement(found, threshold=threshold).videos
        mean, names = measured.merged.mean, [mark.annotator for mark in found[0].annotations]
        edges = [
            0,
            *(index + 1 for index in range(len(mean) - 1) if mean[index] != mean[index + 1]),
            len(mean),
        ]
        return ReviewVideo(
            people=[
                Person(annotator=name, marks=marks_out(dict(enumerate(one.marks))))
                for name, one in zip(names, found[0].annotations, strict=True)
            ],
            share=[(a, b, float(mean[a])) for a, b in itertools.pairwise(edges) if mean[a]],
            agreed=marks_out(dict(enumerate(agreed_marks(found[0], threshold=threshold)))),
            reasons=list(measured.reasons),
            votes=dict(measured.merged.votes),
            decision=document_out(project.journal.document(DECISION, path)),
        )

    @routes.get("/labels/planned")
    def plan_labels(threshold: Threshold = 0.5) -> Labels:
        """What writing the labels would change."""
        return _labels(desk.project(), threshold, dry_run=True)

    @routes.post("/labels", dependencies=[CHANGES])
    def write_labels(asked: LabelsIn) -> Labels:
        """Write annotations.csv, annotators.csv and decisions.csv into the folder."""
        desk.refuse_unsettled()
        return _labels(desk.project(), asked.threshold, dry_run=False)

    @routes.get(
        "/export", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}}
    )
    def export(
        format_name: Annotated[str, Query(alias="format", max_length=40)],
        whose: Annotated[str | None, Query(max_length=80)] = None,
    ) -> Response:
        """Finished marks as another tool's file: one person's, "consensus", or everybody's."""
        desk.refuse_unsettled()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "annotations"
            export_journal(desk.project(), format_name, file, whose=whose)
            content = file.read_bytes()
        name = f"{format_name}.{SUFFIXES[format_name]}"
        headers = {"content-disposition": f'attachment; filename="annotations-{name}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)

    @routes.post("/start", dependencies=[CHANGES])
    def start(
        format_name: Annotated[str, Form(alias="format", max_length=40)],
        annotator: Annotated[str, Form(min_length=1, max_length=80)],
        file: Annotated[UploadFile, File()],
    ) -> Started:
        """Take a file's marks as one person's start, in videos where they have done nothing yet."""
        content = file.file.read(MAX_IMPORT_BYTES + 1)
        if len(content) > MAX_IMPORT_BYTES:
            raise UsageError("the file is too large", expected=f"up to {MAX_IMPORT_BYTES:,} bytes")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"import.{SUFFIXES.get(format_name, 'txt')}"
            path.write_bytes(content)
            started, left = desk.project().start_from(format_name, path, person_name(annotator))
        return Started(started=started, left=left)

    return routes


def _labels(project: Project, threshold: float, *, dry_run: bool) -> Labels:
    found = make_labels(project, threshold=threshold, dry_run=dry_run)
    return Labels(
        changes=[describe(change) for change in found.changes],
        n_merged=found.n_merged,
        n_decided=found.n_decided,
        unfinished=list(found.unfinished),
        written=[path.name for path in found.written],
    )
