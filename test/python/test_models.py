# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models from `transformers`, exported as they are: every attention block is in one kernel.

The whole zoo, with what stays behind and why, is docs/models.md.
"""

import sys
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers")
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from model_zoo import MODELS  # noqa: E402
from models import survey  # noqa: E402

# Name, implementation, kernels.
CASES = [
    ("Llama", "eager", 2),
    ("Llama", "sdpa", 2),
    ("Gemma 2", "eager", 2),
    ("Phi-3", "sdpa", 2),
    ("DiffLlama", "eager", 2),
    ("Falcon with ALiBi", "sdpa", 2),
    ("T5", "eager", 6),
    ("BERT", "sdpa", 2),
    ("DeBERTa-v2", "eager", 2),
    ("XLNet", "eager", 2),
    ("Swin", "eager", 4),
    ("SegFormer", "eager", 2),
    ("GPT-J", "eager", 2),
]


@pytest.mark.parametrize(("name", "attention", "kernels"), CASES)
def test_blocks_are_fused(name, attention, kernels):
    report = survey(MODELS[name], attention)
    assert report.problem is None
    assert report.blocks == report.fused > 0
    assert report.kernels == report.sweeps == kernels
    assert report.correct, (report.error, report.eager_error)


@pytest.mark.parametrize("name", ["Llama with padding", "Mistral", "BERT"])
def test_masks_are_conditions(name):
    """The masks that `transformers` makes are nowhere in memory."""
    report = survey(MODELS[name], "sdpa")
    assert report.problem is None and report.squares == 0


def test_angles():
    """No softmax: weights are powers of angles, and nothing as large as them is left."""
    report = survey(MODELS["YOSO"], "eager")
    assert report.problem is None and report.correct
    assert report.kernels == report.sweeps == 2 and report.squares == 0


def test_state_space():
    """No attention: a kernel once wrote the diagonal alone of what has two dims of one extent."""
    report = survey(MODELS["Bamba"], "eager")
    assert report.problem is None and report.correct
