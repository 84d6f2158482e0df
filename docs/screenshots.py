"""Make the pictures of the pages in docs/images, on generated videos, with a real browser.

python docs/screenshots.py

Needs playwright and a Chromium (in the path, or named by VADLAB_CHROMIUM).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from vadlab.cli import app
from vadlab.datasets.synth import generate

IMAGES = Path(__file__).parent / "images"
CHROMIUM = os.environ.get("VADLAB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
CATEGORIES = ("Fighting", "Fire")
SIZE = {"width": 1280, "height": 800}
MOST_BYTES = 150_000
COLOURS = 128
VIDEO = "Fire"  # the category of the video that is shown


def vadlab(*words: object) -> None:
    """A command, which must succeed."""
    if code := app([str(word) for word in words], standalone_mode=False):
        raise SystemExit(code)


@contextmanager
def serving(*words: object) -> Iterator[str]:
    """The address of a verb that serves pages."""
    command = [sys.executable, "-m", "vadlab", *map(str, words), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        yield told.split(" at ")[1].strip().removesuffix("/").removesuffix("/annotate")
        process.terminate()


def make_runs(root: Path) -> tuple[Path, str]:
    """Videos, two evaluated runs and a watch folder below `root`; the set, and a test video."""
    videos, store, runs = root / "videos", root / "store", root / "site" / "runs"
    entries = generate(videos, train=2, test=1, categories=CATEGORIES).entries()
    shown = next(e for e in entries if e.part == "test" and e.abnormal and e.category == VIDEO)
    vadlab("extract", "synth", videos, "--out", store, "--backbone", "pooled_pixels", "--streams", "rgb")
    for detector in ("linear_probe", "knn"):
        vadlab("train", "synth", videos, detector, "--features", store, "--out", runs / detector)
        vadlab("evaluate", runs / detector)
    sources = (f"yard={shown.path}", f"gate={entries[-1].path}")
    vadlab("watch", runs / "linear_probe", *sources, "--out", root / "site" / "watch", "--clips")
    return videos, shown.id


def save(page: Page, name: str, *, top: int = 0, bottom: int = SIZE["height"]) -> None:
    """The page as a PNG of few colours, from pixel row `top` to `bottom`."""
    page.wait_for_timeout(1500)  # pictures and plots come after the page
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture = picture.crop((0, top, SIZE["width"], bottom))
    picture = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    path = IMAGES / f"{name}.png"
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {MOST_BYTES}")


def take(root: Path) -> None:
    """All pictures."""
    videos, video = make_runs(root)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with serving("view", root / "site") as address:
            page = browser.new_page(base_url=address, viewport=SIZE)
            page.goto("/")
            page.wait_for_selector("tbody tr")
            save(page, "runs", bottom=310)
            page.goto(f"/view?{urlencode({'run': 'runs~linear_probe', 'video': video, 'frame': 60})}")
            page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
            save(page, "viewer")
            page.goto("/live")
            page.wait_for_selector("h1")
            save(page, "live", top=98, bottom=760)  # without the line that names a folder of this machine
        with serving("annotate", videos) as address:
            page = browser.new_page(base_url=address, viewport=SIZE, color_scheme="dark")
            page.goto("/annotate")
            page.fill("#name", "Ann")
            page.keyboard.press("Enter")
            page.wait_for_selector("canvas.frame[data-frame='0']")
            for frame, key in ((20, "b"), (60, "e")):
                page.keyboard.press("g")
                page.keyboard.type(str(frame))
                page.keyboard.press("Enter")
                page.wait_for_selector(f"canvas.frame[data-frame='{frame}']")
                page.keyboard.press(key)
            page.keyboard.press("1")
            page.wait_for_selector(".saved.good")
            save(page, "annotate")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder))
