# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bad input: each is one error with one sentence, and a reproducer that reproduces."""

import shlex
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch.export import Dim, export

import flashlight
from flashlight import cli, pipeline, reference
from flashlight.importer import import_program
from flashlight.mlir import ir
from flashlight.options import Options, to_options
from flashlight.program import compile_with
from flashlight.targets import Target


class Attention(torch.nn.Module):
    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)


def rand(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=dtype)


Q = rand(2, 3, 16, 8)
ROWS, KEYS = Dim("rows", min=4, max=64), Dim("keys", max=64)


@pytest.fixture(scope="module")
def static():
    return compile_with(reference, export(Attention(), (Q, Q.clone(), Q.clone())))


@pytest.fixture(scope="module")
def dynamic():
    shapes = ({2: ROWS}, {2: KEYS}, {2: KEYS})
    exported = export(Attention(), (Q, Q.clone(), Q.clone()), dynamic_shapes=shapes)
    return compile_with(reference, exported)


# At compile time ---------------------------------------------------------------------------------


def test_not_an_exported_program():
    with pytest.raises(flashlight.CompileError) as caught:
        flashlight.compile(Attention())
    assert caught.value.message == ("expected a torch.export.ExportedProgram, got Attention")
    assert "torch.export.export" in caught.value.notes[0]


class MutatesInput(torch.nn.Module):
    def forward(self, x):
        x.add_(1)
        return x * 2


class MutatesBuffer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(3))

    def forward(self, x):
        self.count += 1
        return x + self.count


@pytest.mark.parametrize(
    ("module", "what"), [(MutatesInput(), "input 'x'"), (MutatesBuffer(), "buffer 'count'")]
)
def test_mutation(module, what):
    with pytest.raises(flashlight.CompileError) as caught:
        flashlight.compile(export(module, (rand(3),)))
    assert caught.value.message == (
        f"the program changes {what} in place, expected a program without side effects"
    )
    assert caught.value.location.file == __file__


@pytest.mark.parametrize("target", ["rocm", "cuda:90", "cuda:sm_x", ""])
def test_unknown_target(target):
    with pytest.raises(flashlight.CompileError, match=f"^unknown target '{target}'"):
        flashlight.compile(export(Attention(), (Q, Q, Q)), target=target)


def test_old_gpu():
    with pytest.raises(flashlight.CompileError, match="expected sm_80 or newer"):
        flashlight.compile(export(Attention(), (Q, Q, Q)), target="cuda:sm_70")


def test_unsupported_device():
    exported = export(Attention(), (Q.to("meta"),) * 3)
    with pytest.raises(flashlight.CompileError, match="on device 'cpu' or 'cuda', got 'meta'"):
        flashlight.compile(exported)


def test_unsupported_dtype():
    class Quantized(torch.nn.Module):
        def forward(self, x):
            return x.view(-1)

    exported = export(Quantized(), (torch.zeros(2, 2, dtype=torch.float8_e8m0fnu),))
    with pytest.raises(flashlight.CompileError, match="tensors of torch.float8_e8m0fnu"):
        flashlight.compile(exported)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.complex64])
def test_dtypes_that_no_kernel_computes(dtype):
    """They are carried, and PyTorch computes."""

    class Sum(torch.nn.Module):
        def forward(self, x):
            return (x + x).view(-1) * 2

    x = torch.arange(6).reshape(2, 3).to(dtype)
    compiled = compile_with(reference, export(Sum(), (x,)))
    assert torch.equal(compiled(x), Sum()(x))
    assert {entry.reason for entry in compiled.fallbacks} == {f"{dtype} is not computed in kernels"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thread": 2}, "unknown option 'thread'"),
        ({"threads": 0}, "expected option 'threads' to be at least 1, got 0"),
        (3, "expected options to be flashlight.Options, got int"),
    ],
)
def test_options(options, message):
    with pytest.raises(flashlight.CompileError, match=f"^{message}"):
        flashlight.compile(export(Attention(), (Q, Q, Q)), options=options)


def test_options_of_the_environment(monkeypatch):
    monkeypatch.setenv("FLASHLIGHT_THREADS", "3")
    assert to_options(None).threads == 3
    assert to_options({"threads": 2}).threads == 2
    monkeypatch.setenv("FLASHLIGHT_THREADS", "many")
    with pytest.raises(flashlight.CompileError, match="FLASHLIGHT_THREADS to be an integer"):
        to_options(None)


# A module that a pass refuses --------------------------------------------------------------------

BROKEN = """
module {
  func.func @main() -> index {
    %0 = flashlight.program_id loc("program"("model.py":12:0))
    return %0 : index
  }
}
"""


def broken(directory, text=BROKEN):
    context = ir.Context()
    module = ir.Module.parse(text, context)
    with pytest.raises(flashlight.CompileError) as caught:
        pipeline.run_pipeline(
            module,
            pipeline.to_kernel(Target("cpu")),
            Options(reproducer_dir=str(directory)).resolved(),
        )
    return caught.value


def test_reproducer(tmp_path):
    error = broken(tmp_path)
    assert error.location == flashlight.SourceLocation("model.py", 12, "program")
    assert str(error).startswith("model.py:12 (node 'program'): ")
    command = shlex.split(error.reproducer)
    assert command[0] == "flashlight-opt"
    assert command[1].startswith(str(tmp_path))
    again = subprocess.run(
        [sys.executable, "-m", "flashlight.tools", "opt", *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode != 0
    assert error.message in again.stderr


def test_reproducer_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    error = broken(tmp_path / "file" / "below")
    assert error.reproducer is None
    assert any("the reproducer could not be written" in note for note in error.notes)


# At call time ------------------------------------------------------------------------------------


def wrong(compiled, error, message, *args, **kwargs):
    with pytest.raises(error) as caught:
        compiled(*args, **kwargs)
    assert str(caught.value) == message


def test_structure(static):
    kind = flashlight.ArgumentTypeError
    assert issubclass(kind, TypeError)
    wrong(static, kind, "expected 3 positional arguments, got 2", Q, Q)
    wrong(static, kind, "unexpected keyword argument 'mask'", Q, Q, Q, mask=Q)
    wrong(static, kind, "expected argument 'k' to be a tensor, got int", Q, 3, Q)
    with pytest.raises(kind, match="expected arguments of the structure"):
        static(Q, [Q, Q], Q)


def test_leaf(static):
    wrong(
        static,
        flashlight.ArgumentTypeError,
        "expected argument 'v' of torch.float32, got torch.float64",
        Q, Q, Q.double(),
    )  # fmt: skip
    wrong(
        static,
        flashlight.ArgumentTypeError,
        "expected argument 'q' on device 'cpu', got 'meta'",
        Q.to("meta"), Q, Q,
    )  # fmt: skip
    wrong(
        static,
        flashlight.ArgumentTypeError,
        "expected argument 'q' to be strided, got torch.sparse_coo",
        Q.to_sparse(), Q, Q,
    )  # fmt: skip
    kind = flashlight.ArgumentValueError
    assert issubclass(kind, ValueError)
    wrong(static, kind, "expected argument 'q' of 4 dims, got 3", Q[0], Q, Q)
    wrong(static, kind, "argument 'k', dim 2: expected 16, got 15", Q, Q[:, :, 1:], Q)


def test_symbols(dynamic):
    kind = flashlight.ArgumentValueError
    q, k = rand(2, 3, 9, 8), rand(2, 3, 5, 8)
    torch.testing.assert_close(dynamic(q, k, k), Attention()(q, k, k))
    with pytest.raises(
        kind,
        match=r"^argument 'v', dim 2: expected (s\d+) = 5, got 9; \1 is given "
        r"by argument 'k', dim 2$",
    ):
        dynamic(q, k, q)
    with pytest.raises(
        kind,
        match=r"^argument 'q', dim 2: expected s\d+ to be between 4 and 64, "
        r"got 3$",
    ):
        dynamic(q[:, :, :3], k, k)
    with pytest.raises(
        kind,
        match=r"^argument 'q', dim 2: expected s\d+ to be between 4 and 64, "
        r"got 65$",
    ):
        dynamic(rand(2, 3, 65, 8), k, k)


def test_constants():
    class Flag(torch.nn.Module):
        def forward(self, x, flag, name=None):
            return x + 1 if flag else x - 1

    compiled = compile_with(reference, export(Flag(), (Q, True)))
    torch.testing.assert_close(compiled(Q, True), Q + 1)
    wrong(
        compiled,
        flashlight.ArgumentValueError,
        "expected argument 'flag' to be True, for which the program was exported, got False",
        Q, False,
    )  # fmt: skip


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_program_without_a_device():
    exported = export(Attention(), (Q, Q.clone(), Q.clone()))
    compiled = compile_with(reference, exported, target="cuda:sm_90")
    wrong(
        compiled,
        flashlight.ArgumentTypeError,
        "the program was compiled for 'cuda:sm_90', and this machine has no CUDA device",
        Q, Q, Q,
    )  # fmt: skip


# Locations ---------------------------------------------------------------------------------------


def test_locations_are_the_users():
    program = import_program(export(Attention(), (Q, Q.clone(), Q.clone())))
    text = program.module.operation.get_asm(enable_debug_info=True)
    assert f'"{__file__}"' in text
    assert "/torch/" not in text
    (operation,) = [
        op.operation
        for op in program.module.body.operations[0].regions[0].blocks[0].operations
        if "flashlight.node" in op.operation.attributes
    ]
    place = pipeline.parse_location(str(operation.location))
    assert place.file == __file__
    assert place.node == "scaled_dot_product_attention"


# The command line --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "program.pt2"
    torch.export.save(export(Attention(), (Q, Q.clone(), Q.clone())), path)
    return str(path)


def test_compile_command(saved, tmp_path, capsys):
    output = tmp_path / "out"
    assert cli.main([saved, "--target", "cpu", "--emit", "program", "-o", str(output)]) == 0
    assert "flashlight.contract" in output.read_text()
    assert cli.main([saved, "--emit", "tile"]) == 0
    assert "flashlight.launch" in capsys.readouterr().out
    assert cli.main([saved, "--emit", "tile", "--kernel", "kernel_0"]) == 0
    assert "flashlight.grid" in capsys.readouterr().out
    assert cli.main([saved]) == 0
    assert "1 fused kernel" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--emit", "nothing"], "error: unknown stage 'nothing'"),
        (["--kernel", "other"], "error: no kernel 'other'"),
        (["--target", "tpu"], "error: unknown target 'tpu'"),
        (["-o", "/nowhere/out"], "error: cannot write '/nowhere/out'"),
    ],
)
def test_compile_command_errors(saved, arguments, message, capsys):
    if "--kernel" in arguments:
        arguments = [*arguments, "--emit", "tile"]
    assert cli.main([saved, *arguments]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_compile_command_input(tmp_path, capsys):
    assert cli.main([str(tmp_path / "missing.pt2")]) == 1
    assert "expected a file" in capsys.readouterr().err
    (tmp_path / "other.pt2").write_text("no program")
    assert cli.main([str(tmp_path / "other.pt2")]) == 1
    assert "is not an exported program" in capsys.readouterr().err
