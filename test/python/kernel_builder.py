# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of level 2 written by hand: the text, and what a backend makes of them.

k = Kernel("n", b=2, m=100, n=164, d=16, e=16)
q = k.read(k.input("b m d"), "b m d")
s = k.contract(q, k.read(k.input("b n d"), "b n d"), "b m n")
k.output(k.reduce("sum", k.op("math.exp", s), "n"), "b m")
check(k)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from flashlight.backends import cpu
from flashlight.interpreter import interpret
from flashlight.mlir import ir
from pass_harness import assert_same, parse, run_pipeline

DERIVE = "flashlight-derive-online,cse,flashlight-infer-sparsity,flashlight-verify-kernel"
TILE = "flashlight-schedule{target=cpu},flashlight-tile,canonicalize,cse,flashlight-verify-tile"
DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "i1": torch.bool,
}


@dataclass(frozen=True)
class Value:
    """A named-axes value: its SSA name, axes and element type."""

    name: str
    axes: tuple[str, ...]
    element: str


@dataclass(frozen=True)
class Memory:
    """An input: its block argument, extents (numbers or symbols) and element type."""

    name: str
    shape: tuple[int | str, ...]
    element: str


class Kernel:
    """Collects the ops of one kernel. Axes have their extent, or the name of a symbol."""

    def __init__(self, stream: str, **axes: int | str) -> None:
        self.stream, self.axes = stream, axes
        self.inputs: list[Memory] = []
        self.results: list[tuple[Value, str, tuple[int | str, ...]]] = []
        self.lines: list[str] = []
        self._count = 0

    def text(self) -> str:
        """The module: `@main` with the kernel and nothing else."""
        axes = ", ".join(f"{name} = {size}" for name, size in self.axes.items())
        args = ", ".join(f"%a{i}: {_whole(m)}" for i, m in enumerate(self.inputs))
        binds = ", ".join(f"{m.name} = %a{i}" for i, m in enumerate(self.inputs))
        types = ", ".join(_whole(m) for m in self.inputs)
        outs = [_tensor(shape, value.element) for value, _, shape in self.results]
        maps = ", ".join(self._map(text) for _, text, _ in self.results)
        values = ", ".join(value.name for value, _, _ in self.results)
        kinds = ", ".join(self.type(value) for value, _, _ in self.results)
        body = "\n      ".join(self.lines)
        return f"""
func.func @main({args}) -> ({", ".join(outs)}) {{
  %r:{len(outs)} = flashlight.kernel "kernel_0" axes({axes}) stream "{self.stream}" ({binds})
      : ({types}) -> ({", ".join(outs)}) {{
      {body}
      flashlight.yield {values} at [{maps}] : {kinds}
  }}
  return {", ".join(f"%r#{i}" for i in range(len(outs)))} : {", ".join(outs)}
}}"""

    def type(self, value: Value) -> str:
        """The value's tensor type."""
        shape = tuple(self.axes[axis] for axis in value.axes)
        dims = "".join(f"{'?' if isinstance(n, str) else n}x" for n in shape)
        return f"tensor<{dims}{value.element}, #flashlight.axes<{', '.join(value.axes)}>>"

    def _map(self, text: str, symbols: int = 0) -> str:
        names = ", ".join(f"s{i}" for i in range(symbols))
        results = ", ".join(text.split() if "," not in text else [text])
        return (
            f"affine_map<({', '.join(self.axes)}){f'[{names}]' if symbols else ''} -> ({results})>"
        )

    def _emit(self, op: str, axes, element: str, rest: str = "") -> Value:
        value = Value(f"%v{self._count}", tuple(a for a in self.axes if a in axes), element)
        self._count += 1
        self.lines.append(f"{value.name} = {op} : {rest}{self.type(value)}")
        return value

    def input(self, shape: str, element: str = "f32") -> Memory:
        """A tensor argument; `shape` has axes (their extent is meant), numbers and symbols."""
        sizes = tuple(int(x) if x.isdigit() else self.axes.get(x, x) for x in shape.split())
        memory = Memory(f"%m{len(self.inputs)}", sizes, element)
        self.inputs.append(memory)
        return memory

    def read(self, source: Memory, map_: str, axes: str | None = None, indices=()) -> Value:
        """`map_`: one expression a dim (with commas if they have spaces); `axes`: of the result."""
        used = set((axes or map_).split()).union(*(i.axes for i in indices))
        operands = f"[{', '.join(i.name for i in indices)}]" if indices else ""
        extra = "".join(f", {self.type(i)}" for i in indices)
        return self._emit(
            f"flashlight.read {source.name}{operands} at {self._map(map_, len(indices))}",
            used,
            source.element,
            f"{_whole(source)}{extra} -> ",
        )

    def spread(self, value: Value, axes) -> Value:
        """`value` with more axes."""
        axes = tuple(a for a in self.axes if a in axes)
        if axes == value.axes:
            return value
        return self._emit(
            f"flashlight.broadcast {value.name}", axes, value.element, f"{self.type(value)} -> "
        )

    def constant(self, number: float | int | str, element: str = "f32") -> Value:
        """A value without axes."""
        text = f"{number:.9e}" if isinstance(number, float) else number
        return self._emit(f"arith.constant dense<{text}>", (), element)

    def op(self, name: str, *operands: Value | float, attrs: str = "") -> Value:
        """A pointwise op on operands that are broadcast first; numbers are constants."""
        first = next(x for x in operands if isinstance(x, Value))
        values = [
            x if isinstance(x, Value) else self.constant(float(x), first.element) for x in operands
        ]
        axes = {a for value in values for a in value.axes}
        wide = [self.spread(value, axes) for value in values]
        names = ", ".join(value.name for value in wide)
        return self._emit(f"{name} {attrs}{names}", axes, first.element)

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        """A comparison of equal types."""
        op = "arith.cmpf" if x.element.endswith(("f16", "f32", "f64")) else "arith.cmpi"
        axes = {*x.axes, *y.axes}
        x, y = self.spread(x, axes), self.spread(y, axes)
        self.lines.append(
            f"%v{self._count} = {op} {predicate}, {x.name}, {y.name} : {self.type(x)}"
        )
        self._count += 1
        return Value(f"%v{self._count - 1}", x.axes, "i1")

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """Elements of `x` where the condition holds, else of `y`."""
        axes = {*condition.axes, *x.axes, *y.axes}
        c, x, y = (self.spread(v, axes) for v in (condition, x, y))
        return self._emit(
            f"arith.select {c.name}, {x.name}, {y.name}", axes, x.element, f"{self.type(c)}, "
        )

    def cast(self, op: str, value: Value, element: str) -> Value:
        """A conversion of the element type."""
        result = Value(f"%v{self._count}", value.axes, element)
        self._count += 1
        self.lines.append(
            f"{result.name} = {op} {value.name} : {self.type(value)} to {self.type(result)}"
        )
        return result

    def iota(self, axis: str, element: str = "i64") -> Value:
        """The indices along an axis."""
        return self._emit("flashlight.iota", (axis,), element)

    def reduce(self, kind: str, value: Value, over: str) -> Value:
        """Combines along the axes `over`."""
        kept = [a for a in value.axes if a not in over.split()]
        return self._emit(
            f"flashlight.reduce {kind} {value.name}", kept, value.element, f"{self.type(value)} -> "
        )

    def scan(
        self, kind: str, value: Value, along: str, reverse: bool = False, exclusive: bool = False
    ) -> Value:
        """The running combination along an axis."""
        way = " reverse" * reverse + " exclusive" * exclusive
        return self._emit(
            f'flashlight.scan {kind} {value.name} along "{along}"{way}', value.axes, value.element
        )

    def contract(self, lhs: Value, rhs: Value, axes: str, element: str = "f32") -> Value:
        """A sum of products; what is not in `axes` is summed over."""
        return self._emit(
            f"flashlight.contract {lhs.name}, {rhs.name}",
            axes.split(),
            element,
            f"{self.type(lhs)}, {self.type(rhs)} -> ",
        )

    def softmax(self, scores: Value, over: str) -> Value:
        """exp(s - max s) / sum, as one writes it."""
        shifted = self.op("arith.subf", scores, self.reduce("max", scores, over))
        power = self.op("math.exp", shifted)
        return self.op("arith.divf", power, self.reduce("sum", power, over))

    def output(self, value: Value, map_: str, shape: str | None = None) -> None:
        """A result; `map_` has one expression a dim, `shape` their extents where they differ."""
        sizes = tuple(
            int(x) if x.isdigit() else self.axes.get(x, x) for x in (shape or map_).split()
        )
        self.results.append((value, map_, sizes))

    def arguments(self, symbols: dict[str, int] | None = None, seed: int = 0) -> list[torch.Tensor]:
        """A tensor for every input: normal numbers, small integers, mostly true booleans."""
        generator = torch.Generator().manual_seed(seed)
        result = []
        for memory in self.inputs:
            shape = [n if isinstance(n, int) else (symbols or {})[n] for n in memory.shape]
            dtype = DTYPES[memory.element]
            if dtype == torch.bool:
                result.append(torch.rand(shape, generator=generator) < 0.75)
            elif dtype.is_floating_point:
                result.append(torch.randn(shape, generator=generator).to(dtype))
            else:
                result.append(torch.randint(0, 5, shape, generator=generator).to(dtype))
        return result


def _tensor(shape: tuple[int | str, ...], element: str) -> str:
    dims = "".join(f"{'?' if isinstance(n, str) else n}x" for n in shape)
    symbols = [n for n in shape if isinstance(n, str)]
    encoding = f", #flashlight.symbols<{', '.join(symbols)}>" if symbols else ""
    return f"tensor<{dims}{element}{encoding}>"


def _whole(memory: Memory) -> str:
    return _tensor(memory.shape, memory.element)


def check(
    kernel: Kernel | str,
    args: list[torch.Tensor] | None = None,
    symbols: dict[str, int] | None = None,
    *,
    passes: str = f"{DERIVE},{TILE}",
    tolerance: float = 2e-5,
    bits: int | None = None,
    interpreted: bool = True,
) -> tuple[list[torch.Tensor], str]:
    """Interprets the kernel, then its tile program, in f64, and runs that as machine code.

    With `interpreted=False` machine code runs alone, and is compared with nothing.
    Returns what the machine code computed, and the tile program's text.
    """
    text = kernel if isinstance(kernel, str) else kernel.text()
    args = kernel.arguments(symbols) if args is None else args
    with ir.Context(), ir.Location.unknown():
        module = parse(text)
        expected = []
        if interpreted:
            expected = interpret(module, "main", args, symbols, dtype=torch.float64)
        run_pipeline(module, passes)
        tiled = str(module)
        if interpreted:
            assert_same(interpret(module, "main", args, symbols, dtype=torch.float64), expected)

        class Options:
            cache_dir, vector_bits, threads = "", bits, 1

        def native(name, values, programs):
            compiled = cpu.compile_kernel(module, name, Options)
            function = cpu._find(module, name)
            tensors, names = cpu._signature(function)
            count = sum(t.role.startswith("input") for t in tensors)
            rest = values[len(tensors) :]
            for output in values[count : len(tensors)]:
                output.fill_(1 if output.dtype == torch.bool else 77)
            compiled.launch(
                values[:count],
                values[count : len(tensors)],
                {n: int(v) for n, v in zip(names, rest, strict=True)},
            )

        actual = interpret(module, "main", args, symbols, run_kernel=native)
    for a, want in zip(actual, expected, strict=interpreted):
        if a.dtype.is_floating_point:
            torch.testing.assert_close(
                a.double(), want.double(), rtol=tolerance, atol=tolerance, equal_nan=True
            )
        else:
            assert torch.equal(a, want)
    return actual, tiled
