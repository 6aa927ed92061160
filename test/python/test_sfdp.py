# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inductor's own list of attention patterns: each becomes one kernel, without a list."""

import pytest
import torch

import numerics
from variants import measure, sfdp

PATTERNS = {name: rest for name, *rest in sfdp.patterns()}


def test_number():
    numbers = {name.split("_")[3] for name in PATTERNS}
    assert len(numbers) >= 24  # thirty in the PyTorch that this was written with


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern(name):
    module, arguments = PATTERNS[name]
    compiled = measure.compile_for_cpu(torch.export.export(module, arguments))
    numerics.check(compiled(*arguments), module, arguments)
    assert measure.form_of(compiled) == measure.Form(1, 1, ())
