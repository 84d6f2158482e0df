"""The page's rule for events, run by Node, against `vadlab.evaluation.events`."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab.evaluation.events import Alarm
from vadlab.types import Categories

STATIC = Path(str(resources.files("vadlab.web").joinpath("static")))
RATES = (Fraction(25), Fraction(30000, 1001), Fraction(10), Fraction(5, 2))
N_CASES = 400

SCRIPT = """
const { findEvents, inFrames } = await import(process.argv[1]);
const { floats } = await import(process.argv[2]);
let text = "";
for await (const part of process.stdin) text += part;
const answers = JSON.parse(text).map(({ scores, alarm, fps, categories }) =>
  findEvents(floats(scores), inFrames(alarm, fps), categories));
console.log(JSON.stringify(answers));
"""


def case(rng: np.random.Generator) -> dict[str, Any]:
    """Scores, an alarm and categories; half of the scores stand on a few levels, so that ties are common."""
    n = int(rng.integers(1, 200))
    scores = rng.random(n).astype(np.float32)
    if rng.random() < 0.5:
        scores = rng.choice(np.float32([0.1, 0.3, 0.4, 0.5, 0.7]), n)
    if rng.random() < 0.3:
        scores = (1000 * (scores - np.float32(0.5))).astype(np.float32)
    # A threshold that is a score: equal in float32, not in float64.
    on = float(rng.choice(scores)) if rng.random() < 0.6 else float(rng.choice([0.3, 0.4, 0.5, 0.7]))
    seconds = [0.0, 0.02, 0.1, 0.2, 0.4, 0.5, 1.0]
    alarm = Alarm(
        on,
        0.8 * on if on > 0 and rng.random() < 0.5 else on,
        float(rng.choice(seconds)),
        float(rng.choice(seconds)),
    )
    categories = None
    if rng.random() < 0.6:
        starts = np.sort(rng.integers(0, n, 4))
        spans = np.stack([starts, np.minimum(n, starts + 1 + rng.integers(0, 40, 4))], axis=1)
        shares = rng.dirichlet(np.ones(3), 4).astype(np.float32)
        categories = Categories(spans, shares, ("Fire", "Fighting", "Falling"))
    return {"scores": scores, "alarm": alarm, "fps": rng.choice(len(RATES)), "categories": categories}


def to_js(given: dict[str, Any]) -> dict[str, Any]:
    import base64

    alarm, categories = given["alarm"], given["categories"]
    return {
        "scores": base64.b64encode(given["scores"].astype("<f4").tobytes()).decode(),
        "alarm": {name: getattr(alarm, name) for name in ("on", "off", "min_length_s", "merge_gap_s")},
        "fps": float(RATES[given["fps"]]),
        "categories": None
        if categories is None
        else {
            "names": categories.names,
            "spans": categories.spans.tolist(),
            "probabilities": categories.probabilities.astype(float).tolist(),
        },
    }


def test_the_page_finds_the_events_of_the_evaluation() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node to run the page's script")
    rng = np.random.default_rng(20)
    cases = [case(rng) for _ in range(N_CASES)]
    modules = [(STATIC / name).as_uri() for name in ("events.js", "data.js")]
    done = subprocess.run(
        [node, "--input-type=module", "-e", SCRIPT, *modules],
        input=json.dumps([to_js(one) for one in cases]),
        capture_output=True,
        text=True,
        check=True,
    )
    n_events = 0
    for given, found in zip(cases, json.loads(done.stdout), strict=True):
        expected = given["alarm"].events(
            given["scores"], source="v", fps=RATES[given["fps"]], categories=given["categories"]
        )
        n_events += len(expected)
        told = [(e["start"], e["stop"], e["peak"], np.float32(e["score"]), e["category"]) for e in found]
        assert told == [(e.start, e.stop, e.peak, np.float32(e.score), e.category) for e in expected], given
        assert [e["probability"] for e in found] == [pytest.approx(e.probability, abs=1e-6) for e in expected]
    assert n_events > N_CASES  # the cases are not all empty
