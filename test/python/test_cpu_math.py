# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions on the CPU against float64: errors in units of the last place of f32."""

import math

import pytest
import torch

from cpu_harness import compile_text, program

INF, NAN = float("inf"), float("nan")
SPECIAL = [0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 1e-30, -1e-30, 3e38, -3e38, 88.7, 88.8, -86.9]


def spread(low, high, count=40000):
    """Dense in the range, with both tiny and large numbers."""
    grid = torch.linspace(low, high, count, dtype=torch.float64)
    logs = torch.logspace(-30, math.log10(max(abs(low), abs(high))), 2000, dtype=torch.float64)
    both = torch.cat([grid, logs, -logs])
    return both[(both >= low) & (both <= high)].float()


def evaluate(op, x, bits=512):
    kind = f"tensor<{len(x)}xf32>"
    kernel = compile_text(program([x], [x], f"  %y0 = math.{op} %x0 : {kind}"), vector_bits=bits)
    out = torch.empty_like(x)
    kernel.launch([x], [out], {})
    return out


def units(actual, exact):
    """The largest error, in spacings of f32 at the exact value (of normal numbers)."""
    finite = exact.isfinite() & (exact.abs() < 3.4e38) & (exact.abs() > 1.2e-38)
    mantissa, exponent = torch.frexp(exact[finite])
    spacing = torch.ldexp(torch.ones_like(mantissa), exponent - 24)
    return float(((actual.double()[finite] - exact[finite]).abs() / spacing).max())


@pytest.mark.parametrize(
    ("op", "low", "high", "bound"),
    [
        ("exp", -86.9, 88.7, 1.5),
        ("exp2", -125.4, 127.9, 1.5),
        ("log", 1e-37, 3e38, 1.5),
        ("log2", 1e-37, 3e38, 3.0),
        ("log1p", -0.999, 1e30, 3.0),
        ("expm1", -20.0, 88.0, 4.0),
        ("tanh", -12.0, 12.0, 2.5),
        ("erf", -4.0, 4.0, 2.5),
        ("sin", -1000.0, 1000.0, 1.5),
        ("cos", -1000.0, 1000.0, 1.5),
        ("sin", -1e30, 1e30, 2.0),
        ("cos", -1e8, 1e8, 1.5),
        ("sqrt", 0.0, 3e38, 1.0),
        ("rsqrt", 1e-30, 3e38, 2.0),
        ("absf", -10.0, 10.0, 0.0),
    ],
)
def test_accuracy(op, low, high, bound):
    x = spread(low, high)
    reference = {"absf": torch.abs}.get(op) or getattr(torch, op)
    assert units(evaluate(op, x), reference(x.double())) <= bound


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize(
    "op",
    ["exp", "exp2", "log", "log2", "log1p", "expm1", "tanh", "erf", "sin", "cos", "sqrt"]
    + ["tan", "sinh", "asin", "acos", "atan"],
)
def test_special_values(op, bits):
    x = torch.tensor(SPECIAL)
    actual, exact = evaluate(op, x, bits), getattr(torch, op)(x)
    assert torch.equal(actual.isnan(), exact.isnan())
    assert torch.equal(actual.isinf(), exact.isinf())
    finite = exact.isfinite()
    assert torch.equal(actual[finite] == 0, exact[finite] == 0)
    torch.testing.assert_close(actual[finite], exact[finite], rtol=1e-6, atol=0)


def test_exp_at_its_ends():
    x = torch.cat([torch.linspace(-104, -86, 4001), torch.linspace(88, 89.5, 4001)])
    actual, exact = evaluate("exp", x), torch.exp(x)
    assert torch.equal(actual.isinf(), exact.isinf())
    small = x < 0
    # Below -87 the result may be 0: the smallest normal number is lost, no more.
    assert float((actual[small] - exact[small]).abs().max()) < 1.7e-38
    assert (actual[x < -87.4] == 0).all()
    assert (actual >= 0).all()


def power(x, y, bits=512):
    kind = f"tensor<{len(x)}xf32>"
    body = f"  %y0 = math.powf %x0, %x1 : {kind}"
    kernel = compile_text(program([x, y], [x], body), vector_bits=bits)
    out = torch.empty_like(x)
    kernel.launch([x, y], [out], {})
    return out


def test_accuracy_of_powers():
    """Decays, squares, roots: the error does not grow with the exponent."""
    generator = torch.Generator().manual_seed(0)
    x = torch.exp(torch.empty(60000).uniform_(-20, 20, generator=generator))
    y = torch.empty(60000).uniform_(-6, 6, generator=generator)
    y[:5000] = torch.randint(-40, 40, (5000,), generator=generator).float()
    x[5000:15000] = torch.empty(10000).uniform_(0.9, 1.0, generator=generator)
    y[5000:15000] = torch.randint(0, 900, (10000,), generator=generator).float()
    x[:2500].neg_()
    assert units(power(x, y), x.double() ** y.double()) <= 1.0


@pytest.mark.parametrize("bits", [256, 512])
def test_special_powers(bits):
    values = [*SPECIAL, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 2.5, -2.5, 16777216.0, 16777217.0, 1e-40]
    x, y = (t.flatten() for t in torch.meshgrid(*[torch.tensor(values)] * 2, indexing="ij"))
    actual, exact = power(x, y, bits), torch.pow(x, y)
    assert torch.equal(actual.isnan(), exact.isnan())
    torch.testing.assert_close(actual, exact, rtol=2e-7, atol=1e-44, equal_nan=True)
    number = ~exact.isnan()
    assert torch.equal(torch.signbit(actual[number]), torch.signbit(exact[number]))
