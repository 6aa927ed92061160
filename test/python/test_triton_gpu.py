# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled programs on a CUDA device, judged against eager in float64."""

import pytest
import torch
import torch.nn.functional as F

import flashlight

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


class Attention(torch.nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


def check(module, compiled, args):
    """Mean error within 1.1 (halves) or 10 (f32) times that of eager in the program's dtype."""
    output, eager = compiled(*args), module(*args)
    expected = module(*(arg.double() for arg in args))
    ours, theirs = (output.double() - expected).abs(), (eager.double() - expected).abs()
    factor = 10 if output.dtype == torch.float32 else 1.1
    assert ours.mean() <= factor * theirs.mean() + 1e-9
    assert ours.max() <= 2 * theirs.max() + 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("size", "width"), [(512, 64), (333, 64), (256, 128), (100, 80)])
def test_attention(dtype, causal, size, width):
    torch.manual_seed(0)
    args = tuple(torch.randn(2, 3, size, width, device="cuda", dtype=dtype) for _ in range(3))
    module = Attention(causal)
    compiled = flashlight.compile(torch.export.export(module, args))
    check(module, compiled, args)


def test_strides_that_the_kernel_was_not_compiled_for():
    torch.manual_seed(0)
    args = tuple(torch.randn(2, 3, 128, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    module = Attention(True)
    compiled = flashlight.compile(torch.export.export(module, args))
    strided = tuple(arg.transpose(1, 2).contiguous().transpose(1, 2) for arg in args)
    check(module, compiled, strided)
    check(module, compiled, args)


def test_current_stream():
    torch.manual_seed(0)
    args = tuple(torch.randn(1, 2, 128, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    module = Attention(False)
    compiled = flashlight.compile(torch.export.export(module, args))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        output = compiled(*args)
    stream.synchronize()
    torch.testing.assert_close(output, module(*args), rtol=2e-2, atol=2e-2)
