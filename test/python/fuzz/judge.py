# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a program given as text and judges what it computes, in a process of its own.

Reference: the same function in float64. Over the errors of several seeds:
- the mean error is at most 1.1 times that of eager in half types, 10 times in float32; eager may
  happen to be exact, so what one rounding of the result costs (a quarter of a unit in the last
  place) is no fault, and in half types what f32 costs next to 1 (scores minus their mean are 0 in
  eager where all keys are equal);
- the largest is at most twice eager's, and a unit in the last place of the value itself (half of
  one in float32): rounded weights of equal values add up to 1 in eager by luck;
- NaN and infinities stand where eager has them, unless eager overflowed where float64 does not;
- half types: no row, column or head is systematically too large or too small. Rounding hides an
  error of 0.1 per cent in each element, but not in their mean.
How many seeds is fixed by the size of the outputs alone: a small output's error is luck.
"""

from __future__ import annotations

import contextlib
import linecache
import re
import traceback
import warnings

import torch

from numerics import as_module, each, reference

from .memory import grown

# So many elements of an output are enough to judge its mean error by; a breach is judged again by
# all seeds. So many seeds are needed to tell a systematic error from luck.
ELEMENTS, SEEDS, BIAS_SEEDS = 2000, 24, 24


class Wrong(Exception):
    """The compiled program computes something else; the message starts with what kind of thing."""


class Unfit(Exception):
    """A kernel was formed that the target has no tiles for: PyTorch runs its ops, and warns."""


def load(text: str) -> dict:
    """The globals of a program's file; its lines can be found by tracebacks and by export."""
    name = f"<program {abs(hash(text))}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    names: dict = {"__name__": "program"}
    exec(compile(text, name, "exec"), names)
    return names


class _Errors:
    """Errors of one output, over the seeds seen so far."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.ours, self.eager, self.exact = [], [], []

    def add(self, ours, eager, exact):
        finite = eager.isfinite() & exact.isfinite()
        exact = exact.double()
        self.exact.append(exact.masked_fill(~finite, 0))
        self.ours.append((ours.double() - exact).masked_fill(~finite, 0))
        self.eager.append((eager.double() - exact).masked_fill(~finite, 0))

    def elements(self) -> int:
        return sum(x.numel() for x in self.exact)

    def fault(self) -> str | None:
        """What is wrong; starts with "mean", "largest" or "bias"."""
        ours, eager, exact = map(torch.stack, (self.ours, self.eager, self.exact))
        if not ours.numel():
            return None
        unit = torch.finfo(self.dtype).eps
        mean, theirs = ours.abs().mean(), eager.abs().mean()
        factor = 10 if self.dtype == torch.float32 else 1.1
        floor = 0 if self.dtype == torch.float32 else 4 * torch.finfo(torch.float32).eps
        if mean > max(factor * theirs, 0.25 * unit * exact.abs().mean(), floor):
            return f"mean error {mean:.3g}, eager's {theirs:.3g}"
        largest = eager.abs().max()
        steps = 0.5 if self.dtype == torch.float32 else 1
        beyond = ours.abs() - steps * unit * exact.abs()
        if beyond.max() > 2 * largest + 1e-6 * exact.abs().max() + 8 * floor:
            return f"largest error {ours.abs().max():.3g}, eager's {largest:.3g}"
        if self.dtype in (torch.float16, torch.bfloat16) and len(ours) >= BIAS_SEEDS:
            return _bias(ours, eager, exact, unit)
        return None


def _bias(ours, eager, exact, unit: float) -> str | None:
    """Whether some index of a dim is systematically off; the tensors are [seeds, ...].

    An index' slope is what its errors have in common with the values: error = slope value + luck.
    Luck changes its sign from seed to seed; how large a slope may be, eager shows.
    """
    for dim in range(1, ours.dim()):

        def along(x, dim=dim):  # [seeds, extent of dim]
            return x.movedim(dim, 1).flatten(2).sum(2) if x.dim() > 2 else x

        size = along(exact.square())
        norm = size.sum(0).clamp(min=1e-300)
        common = along(ours * exact)
        slope = common.sum(0) / norm
        theirs = (along(eager * exact).sum(0) / norm).abs()
        luck = theirs.clamp(min=float(theirs.square().mean().sqrt()))
        # A seed with large values fits any slope: what it would be without that seed counts.
        share = (size / norm).clamp(max=1 - 1e-9)
        spread = ((common - slope * size) / (1 - share)).square().sum(0).sqrt()
        off = (slope.abs() > 2.5 * luck) & (slope.abs() > 0.1 * unit)
        off &= common.sum(0).abs() > 6.5 * spread
        if off.any():
            at = int((slope.abs() * off).argmax())
            found = f"bias {slope[at]:.3g} at index {at} of dim {dim - 1}"
            return f"{found}, eager's about {luck[at]:.3g}"
    return None


def compare(compiled, names: dict, **lengths: int) -> None:
    """Raises Wrong where the compiled program breaks the rule."""
    errors: list[_Errors] = []

    def wrong(seeds) -> str:
        for seed in seeds:
            _add(errors, compiled, names, seed, lengths)
        faults = [(at, e.fault()) for at, e in enumerate(errors) if e.ours]
        return "; ".join(f"{fault} in output {at}" for at, fault in faults if fault)

    found = wrong(range(1))
    halves = any(e.dtype in (torch.float16, torch.bfloat16) for e in errors)
    fewest = min((e.elements() for e in errors if e.elements()), default=ELEMENTS)
    enough = min(max(-(-ELEMENTS // fewest), BIAS_SEEDS if halves else 1), SEEDS)
    if enough > 1:
        found = wrong(range(1, enough))
    if found and enough < SEEDS:
        found = wrong(range(enough, SEEDS))
    if found:
        raise Wrong(found)


def _add(errors: list[_Errors], compiled, names: dict, seed: int, lengths: dict) -> None:
    """Runs one seed; raises Wrong for what needs no statistics."""
    args = names["inputs"](seed, **lengths)
    eager, exact = each(names["function"](*args)), each(reference(names["function"], args))
    ours = each(compiled(*args))
    if len(ours) != len(eager):
        raise Wrong(f"count: expected {len(eager)} outputs, got {len(ours)}")
    if not errors:
        errors += [_Errors(x.dtype) for x in eager]
    for at, (a, b, c) in enumerate(zip(ours, eager, exact, strict=True)):
        if a.dtype != b.dtype or a.shape != b.shape:
            raise Wrong(f"type: output {at} is {a.dtype} {tuple(a.shape)}, eager's {b.dtype} "
                        f"{tuple(b.shape)}")  # fmt: skip
        if not b.is_floating_point():
            if not torch.equal(a, b):
                raise Wrong(f"integers: output {at} differs in {int((a != b).sum())} places")
            continue
        # Between its contractions a kernel computes in f32: what overflows in f16 need not here.
        overflown = ~b.isfinite() & c.isfinite()
        for test in (torch.isnan, torch.isposinf, torch.isneginf):
            if not torch.equal(test(a) & ~overflown, test(b) & ~overflown):
                raise Wrong(f"{test.__name__}: output {at}, ours in {int(test(a).sum())} of "
                            f"{b.numel()} places, eager's in {int(test(b).sum())}")  # fmt: skip
        errors[at].add(a, b, c)


def export(names: dict):
    """The exported program, with dynamic dims where it asks for them."""
    dynamic = names.get("DYNAMIC")
    if dynamic:
        auto = torch.export.Dim.AUTO
        dynamic = (tuple(dict.fromkeys(dims, auto) for dims in dynamic),)
    args = tuple(names["inputs"]())
    return torch.export.export(as_module(names["function"]), args, dynamic_shapes=dynamic)


def check(text: str, triton: bool = False, memory: bool = False) -> dict:
    """Compiles a program's text for the CPU (or to TTIR, interpreted) and judges it.

    Args:
        memory: whether a program that is one kernel is judged at great lengths, too.

    Returns:
        Counts: "kernels" and "sweeps"; and "left", the ops that stayed with PyTorch and why.
    """
    names = load(text)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "flashlight: kernel", RuntimeWarning)
        try:
            compiled = _compiled(export(names), triton)
        except RuntimeWarning as warning:
            raise Unfit(str(warning)) from None
    with _rounded_probabilities() if triton else contextlib.nullcontext():
        compare(compiled, names)
    if names.get("DYNAMIC") and not triton:
        _other_lengths(compiled, names)
    str(compiled.explain())
    kernels = [kernel.stages["kernel"] for kernel in compiled.kernels]
    if memory and len(kernels) == 1 and not compiled.fallbacks and (found := grown(names)):
        raise Wrong(f"memory: {found}")
    return {
        "kernels": len(kernels),
        "sweeps": sum(text.count('flashlight.stream "') for text in kernels),
        "left": sorted({f"{left.op}: {left.reason}" for left in compiled.fallbacks}),
    }


@contextlib.contextmanager
def _rounded_probabilities():
    """A GPU's kernels round probabilities before they weigh values, as FlashAttention does; so does
    eager, even where scaled_dot_product_attention would compute in float32."""
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)


def _compiled(exported, triton: bool):
    """The compiled program, for the CPU or as TTIR that runs in the interpreter."""
    import flashlight

    if not triton:
        return flashlight.compile(exported, target="cpu")
    from flashlight.backends.triton_layout import general
    from flashlight.program import compile_with
    from flashlight.targets import Target
    from test_triton_numerics import Interpreted

    compiled = compile_with(Interpreted(general), exported, "cuda:sm_90", None)
    compiled.target = Target("cpu")
    return compiled


def _other_lengths(compiled, names: dict) -> None:
    """The same compiled program with other lengths, where torch's guards allow them."""
    import inspect

    from flashlight.errors import ArgumentValueError

    parameters = inspect.signature(names["inputs"]).parameters
    given = {n: p.default for n, p in parameters.items() if n != "seed"}
    for change in (lambda x: 2 * x + 1, lambda x: max(2, x // 2)):
        lengths = {name: change(extent) for name, extent in given.items()}
        try:
            names["function"](*names["inputs"](0, **lengths))
        except Exception:  # noqa: S112 - the program itself needs its lengths
            continue
        try:
            compiled(*names["inputs"](0, **lengths))
        except ArgumentValueError:
            continue
        compare(compiled, names, **lengths)


def fault(text: str, triton: bool = False, memory: bool = False) -> tuple[str, str] | dict:
    """`check`'s counts, or a fault: what sort it is (equal for like faults), and all of it."""
    try:
        return check(text, triton, memory)
    except Exception as error:
        whole = "".join(traceback.format_exception(error))
        return _sort(error), whole


def _sort(error: Exception) -> str:
    message = str(error).partition("\n")[0]
    message = re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+-]*|%\w+", "_", message)
    if isinstance(error, Wrong):
        return re.match(r"\w+", str(error))[0]
    message = re.sub(r"^<program _>:_(:_)?: ", "", message)
    return f"{type(error).__name__}: {message[:120]}"
