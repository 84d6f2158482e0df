"""What this server shows: which pages make sense for its folder."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from vadlab import __version__
from vadlab.web.site import Site

__all__ = ["router"]


class About(BaseModel):
    """The server in one answer."""

    name: str
    version: str
    n_runs: int
    n_watches: int
    max_upload_bytes: int


def router(site: Site) -> APIRouter:
    """The address `about`."""
    routes = APIRouter(tags=["server"])

    @routes.get("/about")
    def about() -> About:
        """The root folder's name, the version, and how much there is to see."""
        return About(
            name=site.root.name,
            version=__version__,
            n_runs=len(site.runs()),
            n_watches=len(site.watches()),
            max_upload_bytes=site.upload.max_bytes,
        )

    return routes
