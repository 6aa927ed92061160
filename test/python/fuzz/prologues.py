# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is done to queries and keys before they meet."""

from __future__ import annotations

from .values import Sizes, Value, along
from .writer import Writer


def prologue(w: Writer, z: Sizes, x: Value, width: str, mate: str | None = None) -> Value:
    """A norm, rotary embedding, scale or feature map of queries or keys; mostly nothing."""
    if not w.chance(3):
        return x
    name, at = x.name, along(w, x, width)
    match w.choose(
        "scale",
        "rms",
        "l2",
        "layer",
        "elu",
        "rotary",
        "mean",
        "gain",
        "rms_norm",
        "soft",
        "project",
        "wide",
    ):
        case "scale":
            y = f"{name} * {w.choose(0.5, 2.0, 0.3)}"
        case "rms":
            r = w.let("r", f"torch.rsqrt({name}.square().mean({at}, keepdim=True) + 1e-6)")
            y = f"{name} * {r}"
        case "l2":
            y = w.choose(
                f"F.normalize({name}, dim={at})",
                f"{name} / {name}.norm(dim={at}, keepdim=True).clamp(min=1e-6)",
            )
        case "layer" if x.letters[-1] == width and w.varies(name, at):
            y = f"F.layer_norm({name}, ({z.extents[width]},))"
        case "rms_norm" if x.letters[-1] == width:
            gain = w.choose("", f", {w.input('gain', [z.extents[width]])}")
            y = f"F.rms_norm({name}, ({z.extents[width]},){gain}, eps=1e-5)"
        case "soft":
            y = f"{name}.softmax({at})"
        case "project" if x.letters[-1] == width:
            weight = w.input("weight", [z.extents[width], z.extents[width]])
            y = w.choose(f"{name} @ {weight}", f"F.linear({name}, {weight})")
            y = f"({y}) * {round(z.extents[width] ** -0.5, 4)}"
        case "wide":  # computed in float32
            wide = w.let("wide", f"{name}.float()")
            y = f"({wide} * torch.rsqrt({wide}.square().mean({at}, keepdim=True) + 1e-5))"
            y += f".to({name}.dtype)"
        case "elu":
            y = f"F.elu({name}) + 1"
        case "mean" if w.varies(name, at):
            y = f"{name} - {name}.mean({at}, keepdim=True)"
        case "rotary" if z.extents[width] % 2 == 0 and x.letters[-1] == width:
            return _rotary(w, z, x)
        case "gain" if x.letters[-1] == width:
            gain = w.input("gain", [z.extents[width]])
            y = f"{name} * {gain}"
        case _:
            return x
    return Value(w.let(name, y), x.letters)


def _rotary(w: Writer, z: Sizes, x: Value) -> Value:
    """Rotary embedding of the last dim by positions along m or n."""
    length = "m" if "m" in x.letters else "n"
    half = z.extents[x.letters[-1]] // 2
    count = w.length(z.extents[length])
    if w.chance(2):
        freq = f"10.0 ** (torch.arange({half}) / -{half})"
        angle = w.let("angle", f"torch.arange({count})[:, None] * {freq}")
    else:
        angle = w.input("angle", [z.extents[length], half])
    trailing = x.letters[x.letters.index(length) + 1 : -1]
    index = f"[:, {'None, ' * len(trailing)}:]" if trailing else ""
    cos = w.let("cos", f"{angle}.cos(){index}.to({x.name}.dtype)")
    sin = w.let("sin", f"{angle}.sin(){index}.to({x.name}.dtype)")
    name = x.name
    if w.chance(2):  # halves
        a, b = w.let("a", f"{name}[..., :{half}]"), w.let("b", f"{name}[..., {half}:]")
        join = "torch.cat(({}, {}), -1)"
    else:  # interleaved
        a, b = w.let("a", f"{name}[..., ::2]"), w.let("b", f"{name}[..., 1::2]")
        join = "torch.stack(({}, {}), -1).flatten(-2)"
    turned = join.format(f"{a} * {cos} - {b} * {sin}", f"{a} * {sin} + {b} * {cos}")
    return Value(w.let(name, turned), x.letters)
