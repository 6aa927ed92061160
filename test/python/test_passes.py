# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every pass keeps the meaning: random programs and imported ones, interpreted before and after."""

import pathlib

import pytest
from flashlight.mlir import ir
from hypothesis import HealthCheck, given, settings
from pass_harness import check_pass, count, parse, random_args
from random_programs import attentions, views_and_casts

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "test" / "Program").glob("*.mlir"))

SIMPLIFY = "func.func(flashlight-simplify),canonicalize,cse"
FORM = SIMPLIFY + ",func.func(flashlight-form-kernels),canonicalize,cse"


def budget(examples):
    """A fixed budget, the same examples every time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@budget(150)
@given(views_and_casts())
def test_simplify_random(program):
    check_pass(program.text, SIMPLIFY, program.make_args())


@budget(60)
@given(attentions())
def test_simplify_attentions(program):
    check_pass(program.text, SIMPLIFY, program.make_args())


@budget(100)
@given(views_and_casts())
def test_form_kernels_random(program):
    check_pass(program.text, FORM, program.make_args())


@budget(150)
@given(attentions())
def test_form_kernels(program):
    check_pass(program.text, FORM, program.make_args(), native=True)


@budget(40)
@given(attentions(dynamic=True))
def test_form_kernels_dynamic(program):
    check_pass(program.text, FORM, program.make_args())


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_form_kernels_of_imported_programs(path):
    text = path.read_text()
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(text))

    def inspect(module):
        assert count(module, "flashlight.kernel") == 1

    check_pass(text, FORM, args, inspect=inspect)
