"""Pickles of NumPy arrays, read without trusting them.

A pickle is a program that calls what it names. Here each name it may use stands for a function of
this module, and every other name is refused. NumPy's own functions would not do: they take a data
type's layout, even one with object pointers, from the file, and then use memory as it says.
"""

from __future__ import annotations

import collections
import io
import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["loads"]


def loads(content: bytes) -> Any:
    """The arrays, numbers and text of a pickle, in dicts, lists and tuples.

    Every pickle protocol and the names of NumPy 1 and 2 are known. Arrays hold booleans, numbers or
    text. Byte strings of Python 2 are decoded as Latin-1. A hostile file may still ask for much memory.

    Raises:
        pickle.UnpicklingError: If the pickle is damaged or asks for anything else.
    """
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        # A new function each time: a pickle may set attributes of what it is given.
        return lambda *parts: stand_in(*parts)


class _Type:
    """In place of `numpy.dtype`: plain types only, so that no layout can be made up."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch(r"[<>|=]?[biufcSU]\d+", code):
            raise pickle.UnpicklingError(f"it asks for arrays of type {code}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[int, Literal["<", ">", "|", "="]]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """In place of `numpy.ndarray`: made empty, then filled once its type, shape and bytes agree."""

    def __new__(cls) -> _Array:
        return super().__new__(cls, (0,), np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, is_fortran, content = state
        values = _values(content, kind, shape)  # the order of the axes does not matter for the check
        agreed: Any = (1, values.shape, values.dtype, bool(is_fortran), values.tobytes())
        super().__setstate__(agreed)


def _values(
    content: object, kind: object, shape: Sequence[int], order: Literal["C", "F"] = "C"
) -> NDArray[Any]:
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, bytes | bytearray) or not isinstance(kind, _Type):
        raise pickle.UnpicklingError("an array is not made of a type and bytes")
    values: NDArray[Any] = np.ndarray(tuple(shape), kind.dtype, content, order=order)
    if values.nbytes != len(content):
        raise pickle.UnpicklingError(f"an array of {values.nbytes} bytes comes with {len(content)}")
    return values


def _from_buffer(
    content: object, kind: object, shape: Sequence[int], order: str, axes: Sequence[int] | None = None
) -> NDArray[Any]:
    values = _values(content, kind, shape, "F" if order == "F" else "C")
    return values if axes is None else values.transpose(axes)


# The names that NumPy writes for arrays, scalars and types, and Python for ordered dicts and bytes.
_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("__builtin__", "bytes"): lambda: b"",  # protocols up to 2 have no byte strings: this is the empty one,
    ("_codecs", "encode"): lambda text, _codec: text.encode("latin1"),  # and this any other
}
for _core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    _STAND_INS |= {
        (f"{_core}.multiarray", "_reconstruct"): lambda *_: _Array(),
        (f"{_core}.multiarray", "scalar"): lambda kind, content: _values(content, kind, ())[()],
        (f"{_core}.numeric", "_frombuffer"): _from_buffer,
    }
