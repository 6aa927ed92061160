# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tt dialect executed on the CPU: each op, and whole kernels that our pipeline makes."""

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

from flashlight.interpreter import InterpreterError, interpret, interpret_triton
from flashlight.mlir import ir
from pass_harness import assert_native, assert_same, parse, random_args, run_pipeline, torch_call
from random_programs import attentions
from test_passes import CUDA, LENGTHS, PROGRAMS

torch.set_num_threads(1)


def run(body, arguments, args, grid=1, **options):
    text = f"tt.func public @k({arguments}) {{\n{body}\n  tt.return\n}}"
    with ir.Context(), ir.Location.unknown():
        interpret_triton(parse(text), "k", args, grid, **options)


def tile(name, shape, pointee="f32"):
    """Pointers to all elements of a contiguous tensor of two dims."""
    m, n = shape
    return f"""
  %{name}r = tt.make_range {{end = {m} : i32, start = 0 : i32}} : tensor<{m}xi32>
  %{name}c = tt.make_range {{end = {n} : i32, start = 0 : i32}} : tensor<{n}xi32>
  %{name}n = arith.constant dense<{n}> : tensor<{m}xi32>
  %{name}s = arith.muli %{name}r, %{name}n : tensor<{m}xi32>
  %{name}e = tt.expand_dims %{name}s {{axis = 1 : i32}} : tensor<{m}xi32> -> tensor<{m}x1xi32>
  %{name}f = tt.expand_dims %{name}c {{axis = 0 : i32}} : tensor<{n}xi32> -> tensor<1x{n}xi32>
  %{name}g = tt.broadcast %{name}e : tensor<{m}x1xi32> -> tensor<{m}x{n}xi32>
  %{name}h = tt.broadcast %{name}f : tensor<1x{n}xi32> -> tensor<{m}x{n}xi32>
  %{name}o = arith.addi %{name}g, %{name}h : tensor<{m}x{n}xi32>
  %{name}b = tt.splat %{name} : !tt.ptr<{pointee}> -> tensor<{m}x{n}x!tt.ptr<{pointee}>>
  %{name}p = tt.addptr %{name}b, %{name}o : tensor<{m}x{n}x!tt.ptr<{pointee}>>, tensor<{m}x{n}xi32>
"""


def test_copy_transposed():
    x, y = torch.randn(4, 8), torch.zeros(8, 4)
    body = tile("x", (4, 8)) + tile("y", (8, 4))
    body += """
  %v = tt.load %xp : tensor<4x8x!tt.ptr<f32>>
  %t = tt.trans %v {order = array<i32: 1, 0>} : tensor<4x8xf32> -> tensor<8x4xf32>
  tt.store %yp, %t : tensor<8x4x!tt.ptr<f32>>"""
    run(body, "%x: !tt.ptr<f32>, %y: !tt.ptr<f32>", [x, y])
    assert torch.equal(y, x.T)


def test_reshape_keeps_row_major_order():
    x, y = torch.randn(4, 8), torch.zeros(2, 16)
    body = tile("x", (4, 8)) + tile("y", (2, 16))
    body += """
  %v = tt.load %xp : tensor<4x8x!tt.ptr<f32>>
  %t = tt.reshape %v : tensor<4x8xf32> -> tensor<2x16xf32>
  tt.store %yp, %t : tensor<2x16x!tt.ptr<f32>>"""
    run(body, "%x: !tt.ptr<f32>, %y: !tt.ptr<f32>", [x, y])
    assert torch.equal(y, x.reshape(2, 16))


def test_dot():
    a, b, c = torch.randn(16, 16).half(), torch.randn(16, 16).half(), torch.randn(16, 16)
    expected = a.float() @ b.float() + c
    body = tile("a", (16, 16), "f16") + tile("b", (16, 16), "f16") + tile("c", (16, 16))
    body += """
  %av = tt.load %ap : tensor<16x16x!tt.ptr<f16>>
  %bv = tt.load %bp : tensor<16x16x!tt.ptr<f16>>
  %cv = tt.load %cp : tensor<16x16x!tt.ptr<f32>>
  %d = tt.dot %av, %bv, %cv : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
  tt.store %cp, %d : tensor<16x16x!tt.ptr<f32>>"""
    run(body, "%a: !tt.ptr<f16>, %b: !tt.ptr<f16>, %c: !tt.ptr<f32>", [a, b, c])
    torch.testing.assert_close(c, expected)


@pytest.mark.parametrize(
    "combine, function",
    [
        ("arith.addf", lambda x: x.sum(1)),
        ("arith.mulf", lambda x: x.prod(1)),
        ("arith.maximumf", lambda x: x.amax(1)),
        ("arith.minnumf", lambda x: x.amin(1)),
    ],
)
def test_reduce(combine, function):
    x, y = torch.randn(4, 8), torch.zeros(4)
    body = (
        tile("x", (4, 8))
        + f"""
  %v = tt.load %xp : tensor<4x8x!tt.ptr<f32>>
  %r = "tt.reduce"(%v) <{{axis = 1 : i32}}> ({{
  ^bb0(%a: f32, %b: f32):
    %s = {combine} %a, %b : f32
    tt.reduce.return %s : f32
  }}) : (tensor<4x8xf32>) -> tensor<4xf32>
  %yb = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>
  %yp = tt.addptr %yb, %xr : tensor<4x!tt.ptr<f32>>, tensor<4xi32>
  tt.store %yp, %r : tensor<4x!tt.ptr<f32>>"""
    )
    run(body, "%x: !tt.ptr<f32>, %y: !tt.ptr<f32>", [x, y])
    torch.testing.assert_close(y, function(x))


# y[i] = x[i] for i < n, four elements a program; what stands beyond n is `other`, or undefined.
GUARDED = """
  %pid = tt.get_program_id x : i32
  %c4 = arith.constant 4 : i32
  %start = arith.muli %pid, %c4 : i32
  %r = tt.make_range {{end = 4 : i32, start = 0 : i32}} : tensor<4xi32>
  %s = tt.splat %start : i32 -> tensor<4xi32>
  %i = arith.addi %r, %s : tensor<4xi32>
  %bound = tt.splat %n : i32 -> tensor<4xi32>
  %mask = arith.cmpi slt, %i, %bound : tensor<4xi32>
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %xb = tt.splat %x : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>
  %xp = tt.addptr %xb, %i : tensor<4x!tt.ptr<f32>>, tensor<4xi32>
  %yb = tt.splat %y : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>
  %yp = tt.addptr %yb, {where} : tensor<4x!tt.ptr<f32>>, tensor<4xi32>
  %v = tt.load %xp{load} : tensor<4x!tt.ptr<f32>>
  tt.store %yp, %v{store} : tensor<4x!tt.ptr<f32>>"""
ARGUMENTS = "%x: !tt.ptr<f32>, %y: !tt.ptr<f32>, %n: i32"


def guarded(x, y, n, load=", %mask, %zero", store=", %mask", where="%i", grid=3):
    run(GUARDED.format(load=load, store=store, where=where), ARGUMENTS, [x, y, n], grid)


def test_masks():
    x, y = torch.randn(10), torch.zeros(12)
    guarded(x, y, 10)
    assert torch.equal(y, torch.cat([x, torch.zeros(2)]))
    y = torch.ones(12)
    guarded(x, y, 10, store="")
    assert torch.equal(y, torch.cat([x, torch.zeros(2)]))


def test_what_a_mask_leaves_undefined_is_poison():
    x, y = torch.randn(10), torch.zeros(12)
    guarded(x, y, 10, load=", %mask", store="")
    assert torch.equal(y[:10], x) and y[10:].isnan().all()


def test_views_are_memory_of_their_own():
    buffer = torch.randn(20)
    y = torch.zeros(12)
    guarded(buffer[5:15], y, 10)
    assert torch.equal(y[:10], buffer[5:15])
    with pytest.raises(InterpreterError, match="reads element 10 of memory that has 10"):
        guarded(buffer[5:15], y, 12)


@pytest.mark.parametrize(
    "change, size, message",
    [
        ({"load": ""}, 12, "'tt.load' op reads element 10 of memory that has 10"),
        ({"store": ""}, 10, "'tt.store' op writes element 10 of memory that has 10"),
        ({"where": "%r"}, 12, "program 1 writes other than another program has written"),
    ],
)
def test_wrong_accesses(change, size, message):
    with pytest.raises(InterpreterError, match=message):
        guarded(torch.arange(10.0), torch.zeros(size), 10, **change)


def test_programs_may_not_read_what_others_write():
    """x[i + 4] = x[i]: the second program reads what the first has written."""
    body = GUARDED.format(load=", %mask, %zero", store=", %mask", where="%j")
    body = body.replace("tt.splat %y", "tt.splat %x")
    body = "%four = arith.constant dense<4> : tensor<4xi32>\n" + body.replace(
        "%bound =", "%j = arith.addi %i, %four : tensor<4xi32>\n  %bound ="
    )
    with pytest.raises(InterpreterError, match="program 1 reads what another program has written"):
        run(body, ARGUMENTS, [torch.arange(16.0), torch.zeros(1), 12], 3)


# Kernels of the pipeline ------------------------------------------------------------------------

PREPARE = "func.func(flashlight-exp-to-exp2,flashlight-expand-math-for-triton)"
CONVERT = "flashlight-convert-to-triton,canonicalize,cse"


def kernel_runner(tiles, dtype=None):
    """Runs launches through the tt kernels that a tile-level module becomes."""
    kernels = parse(str(tiles))
    types = {}
    for view in tiles.body.operations:
        op = view.operation
        types[ir.StringAttr(op.attributes["sym_name"]).value] = [
            a.type for a in op.regions[0].blocks[0].arguments
        ]
    run_pipeline(kernels, CONVERT)

    def run_kernel(name, args, programs):
        parameters = []
        for arg, type_ in zip(args, types[name], strict=True):
            parameters.append(arg)
            if isinstance(arg, int):
                continue
            # A stride is a parameter where neither the type nor an extent of 1 says it.
            memref = ir.MemRefType(type_)
            strides, _ = memref.get_strides_and_offset()
            dynamic = ir.ShapedType.get_dynamic_stride_or_offset()
            for dim, stride in enumerate(strides):
                one = not memref.is_dynamic_dim(dim) and memref.get_dim_size(dim) == 1
                if stride == dynamic and not one:
                    parameters.append(arg.stride(dim))
        interpret_triton(kernels, name, parameters, programs, dtype=dtype)

    return run_kernel


def check_triton(text, args):
    """The tt kernels of a program: in f64 equal to its tiles, natively near to the program in f64.

    In f64 the conversion alone is checked: the passes before it bring rounded constants in.
    """
    with ir.Context(), ir.Location.unknown():
        module = parse(text)
        options = {"torch_call": torch_call}
        expected = interpret(module, "main", args, dtype=torch.float64, **options)
        before = interpret(module, "main", args, **options)
        run_pipeline(module, CUDA)
        run_pipeline(module, PREPARE)
        options["dtype"] = torch.float64
        tiles = interpret(module, "main", args, **options)
        runner = kernel_runner(module, torch.float64)
        assert_same(interpret(module, "main", args, run_kernel=runner, **options), tiles)
        options["dtype"] = None
        native = interpret(module, "main", args, run_kernel=kernel_runner(module), **options)
        for a, b, exact in zip(native, before, expected, strict=True):
            assert_native(a, b, exact, text)


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(attentions(lengths=LENGTHS))
def test_random_kernels(program):
    check_triton(program.text, program.make_args())


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(attentions(lengths=LENGTHS, dynamic=True))
def test_random_dynamic_kernels(program):
    check_triton(program.text, program.make_args())


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_imported_programs(path):
    text = path.read_text()
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(text))
    check_triton(text, args)
