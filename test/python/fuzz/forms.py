# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of another form than weights times values: both directions, pairs, slots, layers."""

from __future__ import annotations

from .masks import masked
from .operands import tensor
from .scores import bias, modified, scores
from .values import Sizes, Value, ordered
from .writer import Writer

FORMS = ("both", "slots", "pairs", "layers", "graph", "given", "sdpa", "local", "chosen",
         "recurrent", "pooled", "joined")  # fmt: skip


def form(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str] | None:
    """The results of a program of one of the forms; None where the sizes do not allow it."""
    return globals()[f"_{w.choose(*FORMS)}"](w, z, q, k, v)


def _scores(w: Writer, z: Sizes, q: Value, k: Value) -> Value:
    """Scores in float32's range that may be masked, but never wholly."""
    s = modified(w, z, scores(w, z, q, k, large=False), w.choose(0, 0, 1))
    return masked(w, z, s, infinite=False, last=True) if w.chance(3) else s


def _at(x: Value, letter: str) -> int:
    return x.letters.index(letter) - len(x.letters)


def _summed(w: Writer, z: Sizes, p: Value, v: Value, out: str) -> str:
    """The sum over what `out` has not, as an einsum."""
    a = p.name if w.value(p.name).dtype == w.value(v.name).dtype else f"{p.name}.to({v.name}.dtype)"
    return w.let("o", f'torch.einsum("{p.letters},{v.letters}->{out}", {a}, {v.name})')


def _width(v: Value) -> str:
    return "d" if "d" in v.letters else "e"


def _weighted(w: Writer, z: Sizes, p: Value, v: Value) -> str:
    """[.., m, e]: the weighted sum of the values."""
    return _summed(w, z, p, v, z.batch + "m" + _width(v))


def _both(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Weights of the keys for each row, and of the rows for each key, from the same scores."""
    s = _scores(w, z, q, k)
    there = Value(w.let("p", f"{s.name}.softmax({_at(s, 'n')})"), s.letters)
    back = Value(w.let("back", f"{s.name}.softmax({_at(s, 'm')})"), s.letters)
    u = tensor(w, z, "u", z.batch + "me")
    match w.choose("two", "product", "dual"):
        case "two":
            one = _weighted(w, z, there, v)
            return [one, _summed(w, z, back, u, z.batch + "ne")]
        case "product":  # dual softmax
            p = Value(w.let("p", f"{there.name} * {back.name}"), s.letters)
            return [_weighted(w, z, p, v)]
        case _:
            p = Value(w.let("p", f"({there.name} + {back.name}) / 2"), s.letters)
            most = w.let("most", f"{p.name}.amax({_at(p, 'n')})")
            return [_weighted(w, z, p, v), most]


def _slots(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Rows compete for keys: a softmax over the rows, then weighted means over the keys."""
    s = _scores(w, z, q, k)
    p = w.let("p", f"{s.name}.softmax({_at(s, 'm')})")
    n = _at(s, "n")
    p = w.let("p", f"{p} / ({p}.sum({n}, keepdim=True) + 0.01)")
    return [_weighted(w, z, Value(p, s.letters), v)]


def _pairs(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """A tensor of pairs gives a bias and is summed with the same weights."""
    batch = "".join(letter for letter in z.batch if w.chance(3))
    if w.extent("M") * w.extent(z.extents["n"]) > 3000:
        batch = ""
    z.extents["c"] = w.choose(4, 1, 7)
    pairs = tensor(w, z, "z", batch + "mnc")
    s = _scores(w, z, q, k)
    if w.chance(2):
        weight = w.input("w", [z.extents["c"]])
        b = Value(w.let("b", f"{ordered(w, pairs, batch + 'mnc')} @ {weight}"), batch + "mn")
        s = Value(w.let("s", f"{s.name} + {ordered(w, b, s.letters)}"), s.letters)
    p = Value(w.let("p", f"{s.name}.softmax({_at(s, 'n')})"), s.letters)
    results = [_weighted(w, z, p, v)]
    results.append(_summed(w, z, p, pairs, z.batch + "mc"))
    if w.chance(2) and w.value(results[0]).dtype == w.value(results[1]).dtype:
        return [w.let("o", f"torch.cat(({', '.join(results)}), -1)")]
    return results


def _layers(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """An attention whose result is the next one's query, or its keys or values."""
    one = _scores(w, z, q, k)
    p = Value(w.let("p", f"{one.name}.softmax({_at(one, 'n')})"), one.letters)
    role = w.choose("q", "k", "v")
    if role != "q" and z.extents["m"] != z.extents["n"]:
        role = "q"
    if role == "v":
        v = Value(_weighted(w, z, p, v), z.batch + "n" + _width(v))
        other, keys = tensor(w, z, "q", z.batch + "md"), tensor(w, z, "k", z.batch + "nd")
    else:
        values = tensor(w, z, "v", z.batch + "nd")
        first = _summed(w, z, p, values, z.batch + "md")
        first = w.let("o", f"F.normalize({first}, dim=-1)") if w.chance(2) else first
        if role == "q":
            other, keys = Value(first, z.batch + "md"), tensor(w, z, "k", z.batch + "nd")
        else:
            other, keys = tensor(w, z, "q", z.batch + "md"), Value(first, z.batch + "nd")
    two = _scores(w, z, other, keys)
    p = Value(w.let("p", f"{two.name}.softmax({_at(two, 'n')})"), two.letters)
    return [_weighted(w, z, p, v)]


def _graph(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Scores are a number of the row and one of the key (graph attention), or their outer
    function: no contraction makes them."""
    rows = tensor(w, z, "a", z.batch + "m")
    keys = tensor(w, z, "b", z.batch + "n")
    letters = z.batch + "mn"
    a, b = ordered(w, rows, letters), ordered(w, keys, letters)
    s = w.let("s", w.choose(f"F.leaky_relu({a} + {b}, 0.2)", f"-({a} - {b}).abs()",
                            f"-({a} - {b}).square()", f"{a} * {b}"))  # fmt: skip
    s = Value(s, letters)
    s = masked(w, z, s, infinite=True, last=True) if w.chance(2) else s
    p = Value(w.let("p", f"{s.name}.softmax({_at(s, 'n')})"), s.letters)
    return [_weighted(w, z, p, v)]


def _given(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Scores are an input."""
    s = tensor(w, z, "s", z.batch + "mn")
    s = modified(w, z, s, w.choose(0, 1))
    s = masked(w, z, s, infinite=True, last=True) if w.chance(2) else s
    p = Value(w.let("p", f"{s.name}.softmax({_at(s, 'n')})"), s.letters)
    return [_weighted(w, z, p, v)]


def _sdpa(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str] | None:
    """PyTorch's own op, with its arguments."""
    if "d" in v.letters or any(set(z.batch) - set(x.letters) for x in (k, v)):
        return None
    parts = [ordered(w, q, z.batch + "md"), ordered(w, k, z.batch + "nd"),
             ordered(w, v, z.batch + "ne")]  # fmt: skip
    letters = z.batch + "mn"
    match w.choose("plain", "causal", "bool", "float", "computed"):
        case "causal":
            more = ", is_causal=True"
        case "bool":
            more = f", attn_mask={w.input('keep', z.dims('mn'), 'torch.rand({}) < 0.75')}"
        case "float":
            more = f", attn_mask={w.input('bias', z.dims(letters[-3:]))}"
        case "computed":
            s = Value("", letters)
            b = w.let("b", bias(w, z, s))
            more = f", attn_mask={b}.expand({', '.join(w.length(d) for d in z.dims(letters))})"
        case _:
            more = ""
    more += w.choose("", ", scale=0.3")
    return [w.let("o", f"F.scaled_dot_product_attention({', '.join(parts)}{more})")]


def _local(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str] | None:
    """Blocks of rows see their own block of keys and the one before."""
    if z.extents["m"] != z.extents["n"] or "d" in v.letters:
        return None
    size = w.choose(4, 3, 16)
    blocks = w.choose(3, 1, 5)
    extents = {**z.extents, "t": blocks, "m": size, "n": size}
    y = Sizes(z.batch + "t", extents)
    q = tensor(w, y, "q", z.batch + "tmd")
    k, v = tensor(w, y, "k", z.batch + "tnd"), tensor(w, y, "v", z.batch + "tne")
    at = len(z.batch)
    a = ordered(w, q, z.batch + "tmd")
    both = []
    for x, letters in ((k, z.batch + "tnd"), (v, z.batch + "tne")):
        own = ordered(w, x, letters)
        before = w.let("before", w.choose(
            f"F.pad({own}, (0, 0, 0, 0, 1, 0))[{':, ' * at}:-1]", f"{own}.roll(1, {at})",
            f"torch.cat((torch.zeros_like({own}[{':, ' * at}:1]), {own}[{':, ' * at}:-1]), {at})",
        ))  # fmt: skip
        both.append(w.let("both", f"torch.cat(({before}, {own}), -2)"))
    s = w.let("s", f"0.3 * {a} @ {both[0]}.mT")
    if w.chance(2):
        i, j = f"torch.arange({size})[:, None]", f"torch.arange({2 * size})"
        s = w.let("s", f"{s}.masked_fill({j} > {i} + {size}, {w.choose('-math.inf', '-1e4')})")
    o = w.let("o", f"{s}.softmax(-1) @ {both[1]}")
    return [w.let("o", f"{o}.flatten({at}, {at + 1})") if w.chance(2) else o]


def _chosen(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str] | None:
    """Only the best keys of a row: the selection is a step of its own."""
    if w.dtype != "float32" or w.extent(z.extents["n"]) < 3:
        return None
    s = scores(w, z, q, k, large=False)
    at = _at(s, "n")
    part = f"[..., -1:{', :' * (-1 - at)}]"
    ordered_keys = f"{s.name}.sort({at}, descending=True).values"
    kth = w.let("kth", w.choose(f"{s.name}.topk(2, {at}).values{part}",
                                f"{ordered_keys}.narrow({at}, 1, 1)"))  # fmt: skip
    s = Value(w.let("s", f"{s.name}.masked_fill({s.name} < {kth}, -1e9)"), s.letters)
    p = Value(w.let("p", f"{s.name}.softmax({at})"), s.letters)
    return [_weighted(w, z, p, v)]


def _recurrent(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Linear attention with decay, in its parallel form, divided by its row sum or not."""
    phi = w.choose("F.elu({}) + 1", "F.relu({}) + 0.1", "torch.exp(0.1 * {})", "{}.sigmoid()")
    q, k = (Value(w.let(x.name, phi.format(x.name)), x.letters) for x in (q, k))
    s = _summed(w, z, q, k, z.batch + "mn")
    m, n = w.length(z.extents["m"]), w.length(z.extents["n"])
    i, j = w.let("i", f"torch.arange({m})[:, None]"), w.let("j", f"torch.arange({n})")
    decay = w.choose(f"0.9 ** ({i} - {j}).clamp(min=0)", f"torch.exp(-0.1 * ({i} - {j}).abs())")
    s = w.let("s", f"{s} * ({decay}).to({s}.dtype)")
    s = w.let("s", w.choose(f"{s} * ({j} <= {i})", f"{s}.tril()", f"{s}.masked_fill({j} > {i}, 0)"))
    match w.choose("plain", "sum", "bounded"):
        case "sum":
            s = w.let("p", f"{s} / ({s}.sum(-1, keepdim=True) + 0.5)")
        case "bounded":
            s = w.let("p", f"{s} / {s}.sum(-1, keepdim=True).abs().clamp(min=1)")
    return [_weighted(w, z, Value(s, z.batch + "mn"), v)]


def _pooled(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Each key has one score, from its own features; one weighted mean."""
    weight = w.input("w", [z.extents["d"]])
    keys = ordered(w, k, z.batch + "nd")
    s = w.let("s", w.choose(f"{keys} @ {weight}", f"(torch.tanh({keys}) * {weight}).sum(-1)"))
    p = w.let("p", w.choose(f"{s}.softmax(-1)", f"torch.sigmoid({s})"))
    values = ordered(w, v, z.batch + "n" + _width(v))
    return [w.let("o", w.choose(f"({p}.unsqueeze(-1) * {values}).sum(-2)",
                                f"({p}.unsqueeze(-2) @ {values}).squeeze(-2)"))]  # fmt: skip


def _joined(w: Writer, z: Sizes, q: Value, k: Value, v: Value) -> list[str]:
    """Rows of two tensors, and of the result only a part."""
    other = tensor(w, z, "q", z.batch + "md")
    a, b = ordered(w, q, z.batch + "md"), ordered(w, other, z.batch + "md")
    if len(w.shape(a)) != len(w.shape(b)):
        return []
    rows = Value(w.let("q", f"torch.cat(({a}, {b}), -2)"), z.batch + "md")
    s = Value(_summed(w, z, rows, k, z.batch + "mn"), z.batch + "mn")
    p = Value(w.let("p", f"({s.name} * 0.3).softmax(-1)"), s.letters)
    o = _weighted(w, z, p, v)
    m = w.length(z.extents["m"])
    match w.choose("first", "halves", "whole", "every"):
        case "first":
            return [w.let("o", f"{o}[..., :{m}, :]")]
        case "halves":
            return [w.let("o", f"{o}.chunk(2, -2)[{i}]") for i in (1, 0)]
        case "every":
            return [w.let("o", f"{o}[..., ::2, :]")]
        case _:
            return [o]
