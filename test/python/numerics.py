# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What correct means: the reference is the same program run by eager PyTorch in float64."""

import contextlib
import copy

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

_NARROW = (torch.float32, torch.float16, torch.bfloat16)


def as_module(function):
    """A module whose forward is `function`."""

    class Module(torch.nn.Module):
        def forward(self, *args):
            return function(*args)

    return Module()


class _Wide(TorchDispatchMode):
    """Casts to floating-point types, and new tensors of them, are in float64."""

    supports_higher_order_operators = True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        def widen(value):
            return torch.float64 if value in _NARROW else value

        def only_dtypes(value):
            return widen(value) if isinstance(value, torch.dtype) else value

        return func(*tree_map(only_dtypes, args), **tree_map(only_dtypes, kwargs or {}))


@contextlib.contextmanager
def _default_float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _uncompiled_flex():
    """Eager flex_attention compiles itself, which no dispatch mode survives."""
    from torch.nn.attention import flex_attention

    before = flex_attention._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG
    flex_attention._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
    try:
        yield
    finally:
        flex_attention._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = before


def reference(function, args):
    """The outputs of `function` (or of a module) in float64, its own casts included."""
    if isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).double()
    wide = [arg.double() if arg.is_floating_point() else arg for arg in args]
    with torch.no_grad(), _default_float64(), _uncompiled_flex(), _Wide():
        return function(*wide)


def each(value):
    """A program's outputs as a sequence."""
    return value if isinstance(value, (tuple, list)) else (value,)


def errors(outputs, function, args):
    """For every output: our error and eager's against float64, mean and largest, and the largest
    absolute value; infinities and NaN count as zero.

    Returns tuples (ours, theirs, own, base, exact) of tensors.
    """
    with torch.no_grad():
        eager = each(function(*args))
    exact = each(reference(function, args))
    outputs = each(outputs)
    assert len(outputs) == len(eager)
    for ours, theirs, wide in zip(outputs, eager, exact, strict=True):
        yield compared(ours, theirs, wide)


def compared(ours, theirs, wide):
    """One output's entry of `errors`."""
    # Where eager has infinities or NaN, the reference may have none (an overflow in f16).
    off = ~theirs.isfinite() | ~wide.isfinite()
    own = (ours.double() - wide).masked_fill(off, 0).abs()
    base = (theirs.double() - wide).masked_fill(off, 0).abs()
    return ours, theirs, own, base, wide.double().masked_fill(off, 0).abs()


def judge(ours, theirs, own, base, exact):
    """Asserts the rule of the design for one output; the arguments are what `errors` gives.

    (a) mean error at most 1.1 times (f16, bf16) or 10 times (f32) that of eager PyTorch in the
    program's own dtype, (b) maximum error at most twice eager's plus a small absolute term, (c) NaN
    and inf exactly where eager has them.
    """
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if not ours.is_floating_point():
        assert torch.equal(ours, theirs)
        return
    for special in (torch.isnan, torch.isposinf, torch.isneginf):
        assert torch.equal(special(ours), special(theirs)), special.__name__
    if ours.dtype == torch.float64:  # eager is the reference: only the order of sums differs
        assert own.max() <= 1e-12 * exact.max()
        return
    factor = 10 if ours.dtype == torch.float32 else 1.1
    scale = exact.max().clamp(min=1e-30)
    assert own.mean() <= factor * base.mean() + 1e-9 * scale, (own.mean(), base.mean())
    assert own.max() <= 2 * base.max() + 1e-6 * scale, (own.max(), base.max())


def check(outputs, function, args):
    """Asserts the rule of the design for every output of `function(*args)`."""
    for output in errors(outputs, function, args):
        judge(*output)
