# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The CUDA backend without a GPU: stages, resources, layouts, errors."""

import pytest
import torch
import torch.nn.functional as F

import flashlight
from flashlight.backends import triton_stages
from flashlight.backends.triton import compile_kernel
from flashlight.backends.triton_layout import Layout, contiguous, covers, exact, general
from flashlight.errors import ArgumentTypeError, CompileError
from flashlight.mlir import ir
from flashlight.options import Options
from flashlight.targets import Target
from numerics import as_module


class Attention(torch.nn.Module):
    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def exported(dtype=torch.bfloat16, width=64, heads=2, rows=256):
    q = torch.zeros(1, heads, rows, width, dtype=dtype)
    return torch.export.export(Attention(), (q, q, q))


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_stages(arch, dtype):
    # A GPU full of programs: with fewer, tiles have fewer rows than its newer tensor cores take.
    compiled = flashlight.compile(exported(dtype, heads=32, rows=2048), target=f"cuda:{arch}")
    (kernel,) = compiled.kernels
    stages = ["kernel", "tile", "ttir", "ttgir", "llir", "ptx", "cubin"]
    assert list(kernel.stages) == stages
    assert f".target {arch}" in kernel.stages["ptx"]
    # The instruction of each architecture's tensor core.
    core = {"sm_80": "mma.sync", "sm_90": "wgmma.mma_async", "sm_100": "tcgen05.mma"}[arch]
    assert core in kernel.stages["ptx"]
    assert "cp.async" in kernel.stages["ptx"]
    assert kernel.resources.spills == 0
    assert 0 < kernel.resources.registers <= 255
    assert kernel.resources.shared > 0


def test_registers_that_shared_memory_leaves():
    """ptxas has 80 registers a thread here, and spills, for three programs that shared memory has
    no room for."""

    def softcap(q, k, v):
        scores = torch.sigmoid(q @ k.mT / 4) * 60 - 30
        return scores.softmax(-1) @ v

    q = torch.zeros(1, 2, 4096, 64, dtype=torch.bfloat16)
    program = torch.export.export(as_module(softcap), (q, q, q))
    used = flashlight.compile(program, target="cuda:sm_100").kernels[0].resources
    assert used.spills == 0
    assert used.registers <= triton_stages.spare_registers(used, 100) == 128


@pytest.mark.parametrize(
    "arch, shared, columns, threads, registers",
    [
        (80, 40 << 10, 0, 128, 128),  # four programs
        (90, 200 << 10, 0, 128, 255),  # one
        (90, 100 << 10, 0, 256, 128),  # two
        (100, 10 << 10, 256, 128, 255),  # two, for their columns
        (100, 1 << 10, 0, 256, 32),  # eight, for their threads
    ],
)
def test_spare_registers(arch, shared, columns, threads, registers):
    used = triton_stages.Resources(40, 8, shared, threads, columns)
    assert triton_stages.spare_registers(used, arch) == registers


def test_what_is_kept_says_how_triton_was_driven(monkeypatch):
    options = triton_stages.CodegenOptions(90, 4, 3)
    before = triton_stages.name_of("module {}", options)
    assert triton_stages.name_of("module {}", options) == before
    monkeypatch.setattr(triton_stages, "_driver", lambda: b"in another way")
    assert triton_stages.name_of("module {}", options) != before


def test_f32_is_not_rounded_to_tf32():
    compiled = flashlight.compile(exported(torch.float32, 16), target="cuda:sm_90")
    assert "tf32" not in compiled.kernels[0].stages["ptx"]


@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
def test_sums_of_products_are_no_matrix_products(arch):
    """Mixed heads: triton takes a product of four dims and its sum for a `tt.dot`."""

    def mix(q, k, v, before, after):
        scores = torch.einsum("hg,bgmn->bhmn", before, q @ k.mT)
        return torch.einsum("hg,bgmn->bhmn", after, scores.softmax(-1)) @ v

    q = torch.zeros(1, 2, 64, 16)
    weights = torch.zeros(2, 2)
    exported = torch.export.export(as_module(mix), (q, q, q, weights, weights))
    compiled = flashlight.compile(exported, target=f"cuda:{arch}")
    assert len(compiled.kernels) == 1
    assert not compiled.fallbacks


class Softcap(torch.nn.Module):
    def forward(self, q, k, v):
        return torch.softmax(20 * torch.tanh(q @ k.transpose(-1, -2) / 20), -1) @ v


def test_expanded_math_compiles():
    # Enough programs that tiles have the 64 rows of the newer tensor cores.
    q = torch.zeros(1, 32, 2048, 64, dtype=torch.bfloat16)
    compiled = flashlight.compile(torch.export.export(Softcap(), (q, q, q)), target="cuda:sm_90")
    (kernel,) = compiled.kernels
    assert "tt.bitcast" in kernel.stages["ttir"]
    assert "wgmma.mma_async" in kernel.stages["ptx"]


def test_call_without_a_device():
    if torch.cuda.is_available():
        pytest.skip("there is a device")
    compiled = flashlight.compile(exported(), target="cuda:sm_90")
    q = torch.zeros(1, 2, 256, 64, dtype=torch.bfloat16)
    with pytest.raises(ArgumentTypeError, match="this machine has no CUDA device"):
        compiled(q, q, q)


def test_launch_without_a_device():
    if torch.cuda.is_available():
        pytest.skip("there is a device")
    with ir.Context(), ir.Location.unknown():
        kernel = compile_kernel(ir.Module.parse(TILE), "k", Options(target=Target("cuda", "sm_90")))
    with pytest.raises(ArgumentTypeError, match="compiled for sm_90, and this machine has no CUDA"):
        kernel.launch([torch.zeros(64)], [torch.zeros(64)], {})


TILE = """
func.func @k(%x: memref<64xf32, strided<[?], offset: ?>>,
             %y: memref<64xf32, strided<[?], offset: ?>> {flashlight.output})
    attributes {flashlight.grid = [#flashlight.grid_axis<m = 64 by 16>],
                flashlight.schedule = #flashlight.schedule<cuda, tiles(m = 16), warps = 1, stages = 2>} {
  %c16 = arith.constant 16 : index
  %pid = flashlight.program_id
  %m0 = arith.muli %pid, %c16 : index
  %t = flashlight.load %x[%m0] map affine_map<(i) -> (i)>
      : memref<64xf32, strided<[?], offset: ?>> -> tensor<16xf32>
  %r = math.sqrt %t : tensor<16xf32>
  flashlight.store %r, %y[%m0] map affine_map<(i) -> (i)>
      : tensor<16xf32>, memref<64xf32, strided<[?], offset: ?>>
  return
}
"""  # noqa: E501


@pytest.mark.parametrize("version", ["3.5.1", "3.10.0", "4.0.0", "none"])
def test_triton_version(monkeypatch, version):
    monkeypatch.setattr(triton_stages.importlib.import_module("triton"), "__version__", version)
    with pytest.raises(CompileError, match=rf"expected triton>=3.6,<3.10, got triton {version}"):
        flashlight.compile(exported(), target="cuda:sm_90")


def test_failure_in_triton_names_the_stage():
    options = triton_stages.CodegenOptions(90, num_warps=4, num_stages=2)
    with pytest.raises(CompileError, match="failed at 'parser' for sm_90"):
        triton_stages.generate("module { tt.unheard_of }", options)


def test_kernel_for_another_target():
    text = TILE.replace("schedule<cuda", "schedule<cpu")
    with (
        ir.Context(),
        ir.Location.unknown(),
        pytest.raises(CompileError, match="expected kernel 'k' to be scheduled for 'cuda'"),
    ):
        compile_kernel(ir.Module.parse(text), "k", Options())


def test_contiguous_layout():
    assert contiguous((2, 3, 16)) == Layout((48, 16, 1), (16, 48, 16, 1))
    assert contiguous((2, None, 32)) == Layout((None, 32, 1), (16, 32, 32, 1))


def test_layout_of_a_tensor():
    tensor = torch.zeros(4, 16, 32)
    assert exact(tensor) == Layout((512, 32, 1), (16, 16, 16, 1))
    assert covers(contiguous((4, 16, 32)), exact(tensor))
    assert not covers(contiguous((4, 16, 32)), exact(tensor.transpose(0, 1)))
    assert not covers(contiguous((31,)), exact(tensor.view(-1)[1:32]))  # not aligned
    view = tensor[:, :, 1:5].expand(4, 16, 4)
    assert covers(general(view), exact(view))
    assert general(tensor[:1].expand(7, 16, 32)) == Layout((0, None, 1), (16, 16, 16, 1))


def test_parameters_of_a_layout():
    assert general(torch.zeros(4, 16, 32)).parameters((4, 16, 32)) == [0, 1]
    assert general(torch.zeros(1, 16, 32)).parameters((1, 16, 32)) == [1]


def test_second_compilation_comes_from_the_cache(tmp_path, monkeypatch):
    def forward(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v)

    args = tuple(torch.randn(1, 2, 64, 32, dtype=torch.bfloat16) for _ in range(3))
    program = torch.export.export(as_module(forward), args)
    options = flashlight.Options(cache_dir=str(tmp_path))
    first = flashlight.compile(program, target="cuda:sm_90", options=options).kernels[0]

    def refuse(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(triton_stages, "generate", refuse)
    second = flashlight.compile(program, target="cuda:sm_90", options=options).kernels[0]
    assert dict(second.stages) == dict(first.stages)
    assert second.resources == first.resources
    with pytest.raises(AssertionError, match="compiled again"):
        flashlight.compile(program, target="cuda:sm_80", options=options)
