# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From scores to weights: normalisers in every spelling, their statistics, and what comes after."""

from __future__ import annotations

import dataclasses

from .values import Sizes, Value
from .writer import Writer

# The first group keeps exponents in range whatever the scores are; the second wants small scores.
BOUNDED = ("softmax", "by_hand", "late", "lse", "float32", "functional", "exp2", "plus_one", "sink",
           "sink_first", "log_softmax", "sigmoid", "temperature", "double", "zeroed", "clipped",
           "log_late")  # fmt: skip
UNBOUNDED = ("no_max", "relu", "relu2", "linear", "abs_sum", "rectified", "l2", "gated", "decay",
             "stick", "count", "tanh", "shares", "deviation")  # fmt: skip


@dataclasses.dataclass
class Weights:
    """What the values are weighted with.

    Attributes:
        p: the weights, [.., m, n] or [.., n, m].
        divisor: what the result is still to be divided by, with the key dim 1; None for nothing.
        statistics: values of a row (key dim 1) that may be returned too.
    """

    p: Value
    divisor: str | None
    statistics: list[str]


def weights(w: Writer, z: Sizes, s: Value, kind: str, masked: bool) -> Weights:
    """Normalises scores over the keys; masked: some scores may be infinite."""
    x, at = s.name, s.letters.index("n") - len(s.letters)
    made = _bounded(w, z, s, x, at, kind) if kind in BOUNDED else None
    if made is None:
        made = _unbounded(w, z, s, x, at, kind, masked)
    p, divisor, statistics = made
    return Weights(Value(w.let("p", p), s.letters), divisor, statistics)


def _bounded(w: Writer, z: Sizes, s: Value, x: str, at: int, kind: str):
    positive = w.choose(at, at + len(s.letters))
    match kind:
        case "softmax":
            return w.choose(f"{x}.softmax({at})", f"torch.softmax({x}, dim={positive})"), None, []
        case "functional":
            return f"F.softmax({x}, dim={positive})", None, []
        case "temperature":
            return f"({x} / 2).softmax({at})", None, []
        case "float32":
            wide = f"torch.promote_types({x}.dtype, torch.float32)"
            text = w.choose(f"F.softmax({x}, {at}, dtype={wide})", f"{x}.to({wide}).softmax({at})")
            return w.choose(text, f"({text}).to({x}.dtype)"), None, []
        case "double" if w.dtype == "float32":
            return f"{x}.double().softmax({at}).to({x}.dtype)", None, []
        case "zeroed":  # rows without keys give 0
            return f"torch.nan_to_num({x}.softmax({at}))", None, []
        case "clipped":
            return f"{x}.softmax({at}).clamp(min=1e-3)", None, []
        case "log_late":
            log = w.let("log", f"torch.log_softmax({x}, dim={positive})")
            return f"torch.exp({log})", None, [w.let("low", f"{log}.amax({at}, keepdim=True)")]
        case "double" | "log_softmax":
            return f"F.log_softmax({x}, {at}).exp()", None, []
        case "sigmoid":
            return (
                w.choose(
                    f"torch.sigmoid({x})", f"({x} - 2).sigmoid()", f"1 / (1 + torch.exp(-{x}))"
                ),
                None,
                [],
            )
        case "lse":
            lse = w.let("lse", f"torch.logsumexp({x}, {at}, keepdim=True)")
            return f"torch.exp({x} - {lse})", None, [lse]
        case "sink" | "sink_first":
            return _sink(w, z, s, x, at, kind)
    top = w.let("top", w.choose(
        f"{x}.amax({at}, keepdim=True)", f"torch.max({x}, {at}, keepdim=True).values",
        f"{x}.max(dim={at}, keepdim=True)[0]",
    ))  # fmt: skip
    base = "torch.exp2(({}) * 1.4426950408889634)" if kind == "exp2" else "torch.exp({})"
    e = w.let("e", base.format(f"{x} - {top}"))
    total = w.let("total", f"{e}.sum({at}, keepdim=True)")
    if kind == "plus_one":
        safe = w.choose(f"{total} + torch.exp(-{top})", f"torch.exp(-{top}) + {total}")
        return f"{e} / ({safe})", None, [top, total]
    if kind == "late":
        return f"{e} * 1.0", total, [top, total]
    return w.choose(f"{e} / {total}", f"{e} * (1.0 / {total})"), None, [top, total]


def _sink(w: Writer, z: Sizes, s: Value, x: str, at: int, kind: str):
    """Softmax over the scores and one more, that belongs to no key."""
    shape = ["1"] * len(s.letters)
    head = next((letter for letter in "hk" if letter in s.letters), None)
    dims = [z.extents[head]] if head else []
    sink = w.input("sink", dims)
    if head:
        shape[s.letters.index(head)] = "-1"
    sizes = [w.length(z.extents[letter]) for letter in s.letters]
    sizes[s.letters.index("n")] = "1"
    column = w.let("column", f"{sink}.view({', '.join(shape)}).expand({', '.join(sizes)})")
    order = f"({x}, {column})" if kind == "sink" else f"({column}, {x})"
    both = w.let("both", f"torch.cat({order}, dim={at})")
    if w.chance(2):
        both = w.let("both", f"{both} - {both}.amax({at}, keepdim=True)")
    p = w.let("p", f"{both}.softmax({at})")
    part = ":-1" if kind == "sink" else "1:"
    return f"{p}[..., {part}{', :' * (-1 - at)}]", None, []


def _unbounded(w: Writer, z: Sizes, s: Value, x: str, at: int, kind: str, masked: bool):
    if masked and kind not in ("no_max", "relu", "relu2", "abs_sum"):
        # A fill of -inf has no place in sums and products: masked scores become 0.
        x = w.let("s", w.choose(
            f"torch.where({x} < -100.0, 0.0, {x})", f"{x}.masked_fill({x} < -100.0, 0.0)",
        ))  # fmt: skip
    match kind:
        case "no_max":
            e = w.let("e", f"torch.exp({x})")
            total = w.let("total", f"{e}.sum({at}, keepdim=True)")
            return f"{e} / ({total} + {w.choose(1.0, 0.5)})", None, [total]
        case "relu":
            return f"F.relu({x})", None, []
        case "relu2":
            return w.choose(f"F.relu({x}).square()", f"{x}.clamp(min=0) ** 2"), None, []
        case "linear":
            return f"{x} / 8", None, []
        case "abs_sum":
            a = w.let("a", f"F.relu({x})" if masked else x)
            total = w.let("total", f"{a}.abs().sum({at}, keepdim=True)")
            if w.chance(2):
                return f"{a} * 1.0", w.let("total", f"{total} + 1.0"), [total]
            return f"{a} / {w.choose(f'({total} + 1.0)', f'{total}.clamp(min=1.0)')}", None, [total]
        case "rectified":
            e = w.let("e", f"torch.exp({x}) - 1")
            total = w.let("total", f"{e}.abs().sum({at}, keepdim=True)")
            return f"F.relu({e}) / ({total} + 0.5)", None, [total]
        case "l2":
            total = w.let("total", f"{x}.square().sum({at}, keepdim=True)")
            return f"{x} * torch.rsqrt({total} + 1.0)", None, [total]
        case "gated":
            e = w.let("e", f"{x}.softmax({at})")
            return f"{e} * torch.sigmoid({x})", None, []
        case "decay":
            i = f"torch.arange({w.length(z.extents['n'])})"
            i = f"{i}[:{', None' * (-1 - at)}]" if at < -1 else i
            return f"{x} * 0.9 ** {i}", None, []
        case "tanh" if w.varies(x, at):
            mean = w.let("mean", f"{x}.mean({at}, keepdim=True)")
            return f"torch.tanh({x} - {mean})", None, [mean]
        case "shares":  # of what is left, by a product
            share = w.let("share", f"torch.sigmoid({x} - 2)")
            return f"{share} * (1 - {share}).cumprod({at})", None, []
        case "deviation" if w.varies(x, at):
            mean = w.let("mean", f"{x}.mean({at}, keepdim=True)")
            spread = w.let("spread", w.choose(
                f"{x}.var({at}, keepdim=True, correction=0)",
                f"({x} - {mean}).square().mean({at}, keepdim=True)",
            ))  # fmt: skip
            return f"({x} - {mean}) / ({spread} + 0.1).sqrt()", None, [spread]
        case "count" | "deviation" | "tanh":
            hits = w.let("hits", f"torch.sigmoid(4 * {x})")
            total = w.let("total", f"{hits}.sum({at}, keepdim=True)")
            return f"{hits} / {total}", None, [total]
        case _:  # stick-breaking: each key takes a share of what the later (earlier) ones left
            log = w.let("left", f"F.logsigmoid(-{x})")
            if w.chance(2):
                later = f"{log}.flip({at}).cumsum({at}).flip({at}) - {log}"
            else:
                later = f"{log}.cumsum({at}) - {log}"
            later = w.let("later", later)
            return f"torch.exp(F.logsigmoid({x}) + {later})", None, []


AFTER = ("threshold", "renormalise", "power", "drop", "sharpen", "heads", "cumulative", "shift",
         "neighbours", "masked")  # fmt: skip


def changed(w: Writer, z: Sizes, p: Value) -> Value:
    """Something that needs finished weights, or that is linear in them."""
    name, at = p.name, p.letters.index("n") - len(p.letters)
    match w.choose(*AFTER):
        case "threshold":
            y = w.choose(f"F.relu({name} - 0.02)", f"{name}.clamp(max=0.2)")
        case "renormalise":
            q = w.let("p", f"{name} * {name}")
            y = f"{q} / ({q}.sum({at}, keepdim=True) + 0.1)"
        case "power":
            y = w.choose(f"{name} * {name}", f"{name} ** 3")
        case "drop":
            dims = [z.extents[letter] for letter in p.letters]
            gone = w.input("dropped", dims, "torch.rand({}) < 0.1")
            y = w.choose(
                f"{name}.masked_fill({gone}, 0.0) / 0.9", f"torch.where({gone}, 0.0, {name})"
            )
        case "sharpen":
            y = f"{name} * (1.0 + {name} * {name}.sum({at}, keepdim=True))"
        case "heads" if "h" in p.letters and len(p.letters) - p.letters.index("h") == 3:
            heads = z.extents["h"]
            mix = w.let("mix", f"{w.input('mix', [heads, heads])}.to({name}.dtype)")
            y = f'torch.einsum("gh,...hxy->...gxy", {mix}, {name})'
            if w.chance(2):
                y = f"({name}.unsqueeze(-4) * {mix}[:, :, None, None]).sum(-3)"
        case "heads" if "h" in p.letters:
            heads = z.extents["h"]
            mix = w.let("mix", f"{w.input('mix', [heads, heads])}.to({name}.dtype)")
            mixed = p.letters.replace("h", "y")
            y = f'torch.einsum("yh,{p.letters}->{mixed}", {mix}, {name})'
        case "neighbours" if p.letters[-2:] == "mn" and len(p.letters) == 4:
            heads = w.shape(name)[1]
            taps = w.input("taps", [heads, 1, w.choose(1, 3), w.choose(3, 1)])
            pad = ", ".join(str(n // 2) for n in w.shape(taps)[2:])
            y = f"F.conv2d({name}, {taps}.to({name}.dtype), padding=({pad}), groups={heads})"
        case "masked":
            gone = w.let("gone", f"{name} < 1e-3") if w.dtype == "float32" else f"{name} != {name}"
            y = f"{name}.masked_fill({gone}, 0.0)"
        case "cumulative":
            y = f"{name}.cumsum({at})"
        case _:
            y = f"{name} + {name}.roll(1, {at})" if w.chance(3) else f"{name} + 0.1"
    y = Value(w.let("p", y), p.letters)
    if w.dtype != "float32" and w.value(y.name).dtype != w.value(name).dtype:
        y = Value(w.let("p", f"{y.name}.to({name}.dtype)"), p.letters)
    return y
