# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Norms of queries, keys and outputs are computed in the attention's own kernel."""

import pytest
import torch
import torch.nn.functional as F

import flashlight
import numerics

B, H, S, N, D, E = 2, 3, 50, 70, 16, 24


def R(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


q, k, v = R(B, H, S, D), R(B, H, N, D), R(B, H, N, E)


def rms(x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def rows_and_keys(q, k, v, a, b):
    return F.softmax((rms(q) * a) @ (rms(k) * b).mT, -1) @ v


def layer_norms(q, k, v, a, b):
    return F.softmax(F.layer_norm(q, (D,), a, b) @ F.layer_norm(k, (D,)).mT * 0.2, -1) @ v


def output(q, k, v, a):
    return rms(F.softmax(q @ k.mT * 0.2, -1) @ v) * a


def output_layer_norm(q, k, v, a, b):
    return F.layer_norm(F.softmax(q @ k.mT * 0.2, -1) @ v, (E,), a, b)


def output_in_another_layout(q, k, v, a):
    return (rms((F.softmax(q @ k.mT * 0.2, -1) @ v).transpose(1, 2)) * a).reshape(B, S, -1)


def equal_extents(x):
    return rms(F.softmax(rms(x) @ rms(x).mT, -1) @ rms(x))


def many_sinks(q, k, v, sinks):
    return torch.softmax(torch.cat([q @ k.mT * 0.2, sinks], -1), -1)[..., :-4] @ v


def centered_over_rows(q, k, v):
    q, k = q - q.mean(2, keepdim=True), k - k.mean(2, keepdim=True)
    return F.softmax(q @ k.mT * 0.2, -1) @ v


CASES = [
    (rows_and_keys, (q, k, v, R(D), R(D)), True),
    (layer_norms, (q, k, v, R(D), R(D)), True),
    (output, (q, k, v, R(E)), True),
    (output_layer_norm, (q, k, v, R(E), R(E)), True),
    (output_in_another_layout, (q, k, v, R(E)), True),
    (equal_extents, (R(B, H, 64, 64),), True),
    (many_sinks, (q, k, v, R(B, H, S, 4)), True),
    (centered_over_rows, (q, k, v), False),  # programs divide the rows among themselves
]


@pytest.mark.parametrize("function, args, whole", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_norm(function, args, whole):
    program = torch.export.export(numerics.as_module(function), args)
    compiled = flashlight.compile(program, target="cpu")
    numerics.check(compiled(*args), function, args)
    assert len(compiled.kernels) == 1
    assert compiled.kernels[0].stages["kernel"].count('flashlight.stream "') == 1
    assert (not compiled.fallbacks) == whole
