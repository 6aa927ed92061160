# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels around reductions that are no value contraction: their form, and what they compute."""

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics
from variants import measure

torch.manual_seed(0)
B, H, S, N, D, E = 2, 3, 50, 70, 16, 24
R = torch.randn
q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)
mix = R(H, H)


def logsumexp(q, k):
    return torch.logsumexp(q @ k.mT * 0.25, -1)


def best_key(q, k):
    return (q @ k.mT).argmax(-1)


def nearest_point(x, y):
    """Squared distances, the least of each row and of each column: the Chamfer distance."""
    distance = (x[:, :, None] - y[:, None]).square().sum(-1)
    return distance.amin(2).mean(1) + distance.amin(1).mean(1)


def contrastive_loss(x, y):
    """Both directions of CLIP's loss, without the logits in memory."""
    logits = x @ y.mT * 0.3
    diagonal = (x * y).sum(-1) * 0.3
    return (logits.logsumexp(0) + logits.logsumexp(1) - 2 * diagonal).mean()


def largest_weight_of_a_key(q, k):
    return torch.softmax(q @ k.mT * 0.25, -1).amax(2)


def two_normalisations(q, k, v):
    """Over the rows and over the columns, multiplied: dual softmax matching."""
    scores = q @ k.mT * 0.25
    return (scores.softmax(-1) * scores.softmax(-2)) @ v


def mixed_and_counted(q, k, mix):
    scores = torch.einsum("bhmd,bhnd,hg->bgmn", q, k, mix) * 0.1
    return (scores > 0).any(-1).float(), scores.softmax(-1).square().sum(-1)


# Function, arguments, kernels, sweeps. The ops around them that PyTorch runs are not counted.
CASES = [
    (logsumexp, (q, k), 1, 1),
    (best_key, (q, k), 1, 1),
    (nearest_point, (R(B, S, 3), R(B, N, 3)), 2, 2),
    (contrastive_loss, (R(S, D), R(S, D)), 2, 2),
    (largest_weight_of_a_key, (q, k), 2, 2),
    (two_normalisations, (q, k, v), 2, 2),
    (mixed_and_counted, (q, k, mix), 1, 1),
]


@pytest.mark.parametrize(
    "function, args, kernels, passes", CASES, ids=lambda x: getattr(x, "__name__", "")
)
def test_sink(function, args, kernels, passes):
    compiled = flashlight.compile(
        torch.export.export(numerics.as_module(function), args), target="cpu"
    )
    form = measure.form_of(compiled)
    numerics.check(compiled(*args), function, args)
    assert (form.kernels, form.passes) == (kernels, passes)


def test_weights_that_are_returned_are_in_memory():
    """Statistics of scores that the program returns are not computed once more."""

    def function(q, k):
        scores = q @ k.mT
        return scores, scores.amax(-1)

    compiled = flashlight.compile(
        torch.export.export(numerics.as_module(function), (q, k)), target="cpu"
    )
    assert not compiled.kernels
    numerics.check(compiled(q, k), function, (q, k))


def test_softmax_over_queries():
    def function(q, k, v):
        return F.normalize(torch.softmax(q @ k.mT, 2), p=1.0, dim=-1) @ v

    compiled = flashlight.compile(
        torch.export.export(numerics.as_module(function), (q, k, v)), target="cpu"
    )
    assert measure.form_of(compiled) == measure.Form(2, 2, ())
    numerics.check(compiled(q, k, v), function, (q, k, v))
