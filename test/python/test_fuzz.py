# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random PyTorch programs, a fixed number from fixed seeds, and what earlier ones have found."""

import dataclasses
from pathlib import Path

import pytest
import torch

import flashlight
from fuzz import judge, memory
from fuzz.__main__ import SHORT, draws
from fuzz.shrink import shrink
from fuzz.worker import Worker
from fuzz.writer import Input, Program

REGRESSIONS = sorted((Path(__file__).parent.parent / "regression").glob("*.py"))
SOFTCAPPED = Program(
    inputs=[
        Input("q", "torch.randn(2, M, 8)", (2, "M", 8)),
        Input("k", "torch.randn(2, 2 * N, 8)[:, ::2]", (2, "N", 8)),
        Input("v", "torch.randn(2, 1, 4).expand(2, N, 4)", (2, "N", 4)),
    ],
    lines=[
        "s = q @ k.mT",
        "s2 = 5.0 * torch.tanh(s / 5.0)",
        "p = s2.softmax(-1)",
        "o = p @ v",
        "row = s.amax(-1)",
    ],
    results=["o", "row"],
    lengths={"M": 5, "N": 7},
)


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


@pytest.mark.parametrize("triton", [False, True], ids=["cpu", "ttir"])
@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_regression(worker, path, triton):
    found = worker.fault(path.read_text(), triton)
    assert isinstance(found, dict), found[1]


def judge_all(worker, number, count, triton, **options):
    """Fails with the shortest program that fails like the first of `count` that does."""

    def take(program):
        found = worker.fault(program.text(), triton)
        if isinstance(found, dict):
            return

        def alike(other):
            again = worker.fault(other.text(), triton)
            return not isinstance(again, dict) and again[0] == found[0]

        small = shrink(program, alike, tries=100)
        pytest.fail(f"{found[1]}\nfailing program, for test/regression:\n\n{small.text()}")

    draws(number, take, count, **options)


def test_programs_on_the_cpu(worker):
    judge_all(worker, number=0, count=60, triton=False)


def test_programs_as_ttir(worker):
    judge_all(worker, number=1, count=25, triton=True, lengths=SHORT, dynamic=False)


# The fuzzer itself ------------------------------------------------------------------------------


def test_the_judge_finds_what_is_wrong():
    names = judge.load(SOFTCAPPED.text())
    right = names["function"]
    judge.compare(right, names)
    wrong = {
        "count": lambda *a: right(*a)[:1],
        "type": lambda *a: [x.double() for x in right(*a)],
        "isnan": lambda *a: [x / 0.0 * 0.0 for x in right(*a)],
        "isposinf": lambda *a: [x.abs() / 0.0 for x in right(*a)],
        "mean": lambda *a: [x * 1.0001 for x in right(*a)],
    }
    for sort, function in wrong.items():
        with pytest.raises(judge.Wrong, match=f"^{sort}\\b"):
            judge.compare(function, names)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("index", ["arange(3)[:, None, None]", "arange(17)[:, None]", "arange(8)"])
def test_the_judge_finds_a_thousandth_in_one_row(dtype, index):
    """The compiled program has one head, row or column 0.1 per cent too large, before rounding."""
    make = f"torch.randn(3, 17, 8).to(torch.{dtype})"
    right = Program(
        inputs=[Input(name, make, (3, 17, 8)) for name in "qkv"],
        lines=["p = (0.3 * q @ k.mT).softmax(-1)", "o = p @ v"],
        results=["o"],
        lengths={},
    )
    factor = f"torch.where(torch.{index} == 2, 1.001, 1.0)"
    more = f"x = (o.float() * {factor}).to(o.dtype)"
    wrong = dataclasses.replace(right, lines=[*right.lines, more], results=["x"])

    def compiled(program):
        return flashlight.compile(judge.export(judge.load(program.text())), target="cpu")

    names = judge.load(right.text())
    judge.compare(compiled(right), names)
    with pytest.raises(judge.Wrong, match="^(mean|largest|bias)"):
        judge.compare(compiled(wrong), names)


def test_the_shrinker_keeps_what_fails():
    small = shrink(SOFTCAPPED, lambda program: "tanh" in program.text())
    assert [line.split(" = ")[0] for line in small.lines] == ["s2"]
    assert len(small.inputs) == 1 and len(small.results) == 1
    assert "tanh" in small.text()
    torch.testing.assert_close(*[judge.load(small.text())["inputs"]()] * 2)


def test_the_worker_survives_its_programs(worker):
    text = SOFTCAPPED.text()
    assert worker.fault(text)["kernels"] == 1
    ends = text.replace("torch.manual_seed(seed)", "__import__('os')._exit(3)")
    assert worker.fault(ends)[0] == "crash: exit code 3"
    assert worker.fault(text)["kernels"] == 1
    worker.seconds, seconds = 3, worker.seconds
    loops = text.replace("torch.manual_seed(seed)", "[None for _ in iter(int, 1)]")
    assert worker.fault(loops)[0] == "hang"
    worker.seconds = seconds
    assert worker.fault(text.replace("q @", "q @ @"))[0].startswith("SyntaxError")


def test_the_judge_finds_scores_in_memory():
    names = judge.load(SOFTCAPPED.text())
    assert memory.grown(names) is None
    function = names["function"]
    # Sorted, the scores are stored: the selection is a step of its own.
    names["function"] = lambda q, k, v: (q @ k.mT).sort(-1).values.softmax(-1) @ v
    assert "1024" in memory.grown(names)
    names["function"] = lambda q, k, v: function(q.view(2, 5, 8), k, v)  # of its own length
    assert memory.grown(names) is None
