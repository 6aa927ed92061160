# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels in parts: numerics of forced splits, what the cost model splits, and what is said."""

import pytest
import torch

import flashlight
import numerics
from flashlight import pipeline
from flashlight.backends.triton_layout import general
from flashlight.errors import KernelError
from flashlight.program import compile_with
from flashlight.targets import Target
from test_cost import Nothing
from test_triton_numerics import Interpreted

HALF = torch.bfloat16


def rand(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


def weights(q, k):
    return torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, -1)


def subtracted(q1, k1, q2, k2, v):
    """Differential attention as one product."""
    return (weights(q1, k1) - 0.5 * weights(q2, k2)) @ v


def normed(q1, k1, q2, k2, v):
    """Differential attention with the norm of its heads: the width cannot be divided."""
    o = weights(q1, k1) @ v - 0.5 * (weights(q2, k2) @ v)
    return o * torch.rsqrt(o.float().square().mean(-1, keepdim=True) + 1e-5).to(o.dtype)


def four(*args):
    """Four softmaxes over one tensor of values."""
    v = args[-1]
    o1, o2, o3, o4 = (weights(q, k) @ v for q, k in zip(args[0:8:2], args[1:8:2]))
    o = o1 - 0.3 * o2 + 0.2 * (o3 - o4)
    return o * torch.rsqrt(o.float().square().mean(-1, keepdim=True) + 1e-5).to(o.dtype)


def causal(q, k, v, u):
    """One softmax of three values, one of which the others meet at the end; its statistics."""
    s = q @ k.mT * 0.25
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])
    s = s.masked_fill(j > i, -torch.inf)
    w = torch.softmax(s, -1)
    return (w @ v).transpose(1, 2).flatten(2), (w @ u) * (w @ k), torch.logsumexp(s, -1)


def points(q, k, v, qp, kp, vp, pair):
    """Invariant point attention."""
    distance = (qp[:, :, None] - kp[:, None]).square().sum((-1, -2))
    w = (torch.einsum("bihc,bjhc->bijh", q, k) - 0.5 * distance).softmax(2)
    out = torch.einsum("bijh,bjhc->bihc", w, v)
    out_points = torch.einsum("bijh,bjhpx->bihpx", w, vp)
    return out, out_points.square().sum(-1).sqrt(), torch.einsum("bijh,bijc->bihc", w, pair)


def heads(n, width, *, count, rows=40, **kwargs):
    return [rand(1, n, rows, width, **kwargs) * (1 + i / 7) for i in range(count)]


FORCED = {
    "subtracted": (subtracted, (*heads(2, 16, count=4), rand(1, 2, 40, 24)), 2),
    "normed": (normed, (*heads(2, 16, count=4), rand(1, 2, 40, 24)), 2),
    "normed-bf16": (
        normed,
        (*heads(2, 16, count=4, dtype=HALF), rand(1, 2, 40, 24, dtype=HALF)),
        2,
    ),
    "four": (four, (*heads(1, 16, count=8), rand(1, 1, 40, 24)), 4),
    "causal": (causal, (*heads(2, 16, count=2), rand(1, 2, 40, 24), rand(1, 2, 40, 16)), 3),
    "points": (
        points,
        (
            *(rand(1, 30, 2, 16) for _ in range(3)),
            *(rand(1, 30, 2, 4, 3) for _ in range(3)),
            rand(1, 30, 30, 20),
        ),
        3,
    ),
}


@pytest.fixture
def in_most_parts(monkeypatch):
    def force(rows):
        def to_kernel(target):
            options = f"target={target.kind} split=most rows={rows}"
            return f"flashlight-to-kernel{{{options}}}"

        monkeypatch.setattr(pipeline, "to_kernel", to_kernel)

    return force


@pytest.mark.parametrize("rows", ["compute", "read"])
@pytest.mark.parametrize("name", FORCED)
def test_numerics_in_parts(name, rows, in_most_parts):
    """As many kernels as wide statistics, on the CPU."""
    function, args, count = FORCED[name]
    in_most_parts(rows)
    module = numerics.as_module(function)
    compiled = flashlight.compile(torch.export.export(module, args))
    assert len(compiled.kernels) == count
    assert {kernel.part_of for kernel in compiled.kernels} == {"kernel_0"}
    numerics.check(compiled(*args), module, args)


@pytest.mark.parametrize("rows", ["compute", "read"])
@pytest.mark.parametrize("name", ["normed-bf16", "causal", "points"])
def test_numerics_of_ttir_in_parts(name, rows, in_most_parts):
    function, args, count = FORCED[name]
    in_most_parts(rows)
    module = numerics.as_module(function)
    exported = torch.export.export(module, args)
    compiled = compile_with(Interpreted(general), exported, "cuda:sm_90", None)
    assert len(compiled.kernels) == count
    compiled.target = Target("cpu")
    numerics.check(compiled(*args), module, args)


def zeros(count, width, value, dtype=HALF):
    tensor = torch.zeros(1, 8, 2048, width, dtype=dtype)
    return (*(tensor.clone() for _ in range(count)), torch.zeros(1, 8, 2048, value, dtype=dtype))


def kernels_of(function, args, target, backend=None):
    exported = torch.export.export(numerics.as_module(function), args)
    return compile_with(backend or Nothing(), exported, target, None)
