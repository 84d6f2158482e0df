"""`vadlab features import` and `verify` as a user types them, on the miniature of an own folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab.features.store import Store
from vadlab.miniatures import folder
from vadlab.miniatures.drawn_video import N_FRAMES

STRIDE = 4
N_CLIPS = N_FRAMES // STRIDE


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 videos of two categories, eight of each to train on."""
    path = tmp_path_factory.mktemp("set") / "videos"
    folder.write(path)
    return path


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.mp4"))


@pytest.fixture(scope="module")
def frames(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame counts as a table, so that not every import decodes."""
    table = tmp_path_factory.mktemp("frames") / "frames.csv"
    table.write_text("\n".join(["video,n_frames,fps", *(f"{name},{N_FRAMES},25" for name in names(root))]))
    return table


@pytest.fixture(scope="module")
def rtfm(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten-crop features whose first value tells abnormal videos, so that there is something to learn."""
    source = tmp_path_factory.mktemp("rtfm")
    for seed, name in enumerate(names(root)):
        values = np.random.default_rng(seed).random((N_CLIPS, 10, 1024), dtype=np.float32)
        values[:, :, 0] += 5 * (int(name[-2:]) % 2)
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(source / f"{name}_i3d.npy", values.astype(np.float16))
    return source


@pytest.fixture
def imported(
    root: Path, frames: Path, rtfm: Path, tmp_path: Path, vadlab: Any
) -> Callable[..., tuple[Path, Any]]:
    def run(*options: object, layout: str = "rtfm", source: Path = rtfm) -> tuple[Path, Any]:
        store = tmp_path / "store"
        command = ("features", "import", layout, source, "--dataset", "folder", "--root", root)
        return store, vadlab(*command, "--frames", frames, "--out", store, "--stride", STRIDE, *options)

    return run


def test_from_import_to_evaluation_and_no_further(
    root: Path, rtfm: Path, imported: Any, tmp_path: Path, vadlab: Any
) -> None:
    store, run = imported("--crop", "3")
    assert run.code == 0, run.err
    assert "imported 24 videos" in run.out
    name = "Fire/v01"
    sample = Store.open(store).read(name)
    theirs = np.load(rtfm / f"{name}_i3d.npy")[:, 3].astype(np.float32)
    np.testing.assert_array_equal(sample.x.values, theirs)
    assert sample.spans.tolist() == [[STRIDE * i, STRIDE * i + STRIDE] for i in range(N_CLIPS)]
    manifest = json.loads((store / "manifest.json").read_text())
    facts = manifest["backbone"]["facts"]
    assert (facts["crops"], facts["crop"], facts["licence"]) == (10, 3, "not known")
    assert manifest["sources"]["videos"] == 24
    assert f"{name},{rtfm / name}_i3d.npy," in (store / "sources.csv").read_text()

    trained = tmp_path / "run"
    run = vadlab("train", "folder", root, "linear_probe", "--features", store, "--out", trained)
    assert run.code == 0, run.err
    run = vadlab("evaluate", trained, "--json")
    assert run.code == 0, run.err
    run = vadlab("score", trained, root / "Fire" / "v00.mp4", "--out", tmp_path / "scores")
    assert run.code == 2
    assert "trained on imported features (layout rtfm)" in run.err and "vadlab extract" in run.err


def test_two_streams_of_the_lad_authors_train_and_evaluate(
    root: Path, imported: Any, tmp_path: Path, vadlab: Any
) -> None:
    source = tmp_path / "i3d"
    for seed, name in enumerate(names(root)):
        for stream in ("rgb", "flow"):
            values = np.random.default_rng(seed).random((N_CLIPS, 1024), dtype=np.float32)
            (source / stream / name).mkdir(parents=True)
            np.save(source / stream / name / "feature.npy", values + int(name[-1]) % 2)
    store, run = imported(layout="lad", source=source)
    assert run.code == 0, run.err
    trained = tmp_path / "run"
    for options in ((), ("--streams", "flow")):
        command = ("train", "folder", root, "linear_probe", "--features", store, *options)
        assert vadlab(*command, "--out", trained / str(len(options))).code == 0
        run = vadlab("evaluate", trained / str(len(options)))
        assert run.code == 0, run.err
        page = (trained / str(len(options)) / "report.html").read_text()
        assert "imported, not known (lad)" in page


def test_again_does_what_is_missing_and_refuses_other_settings(imported: Any) -> None:
    store, _ = imported()
    (store / "videos" / "Fire" / "v01.safetensors").unlink()
    before = (store / "manifest.json").read_bytes()
    _, again = imported()
    assert "imported 1 video, 23 were there" in again.out
    assert (store / "manifest.json").read_bytes() == before
    for options, told in ((("--crop", "0"), "crop"), (("--stride", "8"), "clip_stride")):
        _, run = imported(*options)
        assert run.code == 1 and "made in another way" in run.err and told in run.err


def test_frame_counts_by_decoding(root: Path, rtfm: Path, tmp_path: Path, vadlab: Any) -> None:
    wanted = tmp_path / "list.txt"
    wanted.write_text("/theirs/Fire/v00_i3d.npy\n/theirs/Panic/v00_i3d.npy\n")
    run = vadlab(
        *("features", "import", "rtfm", rtfm, "--dataset", "folder", "--root", root),
        *("--list", wanted, "--out", tmp_path / "store", "--stride", STRIDE, "--json"),
    )
    found = json.loads(run.out)
    assert (run.code, found["done"]) == (0, ["Fire/v00", "Panic/v00"])
    assert len(found["without"]) == 22
    video = Store.open(tmp_path / "store").read("Fire/v00").video
    assert video.n_frames == N_FRAMES and video.size != (0, 0)


def test_videos_that_do_not_fit_are_told_and_the_others_imported(
    tmp_path: Path, imported: Any, vadlab: Any
) -> None:
    source = tmp_path / "theirs"
    source.mkdir()
    rng = np.random.default_rng(0)
    rows = {"Fire__v00": N_CLIPS, "Fire__v01": N_CLIPS - 1, "Fire__v02": N_CLIPS + 2}
    for name, n in rows.items():
        path = source / (name.replace("__", "/") + "__0.npy")
        path.parent.mkdir(exist_ok=True)
        np.save(path, rng.random((n, 512), dtype=np.float32))
    (source / "Fire" / "v03__0.npy").write_bytes(b"no array")
    store, run = imported(layout="vadclip", source=source)
    assert run.code == 1 and "imported 1 video, 3 failed" in run.out
    assert "one clip short" in run.err and "--align drop" in run.err
    assert "Fire/v03" in run.err and "cannot be read" in run.err
    # Another rule makes another store.
    for path in sorted(store.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    store, run = imported("--align", "drop,cut", "--json", layout="vadclip", source=source)
    found = json.loads(run.out)
    assert found["done"] == ["Fire/v00", "Fire/v01", "Fire/v02"] and list(found["failed"]) == ["Fire/v03"]
    assert [note.split(":")[0] for note in found["notes"]] == ["Fire/v01", "Fire/v02"]


def test_a_store_is_verified_against_what_it_came_from(imported: Any, rtfm: Path, vadlab: Any) -> None:
    store, _ = imported("--crop", "mean")
    run = vadlab("features", "verify", store, store)
    assert (run.code, run.out.strip()) == (0, "equal: 24 of 24 videos within 0.0001")
    theirs = rtfm / "Fire" / "v00_i3d.npy"
    run = vadlab("features", "verify", theirs, store, "--video", "Fire/v00")
    assert run.code == 1
    assert run.out.splitlines()[0] == "different: 0 of 1 video within 0.0001"
    assert run.out.splitlines()[1].startswith("- B is A averaged over its 10 crops (agreement ")


def test_stores_that_differ(imported: Any, tmp_path: Path, vadlab: Any) -> None:
    store, _ = imported("--crop", "0")
    arrays = {}
    for path in sorted((store / "videos").rglob("*.safetensors")):
        name = str(path.relative_to(store / "videos").with_suffix(""))
        values = Store.open(store).read(name).x.values
        arrays[name] = values / np.linalg.norm(values, axis=1, keepdims=True)
    other = arrays.pop("Panic/v03")
    np.savez(tmp_path / "theirs.npz", **arrays, **{"Panic/v99": other})
    run = vadlab("features", "verify", store, tmp_path / "theirs.npz", "--json")
    found = json.loads(run.out)
    assert run.code == 1 and not found["equal"] and len(found["videos"]) == 23
    assert "divided by its L2 norm" in found["findings"][0] and "10 of 10" in found["findings"][0]
    assert "only in A: Panic/v03" in found["findings"]
    assert "only in B: Panic/v99" in found["findings"]


def test_wrong_usage(tmp_path: Path, imported: Any, vadlab: Any) -> None:
    _, run = imported(layout="i3d")
    assert run.code == 2 and "rtfm | ur-dmu | vadclip | sultani | lad | plain" in run.err
    _, run = imported("--crop", "12")
    assert run.code == 2 and "mean | all | 0 to 9" in run.err
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    np.savez(tmp_path / "b.npz", x=np.ones((3, 4)), y=np.ones((3, 4)))
    for arguments, code, told in (
        ((tmp_path, tmp_path / "a.npy"), 1, "vadlab features import makes a store"),
        ((tmp_path / "a.npy", tmp_path / "none.npy"), 1, "no such file"),
        ((tmp_path / "a.npy", tmp_path / "b.npz"), 1, "--video ID"),
        ((tmp_path / "a.npy", tmp_path / "b.npz", "--video", "z"), 2, "no video 'z'"),
        ((tmp_path / "a.npy", tmp_path / "a.npy", "--tolerance", "-1"), 2, "0 or more"),
    ):
        run = vadlab("features", "verify", *arguments)
        assert run.code == code and told in run.err, run.err
    assert vadlab("features", "verify", tmp_path / "a.npy", tmp_path / "b.npz", "--video", "y").code == 0
