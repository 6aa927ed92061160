# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every pass keeps the meaning: random programs and imported ones, interpreted before and after."""

import math
import pathlib

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

from flashlight.mlir import ir
from pass_harness import check_pass, count, parse, random_args
from random_programs import Emitter, attentions, filled, views_and_casts

torch.set_num_threads(1)  # the tensors are tiny
ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "test" / "Program").glob("*.mlir"))

FILLED = "func.func(flashlight-flatten-concats,flashlight-select-concats)"
SIMPLIFY = "func.func(flashlight-simplify),canonicalize,cse"
FORM = SIMPLIFY + ",func.func(flashlight-form-kernels),canonicalize,cse"
PREDICATES = FORM + ",flashlight-reduce-predicates,cse"
DERIVE = PREDICATES + ",flashlight-derive-online,cse"
DERIVE += ",flashlight-infer-sparsity,flashlight-verify-kernel"
SPLIT = PREDICATES + ",flashlight-split-kernels{{prefer=most rows={rows}}},cse"
SPLIT += DERIVE.removeprefix(PREDICATES)
PARTITIONS = (None, 1, 2, 3, 7)
CPU = "flashlight-to-tile{target=cpu}"
CUDA = "flashlight-to-tile{target=cuda}"
# Around the tile sizes: less than one tile, exactly one, a rest, several.
LENGTHS = (1, 3, 17, 64, 65, 100, 130)


def budget(examples, shrink=True):
    """A fixed budget, the same examples every time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@budget(200)
@given(filled())
def test_filled_tensors(program):
    check_pass(program.text, FILLED, program.make_args())


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
        assert count(module, "flashlight.kernel") == (2 if path.stem == "llama" else 1)

    check_pass(text, FORM, args, inspect=inspect)


@budget(100)
@given(attentions())
def test_reduce_predicates(program):
    check_pass(program.text, PREDICATES, program.make_args(), native=True)


@budget(250)
@given(attentions())
def test_derive_online(program):
    check_pass(program.text, DERIVE, program.make_args(), blocks=PARTITIONS, native=True)


@budget(60)
@given(attentions(dynamic=True))
def test_derive_online_dynamic(program):
    check_pass(program.text, DERIVE, program.make_args(), blocks=PARTITIONS)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_derive_online_of_imported_programs(path):
    text = path.read_text()
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(text))
    check_pass(text, DERIVE, args, blocks=(None, 5, 16))


@pytest.mark.parametrize("rows", ["compute", "read"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_split_kernels(rows, dynamic):
    """A kernel for each wide statistic, which computes the row statistics again or reads them."""
    split = []

    @budget(30)
    @given(attentions(values=(2, 3), dynamic=dynamic))
    def keeps_the_meaning(program):
        check_pass(
            program.text,
            SPLIT.format(rows=rows),
            program.make_args(),
            blocks=PARTITIONS,
            native=not dynamic,
            inspect=lambda module: split.append("flashlight.part_of" in str(module)),
        )

    keeps_the_meaning()
    assert sum(split) > len(split) / 3  # one value wide, there is nothing to split


@pytest.mark.parametrize("pipeline", [CPU, CUDA])
@budget(60, shrink=False)
@given(program=attentions(lengths=LENGTHS))
def test_tile(pipeline, program):
    check_pass(program.text, pipeline, program.make_args(), native=True)


@pytest.mark.parametrize("pipeline", [CPU, CUDA])
@budget(30, shrink=False)
@given(program=attentions(lengths=LENGTHS, dynamic=True))
def test_tile_dynamic(pipeline, program):
    check_pass(program.text, pipeline, program.make_args())


@pytest.mark.parametrize("pipeline", [CPU, CUDA])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_tile_of_imported_programs(path, pipeline):
    text = path.read_text()
    with ir.Context(), ir.Location.unknown():
        args = random_args(parse(text))
    check_pass(text, pipeline, args)


def test_keys_masked_so_far_and_a_logarithm_of_the_sum():
    """w = exp(s - lse): while only masked keys have been seen, lse is -inf, and s - lse NaN."""
    e = Emitter()
    s, mask, v = e.arg((3, 6)), e.arg((6,), "i1"), e.arg((6, 2))
    q = e.contract(e.arg((3, 4)), e.arg((6, 4)), "md,nd->mn")
    s = e.binary("arith.addf", s, q)
    low = e.constant(-math.inf, s.shape)
    s = e.select(e.broadcast(mask, [1], s.shape), s, low)
    high = e.reduce("max", s, [1])
    p = e.unary("math.exp", e.binary("arith.subf", s, e.broadcast(high, [0], s.shape)))
    lse = e.binary("arith.addf", high, e.unary("math.log", e.reduce("sum", p, [1])))
    w = e.unary("math.exp", e.binary("arith.subf", s, e.broadcast(lse, [0], s.shape)))
    program = e.program([e.contract(w, v, "mn,ne->me"), lse])
    args = program.make_args()
    for kept in ([0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]):
        args[1] = torch.tensor(kept, dtype=torch.bool)
        check_pass(program.text, DERIVE, args, blocks=PARTITIONS, native=True)


@pytest.mark.parametrize("pipeline", [CPU, CUDA])
def test_a_mask_that_keeps_nothing(pipeline):
    """i > j of one row and one key: no region bounds the sweep, and every row is NaN."""
    e = Emitter()
    s = e.contract(e.arg((1, 4)), e.arg((1, 4)), "md,nd->mn")
    i, j = e.broadcast(e.iota(1), [0], s.shape), e.broadcast(e.iota(1), [1], s.shape)
    s = e.select(e.compare("cmpi", "sgt", i, j), s, e.constant(-math.inf, s.shape))
    high = e.broadcast(e.reduce("max", s, [1]), [0], s.shape)
    p = e.unary("math.exp", e.binary("arith.subf", s, high))
    total = e.reduce("sum", p, [1])
    o = e.contract(p, e.arg((1, 5)), "mn,ne->me")
    program = e.program([e.binary("arith.divf", o, e.broadcast(total, [0], o.shape))])
    check_pass(program.text, pipeline, program.make_args(), native=True)
