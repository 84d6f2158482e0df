"""How the API says no: one form for every refusal, with the remedy where there is one."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from vadlab.errors import UsageError, VadlabError
from vadlab.web.jobs import BusyError
from vadlab.web.site import MissingError
from vadlab.web.uploads import TooLargeError

__all__ = ["HTML", "JPEG", "RESPONSES", "UNCHANGED", "VIDEO", "Problem", "explain_problems"]

STATUS: dict[type[VadlabError], int] = {
    MissingError: 404, UsageError: 400, TooLargeError: 413, BusyError: 503,
}  # fmt: skip
UNUSABLE = 422  # any other error that the user can mend
WORDS = {
    400: "The request makes no sense",
    401: "The token is missing or wrong",
    403: "Refused: on behalf of another site, or a change without the header X-Vadlab",
    404: "There is no such thing",
    413: "The body is too large",
    422: "The request, or a file that it needs, is not what it should be",
    503: "Too much to do at the moment",
}


class Problem(BaseModel):
    """Why a request was refused."""

    message: str
    file: str | None = None
    expected: str | None = None
    found: str | None = None
    remedy: str | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text} for status, text in WORDS.items()
}
# What addresses answer that send a file.
HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}, "description": "The page"}}
JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "The picture"}}
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The picture that was sent before"}}
_VIDEO: dict[str, dict[str, Any]] = {"video/mp4": {}, "video/webm": {}}
VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"content": _VIDEO, "description": "The whole file"},
    206: {"content": _VIDEO, "description": "The range that was asked for"},
    416: {"content": {"text/plain": {}}, "description": "There is no such range"},
}


def explain_problems(app: FastAPI) -> None:
    """Let the application answer every refusal with a `Problem`."""
    app.add_exception_handler(VadlabError, _error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _error(_: Request, error: Exception) -> JSONResponse:
    """An error that the user can mend, in its parts."""
    assert isinstance(error, VadlabError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), UNUSABLE)
    parts = (error.file, error.expected, error.found, error.remedy)
    file, expected, found, remedy = (None if part is None else str(part) for part in parts)
    return _answer(
        status,
        Problem(message=error.message, file=file, expected=expected, found=found, remedy=remedy),
    )


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """A parameter or body that does not fit the API's description; all that is wrong is named."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return _answer(UNUSABLE, Problem(message="the request does not fit the API", found="; ".join(wrong)))


def _http(_: Request, error: Exception) -> JSONResponse:
    """Unknown addresses and methods."""
    assert isinstance(error, HTTPException)
    answer = _answer(error.status_code, Problem(message=str(error.detail)))
    answer.headers.update(error.headers or {})
    return answer


def _answer(status: int, problem: Problem) -> JSONResponse:
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status)
