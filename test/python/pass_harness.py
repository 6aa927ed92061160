# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a program before and after passes, and holds the results against each other."""

from __future__ import annotations

import torch

from flashlight.interpreter import interpret
from flashlight.mlir import ir
from flashlight.mlir.passmanager import PassManager

# What a change of the order of f64 sums may cost in programs as small as these.
RTOL, ATOL = 1e-9, 1e-11
# The unit in the last place of 1.0, by the element type that a program uses; the narrowest first.
# The sums of a small program cost a few more bits of f32.
UNITS = {"bf16": 2.0**-7, "f16": 2.0**-10, "f32": 2.0**-20}


def torch_call(op, operands):
    """Calls PyTorch as the op's own text says: `"aten.diff.default" "%0, 1, -1, %1"`."""
    target = ir.StringAttr(op.attributes["target"]).value
    arguments = ir.StringAttr(op.attributes["arguments"]).value
    _, name, overload = target.split(".")
    function = getattr(getattr(torch.ops.aten, name), overload)
    names = {f"operand{i}": operand for i, operand in enumerate(operands)}
    call = f"function({arguments.replace('%', 'operand')})"
    result = eval(call, {"function": function, "torch": torch, **names})
    return list(result) if isinstance(result, tuple | list) else [result]


def parse(text):
    """A module; call it within a context."""
    module = ir.Module.parse(text)
    assert module.operation.verify()
    return module


def run_pipeline(module, pipeline):
    """Runs a pipeline (what stands in `builtin.module(...)`) on a module, verifying after each."""
    manager = PassManager.parse(f"builtin.module({pipeline})")
    manager.enable_verifier(True)
    manager.run(module.operation)


def count(module, name):
    """How many ops of a name a module has."""
    found = 0

    def visit(op):
        nonlocal found
        found += op.name == name
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    return found


def assert_same(actual, expected, rtol=RTOL, atol=ATOL):
    """Equal up to rounding; NaN and infinities stand in the same places."""
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol, equal_nan=True)


def check_pass(text, pipeline, args, *, blocks=(None,), native=False, inspect=None):
    """Interprets before and after `pipeline` in f64 and compares.

    blocks: partitions of the streamed axes to try afterwards. native: also runs the result in the
    program's own types, against the program in f64. inspect: called with the changed module.
    """
    with ir.Context(), ir.Location.unknown():
        module = parse(text)
        expected = interpret(module, "main", args, dtype=torch.float64, torch_call=torch_call)
        before = interpret(module, "main", args, torch_call=torch_call) if native else []
        run_pipeline(module, pipeline)
        try:
            for partition in blocks:
                actual = interpret(
                    module,
                    "main",
                    args,
                    dtype=torch.float64,
                    blocks=partition,
                    torch_call=torch_call,
                )
                assert_same(actual, expected)
            if blocks != (None,):  # swept apart and merged
                actual = interpret(
                    module,
                    "main",
                    args,
                    dtype=torch.float64,
                    blocks=blocks[-1],
                    torch_call=torch_call,
                    merge=True,
                )
                assert_same(actual, expected)
            if native:
                actual = interpret(module, "main", args, blocks=blocks[-1], torch_call=torch_call)
                for a, b, exact in zip(actual, before, expected, strict=True):
                    assert_native(a, b, exact, text)
            if inspect is not None:
                inspect(module)
        except Exception as error:
            error.add_note(f"after {pipeline}:\n{module}") if hasattr(error, "add_note") else None
            raise


def assert_native(actual, before, expected, text):
    """A result in the program's own types errs about as much as the program itself does.

    actual and before: after and before the passes; expected: in f64. What a rounding may move a
    result depends on the program; 4 times its own error, and its narrowest type's unit, bound it.
    """
    assert actual.dtype == before.dtype
    if not actual.dtype.is_floating_point:
        assert torch.equal(actual, before)
        return
    unit = next(u for element, u in UNITS.items() if element in text)
    for special in (torch.isnan, torch.isposinf, torch.isneginf):
        assert torch.equal(special(actual), special(before)), special.__name__
    finite = before.isfinite() & expected.isfinite()
    own = (before.double() - expected)[finite].abs()
    scale = float(expected[finite].abs().max()) if finite.any() else 0.0
    bound = 4 * (float(own.max()) if len(own) else 0.0) + 4 * unit * max(scale, 1.0)
    torch.testing.assert_close(actual.double()[finite], expected[finite], rtol=0, atol=bound)


def random_args(module, seed=0):
    """Arguments for `@main` of a module: normal floats, mostly true masks.

    A symbol has some extent, and one like "s0 + 3" so much more than the symbol in it.
    """
    from flashlight.interpreter.types import type_info

    main = next(
        op.operation
        for op in module.body.operations
        if ir.StringAttr(op.operation.attributes["sym_name"]).value == "main"
    )
    generator = torch.Generator().manual_seed(seed)
    extents = {}
    args = []
    for argument in main.regions[0].blocks[0].arguments:
        info = type_info(argument.type)
        symbols = info.symbols or [None] * len(info.shape)
        shape = []
        for extent, symbol in zip(info.shape, symbols):
            if symbol and symbol not in extents:
                base, _, further = symbol.partition(" + ")
                value = extents.get(base, 7 + 4 * len(extents))
                extents[symbol] = value + int(further) if further else value
            shape.append(extents[symbol] if symbol else extent)
        if info.dtype == torch.bool:
            args.append(torch.rand(shape, generator=generator) < 0.75)
        elif not info.dtype.is_floating_point:
            args.append(torch.randint(0, 7, shape, generator=generator).to(info.dtype))
        else:
            args.append(torch.randn(shape, generator=generator).to(info.dtype))
    return args
