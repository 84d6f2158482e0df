"""The web application: routers, pages, errors and the guard around them.

A new subject is a file in `routes/` with `router(site)`, named in `_routers`, and a new page a file
`static/NAME.html`, named in `PAGES`. A page loads `theme.js` first and calls `shell()` of `shell.js`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from vadlab import __version__
from vadlab.web.access import Access
from vadlab.web.dataset_videos import DatasetVideos
from vadlab.web.jobs import Jobs
from vadlab.web.playback import Playbacks
from vadlab.web.problems import RESPONSES, explain_problems
from vadlab.web.routes import about, annotate, jobs, live, runs, viewer
from vadlab.web.security import Guard
from vadlab.web.site import Site

__all__ = ["PAGES", "create_app"]

STATIC = Path(str(resources.files("vadlab.web").joinpath("static")))

# Address to the file in static/.
PAGES = {
    "/": "runs.html",
    "/view": "viewer.html",
    "/annotate": "annotate.html",
    "/compare": "compare.html",
    "/score": "score.html",
    "/live": "live.html",
    "/sign-in": "sign-in.html",
    "/api": "api.html",
}

DESCRIPTION = """Runs, their scores and events, uploaded videos and live events of one root folder.

A request that changes anything needs the header `X-Vadlab: 1`. A server that is bound to more than this
machine needs `Authorization: Bearer TOKEN` with every request."""


def create_app(site: Site, *, access: Access | None = None) -> FastAPI:
    """The application that shows a root folder.

    Args:
        site: What is shown.
        access: Who may use it; by default this machine, without a token.
    """
    queue = Jobs(site.uploads or site.root / "uploads", max_waiting=site.upload.max_waiting)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(queue.close)

    app = FastAPI(
        title="vadlab",
        lifespan=lifespan,
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for router in _routers(site, queue):
        app.include_router(router, prefix="/api", responses=RESPONSES)
    for address, file in PAGES.items():
        _add_page(app, address, file)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    explain_problems(app)
    app.add_middleware(Guard, access=access or Access())
    return app


def _routers(site: Site, queue: Jobs) -> list[APIRouter]:
    datasets, playbacks = DatasetVideos(site.datasets), Playbacks(site.playback)
    return [
        about.router(site),
        annotate.router(site),
        runs.router(site),
        viewer.router(site, datasets, playbacks),
        jobs.router(site, queue, playbacks),
        live.router(site),
    ]


def _add_page(app: FastAPI, address: str, file: str) -> None:
    def page() -> FileResponse:
        return FileResponse(STATIC / file, media_type="text/html")

    app.add_api_route(address, page, methods=["GET"], include_in_schema=False)
