import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadlab import config, weights
from vadlab.backbones.i3d import I3D
from vadlab.engine import ClipModel
from vadlab.errors import UsageError, WeightsError
from vadlab.nets import i3d as net

FLOW = "i3d-flow-imagenet-kinetics"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.fixture(scope="module")
def clip() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A moving grating; flow partly beyond the bound."""
    t, y, x = np.meshgrid(np.arange(16), np.arange(224), np.arange(224), indexing="ij")
    waves = [np.sin((x + 3 * t) / (5 + c)) * np.cos((y - t) / (7 - c)) for c in range(3)]
    rgb = np.round(127.5 + 127.5 * np.stack(waves, axis=-1)).astype(np.uint8)
    flow = np.stack([30 * waves[0], 5 * waves[1] + 0.3], axis=-1).astype(np.float32)
    return rgb[None], flow[None]


def reference(in_channels: int, x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Features of the plain network, not folded, in fp32, of an input (t, h, w, c)."""
    torch.manual_seed(0)
    network = net.I3D(in_channels).eval()
    with torch.inference_mode():
        return network.features(torch.from_numpy(x.transpose(3, 0, 1, 2)[None]).float()).numpy()


def test_features_are_the_networks_on_scaled_input(
    clip: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    rgb, flow = clip
    found = I3D(rgb_weights="random", flow_weights="random", precision="fp32").embed(rgb, flow)
    levels = np.minimum(np.maximum(flow[0].astype(np.float64), -20), 20) / 20
    expected = np.concatenate([reference(3, rgb[0] / 127.5 - 1), reference(2, levels)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4 * np.abs(expected).max())


def test_raw_pixels_are_the_authors_input(clip: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    rgb, flow = clip
    backbone = I3D(raw_pixels=True)
    np.testing.assert_array_equal(backbone._scaled_rgb(torch.from_numpy(rgb)).numpy(), rgb)
    # denseflow's rule: below the bound 0, above it 255, else round(255 (v + b) / 2b).
    levels = np.where(flow > 20, 255, np.where(flow < -20, 0, np.rint(255 * (flow + 20.0) / 40)))
    found = backbone._scaled_flow(torch.from_numpy(flow)).numpy()
    assert np.abs(found - levels).max() <= 1  # a value at half a level may round either way
    assert (found != levels).mean() < 1e-4
    assert found.min() == 0 and found.max() == 255


def test_bf16_is_near_fp32(clip: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    rows = [
        I3D(streams=("rgb",), rgb_weights="random", precision=precision).embed(clip[0])[0]
        for precision in ("fp32", "bf16")
    ]
    cosine = rows[0] @ rows[1] / np.linalg.norm(rows[0]) / np.linalg.norm(rows[1])
    assert 0.998 < cosine < 0.9999999  # equal rows would mean that nothing was in bf16


def test_inflated_flow_answers_equal_channels_as_rgb_does() -> None:
    """Grey frames, and flow whose two components both equal that grey, must give the same features."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (16, 14, 14), dtype=np.uint8)
    grey = coarse.repeat(16, axis=1).repeat(16, axis=2)[None, ..., None]
    flow = np.repeat(20 * (grey / 127.5 - 1), 2, axis=-1).astype(np.float32)
    backbone = I3D(rgb_weights="random", flow_weights="rgb-inflated", precision="fp32")
    found = backbone.embed(np.repeat(grey, 3, axis=-1), flow)
    np.testing.assert_allclose(found[:, 1024:], found[:, :1024], atol=1e-4 * np.abs(found).max())
    assert backbone.facts()["weights"]["flow"] == {
        "name": "rgb-inflated",
        "from": {"name": "random", "seed": 0},
    }


def test_the_authors_flow_holds_x_in_both_channels(
    clip: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    rgb, flow = clip
    x_twice = np.repeat(flow[..., :1], 2, axis=-1)
    settings = {"streams": ("flow",), "rgb_weights": "random", "flow_weights": "random", "precision": "fp32"}
    theirs = I3D(**settings, flow_x_twice=True)
    np.testing.assert_array_equal(theirs.embed(rgb, flow), I3D(**settings).embed(rgb, x_twice))
    assert not np.allclose(I3D(**settings).embed(rgb, flow), I3D(**settings).embed(rgb, x_twice))
    assert "both channels" in theirs.facts()["preprocessing"]["flow"]


def test_missing_weights_are_an_error_never_random() -> None:
    backbone = I3D(streams=("rgb",), engine="eager")
    for ask in (backbone.facts, lambda: backbone.embed(np.zeros((1, 16, 224, 224, 3), np.uint8))):
        with pytest.raises(WeightsError, match="vadlab weights fetch i3d-rgb-kinetics"):
            ask()


def test_auto_takes_the_flow_weights_where_they_are(cache: Path) -> None:
    (cache / "i3d-rgb-kinetics.safetensors").write_bytes(b"rgb")
    rgb_hash = hashlib.sha256(b"rgb").hexdigest()
    rgb = {"name": "i3d-rgb-kinetics", "sha256": rgb_hash}
    flow = {"name": "rgb-inflated", "from": rgb}
    assert I3D(engine="eager").facts()["weights"] == {"rgb": rgb, "flow": flow}
    (cache / f"{FLOW}.safetensors").write_bytes(b"")
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of no bytes
    assert I3D(engine="eager").facts()["weights"]["flow"] == {"name": FLOW, "sha256": nothing}
    inflated = I3D(flow_weights="rgb-inflated", engine="eager").facts()["weights"]["flow"]
    assert inflated["name"] == "rgb-inflated", "a name that is given outright wins"


def test_weights_of_the_other_stream_are_refused(tmp_path: Path) -> None:
    state = {k: v.numpy() for k, v in net.I3D(3, 1).state_dict().items() if v.ndim}
    file = tmp_path / "mine.pt"
    torch.save({k: torch.from_numpy(v) for k, v in state.items()}, file)
    weights.import_file(file, "mine")
    with pytest.raises(UsageError, match="other stream"):
        I3D(streams=("flow",), flow_weights="mine").embed(
            np.zeros((1, 16, 224, 224, 3), np.uint8), np.zeros((1, 16, 224, 224, 2), np.float32)
        )


def test_facts_tell_apart_what_gives_other_features() -> None:
    settings: list[dict[str, object]] = [
        {},
        {"raw_pixels": True},
        {"precision": "bf16"},
        {"streams": ("rgb",)},
        {"seed": 1},
        {"flow_weights": "rgb-inflated"},
    ]
    common = {"rgb_weights": "random", "flow_weights": "random", "precision": "fp32"}
    facts = [I3D(**{**common, **setting}).facts() for setting in settings]  # type: ignore[arg-type]
    assert all(a != b for i, a in enumerate(facts) for b in facts[:i])
    auto = I3D(rgb_weights="random", flow_weights="random").facts()
    assert auto["precision"] in ("fp32", "bf16"), "the precision really used, not the wish"


def test_random_weights_follow_the_seed_and_leave_the_global_one_alone() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (1, 16, 224, 224, 3), dtype=np.uint8)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    rows = [I3D(streams=("rgb",), rgb_weights="random", seed=seed).embed(clip) for seed in (0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert not np.allclose(rows[0], rows[1])


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="precision"):
        I3D(precision="fp64")
    with pytest.raises(UsageError, match="streams"):
        I3D(streams=("rgb", "rgb"))
    with pytest.raises(UsageError, match="no engine 'steam'"):
        I3D(engine="steam")
    with pytest.raises(UsageError, match="workers"):
        I3D(workers=0)
    with pytest.raises(UsageError, match="eager does not calculate in bf16"):
        I3D(rgb_weights="random", flow_weights="random", engine="eager", precision="bf16").facts()
    for device in ("abacus", "cuda"):
        if device == "cuda" and torch.cuda.is_available():
            continue
        with pytest.raises(UsageError, match=r"device|GPU"):
            I3D(device=device, rgb_weights="random", flow_weights="random").facts()


def test_random_weights_are_run_without_a_measurement(cache: Path) -> None:
    for settings in (
        {"rgb_weights": "random", "flow_weights": "random"},
        {"rgb_weights": "random", "flow_weights": "rgb-inflated", "streams": ("flow",)},
    ):
        facts = I3D(**settings).facts()  # type: ignore[arg-type]
        assert facts["engine"] == "torch_tuned" and facts["precision"] in ("fp32", "bf16")
    assert not (cache.parent / "engines").exists()


def test_the_engine_is_a_setting_and_a_fact(clip: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    eager = I3D(streams=("rgb",), rgb_weights="random", engine="eager", workers=3)
    assert eager.settings()["engine"] == eager.facts()["engine"] == "eager"
    assert eager.facts()["precision"] == "fp32" and eager.versions() == {"torch": torch.__version__}
    assert (
        "workers" not in eager.settings() and eager.facts() == dataclasses.replace(eager, workers=1).facts()
    )
    expected = reference(3, clip[0][0] / 127.5 - 1)
    np.testing.assert_allclose(eager.embed(clip[0]), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_fastest_engine_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two streams, one choice for both, asked for by several threads at once."""
    asked: list[int] = []

    def choose(models: list[ClipModel], **wanted: object) -> tuple[str, str]:
        asked.append(len({model.key for model in models}))
        assert wanted["engine"] == wanted["precision"] == "auto"
        return "eager", "fp32"

    monkeypatch.setattr("vadlab.engine_choice.choose", choose)
    monkeypatch.setattr("vadlab.weights.digest", lambda name: "00")
    backbone = I3D()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: backbone.settings(), range(8)))
    assert asked == [2] and all(s["engine"] == "eager" for s in found)


def test_settings_of_before_there_were_engines_still_build() -> None:
    old = {"streams": ["rgb"], "rgb_weights": "random", "precision": "fp32", "seed": 0}
    assert config.build(I3D, old).settings()["engine"] == "torch_tuned"
