"""The docs site builds without a warning and fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason='the docs site needs pip install "vadlab[docs]"')
pytest.importorskip("mkdocstrings", reason='the docs site needs pip install "vadlab[docs]"')

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*?(?:src|href)="?(?:https?:)?//([^"\s>]+)')


def test_the_site_builds_strictly_and_is_self_contained(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pages = {path.stem: path.read_text() for path in (tmp_path / "site").glob("*.html")}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= set(pages)
    assert {name: LOADED.findall(page) for name, page in pages.items() if LOADED.search(page)} == {}
    assert "Brightness" in pages["detector"], "examples are shown"
    assert 'id="vadlab.pipeline.Pipeline.load"' in pages["api"], "docstrings are shown"
