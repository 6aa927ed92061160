# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a program given as text and judges what it computes, in a process of its own.

Reference: the same function in float64 (DESIGN: mean error at most 1.1 times that of eager in half
types and 10 times in float32, the largest at most twice eager's, NaN and infinities where eager has
them). A small output's error is a matter of luck, eager's as well as ours: one that fails is judged
again over the errors of many seeds together, by the same factors.
"""

from __future__ import annotations

import linecache
import re
import traceback

import torch

SEEDS = 24


class Wrong(Exception):
    """The compiled program computes something else; the message starts with what kind of thing."""


def load(text: str) -> dict:
    """The globals of a program's file; its lines can be found by tracebacks and by export."""
    name = f"<program {abs(hash(text))}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    names: dict = {"__name__": "program"}
    exec(compile(text, name, "exec"), names)
    return names


def _module(function):
    class Module(torch.nn.Module):
        def forward(self, *args):
            return function(*args)

    return Module()


def _each(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


class _Errors:
    """Errors of one output, over the seeds seen so far."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.ours, self.eager, self.sizes = [], [], []

    def add(self, ours, eager, exact):
        finite = eager.isfinite() & exact.isfinite()
        self.ours.append((ours.double() - exact.double())[finite].abs())
        self.eager.append((eager.double() - exact.double())[finite].abs())
        self.sizes.append(exact.double()[finite].abs())

    def fault(self) -> str | None:
        ours, eager, size = map(torch.cat, (self.ours, self.eager, self.sizes))
        if not ours.numel():
            return None
        factor = 10 if self.dtype == torch.float32 else 1.1
        unit = torch.finfo(self.dtype).eps
        # Eager may happen to be exact: less than a unit in the last place is no fault.
        floor = 0.25 * unit * size.mean()
        if ours.mean() > max(factor * eager.mean(), floor):
            return f"mean error {ours.mean():.3g}, eager's {eager.mean():.3g}"
        if ours.max() > 2 * eager.max() + 4 * unit * size.mean() + 1e-6 * size.max():
            return f"largest error {ours.max():.3g}, eager's {eager.max():.3g}"
        return None


def compare(compiled, names: dict, **lengths: int) -> None:
    """Raises Wrong where the compiled program breaks the rule."""
    errors: list[_Errors] | None = None
    for seed in range(SEEDS):
        args = names["inputs"](seed, **lengths)
        wide = [a.double() if a.is_floating_point() else a for a in args]
        eager, exact = _each(names["function"](*args)), _each(names["function"](*wide))
        ours = _each(compiled(*args))
        if len(ours) != len(eager):
            raise Wrong(f"count: expected {len(eager)} outputs, got {len(ours)}")
        errors = errors or [_Errors(x.dtype) for x in eager]
        for at, (a, b, c) in enumerate(zip(ours, eager, exact)):
            if a.dtype != b.dtype or a.shape != b.shape:
                raise Wrong(f"type: output {at} is {a.dtype} {tuple(a.shape)}, eager's {b.dtype} "
                            f"{tuple(b.shape)}")  # fmt: skip
            if not b.is_floating_point():
                if not torch.equal(a, b):
                    raise Wrong(f"integers: output {at} differs in {int((a != b).sum())} places")
                continue
            for test in (torch.isnan, torch.isposinf, torch.isneginf):
                if not torch.equal(test(a), test(b)):
                    raise Wrong(f"{test.__name__}: output {at}, ours in {int(test(a).sum())} of "
                                f"{b.numel()} places, eager's in {int(test(b).sum())}")  # fmt: skip
            errors[at].add(a, b, c)
        faults = [e.fault() for e in errors if e.ours]
        if not any(faults):
            return
    raise Wrong("value: " + "; ".join(f"output {i} {f}" for i, f in enumerate(faults) if f))


def _export(names: dict, args):
    dynamic = names.get("DYNAMIC")
    if dynamic:
        auto = torch.export.Dim.AUTO
        dynamic = (tuple(dict.fromkeys(dims, auto) for dims in dynamic),)
    return torch.export.export(_module(names["function"]), tuple(args), dynamic_shapes=dynamic)


def check(text: str, triton: bool = False) -> dict:
    """Compiles a program's text for the CPU (or to TTIR, interpreted) and judges it.

    Returns:
        Counts: "kernels", "sweeps" and "left", the ops that stayed with PyTorch.
    """
    import flashlight
    from flashlight.program import compile_with

    names = load(text)
    args = names["inputs"]()
    exported = _export(names, args)
    if triton:
        from flashlight.backends.triton_layout import general
        from flashlight.targets import Target
        from test_triton_numerics import Interpreted

        compiled = compile_with(Interpreted(general), exported, "cuda:sm_90", None)
        compiled.target = Target("cpu")
    else:
        compiled = flashlight.compile(exported, target="cpu")
    compare(compiled, names)
    if names.get("DYNAMIC") and not triton:
        _other_lengths(compiled, names)
    str(compiled.explain())
    kernels = [kernel.stages["kernel"] for kernel in compiled.kernels]
    return {
        "kernels": len(kernels),
        "sweeps": sum(text.count('flashlight.stream "') for text in kernels),
        "left": len(compiled.fallbacks),
    }


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


def fault(text: str, triton: bool = False) -> tuple[str, str] | dict:
    """`check`'s counts, or a fault: what sort it is (equal for like faults), and all of it."""
    try:
        return check(text, triton)
    except Exception as error:
        whole = "".join(traceback.format_exception(error))
        return _sort(error), whole


def _sort(error: Exception) -> str:
    message = str(error).partition("\n")[0]
    message = re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+-]*|%\w+", "_", message)
    if isinstance(error, Wrong):
        return str(error).partition(":")[0]
    message = re.sub(r"^<program _>:_(:_)?: ", "", message)
    return f"{type(error).__name__}: {message[:120]}"
