"""The annotation page in a real browser: two people at once, exact frames, no server, a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from counting_held_back import hold_back
from numbered_video import BITS, N, write
from running_app import running

from vadlab.annotation_table import read_annotators, read_rows

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic",
         "--no-first-run", "--disable-component-update", "--disable-sync")  # fmt: skip
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

# The number that the picture on the canvas carries; see numbered_video.
READ_NUMBER = f"""canvas => {{
  const {{ width, height }} = canvas;
  const picture = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit += 1) {{
    const [from, to] = [Math.ceil(bit * width / {BITS}), Math.floor((bit + 1) * width / {BITS})];
    let sum = 0;
    for (let y = 0; y < height; y += 1) {{
      for (let x = from; x < to; x += 1) sum += picture[4 * (y * width + x) + 1];
    }}
    if (sum / height / (to - from) > 125) number |= 1 << bit;
  }}
  return number;
}}"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "videos"
    root.mkdir()
    for name in ("a.mp4", "b.mp4"):
        write(root / name, size=(160, 96), options={"g": "12", "bf": "2"})
    (root / "annotations.csv").write_text(
        "path,split,category,abnormal,events\na.mp4,train,Fire,1,\nb.mp4,test,Crash,1,\n"
    )
    return root


@pytest.fixture
def web(root: Path) -> Iterator[httpx.Client]:
    from vadlab.web.app import create_app
    from vadlab.web.site import Site

    with running(create_app(Site(root))) as client:
        yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def enter(chromium: Any, web: httpx.Client) -> Iterator[Callable[..., Any]]:
    """Open the page as somebody, in a browser of their own; any error in the page fails the test."""
    contexts, problems = [], []

    def open_page(name: str, **device: Any) -> Any:
        contexts.append(chromium.new_context(**device))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{web.base_url}/annotate")
        page.fill("#name", name)
        page.keyboard.press("Enter")
        page.wait_for_selector("canvas.frame[data-frame='0']")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def go(page: Any, frame: int) -> None:
    page.keyboard.press("g")
    page.keyboard.type(str(frame))
    page.keyboard.press("Enter")
    page.wait_for_selector(f"canvas.frame[data-frame='{frame}']")


def mark(page: Any, first: int, last: int) -> None:
    go(page, first)
    page.keyboard.press("b")
    go(page, last)
    page.keyboard.press("e")


def saved(page: Any) -> None:
    page.wait_for_selector(".saved.good")


def marks(page: Any) -> list[str]:
    return page.locator(".mark-range").all_inner_texts()


def test_every_step_shows_the_frame_of_the_number(enter: Any) -> None:
    page = enter("ann")

    def shown() -> tuple[int, int, int]:
        frame = page.locator("canvas.frame")
        number = int(frame.get_attribute("data-frame"))
        return number, int(page.input_value("[aria-label='Frame number']")), frame.evaluate(READ_NUMBER)

    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("Shift+ArrowRight", 12), ("ArrowLeft", 11),
                          ("End", N - 1), ("Shift+ArrowLeft", N - 11), ("Home", 0)):  # fmt: skip
        page.keyboard.press(key)
        page.wait_for_selector(f"canvas.frame[data-frame='{expected}']")
        assert shown() == (expected, expected, expected)
    for speed in ("0.25", "8"):
        page.select_option("[aria-label='Speed']", speed)
        page.keyboard.press("Space")
        page.wait_for_selector("canvas.frame:not([data-frame='0'])")
        page.keyboard.press("Space")
        page.wait_for_selector("[aria-label='Play (Space)']")
        page.wait_for_selector(".screen:not(.late)")
        number, told, picture = shown()
        assert number == told == picture


def test_two_people_at_once_then_a_decision_and_labels(enter: Any, root: Path) -> None:
    zoe, bob = enter("zoe"), enter("bob", color_scheme="dark")
    go(zoe, 10)
    zoe.keyboard.press("b")
    mark(bob, 14, 33)
    go(zoe, 29)
    zoe.keyboard.press("e")
    zoe.keyboard.press("2")
    bob.keyboard.press("2")
    mark(bob, 50, 54)
    for page, expected in ((zoe, ["10–29"]), (bob, ["14–33", "50–54"])):
        saved(page)
        assert marks(page) == expected
        page.keyboard.press("f")  # and on to b.mp4
        page.wait_for_selector(".stage-title:has-text('b.mp4')")
        assert marks(page) == []
        page.keyboard.press("f")
        saved(page)

    bob.click("[data-mode=review]")
    bob.click("button.video:has-text('a.mp4')")
    assert "10–29" not in bob.inner_text(".work")  # zoe's
    bob.click("dialog button.primary")
    bob.wait_for_selector(".take")
    assert "events of a minority" not in bob.inner_text(".reasons")  # with two people one is half
    takes = [" ".join(text.split()) for text in bob.locator(".take").all_inner_texts()]
    assert takes[1:] == ["bob 14–33, 50–54 Take", "zoe 10–29 Take"]
    bob.keyboard.press("a")
    bob.keyboard.press("ArrowUp")  # the last event
    bob.keyboard.press("Delete")
    bob.keyboard.press("ArrowUp")
    go(bob, 12)
    bob.keyboard.press("[")
    assert marks(bob) == ["12–33"]
    bob.keyboard.press("f")
    bob.wait_for_selector(".tag:has-text('by bob')")

    bob.click("[data-mode=mark]")
    bob.click("button.video:has-text('a.mp4')")
    bob.wait_for_selector(".notice:has-text('yours are closed')")
    assert marks(bob) == ["14–33", "50–54"]
    bob.keyboard.press("z")
    assert "closed" in bob.inner_text("#messages")

    bob.click("[data-mode=files]")
    bob.wait_for_selector(".changes")
    assert "a.mp4: events somewhere -> 12-34" in bob.inner_text(".changes")
    bob.click("button:has-text('Write the labels')")
    bob.wait_for_selector("h3:has-text('Written')")
    assert [(row.events, row.category) for row in read_rows(root / "annotations.csv")] == [
        (((12, 34),), "Fire"),
        ((), "Crash"),
    ]
    assert [one.events for one in read_annotators(root / "annotators.csv")] == [
        ((14, 34), (50, 55)),
        ((10, 30),),
        (),
        (),
    ]


def test_undo_redo_category_and_note(enter: Any) -> None:
    page = enter("ann")
    mark(page, 5, 9)
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.keyboard.type("smoke first")
    page.keyboard.press("Enter")
    saved(page)
    assert page.inner_text(".mark-name") == "Crash"
    assert page.input_value("#note") == "smoke first"
    for key, expected in (("z", ""), ("z", ""), ("z", None), ("y", ""), ("y", ""), ("y", "smoke first")):
        page.keyboard.press(key)
        saved(page)
        if expected is None:
            page.wait_for_selector(".marks-empty")
        else:
            page.wait_for_selector(".mark")
            if not page.locator("#note").count():
                page.keyboard.press("ArrowDown")
            assert page.input_value("#note") == expected
    page.keyboard.press("c")
    page.keyboard.type("Flood")
    page.keyboard.press("Enter")
    saved(page)
    page.reload()
    page.wait_for_selector(".mark-name:has-text('Flood')")


def test_an_edge_is_dragged_with_the_mouse(enter: Any) -> None:
    page = enter("ann")
    mark(page, 20, 29)
    box = page.locator("canvas.timeline").bounding_box()
    per_frame = (box["width"] - 20) / N
    edge, row = box["x"] + 10 + 30 * per_frame, box["y"] + 42
    page.mouse.move(edge - 1, row)
    page.mouse.down()
    page.mouse.move(edge + 6 * per_frame, row, steps=4)
    page.mouse.move(edge + 10 * per_frame, row, steps=4)
    page.mouse.up()
    saved(page)
    assert marks(page) == ["20–39"]
    page.wait_for_selector("canvas.frame[data-frame='39']")
    page.mouse.click(box["x"] + 10 + 25.5 * per_frame, row)
    page.wait_for_selector("canvas.frame[data-frame='25']")


def test_nothing_is_lost_while_the_server_is_away(enter: Any, web: httpx.Client) -> None:
    page = enter("ann")
    mark(page, 1, 4)
    saved(page)
    page.context.route("**/api/annotate/operations", lambda route: route.abort())
    mark(page, 10, 19)
    page.keyboard.press("2")
    page.wait_for_selector(".saved:has-text('2 changes waiting for the server')")
    assert marks(page) == ["1–4", "10–19"]
    again = page.context.new_page()
    page.close(run_before_unload=False)
    page.context.unroute("**/api/annotate/operations")
    again.goto(f"{web.base_url}/annotate")
    again.wait_for_selector(".mark-range:has-text('10–19')")
    saved(again)
    found = web.get("/api/annotate/video", params={"path": "a.mp4", "annotator": "ann"}).json()["document"]
    assert [(one["start"], one["stop"], one["category"]) for one in found["marks"]] == [
        (1, 5, None),
        (10, 20, "Fire"),
    ]


def test_one_name_in_two_windows(enter: Any) -> None:
    here, there = enter("ann"), enter("ann")
    mark(here, 1, 4)
    saved(here)
    mark(there, 10, 14)
    saved(there)
    assert marks(there) == ["1–4", "10–14"]
    here.keyboard.press("z")  # what would be undone has changed there
    here.wait_for_selector(".message:has-text('another window')")
    saved(here)
    assert marks(here) == ["1–4", "10–14"]


def test_a_long_video_is_there_before_it_proves_damaged(
    enter: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_back(monkeypatch)
    path = write(root / "a.mp4", options={"bf": "0"})
    with av.open(str(path)) as container:
        start, size = [(packet.pos, packet.size) for packet in container.demux(video=0)][55]
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    page = enter("ann")
    page.wait_for_selector("text=counting frames")
    go(page, 40)
    assert page.locator("canvas.frame").evaluate(READ_NUMBER) == 40
    go_on.set()
    page.wait_for_selector(".blank:has-text('damaged')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(enter: Any, scheme: str) -> None:
    page = enter(
        "ann", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme
    )
    for action in ("forward10", "begin", "forward", "end"):
        page.tap(f"[data-action={action}]")
    page.wait_for_selector(".mark-range:has-text('10–11')")
    page.tap(".chip:has-text('Fire')")
    page.wait_for_selector(".mark-name:has-text('Fire')")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.tap("[data-action=finish]")
    page.wait_for_selector(".stage-title:has-text('b.mp4')")
    heights = page.evaluate("[...document.querySelectorAll('.transport button')].map((b) => b.offsetHeight)")
    assert all(height == 0 or height >= 36 for height in heights)  # fingers are wide
