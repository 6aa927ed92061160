# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers as people read them."""

from __future__ import annotations

import sympy

_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def with_unit(count: int | sympy.Expr, unit: str) -> str:
    """``163.8 MFLOP``, ``2.3 MiB``; a formula stays one: ``4096*s0**2 FLOP``.

    Args:
        count: how many.
        unit: "B" for bytes, in powers of 1024; others are in powers of 1000.
    """
    if isinstance(count, sympy.Expr) and not count.is_number:
        return f"{count} {unit}".rstrip()
    value = float(count)
    base, names = (1024.0, _BINARY) if unit == "B" else (1000.0, [p + unit for p in _DECIMAL])
    step = 0
    while abs(value) >= base and step + 1 < len(names):
        value /= base
        step += 1
    digits = f"{value:.0f}" if step == 0 else f"{value:.4g}"
    return f"{digits} {names[step]}".rstrip()


def ratio(part: int, whole: int) -> str:
    """``58 %``."""
    return f"{100 * part / whole:.0f} %" if whole else "–"
