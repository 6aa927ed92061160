# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every op of arith and math, against torch or values worked out by hand."""

import math

import pytest
import torch

from flashlight.interpreter import InterpreterError, known_ops
from interpreter_harness import TESTED, run, same

INF, NAN = math.inf, math.nan


# Binary ops on floats ---------------------------------------------------------------------------

A = torch.tensor([1.5, -2.0, 0.0, NAN, INF, -0.0, 3.0, -7.25])
B = torch.tensor([0.5, 3.0, -0.0, 1.0, NAN, 0.0, -2.0, 2.0])

BINARY_FLOATS = {
    "arith.addf": torch.add,
    "arith.subf": torch.sub,
    "arith.mulf": torch.mul,
    "arith.divf": torch.div,
    "arith.maximumf": torch.maximum,
    "arith.minimumf": torch.minimum,
    "arith.maxnumf": torch.fmax,
    "arith.minnumf": torch.fmin,
    "arith.remf": torch.fmod,
    "math.powf": torch.pow,
    "math.copysign": torch.copysign,
    "math.atan2": torch.atan2,
}


@pytest.mark.parametrize("name", BINARY_FLOATS)
@pytest.mark.parametrize("kind", ["f64", "f32", "f16", "bf16"])
def test_binary_floats(name, kind):
    dtype = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16}.get(
        kind, torch.bfloat16
    )
    a, b = A.to(dtype), B.to(dtype)
    t = f"tensor<8x{kind}>"
    same(run(f"{name} $0, $1 : {t}", [a, b], [t, t], t), BINARY_FLOATS[name](a, b))


def test_maximum_propagates_nan_and_maxnum_drops_it():
    t = "tensor<8xf32>"
    assert run(f"arith.maximumf $0, $1 : {t}", [A, B], [t, t], t)[3:5].isnan().all()
    same(run(f"arith.maxnumf $0, $1 : {t}", [A, B], [t, t], t)[3:5], torch.tensor([1.0, INF]))


UNARY_FLOATS = {
    "exp exp2 expm1 sqrt sin cos tan sinh cosh tanh atan asinh erf erfc floor ceil trunc": (
        torch.tensor([-2.5, -0.5, 0.0, 0.5, 1.5, 2.5, 100.0, -INF, NAN])
    ),
    "log log2 log10 log1p rsqrt acosh": torch.tensor(
        [0.0, 0.25, 1.0, 2.0, 10.0, INF, NAN, -0.5, 7.0]
    ),
    "asin acos atanh": torch.tensor([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 0.1, 0.2, NAN]),
}


@pytest.mark.parametrize(
    "name, x", [(n, x) for names, x in UNARY_FLOATS.items() for n in names.split()]
)
def test_unary_floats(name, x):
    t = "tensor<9xf32>"
    same(run(f"math.{name} $0 : {t}", [x], [t], t), getattr(torch, name)(x))


def test_signs_and_rounding():
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997])
    t = "tensor<7xf32>"
    same(run(f"math.absf $0 : {t}", [x], [t], t), x.abs())
    same(run(f"arith.negf $0 : {t}", [x], [t], t), -x)
    same(
        run(f"math.roundeven $0 : {t}", [x], [t], t),
        torch.tensor([-2.0, -2.0, -0.0, 0.0, 2.0, 2.0, 0.0]),
    )
    same(
        run(f"math.round $0 : {t}", [x], [t], t),
        torch.tensor([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 0.0]),
    )


def test_cbrt_clamp_fma_and_float_classes():
    t = "tensor<3xf32>"
    x = torch.tensor([-8.0, 0.0, 27.0])
    torch.testing.assert_close(
        run(f"math.cbrt $0 : {t}", [x], [t], t), torch.tensor([-2.0, 0.0, 3.0])
    )
    low, high = torch.full((3,), -1.0), torch.full((3,), 1.0)
    same(
        run(f"math.clampf $0 to [$1, $2] : {t}", [x, low, high], [t] * 3, t),
        torch.tensor([-1.0, 0.0, 1.0]),
    )
    # (1 + 2^-23)^2 - 1 = 2^-22 + 2^-46: the product must not be rounded before the sum.
    one = torch.full((3,), 1 + 2.0**-23)
    minus = torch.full((3,), -1.0)
    same(
        run(f"math.fma $0, $1, $2 : {t}", [one, one, minus], [t] * 3, t),
        torch.full((3,), 2.0**-22 + 2.0**-46),
    )
    y = torch.tensor([NAN, INF, 1.0])
    for name in ("isnan", "isinf", "isfinite"):
        same(run(f"math.{name} $0 : {t}", [y], [t], "tensor<3xi1>"), getattr(torch, name)(y))
    n = torch.tensor([2, 3, -1], dtype=torch.int32)
    ti = "tensor<3xi32>"
    same(
        run(f"math.fpowi $0, $1 : {t}, {ti}", [torch.tensor([2.0, -2.0, 4.0]), n], [t, ti], t),
        torch.tensor([4.0, -8.0, 0.25]),
    )
    same(
        run(
            f"math.ipowi $0, $1 : {ti}",
            [n, torch.tensor([3, 2, 5], dtype=torch.int32)],
            [ti, ti],
            ti,
        ),
        torch.tensor([8, 9, -1], dtype=torch.int32),
    )


@pytest.mark.parametrize(
    "predicate, less, equal, greater, unordered",
    [
        ("false", 0, 0, 0, 0),
        ("oeq", 0, 1, 0, 0),
        ("ogt", 0, 0, 1, 0),
        ("oge", 0, 1, 1, 0),
        ("olt", 1, 0, 0, 0),
        ("ole", 1, 1, 0, 0),
        ("one", 1, 0, 1, 0),
        ("ord", 1, 1, 1, 0),
        ("ueq", 0, 1, 0, 1),
        ("ugt", 0, 0, 1, 1),
        ("uge", 0, 1, 1, 1),
        ("ult", 1, 0, 0, 1),
        ("ule", 1, 1, 0, 1),
        ("une", 1, 0, 1, 1),
        ("uno", 0, 0, 0, 1),
        ("true", 1, 1, 1, 1),
    ],
)
def test_cmpf(predicate, less, equal, greater, unordered):
    t = "tensor<6xf32>"
    a = torch.tensor([1.0, 2.0, 3.0, NAN, 1.0, NAN])
    b = torch.tensor([2.0, 2.0, 2.0, 2.0, NAN, NAN])
    expected = torch.tensor([less, equal, greater, unordered, unordered, unordered]).bool()
    same(run(f"arith.cmpf {predicate}, $0, $1 : {t}", [a, b], [t, t], "tensor<6xi1>"), expected)


# Integers ---------------------------------------------------------------------------------------

INTEGER_TYPES = {"i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64}


def ints(kind, values):
    """Python ints, taken modulo the width, as signed torch integers."""
    width = int(kind[1:])
    wrapped = [(v + (1 << (width - 1))) % (1 << width) - (1 << (width - 1)) for v in values]
    return torch.tensor(wrapped, dtype=INTEGER_TYPES[kind])


def trunc_div(a, b):
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


SIGNED = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.divsi": trunc_div,
    "arith.remsi": lambda a, b: a - b * trunc_div(a, b),
    "arith.floordivsi": lambda a, b: a // b,
    "arith.ceildivsi": lambda a, b: -(-a // b),
    "arith.maxsi": max,
    "arith.minsi": min,
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
}
UNSIGNED = {
    "arith.divui": lambda a, b: a // b,
    "arith.remui": lambda a, b: a % b,
    "arith.ceildivui": lambda a, b: -(-a // b),
    "arith.maxui": max,
    "arith.minui": min,
}


@pytest.mark.parametrize("name", SIGNED | UNSIGNED)
@pytest.mark.parametrize("kind", INTEGER_TYPES)
def test_binary_integers(name, kind):
    width = int(kind[1:])
    left = [7, -7, 7, -7, 0, 100, -100, 127, -128, 2 ** (width - 1) - 1]
    right = [2, 2, -2, -2, 5, 7, 7, 3, 3, 2]
    a, b = ints(kind, left), ints(kind, right)
    if name in UNSIGNED:
        mask = (1 << width) - 1
        values = [UNSIGNED[name](x & mask, y & mask) for x, y in zip(a.tolist(), b.tolist())]
    else:
        values = [SIGNED[name](x, y) for x, y in zip(a.tolist(), b.tolist())]
    t = f"tensor<10x{kind}>"
    same(run(f"{name} $0, $1 : {t}", [a, b], [t, t], t), ints(kind, values))


@pytest.mark.parametrize("kind", INTEGER_TYPES)
def test_shifts(kind):
    width = int(kind[1:])
    a, b = ints(kind, [1, -8, -1, 100]), ints(kind, [3, 2, width - 1, 1])
    t = f"tensor<4x{kind}>"
    mask = (1 << width) - 1
    pairs = list(zip(a.tolist(), b.tolist()))
    left = run(f"arith.shli $0, $1 : {t}", [a, b], [t, t], t)
    same(left, ints(kind, [x << y for x, y in pairs]))
    right = run(f"arith.shrsi $0, $1 : {t}", [a, b], [t, t], t)
    same(right, ints(kind, [x >> y for x, y in pairs]))
    logical = run(f"arith.shrui $0, $1 : {t}", [a, b], [t, t], t)
    same(logical, ints(kind, [(x & mask) >> y for x, y in pairs]))


def test_bits():
    t = "tensor<4xi16>"
    x = ints("i16", [0, 1, -1, 80])
    same(run(f"math.ctlz $0 : {t}", [x], [t], t), ints("i16", [16, 15, 0, 9]))
    same(run(f"math.cttz $0 : {t}", [x], [t], t), ints("i16", [16, 0, 0, 4]))
    same(run(f"math.ctpop $0 : {t}", [x], [t], t), ints("i16", [0, 1, 16, 2]))
    same(run(f"math.absi $0 : {t}", [x], [t], t), ints("i16", [0, 1, 1, 80]))


def test_booleans_are_one_bit_integers():
    a = torch.tensor([False, False, True, True])
    b = torch.tensor([False, True, False, True])
    t = "tensor<4xi1>"
    for name, expected in {
        "arith.addi": a ^ b,
        "arith.subi": a ^ b,
        "arith.muli": a & b,
        "arith.andi": a & b,
        "arith.ori": a | b,
        "arith.xori": a ^ b,
        "arith.maxui": a | b,
        "arith.maxsi": a & b,  # true is -1
        "arith.minui": a & b,
    }.items():
        same(run(f"{name} $0, $1 : {t}", [a, b], [t, t], t), expected)
    same(run(f"arith.cmpi slt, $0, $1 : {t}", [a, b], [t, t], t), a & ~b)
    same(run(f"arith.cmpi ult, $0, $1 : {t}", [a, b], [t, t], t), ~a & b)


@pytest.mark.parametrize("kind", INTEGER_TYPES)
@pytest.mark.parametrize(
    "predicate, function",
    [
        ("eq", lambda a, b: a == b),
        ("ne", lambda a, b: a != b),
        ("lt", lambda a, b: a < b),
        ("le", lambda a, b: a <= b),
        ("gt", lambda a, b: a > b),
        ("ge", lambda a, b: a >= b),
    ],
)
def test_cmpi(kind, predicate, function):
    a, b = ints(kind, [1, -1, 5, -128, 3]), ints(kind, [2, 1, 5, 127, -3])
    t = f"tensor<5x{kind}>"
    mask = (1 << int(kind[1:])) - 1
    for sign in [""] if predicate in ("eq", "ne") else ["s", "u"]:
        keep = mask if sign == "u" else -1
        expected = [function(x & keep, y & keep) for x, y in zip(a.tolist(), b.tolist())]
        actual = run(f"arith.cmpi {sign}{predicate}, $0, $1 : {t}", [a, b], [t, t], "tensor<5xi1>")
        same(actual, torch.tensor(expected))


def test_division_by_zero_is_an_error():
    t = "tensor<2xi64>"
    with pytest.raises(InterpreterError, match="'arith.divsi' op divides an integer by zero"):
        run(f"arith.divsi $0, $1 : {t}", [ints("i64", [1, 2]), ints("i64", [1, 0])], [t, t], t)


# Casts, constants, select -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, source, target, values, expected",
    [
        ("arith.extf", "f16", "f32", [1.5, NAN], [1.5, NAN]),
        ("arith.extf", "bf16", "f32", [0.1, INF], [0.10009765625, INF]),
        ("arith.truncf", "f32", "f16", [1e6, 1 / 3], [INF, 0.333251953125]),
        ("arith.truncf", "f32", "bf16", [1 / 3, -1e30], [0.333984375, -1.0026e30]),
        ("arith.sitofp", "i32", "f32", [-3, 7], [-3.0, 7.0]),
        ("arith.sitofp", "i1", "f32", [True, False], [-1.0, 0.0]),
        ("arith.uitofp", "i8", "f32", [-1, 7], [255.0, 7.0]),
        ("arith.uitofp", "i1", "f32", [True, False], [1.0, 0.0]),
        ("arith.uitofp", "i64", "f64", [-1, 7], [2.0**64, 7.0]),
        ("arith.fptosi", "f32", "i32", [-2.9, 2.9], [-2, 2]),
        ("arith.fptoui", "f32", "i8", [200.7, 2.9], [-56, 2]),
        ("arith.fptoui", "f64", "i64", [2.0**63, 2.9], [-(2**63), 2]),
        ("arith.extsi", "i8", "i32", [-1, 5], [-1, 5]),
        ("arith.extsi", "i1", "i32", [True, False], [-1, 0]),
        ("arith.extui", "i8", "i32", [-1, 5], [255, 5]),
        ("arith.extui", "i1", "i64", [True, False], [1, 0]),
        ("arith.trunci", "i32", "i8", [300, -1], [44, -1]),
        ("arith.trunci", "i32", "i1", [3, 2], [True, False]),
        ("arith.index_cast", "i32", "index", [-3, 5], [-3, 5]),
        ("arith.index_castui", "i32", "index", [-1, 5], [2**32 - 1, 5]),
        ("arith.bitcast", "f32", "i32", [1.0, -0.0], [0x3F800000, -(2**31)]),
        ("arith.bitcast", "i16", "bf16", [0x3F80, 0], [1.0, 0.0]),
    ],
)
def test_casts(name, source, target, values, expected):
    from flashlight.interpreter.types import DTYPES

    a, b = f"tensor<2x{source}>", f"tensor<2x{target}>"
    x = torch.tensor(values, dtype=DTYPES[source])
    actual = run(f"{name} $0 : {a} to {b}", [x], [a], b)
    same(actual, torch.tensor(expected, dtype=DTYPES[target]))


@pytest.mark.parametrize(
    "value, kind, expected",
    [
        ("dense<1.5>", "f32", [1.5] * 3),
        ("dense<0xFF800000>", "f32", [-INF] * 3),
        ("dense<[1.0, 2.0, 0.1]>", "f64", [1.0, 2.0, 0.1]),
        ("dense<[1.0, 2.0, 0.5]>", "f16", [1.0, 2.0, 0.5]),
        ("dense<[1.0, 2.0, 0.5]>", "bf16", [1.0, 2.0, 0.5]),
        ("dense<-2.0>", "bf16", [-2.0] * 3),
        ("dense<[-1.0, 0x7F80, 0xFF80]>", "bf16", [-1.0, INF, -INF]),
        ("dense<[1.0, 2.0, 0.5]>", "f8E4M3FN", [1.0, 2.0, 0.5]),
        ("dense<[true, false, true]>", "i1", [True, False, True]),
        ("dense<true>", "i1", [True] * 3),
        ("dense<[1, -2, 3]>", "i8", [1, -2, 3]),
        ("dense<-5>", "i16", [-5] * 3),
        ("dense<[1, -2, 3]>", "i32", [1, -2, 3]),
        ("dense<9223372036854775807>", "i64", [2**63 - 1] * 3),
        ("dense<[4, 5, 6]>", "index", [4, 5, 6]),
    ],
)
def test_constants(value, kind, expected):
    from flashlight.interpreter.types import DTYPES

    t = f"tensor<3x{kind}>"
    actual = run(f"arith.constant {value} : {t}", [], [], t)
    same(
        actual.float() if kind.startswith("f8") else actual,
        torch.tensor(expected, dtype=torch.float32 if kind.startswith("f8") else DTYPES[kind]),
    )


def test_a_long_bf16_constant():
    values = torch.linspace(-1, 1, 200).bfloat16()
    text = "[" + ", ".join(str(v) for v in values.tolist()) + "]"
    t = "tensor<200xbf16>"
    same(run(f"arith.constant dense<{text}> : {t}", [], [], t), values)


def test_scalar_constants_and_arithmetic():
    same(run("arith.constant 2.5 : f32", [], [], "f32"), torch.tensor(2.5))
    same(run("arith.constant 7 : index", [], [], "index"), torch.tensor(7))
    same(run("arith.constant true", [], [], "i1"), torch.tensor(True))
    same(run("arith.addi $0, $1 : index", [3, 4], ["index", "index"], "index"), torch.tensor(7))
    same(run("math.exp $0 : f32", [0.5], ["f32"], "f32"), torch.exp(torch.tensor(0.5)))


def test_select():
    c, t = "tensor<3xi1>", "tensor<3xf32>"
    mask = torch.tensor([True, False, True])
    a, b = torch.tensor([1.0, NAN, 3.0]), torch.tensor([NAN, 5.0, 6.0])
    same(
        run(f"arith.select $0, $1, $2 : {c}, {t}", [mask, a, b], [c, t, t], t),
        torch.tensor([1.0, 5.0, 3.0]),
    )
    same(run(f"arith.select $0, $1, $2 : {t}", [True, a, b], ["i1", t, t], t), a)


def test_every_op_is_tested_here():
    """Runs last: what is registered of arith and math has a test above."""
    assert {name for name in known_ops() if name.startswith(("arith.", "math."))} - TESTED == set()
