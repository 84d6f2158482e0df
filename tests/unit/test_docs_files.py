"""The file map names every module, and nothing that is not there; links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_file_map_is_complete() -> None:
    tree = (ROOT / "docs" / "files.md").read_text().split("```\nsrc/vadlab/\n")[1].split("```")[0]
    named = set(re.findall(r"\b\w+\.(?:py|html)\b", tree))
    there = {p.name for p in (ROOT / "src" / "vadlab").rglob("*.py") if p.name != "__init__.py"}
    # The pages of web/static have a line in all.
    there |= {p.name for p in (ROOT / "src" / "vadlab" / "report").glob("*.html")}
    assert named == there
    folders = {
        p.name for p in (ROOT / "src" / "vadlab").iterdir() if p.is_dir() and (p / "__init__.py").exists()
    }
    assert set(re.findall(r"^  (\w+)/", tree, re.MULTILINE)) == folders


def test_links_lead_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name} links to {target}"
