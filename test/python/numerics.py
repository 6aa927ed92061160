# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What correct means: the reference is the same program run by eager PyTorch in float64."""

import torch


def as_module(function):
    """A module whose forward is `function`."""

    class Module(torch.nn.Module):
        def forward(self, *args):
            return function(*args)

    return Module()


def _each(value):
    return value if isinstance(value, (tuple, list)) else (value,)


def check(outputs, function, args):
    """Asserts the rule of the design for every output.

    (a) mean error at most 1.1 times (f16, bf16) or 10 times (f32) that of eager PyTorch in the
    program's own dtype, (b) maximum error at most twice eager's plus a small absolute term, (c) NaN
    and inf exactly where eager has them.
    """
    eager = _each(function(*args))
    wide = [arg.double() if arg.is_floating_point() else arg for arg in args]
    reference = _each(function(*wide))
    outputs = _each(outputs)
    assert len(outputs) == len(eager)
    for ours, theirs, exact in zip(outputs, eager, reference, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        assert torch.equal(ours.isnan(), theirs.isnan())
        assert torch.equal(ours.isinf(), theirs.isinf())
        own = (ours.double() - exact).nan_to_num(0, 0, 0).abs()
        base = (theirs.double() - exact).nan_to_num(0, 0, 0).abs()
        factor = 10 if ours.dtype == torch.float32 else 1.1
        if ours.dtype == torch.float64:  # eager is the reference: only the order of sums differs
            assert own.max() <= 1e-12 * exact.nan_to_num(0, 0, 0).abs().max()
            continue
        scale = exact.nan_to_num(0, 0, 0).abs().max().clamp(min=1e-30)
        assert own.mean() <= factor * base.mean() + 1e-9 * scale
        assert own.max() <= 2 * base.max() + 1e-6 * scale
