import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from vadlab.pretrained import pip_settings
from vadlab.pretrained.downloads import DownloadError, index_link

VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")  # the first one set wins


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES, "PIP_CERT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_nothing_configured_leaves_pips_own_default() -> None:
    index = pip_settings.index_url()
    assert index is not None
    scheme, host, path, *_ = urlsplit(index)
    assert scheme == "https" and "." in host and path.rstrip("/").endswith("/simple")
    assert pip_settings.certificates() is None


def test_without_pip_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    assert pip_settings.index_url() is None
    with pytest.raises(DownloadError, match="PIP_INDEX_URL"):
        index_link("some-project", "some-project-1.0.tar.gz")


def test_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in reversed(VARIABLES):
        monkeypatch.setenv(variable, f"https://{variable}.example/simple")
        assert pip_settings.index_url() == f"https://{variable}.example/simple"
    monkeypatch.setenv("PIP_CERT", "/some/ca.pem")
    assert pip_settings.certificates() == "/some/ca.pem"


def test_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://a%20b.example/simple/\ncert = ca.pem\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert pip_settings.index_url() == "https://a%20b.example/simple/"
    assert pip_settings.certificates() == "ca.pem"
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    assert pip_settings.index_url() == "https://uv.example/simple"


def test_the_users_own_file_is_read_where_pip_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_CONFIG_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".pip").mkdir()
    (tmp_path / ".pip" / "pip.conf").write_text("[global]\ncert = mine.pem\n", encoding="utf-8")
    assert pip_settings.certificates() == "mine.pem"


@pytest.mark.parametrize(
    "content", [b"no section = 1\n", b"[global]\nindex-url = \xff\n", b"[global]\nx = 1\n"]
)
def test_a_file_that_says_nothing_changes_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_bytes(content)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    index = pip_settings.index_url()
    assert index is not None and index.startswith("https://")
