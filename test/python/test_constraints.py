# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rule, check and test belong together.

Every constraint that a description in TableGen labels has a check in C++ that carries the label,
and a negative test that is named after it; and nothing is labelled that no description promises.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Files of definitions, of checks, of negative tests; what labels are called there.
OPS = (
    sorted((ROOT / "include/flashlight/IR").glob("*.td")),
    sorted((ROOT / "lib/IR").glob("*.cpp")),
    sorted((ROOT / "test/Dialect").glob("*-invalid.mlir")),
    "c",
)
PASSES = (
    [ROOT / "include/flashlight/Transforms/Passes.td"],
    sorted((ROOT / "lib/Transforms").glob("Verify*.cpp")),
    sorted((ROOT / "test/Transforms").glob("verify-*-invalid.mlir")),
    "r",
)
TRITON_OPS = (
    sorted((ROOT / "include/flashlight/Triton").glob("*.td")),
    sorted((ROOT / "lib/Triton").glob("*.cpp")),
    sorted((ROOT / "test/Triton").glob("ops-invalid.mlir")),
    "c",
)
# load and store of the flashlight dialect say "c1 to c4" of the same four rules.
SHARED = {"load": "access", "store": "access"}


def promised(files: list[Path], letter: str) -> set[str]:
    """Labels like ``contract_c1``: the mnemonic of a definition, and its constraint."""
    labels = set()
    for path in files:
        for block in re.split(r"^def ", path.read_text(), flags=re.MULTILINE)[1:]:
            name = re.search(r'(?:_Op|_Attr|Pass)<"(?:flashlight-verify-)?([\w-]+)"', block)
            attr = re.search(r'_Attr<"\w+", "(\w+)"', block) or re.search(
                r'TypeDef<.*?let mnemonic = "(\w+)"', block, re.DOTALL
            )
            if not name and not attr:
                continue
            stem = (attr or name).group(1)
            stem = SHARED.get(stem, stem) if path.name == "TileOps.td" else stem
            description = re.search(r"let description = \[\{(.*?)\}\];", block, re.DOTALL)
            text = description.group(1) if description else ""
            labels |= {f"{stem}_{c}" for c in re.findall(rf"\b({letter}\d+):", text)}
    return labels


@pytest.mark.parametrize(("definitions", "checks", "tests", "letter"), [OPS, TRITON_OPS, PASSES])
def test_rule_check_and_test(definitions, checks, tests, letter):
    rules = promised(definitions, letter)
    assert len(rules) > 10
    code = "\n".join(path.read_text() for path in checks)
    # A rule that MLIR's type constraints enforce, or the parser, has no line of ours.
    checked = set(re.findall(rf"\b([a-z_]+_{letter}\d+)\b", code))
    tested = "\n".join(path.read_text() for path in tests)
    named = set(re.findall(rf"@([a-z_]+_{letter}\d+)", tested))
    assert rules - named == set(), "no negative test is named after these"
    assert rules - checked == set(), "no check carries these labels"
    assert checked - rules == set(), "no description has these"
    assert named - rules == set(), "these tests are named after no description"
