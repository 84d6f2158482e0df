"""The pages in a real browser: open a run, seek, move the threshold, compare, review, send a video."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))  # the helpers of the unit tests
from live_examples import live_event
from running_app import running
from web_example import evaluation_of, make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
pytest.importorskip("playwright", reason="browser tests need pip install playwright")
from playwright.sync_api import Browser, Page, expect, sync_playwright

from vadlab.evaluation.events import Alarm
from vadlab.live.event_store import EventStore
from vadlab.web import jobs
from vadlab.web.app import create_app
from vadlab.web.site import Site

expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong

CHROMIUM = os.environ.get("VADLAB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
# Answers at once what a job would find in minutes.
QUICK_JOB = """
import json, pathlib, shutil, sys
run, video, out = map(pathlib.Path, sys.argv[1:])
print(json.dumps({"share": 0.5, "text": "2 clips"}), flush=True)
shutil.copy(run / "scores" / "strict" / "Fire" / "a.safetensors", out / "timeline.safetensors")
(out / "result.json").write_text(json.dumps({"n_frames": 60, "fps": "25", "n_events": 2, "top_score": 0.9,
    "alarm": {"on": 0.5, "off": 0.4, "min_length_s": 0.4, "merge_gap_s": 1.0}}))
"""
NUMBER = """(video) => {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    let sum = 0, n = 0;
    for (let x = bit * canvas.width / 8; x < (bit + 1) * canvas.width / 8; x += 1)
      for (let y = 0; y < canvas.height; y += 1) { sum += data[4 * (y * canvas.width + x) + 1]; n += 1; }
    number |= (sum / n > 125) << bit;
  }
  return number;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here; install it, or name one in VADLAB_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("web")
    site = make_site(root)
    (site / "runs" / "first" / "state.safetensors").write_bytes(b"enough to be offered")
    watch = site / "watch"
    watch.mkdir()
    store = EventStore(watch / "events.sqlite")
    for number in range(3):
        store.append(live_event(number, "end"))
    store.close()
    source = {
        "name": "gate", "state": "live", "fps": 25, "lag_s": 1, "dropped": 0, "reconnects": 0, "events": 3,
        "last_frame_time": None, "error": None, "score": 0.4, "category": None, "open_event": None,
        "recent": [[1, 0.1], [2, 0.4]],
    }  # fmt: skip
    sinks = [
        {"name": "sqlite", "state": "ok", "n_sent": 9, "n_waiting": 0, "n_lost": 0, "last_error": None},
        {"name": "webhook", "state": "failing", "n_sent": 6, "n_waiting": 2, "n_lost": 1234,
         "last_error": "hook answered 500"},
    ]  # fmt: skip
    # Its watch stands still, but is not to be called dead while these tests run.
    status = {"state": "running", "time": time.time() + 600, "sources": [source], "sinks": sinks}
    (watch / "status.json").write_text(json.dumps(status))
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs, "command", lambda run, video, out: [sys.executable, "-c", QUICK_JOB, run, video, out])
    with running(create_app(Site(site, playback=root / "playback"))) as client:
        yield str(client.base_url)
    patch.undo()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with_errors = watched(
        browser.new_context(base_url=address, viewport={"width": 1400, "height": 900}).new_page()
    )
    yield with_errors
    assert with_errors.said == []
    with_errors.context.close()


def watched(page: Any) -> Any:
    """The page, with what its scripts complained of in `said`."""
    page.said = []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)
    return page


def open_video(page: Page, video: str, **more: str) -> None:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    page.goto(f"/view?run=runs~first&video={video}{query}")
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")


def shown_number(page: Page) -> int:
    page.wait_for_function("() => !document.querySelector('video').seeking")
    return int(page.locator("video").evaluate(NUMBER))


def test_from_the_list_of_runs_to_a_video_of_one(page: Page) -> None:
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(2)
    auc = f"{100 * evaluation_of(1).metrics['auc']:.2f}"
    row = page.locator("tbody tr", has_text="runs/first")
    expect(row).to_contain_text(auc)
    page.keyboard.press("/")
    page.keyboard.type("second")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Find a run").fill("")
    row.get_by_role("link", name="aed").click()
    expect(page.locator(".video-title")).to_have_text("Fire/a")
    expect(page.locator(".video-list button")).to_have_count(3)


@pytest.mark.parametrize("video", ["Fire/a", "Fire/b", "quiet"])
def test_the_picture_is_the_frame_that_the_page_names(page: Page, video: str) -> None:
    """A file that plays as it is, one that is encoded for it, and a folder of images."""
    open_video(page, video)
    plot = page.get_by_role("slider", name="Frame")
    for keys, frame in (
        (["Home"], 0), (["ArrowRight"], 1), (["Shift+ArrowRight"] * 3, 31), (["ArrowLeft"], 30),
        (["End"], 59), (["Shift+ArrowLeft", "ArrowLeft"], 48),
    ):  # fmt: skip
        for key in keys:
            page.keyboard.press(key)
        expect(plot).to_have_attribute("aria-valuenow", str(frame))
        assert shown_number(page) == frame
    box = plot.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 44 + (box["width"] - 56) * 20.5 / 60, box["y"] + 120)
    expect(plot).to_have_attribute("aria-valuenow", "20")
    assert shown_number(page) == 20


def test_playing_goes_on_and_stops(page: Page) -> None:
    open_video(page, "Fire/a")
    page.keyboard.press(" ")
    page.wait_for_function("() => document.querySelector('canvas').getAttribute('aria-valuenow') > 5")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    frame = int(page.get_by_role("slider", name="Frame").get_attribute("aria-valuenow") or -1)
    assert shown_number(page) == frame > 4


def test_the_threshold_finds_the_events_of_the_evaluation_at_once(page: Page) -> None:
    open_video(page, "Fire/a")
    judged = next(j for j in evaluation_of(1).videos if j.id == "Fire/a")
    number = page.get_by_label("Threshold as a number")
    for on in (0.5, 0.7, 0.2, 0.9, 0.99):
        number.fill(str(on))
        number.press("Enter")
        alarm = Alarm.at(on, scale_from_0=True)
        events = alarm.events(judged.frame_scores, source="v", fps=judged.scores.video.fps)
        spans = [f"{e.start} to {e.stop}" for e in events]
        rows = page.locator("section:has(h2:text-is('Events')) tbody tr button")
        expect(rows).to_have_count(len(spans))
        assert [row.get_attribute("title") for row in rows.all()] == [f"frames {span}" for span in spans]
    slider = page.get_by_role("slider", name="Threshold")
    page.locator("h1").click()
    page.keyboard.press("r")
    expect(number).to_have_value("0.5")
    slider.focus()
    for _ in range(100):
        page.keyboard.press("ArrowRight")
    expect(number).to_have_value("0.6")


def test_two_runs_are_compared(page: Page) -> None:
    page.goto("/")
    for folder in ("runs/first", "runs/second"):
        page.get_by_label(f"Compare {folder}").check()
    page.keyboard.press("c")
    first, second = evaluation_of(1).metrics["auc"], evaluation_of(2).metrics["auc"]
    row = page.locator("tr", has_text="AUC (frames)")
    expect(row).to_contain_text(f"{100 * first:.2f}")
    expect(row).to_contain_text(f"{100 * second:.2f}")
    expect(row).to_contain_text(f"{100 * abs(second - first):.2f}")
    page.get_by_role("link", name="Fire/b").click()
    expect(page.locator(".legend")).to_contain_text("runs/second")


def test_the_worst_errors_lead_to_their_frame(page: Page) -> None:
    open_video(page, "quiet")
    card = page.locator(".error").first
    expect(card).to_contain_text("frame")
    found = page.request.get("/api/runs/runs~first/errors").json()["false_alarms"][0]
    card.click()
    expect(page.locator(".video-title")).to_have_text(found["video"])
    expect(page.get_by_role("slider", name="Frame")).to_have_attribute("aria-valuenow", str(found["frame"]))


def test_an_event_is_reviewed_with_the_keys(page: Page) -> None:
    page.goto("/live")
    expect(page.locator(".event-list li")).to_have_count(3)
    expect(page.locator(".source")).to_contain_text("gate")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator(".message.bad")).to_contain_text("name")
    page.get_by_label("Reviewed by").fill("Ada")
    page.get_by_label("Reviewed by").blur()
    page.keyboard.press("r")
    expect(page.locator(".event-list li.current")).to_contain_text("reviewed by Ada")
    page.reload()
    expect(page.locator(".event-list li")).to_have_count(2)
    page.keyboard.press("u")
    expect(page.locator(".event-list li")).to_have_count(3)
    page.locator(".event-list li", has_text="reviewed by Ada").get_by_role("button", name="Undo").click()
    expect(page.locator(".event-list li", has_text="reviewed by")).to_have_count(0)


def test_lost_and_waiting_messages_are_shown_for_each_receiver(page: Page) -> None:
    page.goto("/live")
    receivers = page.get_by_role("region", name="Receivers")
    expect(receivers.locator("li")).to_have_count(2)
    sqlite, webhook = receivers.locator("li").all()
    expect(sqlite).to_have_text("sqliteok9 sent0 waiting0 lost")
    expect(webhook).to_have_text("webhookfailing6 sent2 waiting1,234 losthook answered 500")
    expect(webhook.get_by_text("1,234 lost")).to_have_class("small bad")
    expect(sqlite.locator(".bad")).to_have_count(0)
    expect(receivers.get_by_text("lists what webhook lost")).to_be_visible()


def test_a_video_is_sent_scored_and_looked_at(page: Page, tmp_path: Path) -> None:
    from numbered_video import write

    page.goto("/score")
    page.get_by_label("Video files").set_input_files(write(tmp_path / "gate.mp4"))
    job = page.locator(".jobs li").first
    expect(job).to_contain_text("2 events", timeout=20_000)
    job.get_by_role("link", name="gate.mp4").click()
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    page.keyboard.press("Shift+ArrowRight")
    assert shown_number(page) == 10
    (tmp_path / "text.mp4").write_text("no video")
    page.goto("/score")
    page.get_by_label("Video files").set_input_files(tmp_path / "text.mp4")
    expect(page.locator(".message.bad")).to_contain_text("text.mp4: the file is no video")
    assert [text for text in page.said if "422" not in text] == []  # type: ignore[attr-defined]
    page.said.clear()  # type: ignore[attr-defined]


def test_the_keys_are_told_and_the_theme_turns(page: Page) -> None:
    page.goto("/")
    page.locator("tbody tr").first.wait_for()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("compare the two ticked runs")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    colours = set()
    for _ in range(3):
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.keyboard.press("t")
    assert len(colours) == 2
    page.keyboard.press("3")
    expect(page).to_have_url("/live")


@pytest.mark.parametrize(
    "path", ["/", "/view?run=runs~first", "/compare?a=runs~first&b=runs~second", "/live", "/score", "/api"]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_a_phone_and_can_be_read(browser: Browser, address: str, path: str, theme: Any) -> None:
    context = browser.new_context(base_url=address, color_scheme=theme, **PHONE)
    page = watched(context.new_page())
    page.goto(path)
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    checks = (Path(__file__).parent / "page_checks.js").read_text()
    assert page.evaluate(checks) == {"unnamed": [], "pale": []}
    assert page.said == []
    context.close()
