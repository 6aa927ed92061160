# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small tile programs on the CPU, each held against the interpreter."""

import pytest
import torch

from cpu_harness import ELEMENTS, check, compile_text, memref, program
from flashlight.errors import CompileError

SHAPES = [(), (1,), (5,), (16,), (1, 1), (64, 1), (1, 48), (7, 33), (16, 64), (3, 5, 17)]
SHAPES += [(2, 1, 4, 16)]


def normal(*shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def tile(tensor):
    return f"tensor<{'x'.join([*map(str, tensor.shape), ELEMENTS[tensor.dtype]])}>"


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pointwise_shapes(shape, bits):
    x, y = normal(*shape), normal(*shape, seed=1)
    t = tile(x)
    body = f"""
  %s = arith.addf %x0, %x1 : {t}
  %y0 = arith.mulf %s, %x1 : {t}
  %c = arith.cmpf olt, %x0, %x1 : {t}
  %y1 = arith.select %c, %y0, %x0 : {t.replace("f32", "i1")}, {t}"""
    check(program([x, y], [x, x], body), [x, y], [x.clone(), x.clone()], vector_bits=bits)


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("shape", [(3, 5, 17), (4, 16, 32), (2, 64, 1), (1, 1, 3)], ids=str)
def test_reduce(shape, dims, bits):
    x = normal(*shape)
    rest = [n for d, n in enumerate(shape) if d not in dims]
    out = torch.empty(rest)
    lines = [
        f"  %y{i} = flashlight.reduce {kind} %x0 dims {list(dims)} : {tile(x)} -> {tile(out)}"
        for i, kind in enumerate(("sum", "prod", "max", "min"))
    ]
    outs = [out.clone() for _ in lines]
    check(program([x], outs, "\n".join(lines)), [x], outs, vector_bits=bits)


def test_reduce_nan_and_infinity():
    x = normal(6, 32)
    x[2, 3], x[:, 5], x[1, 7] = float("nan"), float("-inf"), float("inf")
    out0, out1 = torch.empty(32), torch.empty(6)
    body = f"""
  %y0 = flashlight.reduce max %x0 dims [0] : {tile(x)} -> {tile(out0)}
  %y1 = flashlight.reduce min %x0 dims [1] : {tile(x)} -> {tile(out1)}
  %y2 = flashlight.reduce max %x0 dims [1] : {tile(x)} -> {tile(out1)}"""
    outs = [out0, out1, out1.clone()]
    check(program([x], outs, body), [x], outs)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_integers_and_booleans(dtype):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-9, 9, (7, 20), generator=generator, dtype=dtype)
    element = ELEMENTS[dtype]
    t, b, row = tile(x), "tensor<7x20xi1>", f"tensor<20x{element}>"
    body = f"""
  %i = flashlight.iota : {row}
  %ib = flashlight.broadcast %i dims [1] : {row} -> {t}
  %y0 = arith.addi %x0, %ib : {t}
  %c = arith.cmpi sgt, %y0, %x0 : {t}
  %any = flashlight.reduce any %c dims [1] : {b} -> tensor<7xi1>
  %all = flashlight.reduce all %c dims [0] : {b} -> tensor<20xi1>
  %y1 = arith.extui %any : tensor<7xi1> to tensor<7xi8>
  %y2 = arith.extui %all : tensor<20xi1> to tensor<20xi8>
  %y3 = flashlight.reduce sum %x0 dims [0] : {t} -> {row}
  %y4 = flashlight.reduce max %x0 dims [1] : {t} -> tensor<7x{element}>"""
    outs = [x.clone(), torch.empty(7).bool(), torch.empty(20).bool()]
    outs += [torch.empty(20, dtype=dtype), torch.empty(7, dtype=dtype)]
    check(program([x], outs, body), [x], outs)


def test_boolean_memory():
    x, keep = normal(9, 31), torch.rand(9, 31, generator=torch.Generator().manual_seed(1)) < 0.5
    body = """
  %z = arith.constant dense<0> : tensor<9x31xi8>
  %k = arith.cmpi ne, %x1, %z : tensor<9x31xi8>
  %f = arith.constant dense<0xFF800000> : tensor<9x31xf32>
  %y0 = arith.select %k, %x0, %f : tensor<9x31xi1>, tensor<9x31xf32>"""
    check(program([x, keep], [x], body), [x, keep], [x.clone()])


def test_broadcasts_and_unit_dims():
    row, column, unit = normal(20), normal(7, seed=1), normal(7, 1, seed=2)
    t = "tensor<7x20xf32>"
    body = f"""
  %r = flashlight.broadcast %x0 dims [1] : tensor<20xf32> -> {t}
  %c = flashlight.broadcast %x1 dims [0] : tensor<7xf32> -> {t}
  %u = flashlight.broadcast %x2 dims [0, 1] : tensor<7x1xf32> -> {t}
  %s = arith.addf %r, %c : {t}
  %y0 = arith.mulf %s, %u : {t}
  %y1 = flashlight.broadcast %x1 dims [0] : tensor<7xf32> -> {t}"""
    outs = [torch.empty(7, 20), torch.empty(7, 20)]
    check(program([row, column, unit], outs, body), [row, column, unit], outs)


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize(
    "equation",
    [
        "nd,dm->nm",
        "nm,ne->me",
        "md,nd->mn",
        "mn,ne->me",
        "nd,d->n",
        "n,ne->e",
        "d,d->",
        "a,b->ab",
        "and,adm->anm",
        "nd,dm->mn",
    ],
)
@pytest.mark.parametrize("sizes", [(16, 32, 64, 48, 3), (5, 1, 17, 9, 2), (24, 40, 7, 33, 1)])
def test_contract(equation, sizes, bits):
    extent = dict(zip("mndeab", [*sizes, 6], strict=True))
    sides, result = equation.split("->")
    lhs, rhs = (normal(*[extent[x] for x in side]) for side in sides.split(","))
    init = normal(*[extent[x] for x in result], seed=3)
    types = f"{tile(lhs)}, {tile(rhs)} -> {tile(init)}"
    body = f"""
  %y0 = flashlight.contract %x0, %x1 "{equation}" : {types}
  %y1 = flashlight.contract %x0, %x1 into %x2 "{equation}" : {types}"""
    outs = [init.clone(), init.clone()]
    check(
        program([lhs, rhs, init], outs, body),
        [lhs, rhs, init],
        outs,
        rtol=1e-4,
        atol=1e-4,
        vector_bits=bits,
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types(dtype):
    x, y = normal(16, 24, dtype=dtype), normal(16, 33, seed=1, dtype=dtype)
    h = ELEMENTS[dtype]
    body = f"""
  %c = flashlight.contract %x0, %x1 "nm,ne->me" : {tile(x)}, {tile(y)} -> tensor<24x33xf32>
  %y0 = arith.truncf %c : tensor<24x33xf32> to tensor<24x33x{h}>
  %w = arith.extf %y0 : tensor<24x33x{h}> to tensor<24x33xf32>
  %y1 = arith.subf %w, %c : tensor<24x33xf32>
  %y2 = arith.addf %y0, %y0 : tensor<24x33x{h}>
  %y3 = math.exp %y0 : tensor<24x33x{h}>"""
    half = torch.empty(24, 33, dtype=dtype)
    outs = [half.clone(), torch.empty(24, 33), half.clone(), half.clone()]
    # The contraction's order of sums may move a result to the neighbouring half number.
    check(program([x, y], outs, body), [x, y], outs, rtol=2e-2, atol=3e-2)
    assert outs[1].abs().max() > 0  # the rounding was not folded away
    assert torch.equal(outs[2], outs[0] + outs[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounding_is_to_nearest_even(dtype):
    x = torch.cat([normal(500) * 10.0**e for e in range(-6, 5)])
    special = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 65519.0, 65520.0, 1e-30, 3e38]
    x = torch.cat([x, torch.tensor(special), torch.arange(2048, 2070).float()])
    body = f"  %y0 = arith.truncf %x0 : {tile(x)} to {tile(x).replace('f32', ELEMENTS[dtype])}"
    out = torch.empty(x.shape, dtype=dtype)
    compile_text(program([x], [out], body)).launch([x], [out], {})
    torch.testing.assert_close(out, x.to(dtype), rtol=0, atol=0, equal_nan=True)


def test_loop_state_moves():
    """State that swaps, that is yielded unchanged, and that an if leaves alone."""
    x, y = normal(5, 20), normal(5, 20, seed=1)
    t = tile(x)
    body = f"""
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %r:4 = scf.for %i = %c0 to %c7 step %c1 iter_args(%a = %x0, %b = %x1, %c = %x0, %d = %x0)
      -> ({t}, {t}, {t}, {t}) {{
    %odd = arith.remui %i, %c2 : index
    %is = arith.cmpi eq, %odd, %c1 : index
    %e:2 = scf.if %is -> ({t}, {t}) {{
      %n = arith.addf %c, %b : {t}
      %h:2 = scf.for %j = %c0 to %c2 step %c1 iter_args(%k = %n, %l = %d) -> ({t}, {t}) {{
        %k1 = arith.mulf %k, %l : {t}
        scf.yield %k1, %k : {t}, {t}
      }}
      scf.yield %h#0, %d : {t}, {t}
    }} else {{
      %n = arith.subf %d, %a : {t}
      scf.yield %c, %n : {t}, {t}
    }}
    scf.yield %b, %a, %e#0, %e#1 : {t}, {t}, {t}, {t}
  }}
  %y0 = arith.addf %r#0, %x0 : {t}
  %y1 = arith.addf %r#1, %x0 : {t}
  %y2 = arith.addf %r#2, %x0 : {t}
  %y3 = arith.addf %r#3, %x0 : {t}"""
    outs = [x.clone() for _ in range(4)]
    check(program([x, y], outs, body), [x, y], outs, rtol=1e-4)


def test_scalars():
    """Rank-0 tensors, and a branch on data."""
    x = normal(4, 16)
    body = """
  %s = flashlight.reduce sum %x0 dims [0, 1] : tensor<4x16xf32> -> tensor<f32>
  %z = arith.constant dense<1000.0> : tensor<f32>
  %c = arith.cmpf ogt, %s, %z : tensor<f32>
  %b = tensor.extract %c[] : tensor<i1>
  %y0 = scf.if %b -> (tensor<4x16xf32>) {
    scf.yield %x0 : tensor<4x16xf32>
  } else {
    %w = flashlight.broadcast %s dims [] : tensor<f32> -> tensor<4x16xf32>
    %n = arith.addf %w, %x0 : tensor<4x16xf32>
    scf.yield %n : tensor<4x16xf32>
  }
  %y1 = arith.addf %s, %s : tensor<f32>"""
    outs = [x.clone(), torch.empty(())]
    check(program([x], outs, body), [x], outs)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("tile", [(16, 32), (13, 21), (5, 64)])
@pytest.mark.parametrize(
    ("dtype", "bits"),
    [
        (torch.float32, 512),
        (torch.float32, 256),
        (torch.bfloat16, 512),
        (torch.bfloat16, 256),
        (torch.int64, 512),
        (torch.float64, 256),
        (torch.bool, 512),
    ],
)
def test_limits_and_strides(dtype, bits, tile, transposed):
    """Tiles that hang over both edges, of tensors that are transposed, sliced and broadcast."""
    base = normal(3, 50, 70) * 9
    base = base > 0 if dtype == torch.bool else base.to(dtype)
    views = [base[1, 4:41, 5:66], base[:, ::2, 3][:, :20].t(), base[0, :1, :61].expand(37, 61)]
    views.append(base[2, :33].t())
    order = "(i, j) -> (j, i)" if transposed else "(i, j) -> (i, j)"
    element = ELEMENTS[dtype]
    tile_type = f"tensor<{tile[0]}x{tile[1]}x{element}>"
    for view in views:
        rows, columns = view.shape
        limits = "(%cleft, %rleft)" if transposed else "(%rleft, %cleft)"
        per_row, per_column = tile[::-1] if transposed else tile
        out = torch.empty(rows, columns, dtype=dtype)
        text = f"""
func.func @kernel(%x: {memref(view)}, %y: {memref(out)} {{flashlight.output}})
    attributes {{flashlight.grid = [#flashlight.grid_axis<r = {rows} by {per_row}>,
                                    #flashlight.grid_axis<c = {columns} by {per_column}>]}} {{
  %rows = arith.constant {rows} : index
  %columns = arith.constant {columns} : index
  %perrow = arith.constant {per_row} : index
  %percolumn = arith.constant {per_column} : index
  %across = arith.constant {-(-columns // per_column)} : index
  %pid = flashlight.program_id
  %rb = arith.divui %pid, %across : index
  %cb = arith.remui %pid, %across : index
  %r = arith.muli %rb, %perrow : index
  %c = arith.muli %cb, %percolumn : index
  %rleft = arith.subi %rows, %r : index
  %cleft = arith.subi %columns, %c : index
  %t = flashlight.load %x[%r, %c] map affine_map<{order}> limits [0, 1] {limits}
      : {memref(view)} -> {tile_type}
  flashlight.store %t, %y[%r, %c] map affine_map<{order}> limits [0, 1] {limits}
      : {tile_type}, {memref(out)}
  return
}}"""
        kernel = compile_text(text, vector_bits=bits)
        kernel.launch([view], [out], {})
        assert torch.equal(out, view)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0), (0, 2, 1)])
def test_permuted_tiles(order):
    """A tile of three dims, of memory in every order."""
    x = normal(17, 35, 70).permute(order)
    check(
        program(
            [x], [x], f"  %y0 = arith.addf %x0, %x0 : tensor<{'x'.join(map(str, x.shape))}xf32>"
        ),
        [x],
        [torch.empty_like(x)],
    )


def test_nothing_is_read_beyond_a_limit():
    """What lies there is NaN; the tile is zero there, whatever it is multiplied by."""
    memory = torch.full((20, 40), float("nan"))
    memory[:13, :21] = 1.0
    text = """
!m = memref<20x40xf32, strided<[?, ?], offset: ?>>
func.func @kernel(%x: !m, %y: memref<f32, strided<[], offset: ?>> {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 1 by 1>]} {
  %c0 = arith.constant 0 : index
  %c13 = arith.constant 13 : index
  %c21 = arith.constant 21 : index
  %t = flashlight.load %x[%c0, %c0] map affine_map<(i, j) -> (i, j)> limits [0, 1] (%c13, %c21)
      : !m -> tensor<20x40xf32>
  %s = flashlight.reduce sum %t dims [0, 1] : tensor<20x40xf32> -> tensor<f32>
  flashlight.store %s, %y[] map affine_map<() -> ()>
      : tensor<f32>, memref<f32, strided<[], offset: ?>>
  return
}"""
    out = torch.empty(())
    compile_text(text).launch([memory], [out], {})
    assert out.item() == 13 * 21


def test_what_has_no_lowering_is_said():
    x = normal(4)
    body = "  %y0 = tensor.cast %x0 : tensor<4xf32> to tensor<4xf32>"
    with pytest.raises(CompileError, match="'tensor.cast' op has no lowering to the cpu"):
        compile_text(program([x], [x], body))
    body = "  %y0 = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>"
    with pytest.raises(CompileError, match="one value in all its elements"):
        compile_text(program([x], [x], body))


def test_launch_checks_its_tensors():
    x = normal(4, 5)
    kernel = compile_text(program([x], [x], "  %y0 = arith.addf %x0, %x0 : tensor<4x5xf32>"))
    with pytest.raises(ValueError, match="expected 1 inputs and 1 outputs, got 2 and 1"):
        kernel.launch([x, x], [x.clone()], {})
    with pytest.raises(ValueError, match=r"expected input 0 of shape \(4, 5\), got \(5, 4\)"):
        kernel.launch([x.t()], [x.clone()], {})
    with pytest.raises(ValueError, match=r"expected output 0 to be torch.float32, got .*64"):
        kernel.launch([x], [x.double()], {})
