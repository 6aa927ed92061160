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


def returned(q, k, v, u):
    """What is handed on is a result, too, with its heads joined."""
    w = weights(q, k)
    o = w @ v
    return o.transpose(1, 2).flatten(2), o * (w @ u)


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
    "returned": (returned, (*heads(2, 16, count=2), rand(1, 2, 40, 24), rand(1, 2, 40, 24)), 2),
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
def test_dynamic_sizes_in_parts(rows, in_most_parts):
    in_most_parts(rows)
    batch, length = torch.export.Dim("b", min=2), torch.export.Dim("s", min=2)
    args = [x.expand(2, -1, -1, -1) for x in FORCED["normed"][1]]
    module = numerics.as_module(normed)
    shapes = (({0: batch, 2: length},) * len(args),)
    compiled = flashlight.compile(torch.export.export(module, tuple(args), dynamic_shapes=shapes))
    assert len(compiled.kernels) == 2
    for rows in (40, 17, 70):
        other = [rand(3, 2, rows, x.shape[-1]) for x in args]
        numerics.check(compiled(*other), module, other)


@pytest.mark.parametrize("rows", ["compute", "read"])
@pytest.mark.parametrize("name", ["normed-bf16", "causal", "returned", "points"])
def test_numerics_of_ttir_in_parts(name, rows, in_most_parts):
    function, args, count = FORCED[name]
    in_most_parts(rows)
    module = numerics.as_module(function)
    exported = torch.export.export(module, args)
    compiled = compile_with(Interpreted(general), exported, "cuda:sm_90", None)
    assert len(compiled.kernels) == count
    compiled.target = Target("cpu")
    numerics.check(compiled(*args), module, args)


# What the cost model splits ----------------------------------------------------------------------


def kernels_of(function, count, width, target, backend=None, length=2048):
    """Kernels for `count` queries and keys of width 64, and values of `width`."""
    tensors = [torch.zeros(1, 8, length, 64, dtype=torch.bfloat16) for _ in range(count)]
    values = torch.zeros(1, 8, length, width, dtype=torch.bfloat16)
    exported = torch.export.export(numerics.as_module(function), (*tensors, values))
    return compile_with(backend or Nothing(), exported, target, None)


def test_what_fits_stays_whole():
    """Values of 256: two accumulators have room beside each other, on every target."""
    for target in ("cpu", "cuda:sm_80", "cuda:sm_90", "cuda:sm_100"):
        (kernel,) = kernels_of(normed, 4, 256, target).kernels
        assert kernel.part_of is None
        assert "flashlight.in_parts" in kernel.stages["kernel"]


def test_parts_that_are_faster():
    """Four accumulators leave room for 16 rows only, two for 64."""
    compiled = kernels_of(four, 8, 256, "cuda:sm_90")
    first, second = compiled.kernels
    assert (first.name, second.name) == ("kernel_0_0", "kernel_0_1")
    assert first.part_of == second.part_of == "kernel_0"
    for kernel in compiled.kernels:
        assert "reason" not in kernel.cost
        assert "flashlight.undivided" in kernel.stages["kernel"]
    text = str(compiled.explain())
    assert text.count("part of kernel_0, which was split") == 2
    assert "on cuda:sm_90, in 2 kernels: " in text
    assert "; not one kernel: " in text
    assert "which was split" in compiled.explain().html()
    assert compiled.explain().picture()


def six(*args):
    """Six softmaxes over one tensor of values, normed."""
    v = args[-1]
    o = sum(weights(q, k) @ v for q, k in zip(args[0:12:2], args[1:12:2], strict=True))
    return o * torch.rsqrt(o.float().square().mean(-1, keepdim=True) + 1e-5).to(o.dtype)


def test_parts_where_the_whole_has_no_room():
    """Six accumulators of 512 have no room in any tiles on sm_80."""
    compiled = kernels_of(six, 12, 512, "cuda:sm_80")
    assert len(compiled.kernels) > 1
    for kernel in compiled.kernels:
        assert "reason" not in kernel.cost
        assert any("registers (too large: " in remark.message for remark in kernel.remarks)


def test_short_programs_stay_whole():
    """A launch costs more than small tiles."""
    assert len(kernels_of(four, 8, 256, "cuda:sm_90", length=64).kernels) == 1


# Where a backend has no room ---------------------------------------------------------------------


class NoRoomFor:
    """A backend that refuses kernels by name."""

    def __init__(self, *names):
        self.names, self.asked = names, []

    def compile_kernel(self, module, name, options):
        self.asked.append(name)
        if name in self.names:
            raise KernelError("expected more room")
        return Nothing().compile_kernel(module, name, options)


def test_a_refused_kernel_is_split(recwarn):
    compiled = kernels_of(normed, 4, 256, "cuda:sm_90", NoRoomFor("kernel_0"))
    assert [kernel.part_of for kernel in compiled.kernels] == ["kernel_0", "kernel_0"]
    assert not compiled.fallbacks
    assert not [w for w in recwarn if "stays with PyTorch" in str(w.message)]
    assert "not one kernel: " in str(compiled.explain())
    assert "(too large: expected more room)" in str(compiled.explain())


def test_a_refused_part_leaves_the_whole_with_pytorch_aloud():
    backend = NoRoomFor("kernel_0", "kernel_0_1")
    with pytest.warns(RuntimeWarning, match="kernel 'kernel_0' stays with PyTorch"):
        compiled = kernels_of(normed, 4, 256, "cuda:sm_90", backend)
    assert not compiled.kernels
    reasons = {left.reason for left in compiled.fallbacks}
    assert "cuda:sm_90 has no kernel for it: expected more room" in reasons


def test_what_cannot_be_split_is_refused_at_once():
    backend = NoRoomFor("kernel_0")
    with pytest.warns(RuntimeWarning, match="kernel 'kernel_0' stays with PyTorch"):
        compiled = kernels_of(lambda q, k, v: weights(q, k) @ v, 2, 256, "cuda:sm_90", backend)
    assert not compiled.kernels
    assert len(backend.asked) == 4  # each tiling once: it was not tried again
