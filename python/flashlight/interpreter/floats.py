# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""arith and math on floats, constants, casts and select."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy
import torch

from flashlight.interpreter.errors import InterpreterError
from flashlight.interpreter.integers import as_signed, as_unsigned, wrap
from flashlight.interpreter.machine import Frame, Run, Translator, builder, pointwise
from flashlight.mlir import ir

pointwise("arith.addf")(torch.add)
pointwise("arith.subf")(torch.sub)
pointwise("arith.mulf")(torch.mul)
pointwise("arith.divf")(torch.div)
pointwise("arith.remf")(torch.fmod)
pointwise("arith.negf")(torch.neg)
pointwise("arith.maximumf")(torch.maximum)  # NaN if either is
pointwise("arith.minimumf")(torch.minimum)
pointwise("arith.maxnumf")(torch.fmax)  # NaN only if both are
pointwise("arith.minnumf")(torch.fmin)

_SAME_NAME = """
    exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan sinh cosh tanh
    asin acos atan asinh acosh atanh erf erfc floor ceil trunc isnan isinf
    isfinite copysign atan2
"""
for _name in _SAME_NAME.split():
    pointwise(f"math.{_name}")(getattr(torch, _name))
pointwise("math.absf")(torch.abs)
pointwise("math.roundeven")(torch.round)
pointwise("math.powf")(torch.pow)
pointwise("math.fpowi", "math.ipowi")(torch.pow)


@pointwise("math.cbrt")
def cbrt(x: torch.Tensor) -> torch.Tensor:
    """The real cube root, of negative numbers as well."""
    return torch.sign(x) * torch.pow(torch.abs(x), 1.0 / 3.0)


@pointwise("math.round")
def round_half_away(x: torch.Tensor) -> torch.Tensor:
    """Rounds to the nearest integer, halves away from zero."""
    whole = torch.trunc(x)
    return torch.where(torch.abs(x - whole) >= 0.5, whole + torch.sign(x), whole)


@pointwise("math.clampf")
def clampf(x: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """min(max(x, low), high)."""
    return torch.minimum(torch.maximum(x, low), high)


@pointwise("math.fma")
def fma(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """a * b + c, rounded once for the half types and f32 (an f64 product of them is exact)."""
    if a.dtype == torch.float64:
        return a * b + c
    return (a.double() * b.double() + c.double()).to(a.dtype)


# By arith's numbers: an ordered predicate is false where an operand is NaN, an unordered one true.
_ORDERED = {1: torch.eq, 2: torch.gt, 3: torch.ge, 4: torch.lt, 5: torch.le}
_UNORDERED = {8: torch.eq, 9: torch.gt, 10: torch.ge, 11: torch.lt, 12: torch.le, 13: torch.ne}


@builder("arith.cmpf")
def cmpf(op: ir.Operation, _translator: Translator) -> Run:
    """Compares; ordered predicates are false of NaN, unordered ones true."""
    predicate = ir.IntegerAttr(op.attributes["predicate"]).value

    def compare(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if predicate in _ORDERED:
            return _ORDERED[predicate](a, b)
        if predicate in (0, 15):
            return torch.full_like(a, predicate == 15, dtype=torch.bool)
        unordered = torch.isnan(a) | torch.isnan(b)
        if predicate == 14:
            return unordered
        if predicate == 7:
            return ~unordered
        if predicate == 6:
            return torch.ne(a, b) & ~unordered
        return _UNORDERED[predicate](a, b) | unordered

    return lambda _frame, a, b: (compare(a, b),)


@pointwise("arith.select")
def select(condition: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a` where the condition holds, else `b`; the condition may be a scalar."""
    return torch.where(condition, a, b)


@builder("arith.extf", "arith.truncf", "arith.sitofp")
def to_float(op: ir.Operation, translator: Translator) -> Run:
    """Rounds to the nearest; in a run that computes in f64, changes no float."""
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, a: (as_signed(a).to(dtype),)


@builder("arith.uitofp")
def uitofp(op: ir.Operation, translator: Translator) -> Run:
    """Reads the integer as unsigned."""
    dtype = translator.dtype(op.results[0].type)

    def run(_frame: Frame, a: torch.Tensor) -> tuple[torch.Tensor]:
        if a.dtype != torch.int64:
            return (as_unsigned(a).to(dtype),)
        as_floats = a.cpu().numpy().astype(numpy.uint64).astype(numpy.float64)
        return (torch.from_numpy(numpy.asarray(as_floats)).to(a.device, dtype),)

    return run


@builder("arith.fptosi")
def fptosi(op: ir.Operation, translator: Translator) -> Run:
    """Rounds towards zero."""
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, a: (wrap(a.to(torch.int64), dtype),)


@builder("arith.fptoui")
def fptoui(op: ir.Operation, translator: Translator) -> Run:
    """Rounds towards zero, to an unsigned integer."""
    dtype = translator.dtype(op.results[0].type)

    def run(_frame: Frame, a: torch.Tensor) -> tuple[torch.Tensor]:
        big = a >= 2.0**63
        low = torch.where(big, a - 2.0**63, a).to(torch.int64)
        return (wrap(torch.where(big, low ^ -(2**63), low), dtype),)

    return run


@builder("arith.bitcast", "tt.bitcast")
def bitcast(op: ir.Operation, translator: Translator) -> Run:
    """The same bits as another type, of the declared widths also in a run that computes in f64."""
    source = translator.info(op.operands[0].type).dtype
    target = translator.info(op.results[0].type).dtype
    if source is None or target is None:
        raise InterpreterError("expected numbers on both sides")
    dtype = translator.dtype(op.results[0].type)
    return lambda _frame, a: (a.to(source).contiguous().view(target).to(dtype),)


def _dense_values(value: ir.Attribute, dtype: torch.dtype) -> torch.Tensor:
    """All elements of a dense attribute, flat."""
    if dtype not in _UNKNOWN_TO_NUMPY:
        return torch.from_numpy(numpy.array(value)).reshape(-1).to(dtype)
    # The bindings give numpy no bf16 and no f8: the printed form has every bit of them.
    width = {1: torch.uint8, 2: torch.int16}[dtype.itemsize]
    text = str(value)
    packed = re.match(r'dense<"0x([0-9A-Fa-f]*)">', text)
    if packed:
        return torch.frombuffer(bytearray.fromhex(packed.group(1)), dtype=dtype)

    def element(token: str) -> torch.Tensor:
        if token.startswith("0x"):
            high = int(token, 16) - (1 << 16 if dtype.itemsize == 2 and int(token, 16) >> 15 else 0)
            return torch.tensor(high, dtype=width).view(dtype)
        return torch.tensor(float(token), dtype=torch.float64).to(dtype)

    tokens = re.findall(
        r"0x[0-9A-Fa-f]+|-?\d[\d.eE+-]*", text[: text.rindex(">", 0, text.rindex(" : "))]
    )
    return torch.stack([element(token) for token in tokens])


_UNKNOWN_TO_NUMPY = frozenset(
    {torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2}
    | {torch.float8_e4m3fnuz, torch.float8_e5m2fnuz}
)


@builder("arith.constant")
def constant(op: ir.Operation, translator: Translator) -> Run:
    """A number, a splat or a list of elements."""
    value = op.attributes["value"]
    info = translator.info(op.results[0].type)
    dtype = translator.dtype_of(info)
    if dtype is None:
        raise InterpreterError(f"has no numbers: {info.text}")
    scalar: int | float | None = None
    if isinstance(value, ir.IntegerAttr | ir.FloatAttr | ir.BoolAttr):
        scalar = value.value
    elif isinstance(value, ir.DenseElementsAttr) and value.is_splat:
        scalar = value.get_splat_value().value
    elif not isinstance(value, ir.DenseElementsAttr):
        raise InterpreterError(f"expected numbers, got {value}")

    if scalar is not None:
        if dtype == torch.bool:
            scalar = bool(scalar)
        # One element, seen at every index: constants cost nothing, and torch never writes to them.
        # What a float type rounds, it rounds here also where arithmetic is done in f64.
        one = torch.tensor(scalar, dtype=info.dtype).to(dtype)
        return lambda frame: (one.to(frame.device).expand(frame.shape(info)),)

    elements = _dense_values(value, info.dtype).to(dtype).reshape(info.shape)

    def run(frame: Frame) -> tuple[torch.Tensor]:
        result = elements.to(frame.device)
        for dim, axis in enumerate(info.axes or ()):
            start, size = frame.extents[axis]
            result = result.narrow(dim, start, size)
        return (result,)

    return run


def reduce_tensor(kind: str, x: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
    """Combines along dims; `max` and `min` propagate NaN; no dims leave the tensor as it is."""
    if not dims:
        return x
    if kind == "prod":
        for dim in sorted(dims, reverse=True):
            x = torch.prod(x, dim, dtype=x.dtype)
        return x
    if kind == "sum":
        return torch.sum(x, tuple(dims), dtype=x.dtype)
    functions: dict[str, Callable[..., torch.Tensor]] = {
        "max": torch.amax,
        "min": torch.amin,
        "any": torch.any,
        "all": torch.all,
    }
    return functions[kind](x, tuple(dims))
