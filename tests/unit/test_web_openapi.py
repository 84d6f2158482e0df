"""Requests made up from the API's own description: no server error, and answers as described."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from live_examples import live_event
from running_app import running
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
pytest.importorskip("schemathesis", reason="made-up requests need pip install schemathesis")
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from vadlab.live.event_store import EventStore
from vadlab.web.app import create_app
from vadlab.web.site import Site, Upload


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_site(tmp_path_factory.mktemp("web"))
    (root / "watch").mkdir()
    store = EventStore(root / "watch" / "events.sqlite")
    store.append(live_event())
    store.close()
    shutil.copy(root.parent / "videos" / "Fire" / "a.mp4", root / "a.mp4")
    return root


@pytest.fixture(scope="module")
def api(root: Path) -> Iterator[Any]:
    site = Site(root, upload=Upload(max_bytes=10_000), playback=root.parent / "playback")
    with running(create_app(site)) as client:
        schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
        schema.config.update(base_url=str(client.base_url))
        yield schema


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_no_request_breaks_the_server(api: Any) -> None:
    n_operations = 0
    for found in api.get_all_operations():
        operation = found.ok()
        n_operations += 1

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers={"X-Vadlab": "1"})
            case.validate_response(answer, checks=CHECKS)

        ask()
    assert n_operations > 20
