# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a GPU would compute: the emitted TTIR, run by the interpreter for its whole grid."""

import math

import pytest
import torch
import torch.nn.functional as F

import numerics
from flashlight.backends import triton as backend
from flashlight.backends.triton_layout import contiguous, exact, general
from flashlight.interpreter import interpret_triton
from flashlight.mlir import ir
from flashlight.options import Options
from flashlight.pipeline import run_pipeline
from flashlight.program import compile_with
from flashlight.targets import Target


class Interpreted:
    """A backend that runs the TTIR of each kernel on the CPU."""

    def __init__(self, layout=contiguous):
        self.layout = layout
        self.texts = []

    def compile_kernel(self, module, name, options):
        source = backend.read_kernel(module, name, options)
        outer = self

        class Kernel:
            def __init__(self):
                self.stages, self.resources = {}, {}

            def launch(self, inputs, outputs, symbols):
                tensors = [*inputs, *outputs]
                layouts = tuple(map(outer.layout, tensors))
                text = source.to_ttir(layouts, ir.Context())
                outer.texts.append(text)
                programs, arguments = source.arguments(tensors, layouts, symbols)
                with ir.Context(), ir.Location.unknown():
                    interpret_triton(ir.Module.parse(text), name, arguments, programs)

        return Kernel()


def run(module, args, layout=general, dynamic_shapes=None):
    """The module's outputs by the interpreter of TTIR."""
    exported = torch.export.export(module, args, dynamic_shapes=dynamic_shapes)
    interpreted = Interpreted(layout)
    compiled = compile_with(interpreted, exported, "cuda:sm_90", None)
    compiled.target = Target("cpu")  # the interpreter runs where the tensors are
    output = compiled(*args)
    assert interpreted.texts, "no kernel was formed"
    return output, interpreted.texts


def check(module, args, **kwargs):
    """Judges what the TTIR computes; returns it."""
    output, texts = run(module, args, **kwargs)
    numerics.check(output, module, args)
    return texts


class Sdpa(torch.nn.Module):
    def __init__(self, causal=False):
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


def qkv(b, h, m, n, d, e, dtype=torch.float32, scale=1.0):
    torch.manual_seed(0)
    return (
        (torch.randn(b, h, m, d) * scale).to(dtype),
        (torch.randn(b, h, n, d) * scale).to(dtype),
        torch.randn(b, h, n, e).to(dtype),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("causal", [False, True])
def test_sdpa(dtype, causal):
    check(Sdpa(causal), qkv(1, 2, 150, 150, 64, 64, dtype))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 9, 16, 16), (1, 2, 17, 127, 80, 16), (2, 1, 130, 65, 16, 96)]
)
def test_odd_sizes(shape):
    check(Sdpa(), qkv(*shape))


def test_strided_inputs():
    """[B, S, H, D] memory seen as [B, H, S, D], a slice, and a broadcast head."""
    torch.manual_seed(0)
    q = torch.randn(2, 40, 3, 16).transpose(1, 2)
    k = torch.randn(2, 3, 40, 32)[..., 5:21]
    v = torch.randn(2, 1, 40, 16).expand(2, 3, 40, 16)
    check(Sdpa(True), (q, k, v))
    texts = check(Sdpa(True), (q, k, v), layout=exact)
    assert ": i64" not in texts[0].splitlines()[1]  # no stride is a parameter


@pytest.mark.parametrize("scale", [30.0, 1e3, 1e5, 1e9])
def test_large_logits(scale):
    """Up to scores of 1e18, where only equal scores have a share."""
    check(Sdpa(), qkv(1, 1, 33, 70, 16, 16, scale=scale))
    check(Sdpa(), qkv(1, 1, 33, 70, 32, 16, scale=scale))  # a scale that is no power of two


class Filled(torch.nn.Module):
    """Keys beyond each row's length are masked; the first rows have none left."""

    def __init__(self, fill):
        super().__init__()
        self.fill = fill

    def forward(self, q, k, v):
        i = torch.arange(q.shape[-2])[:, None]
        j = torch.arange(k.shape[-2])[None, :]
        s = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        s = s.masked_fill(j + 80 > i, self.fill)
        return torch.softmax(s, -1) @ v


@pytest.mark.parametrize("fill", [-math.inf, -1e4, -1e9, -1e10, torch.finfo(torch.float32).min])
@pytest.mark.parametrize("d", [16, 32])
def test_masked_rows(fill, d):
    """NaN for -inf, the mean of v for a finite fill."""
    check(Filled(fill), qkv(1, 2, 130, 130, d, 16))


class Softcap(torch.nn.Module):
    def forward(self, q, k, v):
        i = torch.arange(q.shape[-2])[:, None]
        j = torch.arange(k.shape[-2])[None, :]
        s = 20 * torch.tanh(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 / 20)
        s = s - 0.25 * (i - j).abs()
        return torch.softmax(s.masked_fill(j > i, -math.inf), -1) @ v


def test_softcap_and_alibi():
    texts = check(Softcap(), qkv(1, 2, 100, 100, 16, 16))
    assert "math.tanh" not in texts[0]
    assert "tensor<128x64xi64>" not in texts[0]  # positions are 32-bit


def test_dynamic_sizes():
    batch, rows, keys = (torch.export.Dim(name, min=2, max=4096) for name in ("b", "m", "n"))
    shapes = ({0: batch, 2: rows}, {0: batch, 2: keys}, {0: batch, 2: keys})
    exported = torch.export.export(Sdpa(), qkv(2, 2, 40, 50, 16, 16), dynamic_shapes=shapes)
    interpreted = Interpreted(general)
    compiled = compile_with(interpreted, exported, "cuda:sm_90", None)
    compiled.target = Target("cpu")
    for sizes in [(2, 2, 40, 50, 16, 16), (3, 2, 129, 70, 16, 16)]:
        q, k, v = qkv(*sizes)
        expected = Sdpa()(q.double(), k.double(), v.double())
        torch.testing.assert_close(compiled(q, k, v).double(), expected, rtol=1e-4, atol=1e-5)


# The passes by themselves --------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.5, 3.0, -3.0, 1e-30, -1e-8, 0.2499, 0.2501,
           88.0, -88.0, 1e30, -1e30, 8388609.0, -0.3, math.inf, -math.inf, math.nan, 1e-4, -1e-4,
           12.0,
           -0.75, 0.75, 100.0, 7.0, -7.0, 0.1]  # fmt: skip
MATH = """
func.func @k(%x: memref<32xf32, strided<[1]>>, %z: memref<32xf32, strided<[1]>>,
             %y: memref<32xf32, strided<[1]>> {{flashlight.output}})
    attributes {{flashlight.grid = [#flashlight.grid_axis<m = 32 by 32>]}} {{
  %c0 = arith.constant 0 : index
  %v = flashlight.load %x[%c0] map affine_map<(i) -> (i)>
      : memref<32xf32, strided<[1]>> -> tensor<32xf32>
  %w = flashlight.load %z[%c0] map affine_map<(i) -> (i)>
      : memref<32xf32, strided<[1]>> -> tensor<32xf32>
  %r = {op} : tensor<32xf32>
  flashlight.store %r, %y[%c0] map affine_map<(i) -> (i)>
      : tensor<32xf32>, memref<32xf32, strided<[1]>>
  return
}}
"""


@pytest.mark.parametrize(
    ("op", "reference"),
    [
        ("math.tanh %v", lambda x, _: torch.tanh(x)),
        ("math.expm1 %v", lambda x, _: torch.expm1(x)),
        ("math.log1p %v", lambda x, _: torch.log1p(x)),
        ("math.log10 %v", lambda x, _: torch.log10(x)),
        ("math.tan %v", lambda x, _: torch.tan(x)),
        ("math.sinh %v", lambda x, _: torch.sinh(x)),
        ("math.asin %v", lambda x, _: torch.asin(x)),
        ("math.acos %v", lambda x, _: torch.acos(x)),
        ("math.atan %v", lambda x, _: torch.atan(x)),
        ("math.trunc %v", lambda x, _: torch.trunc(x)),
        ("math.roundeven %v", lambda x, _: torch.round(x)),
        ("math.copysign %v, %w", torch.copysign),
        ("math.powf %v, %w", torch.pow),
        ("arith.negf %v", lambda x, _: -x),
    ],
)
def test_expanded_math(op, reference):
    """Every pair of special floats: NaN, infinities and signs as eager's, else 1e-5 relative."""
    x = torch.tensor(SPECIAL)
    for shift in range(len(SPECIAL)):
        z = x.roll(shift)
        y = torch.empty(32)
        with ir.Context(), ir.Location.unknown():
            module = ir.Module.parse(MATH.format(op=op))
            run_pipeline(module, backend.TO_TRITON, Options())
            interpret_triton(module, "k", [x, z, y], 1)
        expected = reference(x.double(), z.double()).float()
        torch.testing.assert_close(y, expected, rtol=1e-5, atol=0, equal_nan=True)
        zero = (expected == 0) & (y == 0)
        assert torch.equal(y[zero].signbit(), expected[zero].signbit())
        if "%w" not in op:
            break


EXP = """
func.func @k(%x: memref<32x32xf32, strided<[32, 1]>>, %y: memref<32xf32, strided<[1]>>,
             %o: memref<32x32xf32, strided<[32, 1]>> {{flashlight.output}})
    attributes {{flashlight.grid = [#flashlight.grid_axis<m = 32 by 32>]}} {{
  %c0 = arith.constant 0 : index
  %c = arith.constant dense<{scale}> : tensor<32x32xf32>
  %c1 = arith.constant dense<{scale}> : tensor<32xf32>
  %v = flashlight.load %x[%c0, %c0] map affine_map<(i, j) -> (i, j)>
      : memref<32x32xf32, strided<[32, 1]>> -> tensor<32x32xf32>
  %w = flashlight.load %y[%c0] map affine_map<(i) -> (i)>
      : memref<32xf32, strided<[1]>> -> tensor<32xf32>
  %s = arith.mulf %v, %c : tensor<32x32xf32>
  %r = {row} : tensor<32xf32>
  %b = flashlight.broadcast %r dims [0] : tensor<32xf32> -> tensor<32x32xf32>
  %d = arith.subf %s, %b : tensor<32x32xf32>
  %p = math.exp %d : tensor<32x32xf32>
  flashlight.store %p, %o[%c0, %c0] map affine_map<(i, j) -> (i, j)>
      : tensor<32x32xf32>, memref<32x32xf32, strided<[32, 1]>>
  return
}}
"""


@pytest.mark.parametrize("scale", [1.0, 0.125, 0.3])
@pytest.mark.parametrize("row", ["arith.mulf %w, %c1", "arith.mulf %w, %w"])
def test_exp_to_exp2_on_special_floats(scale, row):
    """For every pair: what `exp` gives, within the error of rounding the two scaled values."""
    x = torch.tensor([*SPECIAL[:-2], torch.finfo(torch.float32).min, -1e9])
    tile = x.repeat(32, 1)
    text = EXP.format(scale=f"{scale:e}", row=row)

    def evaluate(passes):
        out = torch.empty(32, 32)
        with ir.Context(), ir.Location.unknown():
            module = ir.Module.parse(text)
            run_pipeline(module, f"{passes}flashlight-convert-to-triton", Options())
            interpret_triton(module, "k", [tile, x, out], 1)
        return out

    before, after = evaluate(""), evaluate("func.func(flashlight-exp-to-exp2),")
    assert torch.equal(before.isnan(), after.isnan())
    s = tile * scale
    r = (x * torch.tensor(scale) if "%c1" in row else x * x)[:, None].expand(32, 32)
    finite = s.isfinite() & r.isfinite()
    assert torch.equal(after[~finite & ~before.isnan()], before[~finite & ~before.isnan()])
    # The exponent moves by a unit in the last place of the two values at most, in natural units.
    s, r, after = s[finite], r[finite], after[finite].double()
    unit = torch.maximum(s.abs(), r.abs()).double() * 2.0**-23
    exponent = s.double() - r.double()
    assert (after >= torch.exp(exponent - unit) * (1 - 1e-5) - 1e-37).all()
    high = torch.exp(exponent + unit) * (1 + 1e-5) + 1e-37
    assert ((after <= high) | (high > 3e38)).all()
    equal = (tile[finite] == x[:, None].expand(32, 32)[finite]) & (s == r)
    assert (after[equal] == 1).all()
