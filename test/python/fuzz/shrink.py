# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a failing program shorter, statement by statement, while it fails in the same way.

Hypothesis shrinks the choices that a program was made from; this shrinks its text: a statement is
left out, or replaced by an earlier value.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable

from .writer import Program


def _variants(program: Program):
    """Programs with one statement, result or layout less."""
    for index in range(len(program.results)):
        if len(program.results) > 1:
            rest = [r for i, r in enumerate(program.results) if i != index]
            yield dataclasses.replace(program, results=rest)
    if program.dynamic:
        yield dataclasses.replace(program, dynamic=False)
    for name, extent in program.lengths.items():
        for less in dict.fromkeys((2, 3, extent // 2, extent - 1)):
            if 0 < less < extent:
                yield dataclasses.replace(program, lengths={**program.lengths, name: less})
    for index in range(len(program.lines) - 1, -1, -1):
        target, _, expression = program.lines[index].partition(" = ")
        rest = [line for i, line in enumerate(program.lines) if i != index]
        for name in dict.fromkeys(_names(expression)):
            yield _renamed(dataclasses.replace(program, lines=rest), target, name)
    for index, given in enumerate(program.inputs):
        for simpler in _layouts(given.make):
            inputs = list(program.inputs)
            inputs[index] = dataclasses.replace(given, make=simpler)
            yield dataclasses.replace(program, inputs=inputs)


def _layouts(make: str):
    """The same tensor, made without a view."""
    for pattern in (
        (r"\((.*?)2 \* ([^,)]*)(.*)\)(.*)\[[:, ]*::2\]$", r"(\1\2\3)\4"),
        (r"\((.*?)(\w+) \+ [35](.*?)\)(.*)\[[^]]*\]$", r"(\1\2\3)\4"),
    ):
        simpler = re.sub(*pattern, make)
        if simpler != make:
            yield simpler
    expand = re.fullmatch(r"torch\.(\w+)\([^)]*\)(.*)\.expand\((.*)\)", make)
    if expand:
        yield f"torch.{expand[1]}({expand[3]}){expand[2]}"
    permute = re.fullmatch(r"torch\.(\w+)\((.*?)\)(.*)\.permute\((.*)\)", make)
    if permute:
        dims = permute[2].split(", ")
        order = [int(n) for n in permute[4].split(", ")]
        yield f"torch.{permute[1]}({', '.join(dims[n] for n in order)}){permute[3]}"
    if ".to(torch." in make:
        yield re.sub(r"\.to\(torch\.\w+\)", "", make)


def _names(expression: str):
    tree = ast.walk(ast.parse(expression))
    return [n.id for n in tree if isinstance(n, ast.Name) and n.id not in ("torch", "F", "math")]


def _renamed(program: Program, old: str, new: str) -> Program:
    pattern = re.compile(rf"(?<![\w.\"]){re.escape(old)}(?![\w\"])")
    lines = [pattern.sub(new, line) for line in program.lines]
    results = list(dict.fromkeys(new if r == old else r for r in program.results))
    return dataclasses.replace(program, lines=lines, results=results)


def _cleaned(program: Program) -> Program:
    """Without what nothing needs."""
    needed, kept = set(program.results), []
    for line in reversed(program.lines):
        target, _, expression = line.partition(" = ")
        if target in needed:
            kept.append(line)
            needed |= set(_names(expression))
    inputs = [i for i in program.inputs if i.name in needed]
    return dataclasses.replace(program, lines=kept[::-1], inputs=inputs)


def _runs(program: Program) -> bool:
    names: dict = {}
    try:
        exec(program.text(), names)
        names["function"](*names["inputs"]())
    except Exception:
        return False
    return True


def shrink(program: Program, fails: Callable[[Program], bool], tries: int = 300) -> Program:
    """The shortest program found by single steps that still fails."""
    program = _cleaned(program)
    again = True
    while again:
        again = False
        for variant in _variants(program):
            smaller = _cleaned(variant)
            if smaller.text() == program.text() or not smaller.inputs or not _runs(smaller):
                continue
            tries -= 1
            if tries < 0:
                return program
            if fails(smaller):
                program, again = smaller, True
                break
    return program
