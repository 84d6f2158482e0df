"""One cubic sample of a picture with its derivatives, in vector instructions.

The four pixels of a row lie side by side in memory, so one vector of four holds them, and what is done to
one column is done to all four at once. LLVM does not find this by itself: left to it, the
whole linearisation took 2.6 times as long.

Source: Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29, 1981, with
a = -1/2: at whole places its slope is the central difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["BORDER", "sample"]

BORDER = 2  # pixels that a picture needs around it, for places up to its last row and column

_FLOAT = ir.FloatType()
_FOUR = ir.VectorType(_FLOAT, 4)
_LANES = ir.VectorType(ir.IntType(32), 4)
_ANYHOW = ir.Constant(_FOUR, ir.Undefined)
_FAST = ("fast",)

# The weights of the four pixels as polynomials of the fraction: the constant first. Then their slopes.
_WEIGHTS = ((0, 1, 0, 0), (-0.5, 0, 0.5, 0), (1, -2.5, 2, -0.5), (-0.5, 1.5, -1.5, 0.5))
_SLOPES = tuple(tuple(power * w for w in _WEIGHTS[power]) for power in (1, 2, 3))


@intrinsic  # type: ignore[untyped-decorator]
def sample(typing: Any, image: Any, index: Any, pitch: Any, across: Any, down: Any) -> Any:
    """Value and slopes of a picture between its pixels; to be called from compiled code.

    Args:
        typing: numba's own.
        image: Flat float32 array, C order.
        index: Where the first of the 16 pixels stands: one row above and one column left of the place.
        pitch: Distance between rows in the array.
        across, down: Fractions of a pixel, 0..1.

    Returns:
        (value, slope along x, slope along y), float32 each.
    """
    del typing, index, pitch, across, down
    signature = types.UniTuple(types.float32, 3)(
        image, types.uintp, types.uintp, types.float32, types.float32
    )
    return signature, _generate


def _generate(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
    image, index, pitch, across, down = args
    data = context.make_array(signature.args[0])(context, builder, image).data
    add, times = _binary(builder.fadd), _binary(builder.fmul)

    def polynomial(x: Any, coefficients: Sequence[Sequence[float]]) -> Any:
        total = _constant(coefficients[-1])
        for row in reversed(coefficients[:-1]):
            total = add(times(total, x), _constant(row))
        return total

    x, y = (_lane(builder, builder.insert_element(_ANYHOW, v, _number(0)), 0) for v in (across, down))
    x_weights, x_slopes = polynomial(x, _WEIGHTS), polynomial(x, _SLOPES)
    y_weights, y_slopes = polynomial(y, _WEIGHTS), polynomial(y, _SLOPES)
    value, slope = _constant((0, 0, 0, 0)), _constant((0, 0, 0, 0))
    for row in range(4):
        place = builder.bitcast(builder.gep(data, [index]), _FOUR.as_pointer())
        pixels = builder.load(place, align=4)
        value = add(value, times(pixels, _lane(builder, y_weights, row)))
        slope = add(slope, times(pixels, _lane(builder, y_slopes, row)))
        index = builder.add(index, pitch)
    products = (times(value, x_weights), times(value, x_slopes), times(slope, x_weights))
    return cgutils.pack_array(builder, [_sum(builder, product) for product in products])


def _binary(operation: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: operation(a, b, flags=_FAST)


def _constant(values: Sequence[float]) -> Any:
    return ir.Constant(_FOUR, [ir.Constant(_FLOAT, float(v)) for v in values])


def _number(value: int) -> Any:
    return ir.Constant(ir.IntType(32), value)


def _lane(builder: Any, vector: Any, lane: int) -> Any:
    """One element of a vector, in all four places."""
    return builder.shuffle_vector(vector, _ANYHOW, ir.Constant(_LANES, [lane] * 4))


def _sum(builder: Any, vector: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_FLOAT, [_FLOAT, _FOUR]), "llvm.vector.reduce.fadd.v4f32"
    )
    return builder.call(function, [ir.Constant(_FLOAT, 0.0), vector], fastmath=_FAST)
