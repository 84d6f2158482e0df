"""The file map names every module, and nothing that is not there; links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


TREE = (ROOT / "docs" / "files.md").read_text().split("```\nsrc/vadlab/\n")[1].split("```")[0]


def mapped() -> set[str]:
    """Paths below src/vadlab that the map names, each under the headings of its folders."""
    named, folders = set[str](), list[str]()
    for line in TREE.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        if depth == 0:
            break  # what is beside the package
        folders = folders[: depth - 1]
        first = line.split()[0]
        if first.endswith("/"):
            folders.append(first.rstrip("/"))
            continue
        for name in line.split():
            if not re.fullmatch(r"\w+\.(?:py|html)", name):
                break  # where the description begins
            named.add("/".join([*folders, name]))
    return named


def test_the_file_map_is_complete() -> None:
    package = ROOT / "src" / "vadlab"
    there = [p for p in package.rglob("*.py") if p.name != "__init__.py"]
    # The pages of web/static have a line in all.
    there += (package / "report").glob("*.html")
    assert mapped() == {str(p.relative_to(package)) for p in there}
    folders = {p.name for p in package.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert set(re.findall(r"^  (\w+)/", TREE, re.MULTILINE)) == folders


def test_links_lead_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name} links to {target}"
