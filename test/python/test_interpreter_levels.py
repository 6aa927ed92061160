# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels over named axes, and tile programs."""

import pathlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flashlight.interpreter import InterpreterError, interpret
from flashlight.mlir import ir

ROOT = pathlib.Path(__file__).parents[2]


def run(text, args, **options):
    with ir.Context(), ir.Location.unknown():
        return interpret(ir.Module.parse(text), "main", args, **options)


# Level 2 ----------------------------------------------------------------------------------------

# Causal attention: 6 query heads over 2 key heads (h floordiv 3), keys stored as [b, d, h, n], the
# output as [b, m, h * e]. What stands between `%s` and the yield is left open.
KERNEL = """
func.func @main(%q: tensor<2x6x7x4xf32>, %k: tensor<2x4x2x9xf32>, %v: tensor<2x2x9x5xf32>)
    -> tensor<2x7x30xf32> {{
  %o = flashlight.kernel "attention" axes(b = 2, h = 6, m = 7, n = 9, d = 4, e = 5) stream "n"
      (%qi = %q, %ki = %k, %vi = %v)
      : (tensor<2x6x7x4xf32>, tensor<2x4x2x9xf32>, tensor<2x2x9x5xf32>) -> (tensor<2x7x30xf32>) {{
    %qr = flashlight.read %qi at affine_map<(b, h, m, n, d, e) -> (b, h, m, d)>
        : tensor<2x6x7x4xf32> -> tensor<2x6x7x4xf32, #flashlight.axes<b, h, m, d>>
    %i = flashlight.iota : tensor<7xi64, #flashlight.axes<m>>
    {body}
    flashlight.yield %r at [affine_map<(b, h, m, n, d, e) -> (b, m, h * 5 + e)>]
        : tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
  }}
  return %o : tensor<2x7x30xf32>
}}
"""
SCORES = """
    %kr = flashlight.read %ki at affine_map<(b, h, m, n, d, e) -> (b, d, h floordiv 3, n)>
        : tensor<2x4x2x9xf32> -> tensor<2x6x9x4xf32, #flashlight.axes<b, h, n, d>>
    %vr = flashlight.read %vi at affine_map<(b, h, m, n, d, e) -> (b, h floordiv 3, n, e)>
        : tensor<2x2x9x5xf32> -> tensor<2x6x9x5xf32, #flashlight.axes<b, h, n, e>>
    %s = flashlight.contract %qr, %kr : tensor<2x6x7x4xf32, #flashlight.axes<b, h, m, d>>,
        tensor<2x6x9x4xf32, #flashlight.axes<b, h, n, d>>
        -> tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %ib = flashlight.broadcast %i : tensor<7xi64, #flashlight.axes<m>>
        -> tensor<7x9xi64, #flashlight.axes<m, n>>
    %jb = flashlight.broadcast %j : tensor<9xi64, #flashlight.axes<n>>
        -> tensor<7x9xi64, #flashlight.axes<m, n>>
    %causal = arith.cmpi sge, %ib, %jb : tensor<7x9xi64, #flashlight.axes<m, n>>
    %keep = flashlight.broadcast %causal : tensor<7x9xi1, #flashlight.axes<m, n>>
        -> tensor<2x6x7x9xi1, #flashlight.axes<b, h, m, n>>
    %neg = arith.constant dense<0xFF800000> : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %x = arith.select %keep, %s, %neg : tensor<2x6x7x9xi1, #flashlight.axes<b, h, m, n>>,
        tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %blockmax = flashlight.reduce max %x : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
        -> tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
"""
STATISTICS = """
    %maxb = flashlight.broadcast {max} : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
        -> tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %shifted = arith.subf %x, %maxb : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %p = math.exp %shifted : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
    %blocksum = flashlight.reduce sum %p : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>
        -> tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
    %blockacc = flashlight.contract %p, %vr : tensor<2x6x7x9xf32, #flashlight.axes<b, h, m, n>>,
        tensor<2x6x9x5xf32, #flashlight.axes<b, h, n, e>>
        -> tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
"""
DIVIDE = """
    %sumb = flashlight.broadcast {sum} : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
        -> tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
    %r = arith.divf {acc}, %sumb : tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
"""
IOTA = "%j = flashlight.iota : tensor<9xi64, #flashlight.axes<n>>\n"
DIRECT = KERNEL.format(
    body=IOTA
    + SCORES
    + STATISTICS.format(max="%blockmax")
    + DIVIDE.format(sum="%blocksum", acc="%blockacc")
)
# The online form: new = max(old, block), c = exp(old - new), sum = c sum + block, acc likewise.
# `%j` comes from outside of the stream: it has to be cut to the block.
STREAMED = KERNEL.format(
    body=IOTA
    + """
    %max0 = arith.constant dense<0xFF800000> : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
    %sum0 = arith.constant dense<0.0> : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
    %acc0 = arith.constant dense<0.0> : tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
    %state:3 = flashlight.stream "n" (%old = %max0, %sum = %sum0, %acc = %acc0)
        : (tensor<2x6x7xf32, #flashlight.axes<b, h, m>>,
           tensor<2x6x7xf32, #flashlight.axes<b, h, m>>,
           tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>) {
"""
    + SCORES
    + """
      %new = arith.maximumf %old, %blockmax : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
"""
    + STATISTICS.format(max="%new")
    + """
      %move = arith.subf %old, %new : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
      %c = math.exp %move : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
      %csum = arith.mulf %c, %sum : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
      %newsum = arith.addf %csum, %blocksum : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
      %cb = flashlight.broadcast %c : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>
          -> tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
      %cacc = arith.mulf %cb, %acc : tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
      %newacc = arith.addf %cacc, %blockacc : tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
      flashlight.yield %new, %newsum, %newacc : tensor<2x6x7xf32, #flashlight.axes<b, h, m>>,
          tensor<2x6x7xf32, #flashlight.axes<b, h, m>>,
          tensor<2x6x7x5xf32, #flashlight.axes<b, h, m, e>>
    }
"""
    + DIVIDE.format(sum="%state#1", acc="%state#2")
)


def inputs():
    torch.manual_seed(0)
    return torch.randn(2, 6, 7, 4), torch.randn(2, 4, 2, 9), torch.randn(2, 2, 9, 5)


def eager(q, k, v):
    q, k, v = q.double(), k.double(), v.double()
    scores = q @ k.permute(0, 2, 1, 3).repeat_interleave(3, 1)
    keep = torch.arange(7)[:, None] >= torch.arange(9)
    p = torch.softmax(scores.masked_fill(~keep, -torch.inf), -1)
    return (p @ v.repeat_interleave(3, 1)).permute(0, 2, 1, 3).reshape(2, 7, 30)


@pytest.mark.parametrize("text", [DIRECT, STREAMED])
def test_kernel_is_eager(text):
    args = inputs()
    (actual,) = run(text, args, dtype=torch.float64)
    torch.testing.assert_close(actual, eager(*args), rtol=1e-13, atol=1e-14)
    (single,) = run(text, args)
    torch.testing.assert_close(single.double(), eager(*args), rtol=1e-5, atol=1e-6)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.data())
def test_stream_does_not_depend_on_the_partition(cuts, data):
    ends = sorted({min(sum(cuts[: i + 1]), 9) for i in range(len(cuts))} | {9})
    blocks = [b - a for a, b in zip([0, *ends], ends)]
    args = inputs()
    (actual,) = run(STREAMED, args, dtype=torch.float64, blocks=blocks)
    torch.testing.assert_close(actual, eager(*args), rtol=1e-13, atol=1e-14)
    size = data.draw(st.integers(1, 10))
    (actual,) = run(STREAMED, args, dtype=torch.float64, blocks=size)
    torch.testing.assert_close(actual, eager(*args), rtol=1e-13, atol=1e-14)


def test_a_wrong_stream_depends_on_the_partition():
    """Without the correction of the running sum: right in one block, wrong in several."""
    wrong = STREAMED.replace("%newsum = arith.addf %csum", "%newsum = arith.addf %sum")
    args = inputs()
    (whole,) = run(wrong, args, dtype=torch.float64)
    torch.testing.assert_close(whole, eager(*args), rtol=1e-13, atol=1e-14)
    (cut,) = run(wrong, args, dtype=torch.float64, blocks=4)
    assert (cut - eager(*args)).abs().max() > 1e-3


def test_blocks_must_make_up_the_axis():
    with pytest.raises(InterpreterError, match=r"blocks \[4, 4\] do not make up axis 'n' \(9\)"):
        run(STREAMED, inputs(), blocks=[4, 4])


COPY = """
func.func @main(%x: tensor<6xf32>) -> tensor<6xf32> {{
  %o = flashlight.kernel "copy" axes(a = {a}, c = {c}) stream "a" (%xi = %x)
      : (tensor<6xf32>) -> (tensor<6xf32>) {{
    %r = flashlight.read %xi at affine_map<(a, c) -> ({read})>
        : tensor<6xf32> -> tensor<{a}x{c}xf32, #flashlight.axes<a, c>>
    flashlight.yield %r at [affine_map<(a, c) -> ({write})>]
        : tensor<{a}x{c}xf32, #flashlight.axes<a, c>>
  }}
  return %o : tensor<6xf32>
}}
"""


@pytest.mark.parametrize(
    "read, index",
    [
        ("a * 3 + c", [0, 1, 2, 3, 4, 5]),
        ("a + c * 2", [0, 2, 4, 1, 3, 5]),
        ("(a * 3 + c) floordiv 2", [0, 0, 1, 1, 2, 2]),
        ("(a * 3 + c) mod 4", [0, 1, 2, 3, 0, 1]),
        ("(a * 3 + c) ceildiv 2", [0, 1, 1, 2, 2, 3]),
        ("5 - a * 3 - c", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_affine_maps(read, index):
    x = torch.randn(6)
    (actual,) = run(COPY.format(a=2, c=3, read=read, write="a * 3 + c"), [x])
    torch.testing.assert_close(actual, x[index], rtol=0, atol=0)


@pytest.mark.parametrize(
    "read, write, message",
    [
        ("a * 3 + c + 1", "a * 3 + c", "'flashlight.read' op reads index 6 along dim 0"),
        ("a * 3 + c - 1", "a * 3 + c", "'flashlight.read' op reads index -1 along dim 0"),
        ("a * 3 + c", "a * 2 + c + 3", "'flashlight.kernel' op writes index 6"),
        ("a * 3 + c", "a + c", "writes element .* 0 times|writes element .* 2 times"),
        ("a * 3 + c", "a", "yields a value with axis 'c', which its map does not use"),
    ],
)
def test_wrong_maps(read, write, message):
    with pytest.raises(InterpreterError, match=message):
        run(COPY.format(a=2, c=3, read=read, write=write), [torch.randn(6)])


def test_symbolic_axes():
    text = """
    #s = #flashlight.symbols<s0>
    func.func @main(%x: tensor<?x3xf32, #s>) -> tensor<?xf32, #s> {
      %o = flashlight.kernel "sums" axes(a = s0, c = 3) stream "c" (%xi = %x)
          : (tensor<?x3xf32, #s>) -> (tensor<?xf32, #s>) {
        %r = flashlight.read %xi at affine_map<(a, c) -> (a, c)>
            : tensor<?x3xf32, #s> -> tensor<?x3xf32, #flashlight.axes<a, c>>
        %t = flashlight.reduce sum %r : tensor<?x3xf32, #flashlight.axes<a, c>>
            -> tensor<?xf32, #flashlight.axes<a>>
        flashlight.yield %t at [affine_map<(a, c) -> (a)>] : tensor<?xf32, #flashlight.axes<a>>
      }
      return %o : tensor<?xf32, #s>
    }"""
    x = torch.randn(5, 3)
    (actual,) = run(text, [x])
    torch.testing.assert_close(actual, x.sum(1))


# Level 3 ----------------------------------------------------------------------------------------


def tile_program(name):
    return (ROOT / "test" / "Tile" / name).read_text()


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "sliced"])
def test_tile_attention_is_eager(layout):
    torch.manual_seed(0)
    if layout == "contiguous":
        q, k, v, out = (torch.randn(2, 8, 100, 64) for _ in range(4))
    elif layout == "transposed":
        q, k, v, out = (torch.randn(2, 100, 8, 64).transpose(1, 2) for _ in range(4))
    else:
        q, k, v, out = (torch.randn(2, 8, 101, 130)[:, :, 1:, 1:129:2] for _ in range(4))
    expected = torch.softmax(q.double() @ k.double().mT / 8, -1) @ v.double()
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(tile_program("attention.mlir"))
        assert interpret(module, "attention", [q, k, v, out]) == []
        torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=2e-6)
        precise = torch.empty_like(q, dtype=torch.float64)
        interpret(module, "attention", [q, k, v, precise], dtype=torch.float64)
    torch.testing.assert_close(precise, expected, rtol=1e-13, atol=1e-14)


# Doubles a vector of s0 elements in tiles of 4; `limits` guards the last one.
DOUBLE = """
!mem = memref<?xf32, strided<[?], offset: ?>>
#sym = #flashlight.symbols<s0>
func.func @double(%x: !mem, %o: !mem {{flashlight.output}}, %n: index {{flashlight.symbol = "s0"}})
    attributes {{flashlight.grid = [#flashlight.grid_axis<a = s0 by 4>]}} {{
  %c4 = arith.constant 4 : index
  %pid = flashlight.program_id
  %start = arith.muli %pid, %c4 : index
  %left = arith.subi %n, %start : index
  %t = flashlight.load %x[%start] map affine_map<(i) -> (i)> limits [0] ({load}) : !mem
      -> tensor<4xf32>
  %d = arith.addf %t, %t : tensor<4xf32>
  {store}
  return
}}
func.func @main(%x: tensor<?xf32, #sym>) -> tensor<?xf32, #sym> {{
  %y = flashlight.launch @double(%x) : (tensor<?xf32, #sym>) -> tensor<?xf32, #sym>
  return %y : tensor<?xf32, #sym>
}}
"""
STORE = (
    "flashlight.store %d, %o[%start] map affine_map<(i) -> (i)> limits [0] ({}) "
    ": tensor<4xf32>, !mem"
)


def test_launch_with_symbols_and_limits():
    text = DOUBLE.format(load="%left", store=STORE.format("%left"))
    for n in (1, 3, 4, 5, 8, 11):
        x = torch.randn(n)
        (actual,) = run(text, [x])
        torch.testing.assert_close(actual, 2 * x, rtol=0, atol=0)
    strided = torch.randn(22)[1::2]
    torch.testing.assert_close(run(text, [strided])[0], 2 * strided, rtol=0, atol=0)


@pytest.mark.parametrize(
    "load, store, message",
    [
        ("%c4", STORE.format("%left"), "'flashlight.load' op accesses index 5 along dim 0"),
        ("%left", STORE.format("%c4"), "'flashlight.store' op accesses index 5 along dim 0"),
        ("%left", "", "argument 1 was never written"),
        ("%left", STORE.format("%pid"), r"element \[0\] of argument 1 was never written"),
        (
            "%left",
            "%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n"
            + STORE.replace("%start", "%c0").format("%c1"),
            "program 1 writes other than another program has written",
        ),
    ],
)
def test_wrong_tile_programs(load, store, message):
    with pytest.raises(InterpreterError, match=message):
        run(DOUBLE.format(load=load, store=store), [torch.randn(5)])


def test_booleans_are_bytes_in_memory():
    text = """
    !bytes = memref<6xi8, strided<[?], offset: ?>>
    func.func @not(%x: !bytes, %o: !bytes {flashlight.output})
        attributes {flashlight.grid = [#flashlight.grid_axis<a = 6 by 2>]} {
      %c2 = arith.constant 2 : index
      %pid = flashlight.program_id
      %start = arith.muli %pid, %c2 : index
      %t = flashlight.load %x[%start] map affine_map<(i) -> (i)> : !bytes -> tensor<2xi8>
      %one = arith.constant dense<1> : tensor<2xi8>
      %d = arith.xori %t, %one : tensor<2xi8>
      flashlight.store %d, %o[%start] map affine_map<(i) -> (i)> : tensor<2xi8>, !bytes
      return
    }
    func.func @main(%x: tensor<6xi1>) -> tensor<6xi1> {
      %y = flashlight.launch @not(%x) : (tensor<6xi1>) -> tensor<6xi1>
      return %y : tensor<6xi1>
    }"""
    x = torch.tensor([True, False, False, True, True, False])
    assert torch.equal(run(text, [x])[0], ~x)


def test_control_flow():
    text = """
    func.func @main(%n: index, %flag: i1) -> (index, index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %c0) -> index {
        %next = arith.addi %acc, %i : index
        scf.yield %next : index
      }
      %r = scf.if %flag -> index {
        scf.yield %sum : index
      } else {
        scf.yield %c1 : index
      }
      %half = scf.while (%x = %sum) : (index) -> index {
        %go = arith.cmpi sgt, %x, %c1 : index
        scf.condition(%go) %x : index
      } do {
      ^bb0(%x: index):
        %c2 = arith.constant 2 : index
        %h = arith.divsi %x, %c2 : index
        scf.yield %h : index
      }
      return %r, %half : index, index
    }"""
    assert [int(x) for x in run(text, [5, True])] == [10, 1]
    assert [int(x) for x in run(text, [5, False])] == [1, 1]
