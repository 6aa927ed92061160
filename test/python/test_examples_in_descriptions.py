# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every example in the description of an op or attribute parses and verifies.

An example with a function stands alone. In a shorter one, each value that is not defined has
the type that the op's own signature gives it, and becomes an argument of a function around it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flashlight.mlir import ir

ROOT = Path(__file__).resolve().parents[2]


def examples() -> list[tuple[str, str]]:
    """Name and text of every fenced MLIR block in the definitions of our dialects."""
    found = []
    for path in sorted((ROOT / "include/flashlight").glob("**/*.td")):
        if path.name == "Passes.td":
            continue  # "before, becomes, after": not one program
        for block in re.split(r"^def ", path.read_text(), flags=re.MULTILINE)[1:]:
            name = re.match(r"\w+", block).group()
            for i, text in enumerate(re.findall(r"```mlir\n(.*?)```", block, re.DOTALL)):
                found.append((f"{name}-{i}", text))
    return found


def split_types(text: str) -> list[str]:
    """Splits at the commas outside of brackets."""
    types, depth, start = [], 0, 0
    arrows = text.replace("->", "  ")
    for i, char in enumerate(arrows):
        depth += (char in "<([{") - (char in ">)]}")
        if char == "," and depth == 0:
            types.append(text[start:i].strip())
            start = i + 1
    return [t for t in [*types, text[start:].strip()] if t]


def wrap(text: str) -> str:
    """Makes a module of an example."""
    if "func.func" in text or "tt.func" in text:
        return text
    if text.lstrip().startswith("#"):
        return f"func.func private @example() attributes {{a = {text.strip()}}}"
    if re.match(r"\s*(tensor|memref|!)", text):
        return f"func.func private @example({text.strip()})"
    statements = re.sub(r"\n\s{2,}", " ", "\n" + re.sub(r"^    ", "", text, flags=re.MULTILINE))
    arguments: dict[str, str] = {}
    defined: set[str] = set()
    for statement in filter(None, map(str.strip, statements.split("\n"))):
        bare = re.sub(r'"[^"]*"', '""', statement)
        results, body = bare.split(" = ", 1) if re.match(r"%[\w:, %]+ = ", bare) else ("", bare)
        head, _, signature = body.rpartition(" : ")
        operands, _, result = signature.rpartition(" -> ")
        types = split_types((operands or signature).strip().removeprefix("(").removesuffix(")"))
        types += split_types(result) if " into " in head else []
        for value, type_ in zip(re.findall(r"%\w+", head), types):
            if value not in defined:
                arguments.setdefault(value, type_)
        defined |= {value.split(":")[0] for value in re.findall(r"%[\w:]+", results)}
    signature = ", ".join(f"{value}: {type_}" for value, type_ in arguments.items())
    return f"func.func @example({signature}) {{\n{statements}\n  return\n}}"


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in examples()])
def test_example_parses(text: str):
    with ir.Context():
        module = ir.Module.parse(wrap(text))
        assert module.operation.verify()


def test_every_op_has_an_example():
    missing = []
    for path in sorted((ROOT / "include/flashlight").glob("**/*Ops.td")):
        for block in re.split(r"^def ", path.read_text(), flags=re.MULTILINE)[1:]:
            op = re.match(r'\w+ : \w*_Op<"(\w+)"', block)
            if op and "```mlir" not in block:
                missing.append(op.group(1))
    assert not missing
