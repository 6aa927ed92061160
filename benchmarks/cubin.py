# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our sm_90 kernels beside hand-written Triton, without a GPU: what is in the cubins.

``python benchmarks/cubin.py`` compiles causal and full bf16 attention (B1 H8 S2048) by Flashlight
and, with the same Triton, tiles, warps and stages, as one `triton.jit` function with the algorithm
of Triton's fused-attention tutorial; and prints for each: tensor-core instructions, registers,
spills, shared memory, and the SASS instructions of the main loop, the longest one with tensor-core
instructions in it.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler.compiler import ASTSource

import flashlight
from flashlight.backends.triton_stages import CodegenOptions, Resources, read_resources, tool

HEADS, SIZE, ARCH = 8, 2048, 90


@triton.jit
def handwritten(
    q, k, v, o, scale, SIZE: tl.constexpr, D: tl.constexpr, M: tl.constexpr, N: tl.constexpr,
    CAUSAL: tl.constexpr,
):  # fmt: skip
    """Online softmax in base 2; the diagonal blocks have a loop of their own."""
    block = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64) * SIZE * D
    rows = block * M + tl.arange(0, M)
    dims = tl.arange(0, D)
    query = tl.load(q + head + rows[:, None] * D + dims[None, :])
    best = tl.full([M], float("-inf"), tl.float32)
    total = tl.zeros([M], tl.float32)
    acc = tl.zeros([M, D], tl.float32)
    scale2 = scale * 1.44269504
    full = block * M if CAUSAL else SIZE
    for start in tl.range(0, full, N):
        columns = start + tl.arange(0, N)
        key = tl.load(k + head + columns[None, :] * D + dims[:, None])
        score = tl.dot(query, key)
        new = tl.maximum(best, tl.max(score, 1) * scale2)
        p = tl.math.exp2(score * scale2 - new[:, None])
        correction = tl.math.exp2(best - new)
        total = total * correction + tl.sum(p, 1)
        acc = acc * correction[:, None]
        value = tl.load(v + head + columns[:, None] * D + dims[None, :])
        acc = tl.dot(p.to(tl.bfloat16), value, acc)
        best = new
    if CAUSAL:
        for start in tl.range(block * M, (block + 1) * M, N):
            columns = start + tl.arange(0, N)
            key = tl.load(k + head + columns[None, :] * D + dims[:, None])
            score = tl.dot(query, key)
            score = tl.where(rows[:, None] >= columns[None, :], score * scale2, -1.0e6)
            new = tl.maximum(best, tl.max(score, 1))
            p = tl.math.exp2(score - new[:, None])
            correction = tl.math.exp2(best - new)
            total = total * correction + tl.sum(p, 1)
            acc = acc * correction[:, None]
            value = tl.load(v + head + columns[:, None] * D + dims[None, :])
            acc = tl.dot(p.to(tl.bfloat16), value, acc)
            best = new
    out = acc / total[:, None]
    tl.store(o + head + rows[:, None] * D + dims[None, :], out.to(tl.bfloat16))


@dataclass
class Row:
    """One line of the table."""

    name: str
    resources: Resources
    wgmma: int
    loops: list[tuple[int, int]]  # of each loop with tensor-core instructions: all, and those


def disassemble(cubin: bytes) -> list[tuple[int, str]]:
    """Address and text of every SASS instruction."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [tool("nvdisasm"), "-c", "-hex", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return _instructions(text)


def _instructions(text: str) -> list[tuple[int, str]]:
    """Reads nvdisasm's listing; labels become the address that follows them."""
    labels: dict[str, int] = {}
    waiting: list[str] = []
    found: list[tuple[int, str]] = []
    for line in text.splitlines():
        label = re.match(r"\s*\.?(L_x_\w+):", line)
        if label:
            waiting.append(label[1])
        match = re.search(r"/\*([0-9a-f]{4,})\*/\s+([^;]+);", line)
        if match:
            address = int(match[1], 16)
            labels.update(dict.fromkeys(waiting, address))
            waiting.clear()
            found.append((address, match[2].strip()))
    target = re.compile(r"`?\(?\.?(L_x_\w+)\)?")

    def resolve(instruction: str) -> str:
        return target.sub(lambda m: hex(labels[m[1]]) if m[1] in labels else m[0], instruction)

    return [(address, resolve(instruction)) for address, instruction in found]


def loops(instructions: list[tuple[int, str]]) -> list[tuple[int, int]]:
    """Instructions, and tensor-core instructions among them, of each loop that has some."""
    result = []
    for address, text in instructions:
        branch = re.search(r"\bBRA\S*\s.*?(0x[0-9a-f]+)", text)
        if branch and int(branch[1], 16) < address:
            start = int(branch[1], 16)
            body = [op for at, op in instructions if start <= at <= address]
            core = sum("GMMA" in op for op in body)
            if core:
                result.append((len(body), core))
    return result


def row(name: str, cubin: bytes, ptx: str, resources: Resources) -> Row:
    """Reads one kernel."""
    return Row(name, resources, ptx.count("wgmma.mma_async"), loops(disassemble(cubin)))


class Attention(torch.nn.Module):
    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


def ours(width: int, causal: bool) -> tuple[Row, CodegenOptions, tuple[int, int]]:
    """Our kernel, and what it was compiled with: options, and the tile's rows and columns."""
    q = torch.zeros(1, HEADS, SIZE, width, dtype=torch.bfloat16)
    exported = torch.export.export(Attention(causal), (q, q, q))
    (kernel,) = flashlight.compile(exported, target=f"cuda:sm_{ARCH}").kernels
    stages = kernel.stages
    pattern = r"#flashlight\.schedule<cuda, tiles\((.*?)\), warps = (\d+), stages = (\d+)"
    schedule = re.search(pattern, stages["tile"])
    assert schedule is not None
    sizes = [int(size) for size in re.findall(r"= (\d+)", schedule[1])]
    options = CodegenOptions(ARCH, int(schedule[2]), int(schedule[3]))
    made = row("flashlight", stages["cubin"], stages["ptx"], kernel.resources)
    return made, options, (sizes[0], sizes[2])


def theirs(width: int, causal: bool, options: CodegenOptions, tile: tuple[int, int]) -> Row:
    """The hand-written kernel, with the same tile, warps and stages."""
    constants = {"SIZE": SIZE, "D": width, "M": tile[0], "N": tile[1], "CAUSAL": causal}
    signature = dict.fromkeys("qkvo", "*bf16") | {"scale": "fp32"}
    signature |= dict.fromkeys(constants, "constexpr")
    source = ASTSource(
        handwritten,
        signature=signature,
        constexprs=constants,
        attrs={(i,): [["tt.divisibility", 16]] for i in range(4)},
    )
    compiled = triton.compile(source, target=GPUTarget("cuda", ARCH, 32), options=options.as_dict())
    metadata = {"shared": compiled.metadata.shared, "num_warps": compiled.metadata.num_warps}
    cubin = compiled.asm["cubin"]
    return row("triton.jit", cubin, compiled.asm["ptx"], read_resources(cubin, metadata))


def main() -> None:
    print(f"triton {triton.__version__}, sm_{ARCH}, bf16, B1 H{HEADS} S{SIZE}")
    print(
        f"{'program':18}{'compiler':12}{'tile':10}{'warps':>6}{'wgmma':>7}{'regs':>6}{'spills':>8}"
        f"{'shared':>8}  loops with tensor cores: instructions (wgmma)"
    )
    for width in (64, 128):
        for causal in (False, True):
            mine, options, tile = ours(width, causal)
            for line in (mine, theirs(width, causal, options, tile)):
                used = line.resources
                text = ", ".join(f"{total} ({core})" for total, core in line.loops)
                print(
                    f"{'causal' if causal else 'full':7}D{width:<10}{line.name:12}"
                    f"{f'{tile[0]}x{tile[1]}':10}{options.num_warps:6}{line.wgmma:7}"
                    f"{used.registers:6}{used.spills:8}{used.shared:8}  {text}"
                )


if __name__ == "__main__":
    main()
