# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tile programs that read through indices and scan: their TTIR, run and compiled."""

import pytest
import torch

from flashlight.backends import triton as backend
from flashlight.backends.triton_layout import exact, general
from flashlight.backends.triton_stages import generate
from flashlight.interpreter import interpret_triton
from flashlight.mlir import ir
from flashlight.options import Options
from flashlight.targets import Target

MEMORY = "strided<[?, ?], offset: ?>"
LINE = "strided<[?], offset: ?>"


def tile_program(arguments, body, extent, tile):
    """A kernel whose grid divides an axis m; `%m0` is where its program starts."""
    grid = f"#flashlight.grid_axis<m = {extent} by {tile}>"
    schedule = f"#flashlight.schedule<cuda, tiles(m = {tile}), warps = 4, stages = 2>"
    return f"""
    func.func @k({arguments}) attributes {{flashlight.grid = [{grid}],
                                          flashlight.schedule = {schedule}}} {{
      %c0 = arith.constant 0 : index
      %size = arith.constant {tile} : index
      %extent = arith.constant {extent} : index
      %pid = flashlight.program_id
      %m0 = arith.muli %pid, %size : index
      %left = arith.subi %extent, %m0 : index
      {body}
      return
    }}"""


def run(text, inputs, output, layout):
    """Runs the whole grid by the interpreter of TTIR, and compiles it for every architecture."""
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        source = backend.read_kernel(module, "k", Options(target=Target("cuda", "sm_90")))
        tensors = [*inputs, output]
        layouts = tuple(map(layout, tensors))
        ttir = source.to_ttir(layouts, module.context)
        programs, arguments = source.arguments(tensors, layouts, {})
        interpret_triton(ir.Module.parse(ttir), "k", arguments, programs)
        for arch in ("sm_80", "sm_90", "sm_100"):
            codegen = backend.read_kernel(module, "k", Options(target=Target("cuda", arch))).codegen
            assert generate(ttir, codegen).stages["cubin"][:4] == b"\x7fELF"
    return ttir


GATHER = tile_program(
    f"%table: memref<?x16xf32, {MEMORY}>, %index: memref<50xI, {LINE}>, "
    f"%o: memref<50x16xf32, {MEMORY}> {{flashlight.output}}",
    f"""
    %i = flashlight.load %index[%m0] map affine_map<(i) -> (i)> limits [0] (%left)
        : memref<50xI, {LINE}> -> tensor<32xI>
    %ii = flashlight.broadcast %i dims [0] : tensor<32xI> -> tensor<32x16xI>
    %t = flashlight.load %table[%c0, %c0] gather(%ii)
        map affine_map<(i, j)[s] -> (SCALE, j)> limits [0] (%left)
        : memref<?x16xf32, {MEMORY}>, tensor<32x16xI> -> tensor<32x16xf32>
    flashlight.store %t, %o[%m0, %c0] map affine_map<(i, j) -> (i, j)> limits [0] (%left)
        : tensor<32x16xf32>, memref<50x16xf32, {MEMORY}>
    """,
    50,
    32,
)


@pytest.mark.parametrize("layout", [general, exact])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("scale", [1, 2])
def test_gathered_rows(dtype, scale, layout):
    """Rows of a table by an index tensor; beyond the last index nothing is read."""
    torch.manual_seed(0)
    table = torch.randn(40, 16)
    index = torch.randint(0, 40 // scale, (50,), dtype=dtype)
    output = torch.full((50, 16), float("nan"))
    text = GATHER.replace("I,", f"i{dtype.itemsize * 8},").replace("xI", f"xi{dtype.itemsize * 8}")
    text = text.replace("SCALE", "s" if scale == 1 else f"s * {scale}")
    text = text.replace("?x16", "40x16")
    run(text, [table, index], output, layout)
    assert torch.equal(output, table[index.long() * scale])


def test_two_indices_and_a_negative_step():
    """table[i[m] - j, 3 - n + i[m]]: symbols in two dims, and dims that run backwards."""
    torch.manual_seed(0)
    table = torch.randn(12, 24)
    index = torch.randint(3, 9, (32,))
    output = torch.empty(32, 4)
    text = tile_program(
        f"%table: memref<12x24xf32, {MEMORY}>, %index: memref<32xi64, {LINE}>, "
        f"%o: memref<32x4xf32, {MEMORY}> {{flashlight.output}}",
        f"""
        %i = flashlight.load %index[%m0] map affine_map<(i) -> (i)>
            : memref<32xi64, {LINE}> -> tensor<16xi64>
        %ii = flashlight.broadcast %i dims [0] : tensor<16xi64> -> tensor<16x4xi64>
        %c3 = arith.constant 3 : index
        %t = flashlight.load %table[%c0, %c3] gather(%ii, %ii)
            map affine_map<(i, j)[s, u] -> (s - j, u * 2 - j)>
            : memref<12x24xf32, {MEMORY}>, tensor<16x4xi64>, tensor<16x4xi64> -> tensor<16x4xf32>
        flashlight.store %t, %o[%m0, %c0] map affine_map<(i, j) -> (i, j)>
            : tensor<16x4xf32>, memref<32x4xf32, {MEMORY}>
        """,
        32,
        16,
    )
    run(text, [table, index], output, general)
    column = torch.arange(4)
    expected = table[index[:, None] - column, 3 + 2 * index[:, None] - column]
    assert torch.equal(output, expected)


KINDS = {"sum": torch.cumsum, "prod": torch.cumprod, "max": torch.cummax, "min": torch.cummin}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_scans(kind, exclusive, dim, reverse):
    """The running combination along either dim, from either end."""
    torch.manual_seed(0)
    x = torch.randn(32, 16)
    output = torch.empty(32, 16)
    way = " reverse" * reverse + " exclusive" * exclusive
    text = tile_program(
        f"%x: memref<32x16xf32, {MEMORY}>, %o: memref<32x16xf32, {MEMORY}> {{flashlight.output}}",
        f"""
        %t = flashlight.load %x[%m0, %c0] map affine_map<(i, j) -> (i, j)>
            : memref<32x16xf32, {MEMORY}> -> tensor<32x16xf32>
        %s = flashlight.scan {kind} %t dim {dim} {way} : tensor<32x16xf32>
        flashlight.store %s, %o[%m0, %c0] map affine_map<(i, j) -> (i, j)>
            : tensor<32x16xf32>, memref<32x16xf32, {MEMORY}>
        """,
        32,
        32,
    )
    ttir = run(text, [x], output, exact)
    assert "tt.scan" in ttir
    expected = KINDS[kind](x.double().flip(dim) if reverse else x.double(), dim)
    expected = expected if isinstance(expected, torch.Tensor) else expected.values
    if exclusive:
        first = {"sum": 0.0, "prod": 1.0, "max": -torch.inf, "min": torch.inf}[kind]
        expected = expected.roll(1, dim)
        expected.select(dim, 0).fill_(first)
    expected = expected.flip(dim) if reverse else expected
    torch.testing.assert_close(output.double(), expected, rtol=1e-5, atol=1e-5)
