# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every row of the importer's table: exported, imported, interpreted, and compared with eager."""

import pytest
import torch

from flashlight.importer import ROWS, import_program
from flashlight.interpreter import interpret
from importer_rows import CASES, Case

SEEN: set[str] = set()  # the ops that were imported
RUN: set[str] = set()  # the cases that ran


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def tolerance(dtype):
    """Rounding order may differ: a few units in the last place of the values' own size."""
    if not dtype.is_floating_point:
        return {"rtol": 0, "atol": 0}
    unit = torch.finfo(dtype).eps
    return {"rtol": 16 * unit, "atol": 4 * unit}


def symbol_values(program, inputs):
    """What every symbolic extent of the module is for these inputs."""
    base = {
        symbol: inputs[source.input].shape[source.dim]
        for symbol, source in program.symbols.sources.items()
    }
    return {name: int(value.subs(base)) for name, value in program.expressions.items()}


def export(item: Case):
    shapes = None
    if item.dynamic:
        batch = torch.export.Dim("batch", max=64)
        shapes = ((dict.fromkeys([0], batch),) * len(item.args),)
    return torch.export.export(Module(item.function), item.args, dynamic_shapes=shapes)


@pytest.mark.parametrize("item", CASES, ids=lambda item: item.name)
def test_row(item):
    RUN.add(item.name)
    exported = export(item)
    program = import_program(exported)
    SEEN.update(str(node.target) for node in program.graph.nodes if node.op == "call_function")
    assert not program.calls, "the rows were expected to take every op"
    inputs = []
    for entry in program.inputs:
        if entry.target in program.exported.constants:
            inputs.append(program.exported.constants[entry.target])
        else:
            inputs.append(
                item.args[[e.name for e in program.inputs if e.target is None].index(entry.name)]
            )
    (actual,) = interpret(program.module, "main", inputs, symbol_values(program, inputs))
    expected = item.function(*item.args)
    assert actual.dtype == expected.dtype
    torch.testing.assert_close(actual, expected, equal_nan=True, **tolerance(expected.dtype))


def test_every_row_is_tested():
    if len(RUN) < len(CASES):
        pytest.skip("not all of the rows' tests ran in this process")
    assert sorted(set(ROWS) - SEEN) == []
