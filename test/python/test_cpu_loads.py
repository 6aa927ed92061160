# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random loads: linear maps, strides, limits, index tiles; machine code against the interpreter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
import torch

from cpu_harness import ELEMENTS, check, identity, memref

SIZES = [1, 3, 4, 7, 16, 17, 20, 33, 64]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int32]
LARGEST = 9  # value of an index


@dataclass
class Load:
    """A tile of `shape`; row `k` of the map is `coefficients[k]` of tile dims, then of indices."""

    shape: list[int]
    limits: dict[int, int]
    indices: list[torch.Tensor]
    varies: list[list[int]]  # the tile dims of each index
    coefficients: list[list[int]]
    offsets: list[int] = field(default_factory=list)
    extents: list[int] = field(default_factory=list)


def draw_load(choose: random.Random) -> Load:
    """A load that stays inside of a memory of `extents`, wherever its limits let it look."""
    shape = [choose.choice(SIZES) for _ in range(choose.randint(1, 3))]
    while torch.Size(shape).numel() > 20000:
        shape[choose.randrange(len(shape))] = 4
    limits = {d: choose.randint(0, n + 2) for d, n in enumerate(shape) if choose.random() < 0.4}
    load = Load(shape, limits, [], [], [])
    for _ in range(choose.choice([0, 0, 1, 2])):
        dims = [d for d in range(len(shape)) if choose.random() < 0.6]
        index = torch.randint(0, LARGEST + 1, [shape[d] for d in dims])
        for axis, d in enumerate(dims):  # beyond a limit it may be anything
            end = min(limits.get(d, shape[d]), shape[d])
            index.narrow(axis, end, shape[d] - end).fill_(choose.choice([-5, 10**6]))
        load.indices.append(index.to(choose.choice([torch.int32, torch.int64])))
        load.varies.append(dims)
    rank, width = choose.randint(1, 3), len(shape) + len(load.indices)
    load.coefficients = [[0] * width for _ in range(rank)]
    for d in range(width):
        if choose.random() < 0.9:
            load.coefficients[choose.randrange(rank)][d] = choose.choice([1, 1, 1, 1, -1, 2, -3])
    largest = [max(min(limits.get(d, n), n), 1) - 1 for d, n in enumerate(shape)]
    largest += [LARGEST] * len(load.indices)
    for row in load.coefficients:
        reach = [c * n for c, n in zip(row, largest, strict=True)]
        below, above = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)
        load.offsets.append(choose.randint(0, 2) - below)
        load.extents.append(load.offsets[-1] + above + 1 + choose.randint(0, 2))
    return load


def tensor(shape, element):
    return f"tensor<{''.join(f'{n}x' for n in shape)}{element}>"


def text_of(load: Load, memory: torch.Tensor, out: torch.Tensor) -> str:
    dims = [f"i{d}" for d in range(len(load.shape))]
    symbols = [f"s{i}" for i in range(len(load.indices))]
    args = [f"%m: {memref(memory)}"]
    args += [f"%x{i}: {memref(index)}" for i, index in enumerate(load.indices)]
    args += [f"%y: {memref(out)} {{flashlight.output}}"]
    lines = ["%c0 = arith.constant 0 : index"]
    lines += [f"%o{k} = arith.constant {n} : index" for k, n in enumerate(load.offsets)]
    lines += [f"%l{d} = arith.constant {n} : index" for d, n in load.limits.items()]
    types = [memref(memory)]
    for i, (index, varies) in enumerate(zip(load.indices, load.varies, strict=True)):
        element = ELEMENTS[index.dtype]
        own, wide = tensor(index.shape, element), tensor(load.shape, element)
        where = ", ".join(["%c0"] * index.dim())
        lines.append(
            f"%q{i} = flashlight.load %x{i}[{where}] map {identity(index.dim())}"
            f" : {memref(index)} -> {own}"
        )
        lines.append(f"%b{i} = flashlight.broadcast %q{i} dims {varies} : {own} -> {wide}")
        types.append(wide)
    results = ", ".join(
        " + ".join(f"{n} * {c}" for n, c in zip(dims + symbols, row, strict=True) if c) or "0"
        for row in load.coefficients
    )
    names = f"[{', '.join(symbols)}]" if symbols else ""
    gather = f" gather({', '.join(f'%b{i}' for i in range(len(symbols)))})" if symbols else ""
    limits = ", ".join(f"%l{d}" for d in load.limits)
    limits = f" limits {list(load.limits)} ({limits})" if limits else ""
    tile = tensor(load.shape, ELEMENTS[memory.dtype])
    lines += [
        f"%t = flashlight.load %m[{', '.join(f'%o{k}' for k in range(memory.dim()))}]{gather}"
        f" map affine_map<({', '.join(dims)}){names} -> ({results})>{limits}"
        f" : {', '.join(types)} -> {tile}",
        f"flashlight.store %t, %y[{', '.join(['%c0'] * out.dim())}] map {identity(out.dim())}"
        f" : {tile}, {memref(out)}",
        "return",
    ]
    grid = "attributes {flashlight.grid = [#flashlight.grid_axis<m = 1 by 1>]}"
    return f"func.func @kernel({', '.join(args)}) {grid} {{\n  " + "\n  ".join(lines) + "\n}"


@pytest.mark.parametrize("seed", range(60))
def test_random_loads(seed):
    torch.manual_seed(seed)
    choose = random.Random(seed)
    load = draw_load(choose)
    while torch.Size(load.extents).numel() > 10**6:
        load = draw_load(choose)
    # Memory in any order of its dims, or with a stride everywhere.
    order = list(range(len(load.extents)))
    choose.shuffle(order)
    memory = torch.randn([load.extents[d] for d in order]) * 9
    memory = memory.to(choose.choice(DTYPES)).permute([order.index(d) for d in range(len(order))])
    if choose.random() < 0.3:
        memory = torch.stack([memory, memory], -1)[..., 0]
    out = torch.empty(load.shape, dtype=memory.dtype)
    text = text_of(load, memory, out)
    bits = choose.choice([256, 512])
    check(text, [memory, *load.indices], [out], rtol=0, atol=0, vector_bits=bits)
