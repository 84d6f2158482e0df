"""The guard: who is refused, and what the answers allow a browser to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from running_app import running
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.errors import UsageError
from vadlab.web import security
from vadlab.web.access import Access, is_loopback
from vadlab.web.app import PAGES, create_app
from vadlab.web.serve import Binding, access_for, addresses
from vadlab.web.site import Site

TOKEN = "a-token-of-many-letters"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("web")
    (root / "secret.txt").write_text("secret")
    return Site(make_site(root), playback=root / "playback")


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[Any]:
    with running(create_app(site)) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(site: Site) -> Iterator[Any]:
    with running(create_app(site, access=Access(token=TOKEN))) as client:
        yield client


def raw_get(web: Any, path: str) -> tuple[int, dict[str, str], str]:
    """GET with the path exactly as given; other clients clean it up before they send it."""
    with closing(HTTPConnection("127.0.0.1", web.base_url.port)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")


def cancel(web: Any, **headers: str) -> int:
    return web.post("/api/jobs/none/cancel", headers=headers).status_code


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_and_may_load_from_this_server_only(web: Any, page: str) -> None:
    answer = web.get(page)
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer.text and "style=" not in answer.text and "http" not in answer.text
    assert f"<title>{PAGES[page].title} · vadlab</title>" in answer.text and "$" not in answer.text
    files = re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)
    assert {f"/static/{name}" for name in (PAGES[page].script, *PAGES[page].styles)} <= set(files)
    assert {web.get(file).status_code for file in files} == {200}


def test_a_report_runs_its_script_in_a_sandbox(web: Any) -> None:
    policy = web.get("/api/runs/runs~first/report").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy and "connect-src" not in policy


def test_other_names_of_this_server_are_refused(web: Any) -> None:
    port = web.base_url.port
    for host in ("localhost", "127.0.0.1", f"localhost:{port}", f"[::1]:{port}", "192.168.1.5:8470"):
        assert web.get("/api/about", headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", f"localhost.evil.example:{port}", "localhost@evil.example", "", "[", "a b"):
        assert web.get("/api/about", headers={"Host": host}).status_code in (400, 421), host


def test_changes_on_behalf_of_another_site_are_refused(web: Any) -> None:
    own = f"http://127.0.0.1:{web.base_url.port}"
    allowed = [{}, {"Sec-Fetch-Site": "same-origin", "Origin": own}, {"Sec-Fetch-Site": "none"}]
    assert [cancel(web, **headers) for headers in allowed] == [404] * 3  # past the guard: no such job
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": f"http://127.0.0.1:{web.base_url.port + 1}"},
        {"Origin": "null"},
    ):
        assert cancel(web, **headers) == 403, headers
        assert web.get("/api/runs", headers=headers).status_code == 403, headers
    assert web.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link to a page


def test_the_description_asks_for_the_header_wherever_something_changes(web: Any) -> None:
    asked, changing = set(), set()
    for path, operations in web.get("/api/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            if method != "get":
                changing.add((method, path))
            if any(one["name"] == "X-Vadlab" and one["required"] for one in operation.get("parameters", [])):
                asked.add((method, path))
    assert asked == changing and len(changing) == 8


def test_a_change_needs_the_header_that_no_form_can_send(web: Any) -> None:
    bare = {name: value for name, value in web.headers.items() if name != "x-vadlab"}
    for method, path in (
        ("POST", "/api/jobs"),
        ("DELETE", "/api/jobs/x"),
        ("PUT", "/api/watches/w/events/e/note"),
    ):
        request = web.build_request(method, path)
        del request.headers["x-vadlab"]
        assert web.send(request).status_code == 403, (method, path, bare)


def test_no_body_is_read_without_a_limit(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_BODY_BYTES", 100_000)
    long = {"by": "x" * 100_000}
    assert web.put("/api/watches/w/events/e/review", json={"by": "x" * 80}).status_code == 404
    assert web.put("/api/watches/w/events/e/review", json=long).status_code == 413
    assert web.post("/api/annotate/operations", json=long).json() == {"message": "the body is too large"}
    form = {"data": {"format": "via", "annotator": "ann"}, "files": {"file": b"x" * 200_000}}
    assert web.post("/api/annotate/start", **form).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/api/runs/..",
        "/api/runs/..%2f..",
        "/api/runs/..~..~videos",
        "/api/runs/%2e%2e/report",
        "/api/runs/runs~first/media/../../../../videos/Fire/a",
        "/api/runs/runs~first/media/%2e%2e/%2e%2e/secret.txt",
        "/api/runs/runs~first/timeline/..%2f..%2fmetrics",
        "/api/runs/runs~first/timeline/a%00b",
        "/api/runs/runs~first/thumbnail/%2fetc%2fpasswd",
        "/api/runs/runs~first/report?rules=../../secret",
        "/api/runs/runs~first?rules=..%2f",
        "/api/jobs/..%2f..%2fruns/media",
        "/api/watches/..~..",
    ],
)
def test_no_path_leads_out_of_the_root(web: Any, path: str) -> None:
    status, headers, text = raw_get(web, path)
    assert status in (400, 404, 422), (path, status, headers, text[:200])
    assert "secret" not in text.replace("../../secret", "").replace("secret.txt", "")


def test_without_the_token_nothing_is_told(guarded: Any) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Cookie": "vadlab_token=wrong"},
        {"Cookie": "a;=;"},
    ):
        assert guarded.get("/api/runs", headers=headers).status_code == 401, headers
        assert guarded.get("/api/openapi.json", headers=headers).status_code == 401
        page = guarded.get("/", headers=headers)
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
        assert guarded.post("/api/jobs/x/cancel", headers=headers).status_code == 401
    assert guarded.get("/?token=wrong").headers["location"] == "/sign-in?wrong=1"
    assert guarded.get("/api/runs?token=" + "x" * 5000).status_code == 401
    assert guarded.get("/sign-in").status_code == guarded.get("/static/style.css").status_code == 200


def test_the_token_in_a_header_or_by_the_link_s_cookie(guarded: Any) -> None:
    assert guarded.get("/api/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    link = guarded.get(f"/view?run=a&token={TOKEN}&video=b")
    assert (link.status_code, link.headers["location"]) == (303, "/view?run=a&video=b")
    cookie = link.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    guarded.cookies.clear()
    assert guarded.get("/api/runs", headers={"Cookie": cookie.split(";")[0]}).status_code == 200
    # A path that begins with two slashes would be another server's name.
    _, headers, _ = raw_get(guarded, f"//evil.example/?token={TOKEN}")
    assert headers["location"] == "/evil.example/"
    guarded.cookies.clear()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *((host, True) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")),
        *((host, False) for host in ("0.0.0.0", "::", "192.168.0.2", "gate.example")),
    ],
)
def test_a_token_is_made_where_others_can_reach_the_server(
    host: str, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VADLAB_TOKEN", raising=False)
    access = access_for(Binding(host))
    assert is_loopback(host) is here
    assert (access.token is None) is here
    address = addresses(Binding(host), 8470, access)
    assert ("?token=" in address) is not here
    if not here:
        assert len(access.token or "") >= 32
        assert access.token != access_for(Binding(host)).token


def test_a_token_of_the_user_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADLAB_TOKEN", TOKEN)
    assert access_for(Binding()).token == TOKEN
    monkeypatch.setenv("VADLAB_TOKEN", "short")
    with pytest.raises(UsageError, match="at least 16"):
        access_for(Binding())


def test_a_link_that_leads_out_is_not_followed(site: Site, tmp_path: Path) -> None:
    from vadlab.web.contained import contained
    from vadlab.web.site import MissingError

    (tmp_path / "in").mkdir()
    (tmp_path / "out.jpg").write_bytes(b"x")
    (tmp_path / "in" / "link.jpg").symlink_to(tmp_path / "out.jpg")
    for name in ("link.jpg", "../out.jpg", "/etc/passwd", "a/../../out.jpg", "a\0"):
        with pytest.raises(MissingError):
            contained(tmp_path / "in", name)
    assert contained(tmp_path / "in", "a/b.jpg") == (tmp_path / "in" / "a" / "b.jpg").resolve()
