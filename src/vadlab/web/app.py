"""The web application: routers, pages, errors and the guard around them.

A new subject is a file in `routes/` with `router(site)`, named in `_routers`, and a new page a script in
`static/`, named in `PAGES`. Every page is `static/shell.html` with its own title, styles and script, which
draws the bar with `shell()` of `shell.js` and fills <main>; signing in needs no bar.
"""

from __future__ import annotations

import contextlib
import string
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
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

__all__ = ["PAGES", "Page", "create_app"]

STATIC = Path(str(resources.files("vadlab.web").joinpath("static")))


@dataclass(frozen=True)
class Page:
    """What a page has of its own.

    Args:
        title: Shown before " · vadlab" until the script sets another.
        script: A module in static/.
        styles: Style sheets in static/, in order.
    """

    title: str
    script: str
    styles: tuple[str, ...] = ("style.css",)


# By address.
PAGES = {
    "/": Page("Runs", "runs.js"),
    "/view": Page("Viewer", "viewer.js", ("style.css", "viewer.css")),
    "/annotate": Page("Annotate", "annotate.js", ("style.css", "annotate.css")),
    "/compare": Page("Compare", "compare.js"),
    "/score": Page("Score", "score.js"),
    "/live": Page("Live", "live.js"),
    "/sign-in": Page("Sign in", "sign-in.js"),
    "/api": Page("API", "api-page.js"),
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
    shell = string.Template((STATIC / "shell.html").read_text(encoding="utf-8"))
    for address, page in PAGES.items():
        _add_page(app, address, _filled(shell, page))
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


def _filled(shell: string.Template, page: Page) -> str:
    styles = "\n".join(f'<link rel="stylesheet" href="/static/{name}">' for name in page.styles)
    return shell.substitute(title=page.title, styles=styles, script=page.script)


def _add_page(app: FastAPI, address: str, html: str) -> None:
    def answer() -> HTMLResponse:
        return HTMLResponse(html)

    app.add_api_route(address, answer, methods=["GET"], include_in_schema=False)
