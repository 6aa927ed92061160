# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tile programs, run as machine code and by the interpreter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch

import numerics
from flashlight.backends import cpu
from flashlight.interpreter import interpret
from flashlight.mlir import ir

ATTENTION = (Path(__file__).parents[1] / "Tile" / "attention.mlir").read_text()
ELEMENTS = {
    torch.float64: "f64",
    torch.float32: "f32",
    torch.float16: "f16",
    torch.bfloat16: "bf16",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.bool: "i8",
}


def compile_text(text, name="kernel", **options):
    """A kernel from the text of a module; nothing is cached unless asked for."""
    options = SimpleNamespace(**{"cache_dir": "", **options})
    with ir.Context():
        module = ir.Module.parse(text)
        assert module.operation.verify()
        return cpu.compile_kernel(module, name, options)


def memref(tensor, dynamic=()):
    """The type of an argument for this tensor; `dynamic`: dims whose extent is not in the type."""
    dims = ["?" if d in dynamic else str(n) for d, n in enumerate(tensor.shape)]
    strides = ", ".join("?" for _ in dims)
    shape = "x".join([*dims, ELEMENTS[tensor.dtype]])
    return f"memref<{shape}, strided<[{strides}], offset: ?>>"


def identity(rank):
    names = ", ".join(f"i{d}" for d in range(rank))
    return f"affine_map<({names}) -> ({names})>"


def program(inputs, outputs, body, grid="[#flashlight.grid_axis<m = 1 by 1>]"):
    """A kernel that loads every input whole as %x0, %x1, ..., and stores %y0, %y1, ... whole."""
    args, loads, stores = [], [], []
    for role, tensors in (("x", inputs), ("y", outputs)):
        for i, tensor in enumerate(tensors):
            kind, rank = memref(tensor), tensor.dim()
            tile = f"tensor<{'x'.join([*map(str, tensor.shape), ELEMENTS[tensor.dtype]])}>"
            offsets = ", ".join(["%c0"] * rank)
            mark = " {flashlight.output}" if role == "y" else ""
            args.append(f"%m{role}{i}: {kind}{mark}")
            where = f"%m{role}{i}[{offsets}] map {identity(rank)}"
            if role == "x":
                loads.append(f"  %x{i} = flashlight.load {where} : {kind} -> {tile}")
            else:
                stores.append(f"  flashlight.store %y{i}, {where} : {tile}, {kind}")
    lines = [f"func.func @kernel({', '.join(args)}) attributes {{flashlight.grid = {grid}}} {{"]
    lines += ["  %c0 = arith.constant 0 : index", *loads, body, *stores, "  return", "}"]
    return "\n".join(lines)


def check(text, inputs, outputs, *, symbols=None, rtol=2e-5, atol=2e-5, name="kernel", **options):
    """Runs the kernel as machine code and by the interpreter; the results agree.

    outputs: tensors of the results' shape and dtype; they are filled by the machine code.
    """
    symbols = symbols or {}
    kernel = compile_text(text, name, **options)
    for output in outputs:
        output.fill_(True if output.dtype == torch.bool else 77)
    kernel.launch(inputs, outputs, symbols)
    expected = [torch.empty_like(output) for output in outputs]
    with ir.Context():
        interpret(ir.Module.parse(text), name, [*inputs, *expected, *symbols.values()])
    for actual, want in zip(outputs, expected, strict=True):
        torch.testing.assert_close(actual, want, rtol=rtol, atol=atol, equal_nan=True)
    return kernel


def assert_as_good_as(actual, eager, exact):
    """The project's rule: `actual` errs about as much as `eager` does, both against float64."""
    numerics.judge(*numerics.compared(actual, eager, exact))
