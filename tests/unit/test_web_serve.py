"""The server as `vadlab view` starts it: address, port, token, missing packages, end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.errors import UsageError
from vadlab.web.serve import Binding, serve
from vadlab.web.site import Site

VIEW = "import typer; from vadlab.cli.view import view; typer.run(view)"
ANNOTATE = "import typer; from vadlab.cli.annotate import annotate; typer.run(annotate)"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_tells_its_address_answers_and_ends_with_ctrl_c(host: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VADLAB_TOKEN"}
    command = [sys.executable, "-c", VIEW, str(make_site(tmp_path)), "--port", "0", "--host", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://(\S+?):(\d+)/(\?token=(\S+))?", process.stdout.readline())
            assert found is not None
            assert (found[4] is None) is (host == "127.0.0.1")
            with httpx.Client(base_url=f"http://127.0.0.1:{found[2]}", trust_env=False, timeout=30) as web:
                if found[4]:
                    assert web.get("/api/runs").status_code == 401
                    web.headers["Authorization"] = f"Bearer {found[4]}"
                assert len(web.get("/api/runs").json()) == 2
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130, -signal.SIGINT)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}") as error:
            serve(Site(tmp_path), Binding(port=port))
        assert "--port 0" in (error.value.remedy or "")


@pytest.mark.parametrize(
    ("package", "command"),
    [("fastapi", VIEW), ("starlette", VIEW), ("uvicorn", VIEW), ("fastapi", ANNOTATE)],
)
def test_missing_packages_are_told_with_the_command(package: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    script = f"import sys; sys.modules[{package!r}] = None; {command}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and 'pip install "vadlab[web]"' in done.stderr


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VIEW, str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "no such folder" in done.stderr
