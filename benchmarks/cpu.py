# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on the CPU: ours beside eager, SDPA, torch.compile and compiled FlexAttention.

    python benchmarks/cpu.py --shape 1 8 2048 64 --dtypes float32 bfloat16 --threads 1 2

All candidates run in one process, one call of each in turn, so that another load on the machine
meets them alike; the table shows the best time of each and its ratio to SDPA's. torch.compile and
FlexAttention need a C++ compiler; what cannot run is left out, with the reason.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

import flashlight

Run = Callable[[], torch.Tensor]


class Plain(torch.nn.Module):
    """Attention as one writes it."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
        if self.causal:
            rows = torch.arange(q.shape[-2])[:, None]
            scores = scores.masked_fill(torch.arange(k.shape[-2])[None] > rows, float("-inf"))
        return torch.softmax(scores, -1) @ v


def candidates(args: argparse.Namespace, qkv: tuple[torch.Tensor, ...]) -> dict[str, Run]:
    """What runs, by name; each has run once."""
    plain = Plain(args.causal)
    exported = torch.export.export(plain, qkv)
    start = time.perf_counter()
    compiled = flashlight.compile(exported, options={"cache_dir": ""})
    print(f"  ours compiled in {time.perf_counter() - start:.2f} s after export", flush=True)
    for kernel in compiled.kernels:
        threads = torch.get_num_threads()
        scratch = kernel.resources["scratch"]
        print(
            f"  kernel {kernel.name}: {scratch} bytes of tiles a thread, {threads} threads: "
            f"{scratch * threads} bytes beside inputs and outputs"
        )
    if compiled.fallbacks:
        print(f"  left to PyTorch: {[fallback.op for fallback in compiled.fallbacks]}")
    runs: dict[str, Run] = {
        "SDPA": lambda: F.scaled_dot_product_attention(*qkv, is_causal=args.causal),
        "eager": lambda: plain(*qkv),
        "flashlight": lambda: compiled(*qkv),
    }
    if args.inductor:
        inductor = torch.compile(plain)
        runs["torch.compile"] = lambda: inductor(*qkv)
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        mask = None
        if args.causal:
            size = qkv[0].shape[-2]
            mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, size, size, "cpu")
        flex = torch.compile(flex_attention)
        runs["FlexAttention"] = lambda: flex(*qkv, block_mask=mask)
    for name in list(runs):
        try:
            with torch.no_grad():
                runs[name]()
        except Exception as error:
            print(f"  {name} left out: {str(error).splitlines()[0]}")
            del runs[name]
    return runs


def measure(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """The best time of each in seconds, by turns."""
    best = dict.fromkeys(runs, float("inf"))
    with torch.no_grad():
        for _ in range(rounds):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--shape",
        type=int,
        nargs=4,
        default=[1, 8, 2048, 64],
        metavar="N",
        help="batch, heads, sequence, head dim",
    )
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads()])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument(
        "--inductor", action="store_true", help="also torch.compile and FlexAttention"
    )
    args = parser.parse_args()
    batch, heads, size, width = args.shape
    for dtype in args.dtypes:
        torch.manual_seed(0)
        qkv = tuple(
            torch.randn(batch, heads, size, width, dtype=getattr(torch, dtype)) for _ in range(3)
        )
        for threads in args.threads:
            torch.set_num_threads(threads)
            print(
                f"B{batch} H{heads} S{size} D{width} {dtype}, {threads} threads"
                f"{', causal' if args.causal else ''}"
            )
            times = measure(candidates(args, qkv), args.rounds)
            for name, seconds in times.items():
                print(
                    f"  {name:14} {seconds * 1e3:9.2f} ms {seconds / times['SDPA']:6.2f} x SDPA",
                    flush=True,
                )


if __name__ == "__main__":
    main()
