# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every program-level op, but arith and math, against torch or values worked out by hand."""

import math

import pytest
import torch

from flashlight.interpreter import InterpreterError, evaluate_op, interpret, known_ops
from flashlight.mlir import ir
from interpreter_harness import TESTED, run, same

INF, NAN = math.inf, math.nan

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


@pytest.mark.parametrize("exclusive", [False, True])
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
def test_scan(kind, function, reverse, exclusive):
    x, t = torch.randn(3, 5), "tensor<3x5xf32>"
    way = " reverse" * reverse + " exclusive" * exclusive
    text = f"flashlight.scan {kind} $0 dim 1{way} : {t}"
    expected = function(x.flip(1)) if reverse else function(x)
    if exclusive:
        first = {"sum": 0.0, "prod": 1.0, "max": -torch.inf, "min": torch.inf}[kind]
        expected = torch.cat([torch.full((3, 1), first), expected[:, :-1]], 1)
    expected = expected.flip(1) if reverse else expected
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
    """Runs last: what else is registered for programs has a test above."""
    programs = {name for name in known_ops() if name.startswith("tensor.")}
    shared = "contract reduce broadcast iota size transpose reshape slice concat gather scan"
    programs |= {f"flashlight.{name}" for name in [*shared.split(), "torch_call"]}
    assert programs - TESTED == set()
