# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled programs as callables: signatures, outputs, aliasing, symbols, fallbacks, reports.

Kernels are run by the interpreter here, so that what is tested is the plan around them.
"""

import pytest
import torch
import torch.nn.functional as F
from torch.export import Dim, export

import flashlight
from flashlight import reference
from flashlight.program import compile_with
from flashlight.steps import Evaluate, Launch, RunNode


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def build(function, *args, kwargs=None, dynamic_shapes=None):
    module = function if isinstance(function, torch.nn.Module) else Module(function)
    exported = export(module, args, kwargs, dynamic_shapes=dynamic_shapes)
    return compile_with(reference, exported)


def rand(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


Q, K, V = rand(2, 3, 20, 8), rand(2, 3, 30, 8), rand(2, 3, 30, 16)


def ran(compiled):
    """What PyTorch ran, by node."""
    return [step.node for step in compiled._plan.steps if isinstance(step, RunNode)]


# Kernels and reports -----------------------------------------------------------------------------


def test_kernel():
    compiled = build(attention, Q, K, V)
    (kernel,) = compiled.kernels
    assert kernel.axes == {"b": 2, "h": 3, "m": 20, "e": 16, "n": 30, "d": 8}
    assert list(kernel.stages)[:2] == ["kernel", "tile"]
    assert "flashlight.stream" in kernel.stages["kernel"]
    assert "flashlight.grid" in kernel.stages["tile"]
    assert {place.file for place in kernel.locations} == {__file__}
    assert list(compiled.stages) == ["program", "kernel", "tile"]
    assert compiled.fallbacks == []
    assert ran(compiled) == []
    close(compiled(Q, K, V), attention(Q, K, V))


def test_explain():
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.out = torch.nn.Linear(16, 4)

        def forward(self, q, k, v):
            return self.out(attention(q, k, v)).topk(2).values

    compiled = build(Layer(), Q, K, V)
    text = str(compiled.explain())
    assert "1 fused kernel, 2 ops in PyTorch" in text
    assert "aten.linear.default: projection" in text
    assert "aten.topk.default: no importer row" in text
    assert "test_api.py:" in text
    assert "passes over the keys: 1\n" in text
    assert "M'[m] = max(M, max_n " in text and "L'[m] = L * " in text
    merged = [f for f in compiled.kernels[0].formulas if f.section.startswith("two parts")]
    assert merged[0].text == "M[m] = max(M_a, M_b)"
    assert [entry.op for entry in compiled.fallbacks] == [
        "aten.linear.default",
        "aten.topk.default",
    ]
    line = compiled.fallbacks[1].location
    assert line.file == __file__ and line.node == "topk"


def test_program_without_attention():
    compiled = build(lambda x: torch.relu(x) + 1, Q)
    assert compiled.kernels == []
    assert "no attention" in str(compiled.explain())
    assert [entry.op for entry in compiled.fallbacks] == ["aten.relu.default", "aten.add.Tensor"]
    close(compiled(Q), torch.relu(Q) + 1)


def test_only_what_is_needed_runs():
    def function(q, k, v):
        scores = q @ k.transpose(-1, -2)
        scores.topk(2)  # nothing reads it
        return torch.softmax(scores, -1) @ v

    compiled = build(function, Q, K, V)
    assert ran(compiled) == []
    close(compiled(Q, K, V), function(Q, K, V))


# Signatures --------------------------------------------------------------------------------------


def test_keywords_and_nested_values():
    def function(pair, *, options, flag):
        q, k = pair
        out = attention(q, k, options["v"])
        return {"out": out, "rest": [q * 2, (None, flag, 3)]}

    kwargs = {"options": {"v": V}, "flag": True}
    compiled = build(function, (Q, K), kwargs=kwargs)
    expected = function((Q, K), **kwargs)
    for order in (kwargs, dict(reversed(kwargs.items()))):
        actual = compiled((Q, K), **order)
        assert list(actual) == ["out", "rest"]
        assert actual["rest"][1] == (None, True, 3)
        close(actual["out"], expected["out"])
        close(actual["rest"][0], expected["rest"][0])


def test_parameters_buffers_constants():
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(rand(8, 8))
            self.register_buffer("bias", rand(20, 30))
            self.register_buffer("hidden", rand(16), persistent=False)
            self.plain = rand(16)

        def forward(self, q, k, v):
            scores = (q @ self.weight) @ k.mT + self.bias + torch.tensor(0.5)
            return scores.softmax(-1) @ v * self.hidden + self.plain

    layer = Layer()
    compiled = build(layer, Q, K, V)
    assert len(compiled.kernels) == 1
    actual = compiled(Q, K, V)
    assert not actual.requires_grad
    close(actual, layer(Q, K, V).detach())


def test_strides_of_inputs():
    compiled = build(attention, Q, K, V)
    q = rand(2, 20, 3, 8).transpose(1, 2)
    k = rand(2, 3, 8, 60)[..., ::2].mT
    v = rand(3, 30, 1).expand(2, 3, 30, 16)
    close(compiled(q, k, v), attention(q, k, v))


# Aliasing ----------------------------------------------------------------------------------------


def test_outputs_that_alias_inputs():
    def function(x):
        return x, x.view(-1), x.clone(), x.detach(), x.contiguous()

    compiled = build(function, Q)
    for actual, expected in zip(compiled(Q), function(Q), strict=True):
        assert torch.equal(actual, expected)
        assert (actual.data_ptr() == Q.data_ptr()) == (expected.data_ptr() == Q.data_ptr())


def test_outputs_that_alias_outputs():
    def function(q, k, v):
        out = attention(q, k, v)
        return out, out.transpose(1, 2), out.clone(), out

    compiled = build(function, Q, K, V)
    first, view, copy, again = compiled(Q, K, V)
    assert view.data_ptr() == first.data_ptr() and again is first
    assert copy.data_ptr() != first.data_ptr()
    close(view, function(Q, K, V)[1])
    close(copy, first)


def test_views_after_a_kernel():
    def function(q, k, v):
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return out.reshape(2, 20, 48), out.contiguous().view(40, 48)

    compiled = build(function, Q, K, V)
    assert len(compiled.kernels) == 1
    for actual, expected in zip(compiled(Q, K, V), function(Q, K, V), strict=True):
        close(actual, expected)


# PyTorch's part ----------------------------------------------------------------------------------


def test_deep_programs():
    def function(x):
        for _ in range(1200):
            x = torch.sin(x) + 1
        return x

    compiled = build(function, Q)
    assert len(ran(compiled)) == 2400
    close(compiled(Q), function(Q))


def test_unrolled_loops():
    """The steps of a recurrence are no kernel: each would compute all of those before it."""

    def recurrence(x, a, b, c):
        b = b * torch.rsqrt(b.square().mean(-1, keepdim=True) + 1e-6)
        state, results = torch.zeros(2, 16, 8), []
        for t in range(x.shape[1]):
            step = x[:, t, :, None]
            state = torch.exp(step * a) * state + step * b[:, t, None]
            results.append(state @ c[:, t, :, None])
        return torch.cat(results, -1)

    x, b, c = torch.randn(2, 80, 16), torch.randn(2, 80, 8), torch.randn(2, 80, 8)
    args = (x, -torch.rand(16, 8), b, c)
    compiled = build(recurrence, *args)
    close(compiled(*args), recurrence(*args))
    reasons = {entry.reason for entry in compiled.fallbacks if "matmul" in entry.op}
    assert reasons == {"it would be a kernel of more than 1024 operations"}


def test_several_results_of_a_torch_call():
    def function(x):
        values, indices = x.topk(3)
        return indices, values * 2

    actual, expected = build(function, Q)(Q), function(Q)
    assert torch.equal(actual[0], expected[0])
    close(actual[1], expected[1])


def test_scores_that_are_returned_too():
    def function(q, k, v):
        scores = q @ k.mT
        weights = scores.softmax(-1)
        return weights @ v, weights, scores

    for actual, expected in zip(build(function, Q, K, V)(Q, K, V), function(Q, K, V), strict=True):
        close(actual, expected)


def test_in_place_ops_on_intermediates():
    def function(q, k, v):
        scores = q @ k.mT
        scores *= 0.25
        scores[..., 5:] += 1
        scores.masked_fill_(torch.ones(20, 30, dtype=torch.bool).triu(1), -torch.inf)
        return scores.softmax(-1) @ v

    compiled = build(function, Q, K, V)
    close(compiled(Q, K, V), function(Q, K, V))


def test_regions_without_gradients():
    def function(q, k, v):
        with torch.no_grad():
            bias = torch.cos(torch.arange(30.0))
        with torch.autocast("cpu", enabled=False):
            scores = q @ k.mT + bias
        return scores.softmax(-1) @ v

    compiled = build(function, Q, K, V)
    assert len(compiled.kernels) == 1
    close(compiled(Q, K, V), function(Q, K, V))


def test_intermediates_are_freed():
    def function(x):
        y = torch.sin(x).sort().values
        z = torch.cos(y).sort().values
        return z.sum()

    compiled = build(function, Q)
    alive = []
    steps = compiled._plan.steps

    class Probe:
        reads = writes = ()

        def run(self, state):
            alive.append(sum(slot is not None for slot in state.slots))

    compiled._plan.steps = [step for pair in ((s, Probe()) for s in steps) for step in pair]
    compiled(Q)
    assert max(alive) <= 3, "an intermediate outlives its last use"


@pytest.mark.parametrize("statistic", [torch.amax, torch.amin])
def test_a_statistic_is_a_second_output(statistic):
    """It comes from the kernel: PyTorch does not compute the scores again."""

    def function(q, k, v):
        scores = q @ k.mT
        return scores.softmax(-1) @ v, statistic(scores, -1)

    compiled = build(function, Q, K, V)
    for actual, expected in zip(compiled(Q, K, V), function(Q, K, V), strict=True):
        close(actual, expected)
    assert ran(compiled) == []
    assert not any(isinstance(step, Evaluate) for step in compiled._plan.steps)
    assert len([step for step in compiled._plan.steps if isinstance(step, Launch)]) == 1


# Symbols -----------------------------------------------------------------------------------------

BATCH, ROWS, KEYS = Dim("batch", max=8), Dim("rows", min=2, max=64), Dim("keys", max=64)
SHAPES = (({0: BATCH, 2: ROWS}, {0: BATCH, 2: KEYS}, {0: BATCH, 2: KEYS}),)


@pytest.mark.parametrize("sizes", [(2, 20, 30), (1, 2, 1), (3, 64, 33), (8, 17, 64)])
def test_dynamic_sizes(sizes):
    compiled = build(attention, Q, K, V, dynamic_shapes=SHAPES)
    batch, rows, keys = sizes
    q, k, v = rand(batch, 3, rows, 8), rand(batch, 3, keys, 8), rand(batch, 3, keys, 16)
    close(compiled(q, k, v), attention(q, k, v))


def test_symbols_as_numbers():
    def function(q, k, v):
        n = k.shape[2]
        scores = q @ k.mT / n + torch.arange(n)
        return scores.softmax(-1) @ v, n * 2 + 1, q.reshape(-1, q.shape[2] * 3).sum(0)

    compiled = build(function, Q, K, V, dynamic_shapes=SHAPES)
    k, v = rand(2, 3, 9, 8), rand(2, 3, 9, 16)
    actual, expected = compiled(Q, k, v), function(Q, k, v)
    assert actual[1] == expected[1] == 19
    close(actual[0], expected[0])
    close(actual[2], expected[2])


def test_derived_dims():
    half = Dim("half", max=32)
    compiled = build(
        lambda x: torch.softmax(x.reshape(2, -1), -1), rand(8), dynamic_shapes=(({0: 2 * half},),)
    )
    close(compiled(rand(12)), torch.softmax(rand(12).reshape(2, -1), -1))
    with pytest.raises(
        flashlight.ArgumentValueError, match=r"dim 0: expected a size of the form 2\*"
    ):
        compiled(rand(7))


def test_data_dependent_sizes():
    def function(x, mask):
        kept = x[mask]
        torch._check(kept.shape[0] < 100)
        return torch.softmax(kept @ kept.mT, -1) @ kept

    x, mask = rand(12, 4), torch.arange(12) % 3 > 0
    compiled = build(function, x, mask)
    close(compiled(x, mask), function(x, mask))
    close(compiled(x, ~mask), function(x, ~mask))


def test_item():
    def function(x, n):
        count = n.item()
        torch._check(count >= 2)
        torch._check(count <= 10)
        return torch.arange(count) + x

    compiled = build(function, torch.tensor(1.0), torch.tensor(5))
    close(compiled(torch.tensor(1.0), torch.tensor(7)), torch.arange(7) + 1.0)
    with pytest.raises(RuntimeError, match="10"):
        compiled(torch.tensor(1.0), torch.tensor(11))


def test_integers_as_inputs():
    def function(x, n):
        return x * n

    module = Module(function)
    exported = export(module, (Q, 3), dynamic_shapes=((None, Dim.DYNAMIC),))
    compiled = compile_with(reference, exported)
    close(compiled(Q, 5), Q * 5)
    with pytest.raises(flashlight.ArgumentTypeError, match="to be an int, got float"):
        compiled(Q, 5.0)


def test_what_the_interpreter_evaluates_is_reported():
    """A kernel that wants the inside of a node which no kernel took: nothing is hidden."""
    one = rand(2, 3, 1, 8)
    compiled = build(lambda q: F.scaled_dot_product_attention(q, q, q), one)
    evaluated = [step.op for step in compiled._plan.steps if isinstance(step, Evaluate)]
    computing = [op for op in evaluated if op in ("flashlight.contract", "flashlight.reduce")]
    reported = [entry.op for entry in compiled.fallbacks]
    assert reported == ["aten.scaled_dot_product_attention.default"] * bool(computing)
    close(compiled(one), one)


def test_a_region_under_autocast_stays_with_torch():
    def function(q, k, v):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = q @ k.mT
        return scores.float().softmax(-1) @ v

    compiled = build(function, Q, K, V)
    assert "wrap_with_autocast" in {entry.op for entry in compiled.fallbacks}
    close(compiled(Q, K, V), function(Q, K, V))


def test_control_flow_stays_with_torch():
    def function(x, flag):
        return torch.cond(flag, lambda x: x.sin(), lambda x: x.cos(), (x,)) + 1

    compiled = build(function, Q, torch.tensor(True))
    for flag in (True, False):
        close(compiled(Q, torch.tensor(flag)), (Q.sin() if flag else Q.cos()) + 1)


def test_flex_attention_stays_with_torch():
    from torch.nn.attention.flex_attention import flex_attention

    def function(q, k, v):
        return flex_attention(q, k, v, score_mod=lambda s, b, h, m, n: s + (m - n) * 0.1)

    q = rand(1, 2, 16, 16)
    compiled = build(function, q, q.clone(), q.clone())
    close(compiled(q, q, q), function(q, q, q))
