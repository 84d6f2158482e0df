"""Who may ask the web server for what, and what its pages may do in a browser.

Every request passes the guard before any other code sees it:

- the Host header must be a name of this server (else a page elsewhere could reach it by DNS rebinding);
- with a token set, the request must carry it, as `Authorization: Bearer TOKEN` or in the cookie that the
  link `/?token=TOKEN` sets;
- a request that a browser sends on behalf of another site is refused, and one that changes anything must
  also carry the header `X-Vadlab`, which no form of another site can add;
- a body is cut off where no address takes a longer one, as the application would read it into memory.
"""

from __future__ import annotations

import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Depends, Header
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vadlab.web.access import Access

__all__ = ["CHANGES", "PAGE_POLICY", "REPORT_POLICY", "Guard"]

CHANGE_HEADER = "x-vadlab"
COOKIE = "vadlab_token"
COOKIE_SECONDS = 30 * 24 * 3600
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_BODY_BYTES = 80 * 1024**2  # an imported file of marks is the longest body
OWN_LIMIT = ("/api/jobs",)  # writes its body to a file as it comes; see `uploads.receive`
OPEN_WITHOUT_TOKEN = ("/static/", "/sign-in")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A report is one file with its own script. In the sandbox it has no origin, so it reaches no address here.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


async def _change_header(
    value: Annotated[str, Header(alias="X-Vadlab", description="Any value; see the API's description.")],
) -> None:
    del value  # the guard has looked at it


CHANGES = Depends(_change_header)
"""Among the dependencies of every address that changes something: puts the header into its description."""


class Guard:
    """The ASGI layer around the application; see the module's text."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add the security headers to the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers) or self._sign_in(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("content-security-policy", PAGE_POLICY)
                out.setdefault("cache-control", "no-cache")
            await send(message)

        taken = receive if scope["path"] in OWN_LIMIT else _cut_off(receive)
        await (answer or self.app)(scope, taken, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        path, method = scope["path"], scope["method"]
        if not self._known_host(headers.get("host", "")):
            return _no(
                421,
                "this server is not known by that name",
                "address it as localhost, or add --allow-host NAME",
            )
        # To follow a link to a page is no harm; to read the API or to change anything is.
        if _from_elsewhere(headers) and (method not in SAFE_METHODS or path.startswith("/api/")):
            return _no(403, "requests on behalf of another site are refused", "open the page of this server")
        if method not in SAFE_METHODS and CHANGE_HEADER not in headers:
            return _no(403, "a change needs the header X-Vadlab", "send it with any value, such as 1")
        if self.access.token is None or path.startswith(OPEN_WITHOUT_TOKEN) or self._has_token(headers):
            return None
        if self._token_in_link(scope):
            return None
        if path.startswith("/api/") or method not in SAFE_METHODS:
            return _no(401, "the token is missing or wrong", "send the header Authorization: Bearer TOKEN")
        wrong = "?wrong=1" if "token=" in scope["query_string"].decode("latin-1") else ""
        return RedirectResponse(f"/sign-in{wrong}", status_code=303)

    def _known_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.access.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # an address cannot be rebound

    def _has_token(self, headers: Headers) -> bool:
        given = headers.get("authorization", "")
        if given.lower().startswith("bearer ") and self._right(given[7:].strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self._right(cookie.value)

    def _right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), (self.access.token or "").encode())

    def _token_in_link(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return scope["method"] == "GET" and bool(given) and self._right(given[0])

    def _sign_in(self, scope: Scope) -> Response | None:
        """Move the token of a link into a cookie, so that it does not stay in the address bar."""
        if self.access.token is None or scope["path"].startswith("/api/") or not self._token_in_link(scope):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        rest = urlencode({name: values for name, values in query.items() if name != "token"}, doseq=True)
        # One slash only: "//elsewhere" would be another server.
        target = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
        answer = RedirectResponse(target, status_code=303)
        answer.set_cookie(
            COOKIE, self.access.token, max_age=COOKIE_SECONDS, httponly=True, samesite="lax", path="/"
        )
        return answer


def _cut_off(receive: Receive) -> Receive:
    """The request's messages up to MAX_BODY_BYTES; then a refusal in whatever reads them."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, "the body is too large")
        return message

    return limited


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another site is behind the request; other programs say nothing."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _no(status: int, message: str, remedy: str) -> Response:
    return JSONResponse({"message": message, "remedy": remedy}, status_code=status)
