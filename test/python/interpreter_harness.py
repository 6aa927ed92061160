# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One op at a time through the interpreter, and which ops have been."""

import torch

from flashlight.interpreter import interpret
from flashlight.mlir import ir

# The names of the ops that were run: a file's last test compares them with what is registered.
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
