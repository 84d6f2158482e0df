"""Each layout as its authors keep it, whole and malformed."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError, VadlabError
from vadlab.features.foreign import arrays
from vadlab.features.foreign.finding import find
from vadlab.features.foreign.layouts import LAYOUTS, get
from vadlab.features.foreign.names import Names
from vadlab.features.foreign.rows import Crop, Rows, parse_crop, read_rows

IDS = ("Abuse/Abuse001_x264", "Abuse/Abuse002_x264", "Normal/Normal_Videos_003_x264")
RNG = np.random.default_rng(0)


def save(path: Path, values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".txt":
        np.savetxt(path, values, fmt="%.6g")
    else:
        np.save(path, values)
    return path


def random(*shape: int) -> Any:
    return RNG.random(shape, dtype=np.float32)


def read(layout: str, source: Path, *, crop: Crop = "mean", **options: Any) -> dict[str, Rows]:
    found = find(get(layout), source, IDS)
    return {
        name: read_rows(get(layout), pieces, crop=crop, **options) for name, pieces in found.videos.items()
    }


def test_rtfm_has_crops_as_an_axis(tmp_path: Path) -> None:
    values = {name: random(7, 10, 2048) for name in ("Abuse001_x264", "Normal_Videos_003_x264")}
    for name, array in values.items():
        save(tmp_path / "UCF_ten_crop" / f"{name}_i3d.npy", array)
    save(tmp_path / "Arson009_x264_i3d.npy", random(7, 10, 2048))
    found = find(get("rtfm"), tmp_path, IDS)
    assert (list(found.videos), found.unused) == ([IDS[0], IDS[2]], ("Arson009_x264_i3d",))
    one = read("rtfm", tmp_path)[IDS[0]]
    expected = np.array([[values["Abuse001_x264"][i, :, j].mean() for j in range(2048)] for i in range(7)])
    np.testing.assert_allclose(one.values, expected, rtol=1e-5)
    assert (one.streams, one.n_crops, one.values.dtype) == ({"rgb": 2048}, 10, np.float32)
    np.testing.assert_array_equal(
        read("rtfm", tmp_path, crop=3)[IDS[2]].values, values["Normal_Videos_003_x264"][:, 3]
    )
    every = read("rtfm", tmp_path, crop="all")[IDS[0]]
    assert list(every.streams.items())[:2] == [("crop_0", 2048), ("crop_1", 2048)]
    np.testing.assert_array_equal(every.values[:, 2 * 2048 : 3 * 2048], values["Abuse001_x264"][:, 2])


@pytest.mark.parametrize(("layout", "width", "stream"), [("ur-dmu", 1024, "rgb"), ("vadclip", 512, "clip")])
def test_a_file_a_crop(layout: str, width: int, stream: str, tmp_path: Path) -> None:
    values = random(10, 6, width)
    for crop in range(10):
        save(tmp_path / "Abuse" / f"Abuse001_x264__{crop}.npy", values[crop])
    one = read(layout, tmp_path)[IDS[0]]
    np.testing.assert_allclose(one.values, values.mean(axis=0), rtol=1e-5)
    assert (one.streams, one.n_crops) == ({stream: width}, 10)
    np.testing.assert_array_equal(read(layout, tmp_path, crop=9)[IDS[0]].values, values[9])


def test_ur_dmu_flat_and_with_one_underscore(tmp_path: Path) -> None:
    flat, cropped = random(32, 1024), random(5, 1024)
    save(tmp_path / "flat" / "Abuse001_x264.npy", flat)
    np.testing.assert_array_equal(read("ur-dmu", tmp_path / "flat")[IDS[0]].values, flat)
    assert read("ur-dmu", tmp_path / "flat", crop=4)[IDS[0]].n_crops == 0
    save(tmp_path / "one" / "Abuse001_x264_0.npy", cropped)
    np.testing.assert_array_equal(read("ur-dmu", tmp_path / "one")[IDS[0]].values, cropped)


def test_sultani_text(tmp_path: Path) -> None:
    values = random(32, 4096)
    save(tmp_path / "Abuse" / "Abuse001_x264.txt", values)
    one = read("sultani", tmp_path)[IDS[0]]
    np.testing.assert_allclose(one.values, values, rtol=1e-5)
    assert (one.streams, one.n_crops, get("sultani").segments) == ({"c3d": 4096}, 0, 32)


def test_lad_streams(tmp_path: Path) -> None:
    rgb, flow = random(9, 1024), random(9, 1024)
    save(tmp_path / "i3d" / "flow" / "Abuse001_x264" / "feature.npy", flow)
    save(tmp_path / "i3d" / "rgb" / "Abuse001_x264" / "feature.npy", rgb)
    one = read("lad", tmp_path)[IDS[0]]
    assert list(one.streams.items()) == [("rgb", 1024), ("flow", 1024)]
    np.testing.assert_array_equal(one.values, np.concatenate([rgb, flow], axis=1))
    save(tmp_path / "i3d" / "combine" / "Abuse001_x264" / "feature.npy", np.zeros((4, 2048), np.float32))
    assert read("lad", tmp_path)[IDS[0]].values.shape == (4, 2048)


def test_lad_flow_a_clip_shorter(tmp_path: Path) -> None:
    save(tmp_path / "rgb" / "Abuse001_x264" / "feature.npy", random(9, 1024))
    save(tmp_path / "flow" / "Abuse001_x264" / "feature.npy", random(8, 1024))
    with pytest.raises(DataError, match=r"(?s)rgb 9, flow 8.*--align cut"):
        read("lad", tmp_path)
    one = read("lad", tmp_path, cut=True)[IDS[0]]
    assert (len(one.values), one.note) == (8, "streams cut to the shorter: rgb 9, flow 8")


def test_plain_files_and_archives(tmp_path: Path) -> None:
    values = random(6, 33)
    save(tmp_path / "npy" / "Abuse001_x264.npy", values.astype(np.float64))
    np.savez(tmp_path / "many.npz", **{IDS[0]: values, "Abuse002_x264.mp4": values[:2], "other": values})
    (tmp_path / "npz").mkdir()
    np.savez(tmp_path / "npz" / "Abuse001_x264.npz", features=values)
    for source in ("npy", "many.npz", "npz"):
        one = read("plain", tmp_path / source)[IDS[0]]
        np.testing.assert_array_equal(one.values, values)
        assert one.streams == {"features": 33}
    assert list(read("plain", tmp_path / "many.npz")) == [IDS[0], IDS[1]]


def test_plain_finds_the_axis_of_crops(tmp_path: Path) -> None:
    cube = random(7, 10, 6)
    for axes in (cube, cube.swapaxes(0, 1)):
        save(tmp_path / "Abuse001_x264.npy", axes)
        np.testing.assert_array_equal(read("plain", tmp_path, crop=2)[IDS[0]].values, cube[:, 2])
    for shape in ((5, 10, 6), (10, 10, 6), (1, 5, 6)):
        save(tmp_path / "Abuse001_x264.npy", random(*shape))
        with pytest.raises(DataError, match="not clear which axis"):
            read("plain", tmp_path)


def test_h5_needs_h5py_and_reads_nested_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "features.h5"
    file.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match="pip install h5py"):
        read("plain", file)

    class File(dict[str, Any]):  # as h5py.File behaves: a mapping, paths as keys too
        def __init__(self, path: Path, mode: str):
            assert (path, mode) == (file, "r")
            super().__init__(Abuse={"Abuse001_x264": np.ones((3, 4))})

        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __getitem__(self, key: str) -> Any:
            found: Any = dict(self)
            for part in key.split("/"):
                found = found[part]
            return found

    module = ModuleType("h5py")
    module.File = File  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "h5py", module)
    assert read("plain", file)[IDS[0]].values.tolist() == [[1.0] * 4] * 3


class Payload:
    """Would make a file if it were unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["npy", "npz", "pickle"])
def test_pickled_objects_are_refused_and_not_run(kind: str, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    objects = np.array([Payload(trace)], dtype=object)
    path = tmp_path / "in" / f"Abuse001_x264.{'npz' if kind == 'npz' else 'npy'}"
    path.parent.mkdir()
    if kind == "npz":
        np.savez(path, features=objects)
    elif kind == "npy":
        np.save(path, objects, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(DataError, match="pickled objects, which can run code and are not loaded"):
        read("plain", path.parent)
    assert not trace.exists()


def truncated(path: Path) -> None:
    save(path, random(6, 10, 2048))
    path.write_bytes(path.read_bytes()[:-100])


MALFORMED: dict[str, tuple[str, Any, str]] = {
    "cut short": ("rtfm", truncated, "cannot be read.*cut short"),
    "empty file": ("rtfm", lambda path: path.write_bytes(b""), "cannot be read"),
    "no crops": (
        "rtfm",
        lambda path: save(path, random(6, 2048)),
        r"\(clips, crops, dim\).*shape \(6, 2048\)",
    ),
    "axes swapped": (
        "rtfm",
        lambda path: save(path, random(10, 6, 2048)),
        "axes are .crops, clips, dim.*plain",
    ),
    "other width": (
        "rtfm",
        lambda path: save(path, random(6, 10, 512)),
        "2048 or 1024 columns.*or plain",
    ),
    "width of CLIP": ("vadclip", lambda path: save(path, random(6, 768)), "of 512 columns"),
    "one axis": ("plain", lambda path: save(path, random(6)), r"\(clips, dim\)"),
    "no clips": ("rtfm", lambda path: save(path, random(0, 10, 2048)), "has no clips"),
    "NaN": (
        "plain",
        lambda path: save(path, np.array([[1, 2], [np.nan, 1], [1, np.inf]])),
        "2 of 3 rows.*row 1",
    ),
    "text in it": ("plain", lambda path: save(path, np.array([["a"]])), "holds no numbers"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_arrays_say_what_was_expected(name: str, tmp_path: Path) -> None:
    layout, write, told = MALFORMED[name]
    write(tmp_path / "Abuse001_x264.npy")
    with pytest.raises(DataError, match=f"(?s){told}") as caught:
        read(layout, tmp_path)
    assert "Abuse001_x264.npy" in str(caught.value)


def test_every_malformed_line_of_a_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "Abuse001_x264.txt"
    file.write_text("1 2 3\n1 2\n\n1 two 3\n4 5 6 7\n")
    with pytest.raises(DataError, match=r"(?s)3 cells.*line 2.*3 numbers.*line 4.*two.*line 5.*found 4"):
        arrays.load(file)
    save(file, random(31, 4096))
    with pytest.raises(DataError, match=r"(?s)32 rows.*31 rows"):
        read("sultani", tmp_path)


def test_crops_that_do_not_fit_each_other(tmp_path: Path) -> None:
    for crop in (0, 1):
        save(tmp_path / f"Abuse001_x264__{crop}.npy", random(6 - crop, 512))
    with pytest.raises(DataError, match=r"(?s)different shapes.*0: 6 x 512, 1: 5 x 512"):
        read("vadclip", tmp_path)
    with pytest.raises(DataError, match=r"(?s)crops 0, 1, 2.*found: crops 0, 1"):
        read("vadclip", tmp_path, crops=[0, 1, 2])
    with pytest.raises(UsageError, match="no crop 7"):
        read("vadclip", tmp_path, crop=7)


def test_a_video_that_is_there_twice(tmp_path: Path) -> None:
    for folder in ("train", "test"):
        save(tmp_path / folder / "Abuse001_x264_i3d.npy", random(1, 10, 2048))
    with pytest.raises(DataError, match=r"(?s)there twice.*test/Abuse001.*train/Abuse001.*--list"):
        find(get("rtfm"), tmp_path, IDS)
    flat = tmp_path / "flat"
    save(flat / "Abuse001_x264.npy", random(2, 512))
    save(flat / "Abuse001_x264__0.npy", random(2, 512))
    with pytest.raises(DataError, match="there twice"):
        find(get("vadclip"), flat, IDS)


def test_a_list_chooses_files_by_the_ends_of_other_peoples_paths(tmp_path: Path) -> None:
    for folder in ("train", "test"):
        for number in (1, 2):
            save(tmp_path / folder / f"Abuse00{number}_x264__0.npy", random(1, 512))
    wanted = tmp_path / "train.csv"
    wanted.write_text(
        "path,label\n/home/me/train/Abuse001_x264__0.npy,Abuse\ntest/Abuse002_x264__0.npy,Abuse\n"
    )
    found = find(get("vadclip"), tmp_path, IDS, wanted=wanted)
    assert [pieces[0].stem for pieces in found.videos.values()] == [
        "train/Abuse001_x264__0",
        "test/Abuse002_x264__0",
    ]
    wanted.write_text("/x/Abuse009_x264__0.npy\nAbuse001_x264__0.npy\n")
    with pytest.raises(DataError, match=r"(?s)2 lines.*line 1: no file.*line 2.*test/.*train/"):
        find(get("vadclip"), tmp_path, IDS, wanted=wanted)
    wanted.write_text("Abuse/Abuse001_x264.mp4\n")  # a list of videos takes all their crops
    (tmp_path / "test" / "Abuse001_x264__0.npy").rename(tmp_path / "test" / "Abuse001_x264__1.npy")
    assert len(find(get("vadclip"), tmp_path, IDS, wanted=wanted).videos[IDS[0]]) == 2
    with pytest.raises(DataError, match="list cannot be read"):
        find(get("vadclip"), tmp_path, IDS, wanted=tmp_path / "none")


def test_names_with_dots_and_signs(tmp_path: Path) -> None:
    """XD-Violence calls its videos so."""
    name = "Bad.Boys.1995__#01-11-55_01-12-40_label_G-B2-B6"
    save(tmp_path / f"{name}__0.npy", random(1, 512))
    wanted = tmp_path / "list.csv"
    for line in (name, f"{name}.mp4", f"/x/{name}__0.npy,G"):
        wanted.write_text(line)
        assert list(find(get("vadclip"), tmp_path, (name,), wanted=wanted).videos) == [name]


def test_names_that_may_mean_two_videos(tmp_path: Path) -> None:
    save(tmp_path / "v_1.npy", random(3, 512))
    with pytest.raises(DataError, match=r"(?s)may mean several.*v_1: a/v_1 or b/v_1"):
        find(get("vadclip"), tmp_path, ("a/v_1", "b/v_1"))
    with pytest.raises(DataError, match=r"(?s)v_1: x/v \(crop 1\) or x/v_1"):
        find(get("vadclip"), tmp_path, ("x/v", "x/v_1"))
    assert list(find(get("vadclip"), tmp_path, ("v", "v_1")).videos) == ["v_1"]  # the plain name is an id
    assert find(get("vadclip"), tmp_path, ("v",)).videos["v"][0].crop == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_of_the_layout(layout: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an empty folder"):
        find(get(layout), tmp_path, IDS)
    (tmp_path / "readme.md").write_text("")
    with pytest.raises(DataError, match="other files"):
        find(get(layout), tmp_path, IDS)
    with pytest.raises(DataError, match="no such file or folder"):
        find(get(layout), tmp_path / "none", IDS)
    save(
        tmp_path / "rgb" / "abuse001_X264" / ("feature.txt" if layout == "sultani" else "feature.npy"),
        random(1, 2),
    )
    with pytest.raises(DataError, match="capitals count"):
        find(get(layout), tmp_path, IDS)


def test_unknown_words() -> None:
    with pytest.raises(UsageError, match=r"rtfm \| ur-dmu"):
        get("i3d")
    for text in ("10", "-1", "center", ""):
        with pytest.raises(VadlabError, match=r"mean \| all"):
            parse_crop(text)
    assert (parse_crop("mean"), parse_crop("all"), parse_crop("7")) == ("mean", "all", 7)


def test_folders_that_agree_may_not_contradict() -> None:
    names = Names(["Fire/v1", "Fire/v2"])
    assert names.find_all(["ten_crop/v1", "v2"]) == {"ten_crop/v1": ("Fire/v1",), "v2": ("Fire/v2",)}
    assert names.find_all(["Panic/v1", "x/Fire/v2"]) == {"Panic/v1": (), "x/Fire/v2": ("Fire/v2",)}


PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(st.sets(PATHS, min_size=1), PATHS)
def test_names_mean_the_ids_with_the_longest_common_end(ids: set[str], name: str) -> None:
    def shared(one: str) -> int:
        a, b = one.split("/")[::-1], name.split("/")[::-1]
        return next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))

    found = set(Names(ids).find(name))
    assert found == set(Names(ids).find(name + ".mp4"))
    if name in ids:
        assert found == {name}
    else:
        most = max(shared(one) for one in ids)
        assert found == {one for one in ids if most and shared(one) == most}
