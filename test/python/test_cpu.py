# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""test/Tile/attention.mlir and its variations as machine code, against float64."""

import gc
import multiprocessing
import threading

import pytest
import torch

import flashlight
from cpu_harness import ATTENTION, ELEMENTS, assert_as_good_as, compile_text

SHAPE = (2, 8, 100, 64)


def attention(q, k, v):
    scores = q @ k.transpose(-1, -2)
    scores = scores if q.dtype == torch.float64 else scores.float()
    return torch.softmax(scores * 0.125, -1).to(v.dtype) @ v


def tensors(dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(SHAPE, generator=generator).to(dtype) for _ in range(3)]


def variant(dtype):
    """The program with inputs and outputs of another dtype: widened for sums, rounded after."""
    if dtype == torch.float32:
        return ATTENTION
    h = ELEMENTS[dtype]
    text = ATTENTION.replace("64xf32, strided", f"64x{h}, strided")
    out, narrow = [], f"tensor<64x64x{h}>"
    for line in text.splitlines():
        if "flashlight.load" in line:
            line = line.replace("tensor<64x64xf32>", narrow)
        elif "flashlight.contract %kt" in line:
            line = line.replace(": tensor<64x64xf32>, tensor<64x64xf32>", f": {narrow}, {narrow}")
        elif "flashlight.contract %p" in line:
            out.append(f"    %ph = arith.truncf %p : tensor<64x64xf32> to {narrow}")
            line = line.replace("%p,", "%ph,")
            line = line.replace(": tensor<64x64xf32>, tensor<64x64xf32>", f": {narrow}, {narrow}")
        elif "flashlight.store" in line:
            out.append(f"  %outh = arith.truncf %out : tensor<64x64xf32> to {narrow}")
            line = line.replace("%out,", "%outh,").replace("tensor<64x64xf32>", narrow)
        out.append(line)
    return "\n".join(out)


def run(kernel, q, k, v, out=None):
    out = torch.full_like(q, float("nan")) if out is None else out
    kernel.launch([q, k, v], [out], {})
    return out


@pytest.fixture(scope="module")
def kernel():
    return compile_text(ATTENTION, "attention")


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_attention(dtype, bits):
    q, k, v = tensors(dtype)
    actual = run(compile_text(variant(dtype), "attention", vector_bits=bits), q, k, v)
    exact = attention(q.double(), k.double(), v.double())
    assert_as_good_as(actual, attention(q, k, v), exact)


def test_any_number_of_threads_gives_the_same_bits():
    q, k, v = tensors()
    results = [
        run(compile_text(ATTENTION, "attention", threads=threads), q, k, v)
        for threads in (1, 2, 3, 4, 50)
    ]
    for result in results[1:]:
        assert torch.equal(result, results[0])


def test_inputs_in_any_layout(kernel):
    q, k, v = tensors()
    expected = run(kernel, q, k, v)
    rows_first = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # [B, S, H, D]
    columns = [x.transpose(2, 3).contiguous().transpose(2, 3) for x in (q, k, v)]
    sliced = [torch.cat([x, x], 3)[..., 64:] for x in (q, k, v)]
    for views in (rows_first, columns, sliced):
        out = torch.empty(2, 100, 8, 64).transpose(1, 2)
        assert torch.equal(run(kernel, *views, out=out), expected)
    one = k[:1, :1].expand(SHAPE)
    assert torch.equal(run(kernel, q, one, v), run(kernel, q, one.contiguous(), v))


def test_large_scores_and_infinities(kernel):
    q, k, v = tensors()
    assert_as_good_as(
        run(kernel, q * 30, k * 30, v),
        attention(q * 30, k * 30, v),
        attention(*(x.double() for x in (q * 30, k * 30, v))),
    )
    k[0, 0] = float("-inf")  # every score of one head is NaN or infinite
    exact = attention(q.double(), k.double(), v.double())
    actual = run(kernel, q, k, v)
    assert torch.equal(actual.isnan(), exact.isnan())


def test_dynamic_sizes():
    text = ATTENTION.replace("2x8x100x64xf32", "?x8x?x64xf32")
    sizes = '%S: index {flashlight.symbol = "s1"}, %B: index {flashlight.symbol = "s0"})'
    text = text.replace("{flashlight.output})", "{flashlight.output}, " + sizes)
    text = text.replace("<b = 2 by 1>", "<b = s0 by 1>")
    text = text.replace("<m = 100 by 64>", "<m = s1 by 64>")
    text = text.replace("%c100 = arith.constant 100 : index", "%c100 = arith.addi %S, %zi : index")
    text = text.replace("%c0 = arith", "%zi = arith.constant 0 : index\n  %c0 = arith", 1)
    text = text.replace("%mb = arith.remui %pid, %c2", "%mb = arith.remui %pid, %tiles")
    text = text.replace("%bh = arith.divui %pid, %c2", "%bh = arith.divui %pid, %tiles")
    text = text.replace("%pid = ", "%tiles = arith.ceildivui %S, %c64 : index\n  %pid = ")
    text = text.replace("to %c64 step", "to %whole step").replace("= %c64 to", "= %whole to")
    text = text.replace(
        "%mleft =",
        "%blocks = arith.divui %S, %c64 : index\n"
        "  %whole = arith.muli %blocks, %c64 : index\n  %mleft =",
        1,
    )
    kernel = compile_text(text, "attention")
    for batch, size in ((1, 1), (3, 64), (2, 65), (1, 200), (0, 10)):
        q, k, v = (torch.randn(batch, 8, size, 64) for _ in range(3))
        out = torch.full_like(q, float("nan"))
        kernel.launch([q, k, v], [out], {"s0": batch, "s1": size})
        torch.testing.assert_close(out, attention(q, k, v), rtol=1e-4, atol=1e-5)


def test_many_kernels_and_many_threads(kernel):
    """Kernels come and go while others run; launches from several Python threads."""
    q, k, v = tensors()
    expected = run(kernel, q, k, v)
    wrong = []

    def work():
        for _ in range(5):
            own = compile_text(ATTENTION, "attention")
            if not torch.equal(run(own, q, k, v), expected):
                wrong.append("own")
            if not torch.equal(run(kernel, q, k, v), expected):
                wrong.append("shared")
            del own
            gc.collect()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def _launch_in_child(kernel, arrays, queue):
    torch.set_num_threads(1)  # torch's own pool does not survive a fork
    queue.put(bool(torch.isfinite(run(kernel, *arrays)).all()))


def test_after_fork(kernel):
    """The worker threads do not exist in a forked child; the pool is made anew there."""
    arrays = tensors()
    threaded = compile_text(ATTENTION, "attention", threads=3)
    run(threaded, *arrays)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_launch_in_child, args=(threaded, arrays, queue))
    child.start()
    assert queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0


def test_stages_and_resources(kernel):
    assert list(kernel.stages) == ["tile", "llvm", "object", "assembly"]
    assert "flashlight.contract" in kernel.stages["tile"]
    assert "define" in kernel.stages["llvm"]
    assert kernel.stages["object"][:4] == b"\x7fELF"
    assert "attention.run" in kernel.stages["assembly"]
    # Four tiles of 64 x 64 f32 and some rows; the probabilities take the place of the scores.
    assert 4 * 64 * 64 * 4 <= kernel.resources["scratch"] < 5 * 64 * 64 * 4


def test_a_single_query_computes_its_scores_once():
    """Without a row axis the value row is still one tile: a program a head, not one an element."""
    q, k, v = torch.randn(2, 3, 1, 64), torch.randn(2, 3, 200, 64), torch.randn(2, 3, 200, 48)

    class Attention(torch.nn.Module):
        def forward(self, q, k, v):
            return attention(q, k, v)

    exported = torch.export.export(Attention(), (q, k, v))
    compiled = flashlight.compile(exported, options={"cache_dir": ""})
    assert_as_good_as(
        compiled(q, k, v),
        attention(q, k, v),
        attention(q.double(), k.double(), v.double()),
    )
    (kernel,) = compiled.kernels
    assert "<e = " not in kernel.stages["tile"].split("flashlight.grid =")[1].split("]")[0]
