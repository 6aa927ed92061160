# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What we print as Triton's IR, held against the installed Triton: its parser, and its code
generator for each architecture. No GPU is needed."""

import re
from pathlib import Path

import pytest

from flashlight.backends.triton_stages import CodegenOptions, generate

ROOT = Path(__file__).parents[2]
ARCHS = [80, 90, 100]
FLOAT = "tensor<128xf32>"
KERNEL = """module {{
  tt.func public @k(%p: !tt.ptr<f32> {{tt.divisibility = 16 : i32}}, %n: i32, %m: i32)
      attributes {{noinline = false}} {{
    %i = tt.make_range {{end = 128 : i32, start = 0 : i32}} : tensor<128xi32>
    %s = tt.splat %p : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>
    %a = tt.addptr %s, %i : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
    %x = tt.load %a : tensor<128x!tt.ptr<f32>>
    %s2 = tt.splat %n : i32 -> tensor<128xi32>
    %a2 = tt.addptr %a, %s2 : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
    %x2 = tt.load %a2 : tensor<128x!tt.ptr<f32>>
    {body}
    tt.store %a, %r : tensor<128x!tt.ptr<f32>>
    tt.return
  }}
}}"""


def compile_text(text, arch):
    stages = generate(text, CodegenOptions(arch, num_warps=4, num_stages=2)).stages
    assert list(stages) == ["ttir", "ttgir", "llir", "ptx", "cubin"]
    assert stages["cubin"][:4] == b"\x7fELF"
    return stages


@pytest.mark.parametrize("arch", ARCHS)
def test_every_op_of_the_dialect(arch):
    """The file of the round-trip test, as it stands; it holds every op that the dialect has."""
    text = (ROOT / "test/Triton/ops.mlir").read_text()
    definitions = (ROOT / "include/flashlight/Triton/TritonOps.td").read_text()
    for mnemonic in re.findall(r'Triton_Op<"([\w.]+)"', definitions):
        assert f"tt.{mnemonic}" in text
    compile_text(text, arch)


UNARY = [
    "absf",
    "ceil",
    "cos",
    "erf",
    "exp",
    "exp2",
    "floor",
    "log",
    "log2",
    "rsqrt",
    "sin",
    "sqrt",
]
BINARY = ["addf", "subf", "mulf", "divf", "remf", "maximumf", "minimumf", "maxnumf", "minnumf"]
INTEGER = [
    "addi",
    "subi",
    "muli",
    "divsi",
    "divui",
    "remsi",
    "remui",
    "ceildivsi",
    "ceildivui",
    "floordivsi",
    "minsi",
    "maxsi",
    "minui",
    "maxui",
    "andi",
    "ori",
    "xori",
    "shli",
    "shrsi",
    "shrui",
]
COMPARE = [
    "oeq",
    "one",
    "olt",
    "ole",
    "ogt",
    "oge",
    "ueq",
    "une",
    "ult",
    "ule",
    "ugt",
    "uge",
    "ord",
    "uno",
]


def _bodies():
    for name in UNARY:
        yield f"math.{name}", f"%r = math.{name} %x : {FLOAT}"
    yield "math.fma", f"%r = math.fma %x, %x2, %x : {FLOAT}"
    for name in BINARY:
        yield f"arith.{name}", f"%r = arith.{name} %x, %x2 : {FLOAT}"
    for width in (32, 64):
        for name in INTEGER:
            yield (
                f"arith.{name} i{width}",
                (
                    f"%c = arith.fptosi %x : {FLOAT} to tensor<128xi{width}>\n"
                    f"%c2 = arith.fptosi %x2 : {FLOAT} to tensor<128xi{width}>\n"
                    f"%d = arith.{name} %c, %c2 : tensor<128xi{width}>\n"
                    f"%r = arith.sitofp %d : tensor<128xi{width}> to {FLOAT}"
                ),
            )
        yield (
            f"math.absi i{width}",
            (
                f"%c = arith.fptoui %x : {FLOAT} to tensor<128xi{width}>\n"
                f"%d = math.absi %c : tensor<128xi{width}>\n"
                f"%r = arith.uitofp %d : tensor<128xi{width}> to {FLOAT}"
            ),
        )
    for name in COMPARE:
        yield (
            f"arith.cmpf {name}",
            (
                f"%c = arith.cmpf {name}, %x, %x2 : {FLOAT}\n"
                f"%r = arith.select %c, %x, %x2 : tensor<128xi1>, {FLOAT}"
            ),
        )
    yield (
        "scalar condition",
        (f"%c = arith.cmpi slt, %n, %m : i32\n%r = arith.select %c, %x, %x2 : {FLOAT}"),
    )
    yield (
        "i1 to f32",
        (
            f"%c = arith.cmpf ord, %x, %x2 : {FLOAT}\n"
            f"%r = arith.uitofp %c : tensor<128xi1> to {FLOAT}"
        ),
    )
    for half in ("f16", "bf16"):
        yield (
            half,
            (
                f"%h = arith.truncf %x : {FLOAT} to tensor<128x{half}>\n"
                f"%r = arith.extf %h : tensor<128x{half}> to {FLOAT}"
            ),
        )
    yield (
        "if",
        (
            f"%c = arith.cmpi slt, %n, %m : i32\n%r = scf.if %c -> ({FLOAT}) {{\n"
            f"  scf.yield %x : {FLOAT}\n}} else {{\n"
            f"  %y = arith.addf %x, %x : {FLOAT}\n  scf.yield %y : {FLOAT}\n}}"
        ),
    )
    yield (
        "for",
        (
            "%c0 = arith.constant 0 : i32\n%c1 = arith.constant 1 : i32\n"
            f"%r = scf.for %j = %c0 to %n step %c1 iter_args(%y = %x) -> ({FLOAT}) : i32 {{\n"
            f"  %z = arith.addf %y, %x : {FLOAT}\n  scf.yield %z : {FLOAT}\n}}"
        ),
    )


@pytest.mark.parametrize(("name", "body"), _bodies(), ids=lambda value: value[:24])
def test_pointwise_and_control(name, body):
    """Every op of another dialect that the conversion lets through."""
    compile_text(KERNEL.format(body=body), 90)


def test_conversion_lets_nothing_else_through():
    """The list in the conversion is the list above."""
    source = (ROOT / "lib/Conversion/FlashlightToTriton/Elementwise.cpp").read_text()
    known = source[source.index("isKnownToTriton") : source.index("convertConstant(Operation")]
    ops = {name.lower() for name in re.findall(r"math::(\w+)Op\b", known)}
    assert ops == {*UNARY, "fma", "absi"}
