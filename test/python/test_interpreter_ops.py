# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every program-level op, and all of arith and math, against torch or values worked out by hand."""

import math

import pytest
import torch

from flashlight.interpreter import InterpreterError, evaluate_op, interpret, known_ops
from flashlight.mlir import ir

INF, NAN = math.inf, math.nan
TESTED: set[str] = set()


def run(text, args, types, result, symbols=None, **options):
    """Interprets one op: `text` has operands $0, $1, ... of `types`, a value of `result`."""
    names = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
    body = text
    for i in reversed(range(len(types))):
        body = body.replace(f"${i}", f"%a{i}")
    module_text = (
        f"func.func @main({names}) -> ({result}) {{\n  %r = {body}\n  return %r : {result}\n}}"
    )
    TESTED.add(text.split()[0])
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(module_text)
        return interpret(module, "main", args, symbols, **options)[0]


def same(actual, expected):
    """Bitwise equality, NaN equal to NaN."""
    assert actual.dtype == expected.dtype
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


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


# The dialect ------------------------------------------------------------------------------------


def test_contract():
    q, k = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 7, 4)
    types = ["tensor<2x3x5x4xf32>", "tensor<2x3x7x4xf32>"]
    result = "tensor<2x3x7x5xf32>"
    actual = run(
        f'flashlight.contract $0, $1 "bhmd,bhnd->bhnm" : {types[0]}, {types[1]} -> {result}',
        [q, k],
        types,
        result,
    )
    torch.testing.assert_close(actual, k @ q.mT)


def test_contract_widens_its_operands_first():
    # In f16, 2048 + 1 is 2048; and 300 * 300 overflows.
    a = torch.tensor([2048.0, 300.0], dtype=torch.float16)
    b = torch.tensor([1.0, 300.0], dtype=torch.float16)
    t = "tensor<2xf16>"
    actual = run(
        f'flashlight.contract $0, $1 "i,i->" : {t}, {t} -> tensor<f32>',
        [a, b],
        [t, t],
        "tensor<f32>",
    )
    same(actual, torch.tensor(92048.0))


def test_contract_into():
    a, b, c = torch.randn(3, 4), torch.randn(4, 5), torch.randn(3, 5)
    ta, tb, tc = "tensor<3x4xf32>", "tensor<4x5xf32>", "tensor<3x5xf32>"
    actual = run(
        f'flashlight.contract $0, $1 into $2 "mk,kn->mn" : {ta}, {tb} -> {tc}',
        [a, b, c],
        [ta, tb, tc],
        tc,
    )
    torch.testing.assert_close(actual, a @ b + c)


@pytest.mark.parametrize(
    "kind, function",
    [
        ("sum", lambda x: x.sum((0, 2))),
        ("prod", lambda x: x.prod(2).prod(0)),
        ("max", lambda x: x.amax((0, 2))),
        ("min", lambda x: x.amin((0, 2))),
    ],
)
def test_reduce(kind, function):
    x = torch.randn(2, 3, 4)
    x[1, 1, 2] = NAN
    actual = run(
        f"flashlight.reduce {kind} $0 dims [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>",
        [x],
        ["tensor<2x3x4xf32>"],
        "tensor<3xf32>",
    )
    torch.testing.assert_close(actual, function(x), equal_nan=True)
    assert actual.isnan().tolist() == [False, True, False]


def test_reduce_booleans_integers_and_nothing():
    x = torch.tensor([[True, False], [True, True], [False, False]])
    for kind, function in {"any": torch.any, "all": torch.all}.items():
        actual = run(
            f"flashlight.reduce {kind} $0 dims [1] : tensor<3x2xi1> -> tensor<3xi1>",
            [x],
            ["tensor<3x2xi1>"],
            "tensor<3xi1>",
        )
        same(actual, function(x, 1))
    big = torch.tensor([2**31 - 1, 1], dtype=torch.int32)
    wrapped = run(
        "flashlight.reduce sum $0 dims [0] : tensor<2xi32> -> tensor<i32>",
        [big],
        ["tensor<2xi32>"],
        "tensor<i32>",
    )
    same(wrapped, torch.tensor(-(2**31), dtype=torch.int32))
    t = "tensor<3x2xi1>"
    same(run(f"flashlight.reduce any $0 dims [] : {t} -> {t}", [x], [t], t), x)


def test_broadcast():
    x = torch.randn(3, 1)
    actual = run(
        "flashlight.broadcast $0 dims [1, 3] : tensor<3x1xf32> -> tensor<2x3x5x4xf32>",
        [x],
        ["tensor<3x1xf32>"],
        "tensor<2x3x5x4xf32>",
    )
    same(actual, x.reshape(1, 3, 1, 1).expand(2, 3, 5, 4))
    scalar = run(
        "flashlight.broadcast $0 dims [] : tensor<f32> -> tensor<2x3xf32>",
        [torch.tensor(2.0)],
        ["tensor<f32>"],
        "tensor<2x3xf32>",
    )
    same(scalar, torch.full((2, 3), 2.0))


def test_views():
    x = torch.arange(24.0).reshape(2, 3, 4)
    t = "tensor<2x3x4xf32>"
    same(
        run(
            f"flashlight.transpose $0 [2, 0, 1] : {t} -> tensor<4x2x3xf32>",
            [x],
            [t],
            "tensor<4x2x3xf32>",
        ),
        x.permute(2, 0, 1),
    )
    same(
        run(f"flashlight.reshape $0 : {t} -> tensor<6x4xf32>", [x], [t], "tensor<6x4xf32>"),
        x.reshape(6, 4),
    )
    same(
        run(
            f"flashlight.slice $0 offsets [0, 1, 1] strides [1, 1, 2] : {t} -> tensor<1x2x2xf32>",
            [x],
            [t],
            "tensor<1x2x2xf32>",
        ),
        x[:1, 1:, 1::2],
    )
    same(
        run(
            f"flashlight.concat $0, $1 dim 1 : ({t}, {t}) -> tensor<2x6x4xf32>",
            [x, -x],
            [t, t],
            "tensor<2x6x4xf32>",
        ),
        torch.cat([x, -x], 1),
    )


def test_gather():
    table, i = torch.randn(4, 5, 2), torch.tensor([[4, 0, 1], [2, 2, 3]])
    wide = i.reshape(1, 2, 3, 1).expand(4, 2, 3, 2)
    types, result = ["tensor<4x5x2xf32>", "tensor<4x2x3x2xi64>"], "tensor<4x2x3x2xf32>"
    at = "affine_map<(a, b, c, d)[i] -> (a, i, d)>"
    text = f"flashlight.gather $0[$1] at {at} : {types[0]}, {types[1]} -> {result}"
    same(run(text, [table, wide], types, result), table[:, i])
    with pytest.raises(InterpreterError, match="reads index -1 along dim 1, which has 5"):
        run(text, [table, wide - 1], types, result)


def test_gather_several():
    x, i, j = torch.randn(4, 5), torch.tensor([3, 0, 1]), torch.tensor([4, 4, 2])
    types = ["tensor<4x5xf32>", "tensor<3xi64>", "tensor<3xi64>"]
    text = (
        "flashlight.gather $0[$1, $2] at affine_map<(a)[i, j] -> (i, j)> : "
        f"{', '.join(types)} -> tensor<3xf32>"
    )
    same(run(text, [x, i, j], types, "tensor<3xf32>"), x[i, j])


def test_reversed_slice():
    x, t = torch.randn(3, 5), "tensor<3x5xf32>"
    text = f"flashlight.slice $0 offsets [0, 1] strides [-1, -2] : {t} -> tensor<3x2xf32>"
    same(run(text, [x], [t], "tensor<3x2xf32>"), x.flip(0, 1)[:, 1:5:2])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "kind, function",
    [
        ("sum", lambda x: x.cumsum(1)),
        ("prod", lambda x: x.cumprod(1)),
        ("max", lambda x: x.cummax(1).values),
        ("min", lambda x: x.cummin(1).values),
    ],
)
def test_scan(kind, function, reverse):
    x, t = torch.randn(3, 5), "tensor<3x5xf32>"
    text = f"flashlight.scan {kind} $0 dim 1 {'reverse' if reverse else ''} : {t}"
    expected = function(x.flip(1)).flip(1) if reverse else function(x)
    same(run(text, [x], [t], t), expected)


def test_iota_and_size():
    same(
        run("flashlight.iota : tensor<5xi32>", [], [], "tensor<5xi32>"),
        torch.arange(5, dtype=torch.int32),
    )
    t = "tensor<?xi64, #flashlight.symbols<s0>>"
    same(run(f"flashlight.iota : {t}", [], [], t, {"s0": 4}), torch.arange(4))
    same(
        run('flashlight.size "s0" : tensor<i64>', [], [], "tensor<i64>", {"s0": 9}), torch.tensor(9)
    )


def test_tensor_ops():
    same(
        run("tensor.splat $0 : tensor<2x3xf32>", [1.5], ["f32"], "tensor<2x3xf32>"),
        torch.full((2, 3), 1.5),
    )
    same(
        run(
            "tensor.from_elements $0, $1 : tensor<2xf32>",
            [1.5, 2.5],
            ["f32", "f32"],
            "tensor<2xf32>",
        ),
        torch.tensor([1.5, 2.5]),
    )
    x = torch.randn(2, 3)
    same(
        run(
            "tensor.extract $0[$1, $2] : tensor<2x3xf32>",
            [x, 1, 2],
            ["tensor<2x3xf32>", "index", "index"],
            "f32",
        ),
        x[1, 2],
    )
    same(
        run("tensor.dim $0, $1 : tensor<2x3xf32>", [x, 1], ["tensor<2x3xf32>", "index"], "index"),
        torch.tensor(3),
    )
    same(
        run(
            "tensor.cast $0 : tensor<2x3xf32> to tensor<?x3xf32>",
            [x],
            ["tensor<2x3xf32>"],
            "tensor<?x3xf32>",
        ),
        x,
    )


def test_torch_call():
    x, t = torch.randn(3, 5), "tensor<3x5xf32>"
    text = f'flashlight.torch_call "aten.sort.default" "%0" ($0) : ({t}) -> {t}'
    with pytest.raises(InterpreterError, match="aten.sort.default"):
        run(text, [x], [t], t)
    same(
        run(text, [x], [t], t, torch_call=lambda _op, operands: [operands[0].sort().values]),
        x.sort().values,
    )


# Functions, symbols, errors ---------------------------------------------------------------------


def test_calls_and_symbols_bound_by_arguments():
    s = "#flashlight.symbols<s0>"
    text = f"""
      func.func @double(%x: tensor<?xf32, {s}>) -> tensor<?xf32, {s}> {{
        %y = arith.addf %x, %x : tensor<?xf32, {s}>
        return %y : tensor<?xf32, {s}>
      }}
      func.func @main(%x: tensor<?xf32, {s}>) -> (tensor<?xf32, {s}>, tensor<i64>) {{
        %y = call @double(%x) : (tensor<?xf32, {s}>) -> tensor<?xf32, {s}>
        %n = flashlight.size "s0" : tensor<i64>
        return %y, %n : tensor<?xf32, {s}>, tensor<i64>
      }}"""
    with ir.Context(), ir.Location.unknown():
        y, n = interpret(ir.Module.parse(text), "main", [torch.ones(6)])
    same(y, torch.full((6,), 2.0))
    same(n, torch.tensor(6))


def test_arguments_of_one_symbol_must_agree():
    t = "tensor<?xf32, #flashlight.symbols<s0>>"
    with pytest.raises(InterpreterError, match=r"argument 1 of shape \[3\].*got \[4\]"):
        run(f"arith.addf $0, $1 : {t}", [torch.ones(3), torch.ones(4)], [t, t], t)


def test_wrong_dtype_is_an_error():
    t = "tensor<3xf32>"
    with pytest.raises(InterpreterError, match="expected argument 0 of torch.float32.*float16"):
        run(f"math.exp $0 : {t}", [torch.ones(3).half()], [t], t)


def test_unknown_op_names_itself_and_its_location():
    with ir.Context() as context, ir.Location.file("model.py", 12, 3):
        context.allow_unregistered_dialects = True
        op = ir.Operation.create("nowhere.op", results=[ir.F32Type.get()])
        with pytest.raises(
            InterpreterError, match=r'"model.py":12:3: \'nowhere.op\' op has no meaning'
        ) as info:
            evaluate_op(op, [])
    assert info.value.op_name == "nowhere.op"
    assert info.value.location == '"model.py":12:3'


def test_evaluate_op():
    text = """func.func @main(%x: tensor<?x2xf32, #flashlight.symbols<s0>>, %c: f32) {
      %e = math.exp %x : tensor<?x2xf32, #flashlight.symbols<s0>>
      %d = arith.mulf %c, %c : f32
      return
    }"""
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        exp, mul = list(module.body.operations[0].regions[0].blocks[0].operations)[:2]
        x = torch.randn(3, 2)
        same(evaluate_op(exp, [x], {"s0": 3})[0], x.exp())
        same(evaluate_op(mul, [1.5, 1.5])[0], torch.tensor(2.25))
        with pytest.raises(InterpreterError, match=r"operand 0 of shape \[4, 2\]"):
            evaluate_op(exp, [x], {"s0": 4})
        with pytest.raises(InterpreterError, match="expected 1 operands, got 2"):
            evaluate_op(exp, [x, x])


def test_float64_arithmetic_skips_casts():
    x = torch.tensor([1 / 3], dtype=torch.float32)
    half, single = "tensor<1xf16>", "tensor<1xf32>"
    text = f"""func.func @main(%x: {single}) -> {single} {{
      %h = arith.truncf %x : {single} to {half}
      %e = math.exp %h : {half}
      %r = arith.extf %e : {half} to {single}
      return %r : {single}
    }}"""
    with ir.Context(), ir.Location.unknown():
        (r,) = interpret(ir.Module.parse(text), "main", [x], dtype=torch.float64)
    same(r, x.double().exp())


def test_every_op_is_tested_here():
    """Runs last: what is registered for programs has a test above."""
    programs = {name for name in known_ops() if name.split(".")[0] in ("arith", "math", "tensor")}
    shared = "contract reduce broadcast iota size transpose reshape slice concat gather scan"
    programs |= {f"flashlight.{name}" for name in [*shared.split(), "torch_call"]}
    assert programs - TESTED == set()
