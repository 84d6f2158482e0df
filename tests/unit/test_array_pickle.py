import builtins
import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vadlab import array_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
DTYPES = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    npst.byte_string_dtypes(min_len=1, max_len=5),
    npst.unicode_string_dtypes(min_len=1, max_len=5),
)


@given(
    array=npst.arrays(DTYPES, npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)),
    fortran=st.booleans(),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_arrays_come_back_as_plain_unpickling_brings_them(array: Any, fortran: bool, protocol: int) -> None:
    content = pickle.dumps(np.asfortranarray(array) if fortran and array.ndim else array, protocol)
    found, expected = array_pickle.loads(content), pickle.loads(content)
    assert (found.dtype, found.shape, found.strides) == (expected.dtype, expected.shape, expected.strides)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_containers_scalars_and_shared_arrays(protocol: int) -> None:
    array = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2)
    tree = {
        "arrays": [array, array],
        "scalars": (np.float32(0.1), np.int64(-3), np.True_),
        "plain": collections.OrderedDict(a=1, b=None, c="Ünïcode", d=b"\x00\xff", e=b""),
    }
    found = array_pickle.loads(pickle.dumps(tree, protocol))
    assert found["scalars"] == tree["scalars"] and found["plain"] == tree["plain"]
    assert [type(scalar) for scalar in found["scalars"]] == [np.float32, np.int64, np.bool_]
    np.testing.assert_array_equal(found["arrays"][0], array)
    assert found["arrays"][0] is found["arrays"][1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickles_of_numpy_1_name_its_modules_otherwise(protocol: int) -> None:
    # Two names of equal length, as newer protocols put lengths before names.
    content = pickle.dumps({"a": np.arange(3), "b": np.float64(2)}, protocol)
    for name in (b"multiarray", b"numeric"):
        new, old = b"numpy._core." + name, b"numpy.core." + name
        content = content.replace(b"c" + new + b"\n", b"c" + old + b"\n")
        content = content.replace(bytes([0x8C, len(new)]) + new, bytes([0x8C, len(old)]) + old)
    if protocol >= 4:
        content = content[:2] + unframed(content[2:])
    assert b"numpy.core" in content and b"numpy._core" not in content
    found = array_pickle.loads(content)
    assert found["a"].tolist() == [0, 1, 2] and found["b"] == 2


def unframed(content: bytes) -> bytes:
    assert content[:1] == pickle.FRAME
    return content[9:]


def test_pickles_of_python_2_hold_byte_strings() -> None:
    # What Python 2 and NumPy 1 write for {"a": numpy.array([1, 255], "u1")} at protocol 0, by hand.
    content = (
        b"(dS'a'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nt"
        b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x01\\xff'\ntbs."
    )
    assert array_pickle.loads(content)["a"].tolist() == [1, 255]


# Attacks.


class Call:
    """Calls a function when it is unpickled by `pickle.load`, then sets a state."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.parts = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.parts


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_cannot_run_anything(protocol: int, tmp_path: Path) -> None:
    content = pickle.dumps({"a": Call(os.mkdir, str(tmp_path / "made"))}, protocol)
    with pytest.raises(pickle.UnpicklingError, match=r"it asks for \w+\.mkdir"):
        array_pickle.loads(content)
    assert not (tmp_path / "made").exists()
    # The attack itself works: plain unpickling runs it.
    pickle.loads(content)
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    "function", [eval, getattr, builtins.__import__, np.load, np.fromfile, np.ndarray.tofile]
)
def test_functions_that_are_not_needed_are_refused(function: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="it asks for"):
        array_pickle.loads(pickle.dumps({"a": Call(function, "1")}))


@pytest.mark.parametrize("name", [b"builtins\ndtype", b"numpy\n_reconstruct", b"numpy\nndarray.tofile"])
def test_known_names_elsewhere_are_refused(name: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="it asks for"):
        array_pickle.loads(b"(dS'a'\nc" + name + b"\ns.")


POINTER = b"\x41" * 8  # read as an object's address, it ends the process


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}, None], dtype=object),
        np.zeros(2, dtype="f4,i4"),
        np.array(["2020-01-01"], dtype="M8[D]"),
    ],
)
def test_only_plain_types_are_read(array: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="it asks for arrays of type"):
        array_pickle.loads(pickle.dumps(array))


def test_an_array_cannot_be_made_of_addresses() -> None:
    for dtype in ("O", "|O", "O8", np.dtype("O")):
        with pytest.raises(pickle.UnpicklingError):
            array_pickle.loads(pickle.dumps(Call(np.ndarray, (1,), dtype, POINTER)))


def test_a_type_cannot_make_up_its_layout() -> None:
    # NumPy takes this: eight bytes with an object pointer inside, of which its flags say nothing.
    layout = (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)
    for code in ("V8", "f8"):
        made = Call(np.dtype, code, False, True, state=layout)
        array = Call(
            np.empty(0).__reduce__()[0], np.ndarray, (0,), b"b", state=(1, (1,), made, False, POINTER)
        )
        with pytest.raises(pickle.UnpicklingError):
            array_pickle.loads(pickle.dumps(array))


def test_only_a_type_of_ours_is_a_type() -> None:
    # BUILD with a dict sets attributes too: here of a function, which then passes for a type of pointers.
    array = b"cnumpy.core.multiarray\n_reconstruct\n(tR(I1\n(I1\nt%sI0\nS'AAAAAAAA'\ntb."
    assert array_pickle.loads(array % b"cnumpy\ndtype\n(S'i8'\ntR").tolist() == [0x4141414141414141]
    with pytest.raises(pickle.UnpicklingError, match="not made of a type"):
        array_pickle.loads(array % b"cnumpy\ndtype\n(dS'dtype'\nS'O'\nsb")


FLOAT32 = np.dtype("f4")


def state_of(*, shape: Any = (2,), dtype: Any = FLOAT32, content: Any = bytes(8)) -> bytes:
    reconstruct = np.empty(0).__reduce__()[0]
    return pickle.dumps(Call(reconstruct, np.ndarray, (0,), b"b", state=(1, shape, dtype, False, content)))


def test_type_shape_and_bytes_of_an_array_must_agree() -> None:
    assert array_pickle.loads(state_of()).tolist() == [0, 0]
    for wrong in (
        state_of(shape=(3,)),
        state_of(shape=(1,)),
        state_of(shape=(-2,)),
        state_of(shape=(2**62, 2**62)),
        state_of(shape=("2",)),
        state_of(content=[0.0, 0.0]),
        state_of(content=1 << 40),
        state_of(dtype="O"),
        state_of(dtype=collections.OrderedDict(dtype="O")),
    ):
        with pytest.raises(pickle.UnpicklingError):
            array_pickle.loads(wrong)


def test_a_pickle_cannot_change_how_the_next_is_read() -> None:
    # BUILD with a pair sets attributes: here the defaults of a function that was asked for.
    attack = b"cnumpy._core.numeric\n_frombuffer\n(N(dS'__defaults__'\n(I1\nI2\ntstb."
    array_pickle.loads(attack)
    content = pickle.dumps(np.arange(3), 5)
    assert b"_frombuffer" in content
    assert array_pickle.loads(content).tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_was_cut_off_is_refused(protocol: int) -> None:
    content = pickle.dumps({"a": np.arange(3), "b": np.float32(1)}, protocol)
    for stop in range(len(content)):
        with pytest.raises(pickle.UnpicklingError, match=r"\w"):
            array_pickle.loads(content[:stop])


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"not a pickle", b"\x80\xff.", pickle.dumps([1])[:-1]])
def test_damaged_pickles_are_refused(content: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"\w"):
        array_pickle.loads(content)
