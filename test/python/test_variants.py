# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The catalogue of variants: every spelling computes what eager does, and becomes what it must.

What a spelling does not become yet stands in `variants/not_yet.py`. A test fails when an entry
there is no longer true: the list only shrinks.
"""

import functools

import pytest
import torch

import numerics
import variants
from flashlight.backends.triton_layout import general
from flashlight.program import compile_with
from flashlight.targets import Target
from test_triton_numerics import Interpreted
from variants import measure


@functools.cache
def exported(spelling):
    return measure.export(spelling, variants.TEST)


@functools.cache
def compiled(spelling):
    return measure.compile_for_cpu(exported(spelling)[0])


def cases(reasons, spellings=variants.SPELLINGS):
    """Spellings; those with a reason are expected to fail, and must."""
    return [
        pytest.param(
            spelling,
            id=spelling.name,
            marks=[pytest.mark.xfail(strict=True, reason=reasons[spelling.name])]
            if spelling.name in reasons
            else [],
        )
        for spelling in spellings
    ]


@pytest.mark.parametrize("spelling", cases(variants.WRONG))
def test_numerics(spelling):
    _, module, arguments = exported(spelling)
    numerics.check(compiled(spelling)(*arguments), module, arguments)


@pytest.mark.parametrize("spelling", cases(variants.NOT_YET))
def test_form(spelling):
    form = measure.form_of(compiled(spelling))
    missing = form.reaches(spelling.expected)
    assert missing is None, missing


# At small sizes: the interpreter goes through the programs of a grid one by one.
@pytest.mark.parametrize("spelling", cases(variants.NO_TTIR))
def test_ttir(spelling):
    """What a GPU would compute, by the interpreter of the emitted TTIR."""
    program, module, arguments = measure.export(spelling, variants.SMALL)
    made = compile_with(Interpreted(general), program, "cuda:sm_90", None)
    made.target = Target("cpu")  # the interpreter runs where the tensors are
    numerics.check(made(*arguments), module, arguments)


def test_lists_name_spellings():
    known = {spelling.name for spelling in variants.SPELLINGS}
    for reasons in (variants.NOT_YET, variants.WRONG, variants.NO_TTIR):
        assert set(reasons) <= known


def test_each_variant_has_three_spellings():
    for variant in variants.VARIANTS:
        assert len(variant.spellings) >= 3, variant.name


def test_a_form_is_judged():
    """The check of forms is not empty."""
    one = variants.Expected(1, 1, ("aten.topk.default",))
    assert measure.Form(1, 1, ()).reaches(one) is None
    assert measure.Form(1, 1, ("aten.topk.default",)).reaches(one) is None
    for form in ((2, 1, ()), (0, 0, ()), (1, 2, ()), (1, 1, ("aten.mul.Tensor",))):
        assert measure.Form(*form).reaches(one) is not None


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 2, 20, 20)])
def test_wrong_permutation_of_keys(shape):
    """Keys permuted so that shapes fit, but no transpose: what eager computes."""
    b, h, s, d = shape
    torch.manual_seed(0)
    q, k, v = (torch.randn(b, h, s, d) for _ in range(3))

    def function(q, k, v):
        return torch.softmax(q @ k.permute(0, 1, 2, 3) * 0.25, -1) @ v

    module = numerics.as_module(function)
    made = measure.compile_for_cpu(torch.export.export(module, (q, k, v)))
    numerics.check(made(q, k, v), function, (q, k, v))
