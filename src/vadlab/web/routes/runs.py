"""Runs, their figures and their reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel

from vadlab.errors import StoreError
from vadlab.evaluation.places import report_file
from vadlab.web import run_files
from vadlab.web.problems import HTML
from vadlab.web.security import REPORT_POLICY
from vadlab.web.site import Site

__all__ = ["router"]


class Result(BaseModel):
    """A run's figures under one set of rules; None where one is undefined or unknown."""

    n_videos: int
    n_frames: int
    auc: float | None
    auc_interval: tuple[float, float] | None
    ap: float | None
    eer: float | None
    event_f1: float | None
    category_accuracy: float | None
    has_report: bool


class Run(BaseModel):
    """A run in the list."""

    key: str
    folder: str
    state: str
    detector: str | None
    dataset: str | None
    split: str | None
    seed: int | None
    features: str | None
    started: str | None
    minutes: float | None
    can_score: bool
    rules: dict[str, Result]
    problem: str | None = None


class Finding(BaseModel):
    """All that an evaluation found: the content of metrics.json under one set of rules."""

    key: str
    rules: str
    rules_known: list[str]
    finding: dict[str, Any]


def router(site: Site) -> APIRouter:
    """The addresses below `runs`."""
    routes = APIRouter(prefix="/runs", tags=["runs"])

    @routes.get("")
    def list_runs() -> list[Run]:
        """All runs below the root, with their main figures under each set of rules."""
        return [_run(site, key, folder) for key, folder in site.runs().items()]

    @routes.get("/{run}")
    def read_run(run: str, rules: str | None = None) -> Finding:
        """Everything that one evaluation found; `strict` where no rules are named."""
        folder = site.run(run)
        name, found = run_files.finding(folder, rules)
        return Finding(key=run, rules=name, rules_known=list(run_files.facts(folder).rules), finding=found)

    @routes.get("/{run}/report", response_class=FileResponse, responses=HTML)
    def read_report(run: str, rules: str = "strict") -> FileResponse:
        """The HTML report; it is shown in a sandbox, without access to this server."""
        file = run_files.report(site.run(run), rules)
        return FileResponse(file, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})

    return routes


def _run(site: Site, key: str, folder: Path) -> Run:
    where = site.shown(folder)
    try:
        facts = run_files.facts(folder)
        results = {name: _result(folder, name, found) for name, found in facts.rules.items()}
    except (StoreError, KeyError, TypeError, AttributeError) as error:
        return Run(
            key=key, folder=where, state="damaged", detector=None, dataset=None, split=None, seed=None,
            features=None, started=None, minutes=None, can_score=False, rules={}, problem=str(error),
        )  # fmt: skip
    return Run(
        key=key,
        folder=where,
        state=facts.state,
        detector=facts.detector,
        dataset=facts.dataset,
        split=facts.split,
        seed=facts.seed,
        features=facts.features,
        started=facts.started,
        minutes=facts.minutes,
        can_score=facts.can_score,
        rules=results,
    )


def _result(folder: Path, rules: str, found: dict[str, Any]) -> Result:
    metrics = found["metrics"]
    interval = found.get("intervals_95", {}).get("auc")
    return Result(
        n_videos=int(metrics["n_videos"]),
        n_frames=int(metrics["n_frames"]),
        auc=metrics.get("auc"),
        auc_interval=None if interval is None else (interval[0], interval[1]),
        ap=metrics.get("ap"),
        eer=metrics.get("eer"),
        event_f1=metrics.get("event_f1@0.1"),
        category_accuracy=metrics.get("accuracy_videos"),
        has_report=report_file(folder, rules).is_file(),
    )
