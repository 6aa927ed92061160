# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that keep their keys: weights that are returned, whole or summed over heads."""

import pytest
import torch

import flashlight
import numerics
from flashlight.backends.triton_layout import general
from flashlight.program import compile_with
from flashlight.targets import Target
from test_triton_numerics import Interpreted
from variants import measure

torch.manual_seed(0)
B, H, G, S, N, D, E = 2, 4, 2, 37, 50, 16, 24
R = torch.randn
q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)
grouped = q, R(B, G, N, D), R(B, G, N, E)
square = q, R(B, H, S, D), R(B, H, S, E)
padding = torch.rand(B, N) > 0.3
padding[:, 0] = True


def softmax(q, k):
    return torch.softmax(q @ k.mT * 0.25, -1)


def mean(q, k, v):
    weights = softmax(q, k)
    return weights @ v, weights.mean(1)


def whole(q, k, v):
    weights = softmax(q, k)
    return weights @ v, weights


def causal(q, k, v):
    future = torch.ones(S, S, dtype=torch.bool).triu(1)
    weights = (q @ k.mT * 0.25).masked_fill(future, float("-inf")).softmax(-1)
    return weights @ v, weights.mean(1)


def causal_whole(q, k, v):
    at = torch.arange(S)
    weights = (q @ k.mT).masked_fill(at > at[:, None], float("-inf")).softmax(-1)
    return weights @ v, weights


def padded(q, k, v, keep):
    scores = (q @ k.mT * 0.25).masked_fill(~keep[:, None, None], float("-inf"))
    weights = scores.softmax(-1)
    return weights @ v, weights.mean(1)


def repeated_keys(q, k, v):
    weights = softmax(q, k.repeat_interleave(H // G, 1))
    return weights @ v.repeat_interleave(H // G, 1), weights.mean(1)


def groups_of_heads(q, k, v):
    q = q.unflatten(1, (G, H // G))
    weights = torch.softmax(torch.einsum("bgimd,bgnd->bgimn", q, k), -1)
    return torch.einsum("bgimn,bgne->bgime", weights, v), weights.mean((1, 2))


def one_head_of_keys(q, k, v):
    weights = torch.softmax(torch.einsum("bhmd,bnd->bhmn", q, k[:, 0]), -1)
    return torch.einsum("bhmn,bne->bhme", weights, v[:, 0]), weights.mean(1)


def spread_over_heads(q, k, v):
    """A mean and a sum around it: two sweeps of one kernel."""
    weights = softmax(q, k)
    return weights @ v, weights.var(1)


def kept_dim(q, k, v):
    weights = softmax(q, k)
    return weights @ v, weights.mean(1, keepdim=True)


def two_layers_of_rollout(q, k):
    """A mean that another kernel reads through a view; the other one is that kernel's weights."""
    return softmax(q, k).mean(1) @ softmax(2 * q, k).mean(1).mT


def gradient_of_a_bias(q, k, v, grad):
    """Summed over the batch."""
    weights = softmax(q, k)
    out = weights @ v
    delta = (out * grad).sum(-1, keepdim=True)
    return out, (weights * (grad @ v.mT - delta)).sum(0)


def rollout(q, k):
    return 0.5 * softmax(q, k).mean(1) + 0.5 * torch.eye(S)


def without_softmax(q, k, v):
    weights = torch.sigmoid(q @ k.mT)
    return weights @ v, weights.sum(1)


def by_distance(q, k):
    return torch.softmax(-(q[:, :, :, None] - k[:, :, None]).square().sum(-1), -1).mean(1)


def halves(*tensors):
    return tuple(tensor.bfloat16() for tensor in tensors)


# Function, arguments, kernels, sweeps.
CASES = [
    (mean, (q, k, v), 2, 2),
    (mean, halves(q, k, v), 2, 2),
    (whole, (q, k, v), 2, 1),
    (whole, halves(q, k, v), 2, 1),
    (causal, square, 2, 2),
    (causal_whole, square, 2, 1),
    (padded, (q, k, v, padding), 2, 2),
    (repeated_keys, grouped, 2, 2),
    (groups_of_heads, grouped, 2, 2),
    (one_head_of_keys, grouped, 2, 2),
    (spread_over_heads, (q, k, v), 2, 3),
    (kept_dim, (q, k, v), 2, 2),
    (two_layers_of_rollout, (q, k), 3, 4),
    (gradient_of_a_bias, (q, k, v, R(B, H, S, E)), 2, 2),
    (rollout, square[:2], 2, 2),
    (without_softmax, (q, k, v), 2, 2),
    (by_distance, (q, k), 2, 2),
]
cases = pytest.mark.parametrize(
    "function, args, kernels, passes", CASES, ids=lambda x: getattr(x, "__name__", "")
)


def export(function, args):
    return torch.export.export(numerics.as_module(function), args)


@cases
def test_kept(function, args, kernels, passes):
    compiled = flashlight.compile(export(function, args), target="cpu")
    numerics.check(compiled(*args), function, args)
    form = measure.form_of(compiled)
    assert (form.kernels, form.passes) == (kernels, passes), form.left


@cases
def test_ttir(function, args, kernels, passes):
    made = compile_with(Interpreted(general), export(function, args), "cuda:sm_90", None)
    made.target = Target("cpu")  # the interpreter runs where the tensors are
    assert len(made.kernels) == kernels
    numerics.check(made(*args), function, args)


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("function", [mean, whole])
def test_compiles(function, arch):
    args = tuple(R(1, 4, 256, 64, dtype=torch.bfloat16) for _ in range(3))
    compiled = flashlight.compile(export(function, args), target=f"cuda:{arch}")
    assert len(compiled.kernels) == 2
    for kernel in compiled.kernels:
        assert kernel.resources.spills == 0
        assert "tt.dot" in kernel.stages["ttir"]


class SelfAttention(torch.nn.Module):
    """PyTorch's own module, which returns its weights."""

    def __init__(self, averaged, heads=4):
        super().__init__()
        self.averaged = averaged
        self.inner = torch.nn.MultiheadAttention(heads * D, heads, batch_first=True)

    def forward(self, x, padding=None):
        return self.inner(
            x,
            x,
            x,
            key_padding_mask=padding,
            need_weights=True,
            average_attn_weights=self.averaged,
        )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("size", [61, 64])
def test_multihead_attention(averaged, masked, size):
    module = SelfAttention(averaged).eval()
    padding = torch.arange(size)[None] >= torch.tensor([[size], [size - 9]])
    args = (R(2, size, 4 * D), padding)[: 1 + masked]
    compiled = flashlight.compile(torch.export.export(module, args), target="cpu")
    assert len(compiled.kernels) == 2
    assert ("passes over h: 1" in str(compiled.explain())) == averaged
    numerics.check(compiled(*args), module, args)


def test_scores_have_the_same_digits_in_both_kernels():
    """Weights of large scores are 0 or 1, which they are not a unit in the last place beside the
    maximum."""

    def normed(q, k, v):
        q = q * torch.rsqrt(q.square().mean(-1, keepdim=True) + 1e-5)
        weights = (100 * q @ k.mT).softmax(-1)
        return weights @ v, weights

    q, k, v = R(2, 40, 32), R(2, 50, 32), R(2, 50, 16)
    compiled = flashlight.compile(torch.export.export(numerics.as_module(normed), (q, k, v)))
    assert len(compiled.kernels) == 2
    weights = compiled(q, k, v)[1]
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 40), rtol=0, atol=1e-6)


@pytest.mark.parametrize("averaged", [False, True])
def test_memory(averaged):
    """Nothing as large as the weights of all heads beside what is returned."""
    heads, size = 8, 512
    module = SelfAttention(averaged, heads).eval()
    args = (R(1, size, heads * D),)
    compiled = flashlight.compile(torch.export.export(module, args), target="cpu")
    assert measure.extra_memory(compiled, args) < 4 * heads * size * size / 2


def test_dynamic_sizes():
    class Mean(torch.nn.Module):
        def forward(self, q, k, v):
            return mean(q, k, v)

    rows, keys = (torch.export.Dim(name, min=2, max=4096) for name in ("rows", "keys"))
    shapes = {"q": {2: rows}, "k": {2: keys}, "v": {2: keys}}
    exported = torch.export.export(Mean(), (q, k, v), dynamic_shapes=shapes)
    compiled = flashlight.compile(exported, target="cpu")
    assert len(compiled.kernels) == 2
    for size, other in ((70, 100), (33, 129), (200, 17)):
        args = R(B, H, size, D), R(B, H, other, D), R(B, H, other, E)
        numerics.check(compiled(*args), Mean(), args)


def test_softmax_over_heads():
    """Its sums are as large as what they are needed for, which is stored."""

    def function(q, k):
        return torch.softmax(q @ k.mT, 1)

    compiled = flashlight.compile(export(function, (q, k)), target="cpu")
    assert not compiled.kernels
    numerics.check(compiled(q, k), function, (q, k))


def test_sum_of_what_is_in_memory():
    """Weights that are returned are not computed once more for their mean."""

    def function(q, k, v):
        weights = softmax(q, k)
        return weights @ v, weights, weights.mean(1)

    compiled = flashlight.compile(export(function, (q, k, v)), target="cpu")
    assert measure.form_of(compiled) == measure.Form(2, 1, ("aten.mean.dim",))
    numerics.check(compiled(q, k, v), function, (q, k, v))
