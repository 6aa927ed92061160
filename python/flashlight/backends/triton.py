# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The CUDA backend: a tile-level kernel through the tt dialect and Triton to a cubin.

Compiling needs no GPU. Launching goes through Triton's own runtime, on torch's current stream.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import ArgumentTypeError, ArgumentValueError, CompileError, KernelError
from ..interpreter.types import GridAxis, parse_grid_axis
from ..main_function import function_of
from ..mlir import ir
from ..options import Options
from ..pipeline import run_pipeline
from .triton_layout import Layout, contiguous, covers, exact, general
from .triton_stages import CodegenOptions, Generated, Resources, generate_cached, load_triton

# From tiles to Triton's IR. Triton canonicalizes by itself; we do so that the stage can be read.
TO_TRITON = (
    "func.func(flashlight-exp-to-exp2,flashlight-expand-math-for-triton),"
    "flashlight-convert-to-triton,canonicalize,cse"
)
# A larger extent would not fit the kernels' 32-bit indices (kMaxExtent of the conversion).
MAX_EXTENT = 1 << 30
DEFAULT_ARCH = "sm_90"


@dataclass(frozen=True)
class Parameter:
    """An argument of the tile-level function.

    Attributes:
        shape: of a tensor, None where an extent is dynamic; None as a whole for a symbol.
        symbol: the symbol's name, for a symbol.
    """

    shape: tuple[int | None, ...] | None
    symbol: str | None = None


@dataclass(frozen=True)
class Source:
    """A tile-level kernel, and how it is to be compiled.

    Attributes:
        name: the kernel's symbol.
        text: its function, printed.
        parameters: its arguments.
        grid: the axes of its launch grid.
        codegen: what Triton is told.
        options: the user's.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    grid: tuple[GridAxis, ...]
    codegen: CodegenOptions
    options: Options

    def to_ttir(self, layouts: Sequence[Layout], context: ir.Context) -> str:
        """The kernel in Triton's IR, for tensors of these layouts."""
        with context, ir.Location.unknown():
            module = ir.Module.parse(self.text)
            function = module.body.operations[0].operation
            function.attributes["arg_attrs"] = self._assumptions(function, layouts)
            run_pipeline(module, TO_TRITON, self.options)
        kernel = module.body.operations[0].operation
        taken = len(kernel.regions[0].blocks[0].arguments)
        passed = len(self.parameters) + sum(
            len(layout.parameters(shape))
            for layout, shape in zip(layouts, self.shapes(), strict=True)
        )
        if taken != passed:
            raise CompileError(
                f"kernel '{self.name}' takes {taken} parameters, the launcher passes {passed}"
            )
        return str(module)

    def arguments(
        self,
        tensors: Sequence[torch.Tensor],
        layouts: Sequence[Layout],
        symbols: Mapping[str, int],
    ) -> tuple[int, list[Any]]:
        """The number of programs, and the kernel's arguments as `to_ttir` orders them."""
        programs = math.prod(
            -(-(symbols[axis.extent] if isinstance(axis.extent, str) else axis.extent) // axis.tile)
            for axis in self.grid
        )
        arguments: list[Any] = []
        remaining = iter(zip(tensors, layouts, strict=True))
        for parameter in self.parameters:
            if parameter.shape is None:
                arguments.append(symbols[str(parameter.symbol)])
                continue
            tensor, layout = next(remaining)
            arguments.append(tensor)
            arguments += [tensor.stride(dim) for dim in layout.parameters(parameter.shape)]
        return programs, arguments

    def shapes(self) -> list[tuple[int | None, ...]]:
        """The shape of each tensor."""
        return [parameter.shape for parameter in self.parameters if parameter.shape is not None]

    def _assumptions(self, function: ir.Operation, layouts: Sequence[Layout]) -> ir.ArrayAttr:
        """The function's argument attributes, with the layouts added."""
        dynamic = ir.ShapedType.get_dynamic_stride_or_offset()
        remaining = iter(layouts)
        result = []
        for attributes, parameter in zip(
            argument_attributes(function), self.parameters, strict=True
        ):
            if parameter.shape is not None:
                layout = next(remaining)
                strides = [dynamic if stride is None else stride for stride in layout.strides]
                attributes["flashlight.strides"] = ir.DenseI64ArrayAttr.get(strides)
                attributes["flashlight.divisibility"] = ir.DenseI64ArrayAttr.get(
                    list(layout.multiples)
                )
            result.append(ir.DictAttr.get(attributes))
        return ir.ArrayAttr.get(result)


@dataclass
class CompiledKernel:
    """A kernel for one GPU architecture.

    Attributes:
        name: the kernel's symbol.
        stages: the kernel as text (bytes for "cubin") on its way, in order: "tile", "ttir",
            "ttgir", "llir", "ptx", "cubin".
        resources: registers, and spills in bytes, a thread; shared memory in bytes a program.
    """

    name: str
    stages: dict[str, str | bytes]
    resources: Resources
    _source: Source = field(repr=False)
    # By the layouts that a variant of the kernel assumes: the code, and that code on the GPU.
    _variants: dict[tuple[Layout, ...], Generated] = field(repr=False)
    _loaded: dict[tuple[Layout, ...], Any] = field(default_factory=dict, repr=False)

    def launch(
        self,
        inputs: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        symbols: Mapping[str, int],
    ) -> None:
        """Runs the whole grid on torch's current stream; fills `outputs`.

        Args:
            inputs, outputs: CUDA tensors on one device, in the order of the function's arguments.
            symbols: the value of every symbol of the kernel.

        Raises:
            ArgumentTypeError: no CUDA device, a tensor elsewhere, or another architecture.
            ArgumentValueError: an extent is too large.
            CompileError: the tensors lie in memory as no call before had them, and the kernel for
                that does not compile.
        """
        tensors = [*inputs, *outputs]
        self._check(tensors, symbols)
        layouts = self._choose(tensors)
        programs, arguments = self._source.arguments(tensors, layouts, symbols)
        if programs == 0:
            return
        with torch.cuda.device(tensors[0].device):
            # On the current stream of the current device, says Triton's driver.
            self._load(layouts, programs)[(programs, 1, 1)](*arguments)

    def _check(self, tensors: Sequence[torch.Tensor], symbols: Mapping[str, int]) -> None:
        arch = self._source.codegen.arch
        if not torch.cuda.is_available():
            raise ArgumentTypeError(
                f"kernel '{self.name}' was compiled for sm_{arch}, "
                "and this machine has no CUDA device"
            )
        for index, tensor in enumerate(tensors):
            if not tensor.is_cuda or tensor.device != tensors[0].device:
                raise ArgumentTypeError(
                    f"expected argument {index} of kernel '{self.name}' on the one CUDA device of "
                    f"all, got {tensor.device}"
                )
        major, minor = torch.cuda.get_device_capability(tensors[0].device)
        if major * 10 + minor != arch:
            raise ArgumentTypeError(
                f"kernel '{self.name}' was compiled for sm_{arch}, "
                f"and the device is sm_{major}{minor}"
            )
        for parameter in self._source.parameters:
            if parameter.symbol is not None and symbols[parameter.symbol] > MAX_EXTENT:
                raise ArgumentValueError(
                    f"expected '{parameter.symbol}' to be at most {MAX_EXTENT}, "
                    f"got {symbols[parameter.symbol]}"
                )

    def _choose(self, tensors: Sequence[torch.Tensor]) -> tuple[Layout, ...]:
        """The layouts of a variant that fits the tensors: one that exists, or a general one."""
        actual = [exact(tensor) for tensor in tensors]
        for layouts in self._variants:
            if all(map(covers, layouts, actual)):
                return layouts
        return tuple(map(general, tensors))

    def _load(self, layouts: tuple[Layout, ...], programs: int) -> Any:
        """Triton's handle on a variant, compiled if it is new."""
        if programs >= 1 << 31:
            raise ArgumentValueError(
                f"expected fewer than {1 << 31} programs of kernel '{self.name}', got {programs}"
            )
        if layouts not in self._variants:
            self._variants[layouts] = generate_cached(
                self._source.to_ttir(layouts, ir.Context()),
                self._source.codegen,
                self._source.options.cache_dir,
            )
        if layouts not in self._loaded:
            self._loaded[layouts] = _load(self._variants[layouts], self._source.codegen)
        return self._loaded[layouts]


def compile_kernel(module: ir.Module, name: str, options: Options) -> CompiledKernel:
    """Compiles one kernel of a module at the tile level.

    The kernel is compiled for contiguous tensors; where a call brings others, `launch` compiles a
    variant for them.

    Args:
        module: at the tile level, tiled for "cuda"; it is not changed.
        name: the kernel's function.
        options: `options.target.arch` is the architecture, "sm_90" by default.

    Raises:
        CompileError: Triton is missing or of another version.
        KernelError: the kernel has no form there, or the GPU has too little room for it.
    """
    load_triton()
    source = read_kernel(module, name, options)
    layouts = tuple(map(contiguous, source.shapes()))
    try:
        ttir = source.to_ttir(layouts, module.context)
        generated = generate_cached(ttir, source.codegen, options.cache_dir)
    except CompileError as error:
        raise KernelError.of(error) from error
    stages: dict[str, str | bytes] = {"tile": function_of(module, name).get_asm()}
    stages.update(generated.stages)
    stages["ttir"] = (
        ttir  # ours, which the interpreter reads; what Triton made of it is one more pass
    )
    return CompiledKernel(name, stages, generated.resources, source, {layouts: generated})


def read_kernel(module: ir.Module, name: str, options: Options) -> Source:
    """What there is to know of a kernel before it is compiled; see `compile_kernel`."""
    function = function_of(module, name)
    arch = options.target.arch if options.target is not None else None
    return Source(
        name=name,
        text=function.get_asm(enable_debug_info=True, use_local_scope=True),
        parameters=_parameters(function),
        grid=tuple(parse_grid_axis(axis) for axis in function.attributes["flashlight.grid"]),
        codegen=_codegen(function, int(re.sub(r"\D", "", arch or DEFAULT_ARCH))),
        options=options,
    )


def argument_attributes(function: ir.Operation) -> list[dict[str, ir.Attribute]]:
    """The attributes of each argument."""
    count = len(function.regions[0].blocks[0].arguments)
    if "arg_attrs" not in function.attributes:
        return [{} for _ in range(count)]
    return [
        {named.name: named.attr for named in ir.DictAttr(attributes)}
        for attributes in ir.ArrayAttr(function.attributes["arg_attrs"])
    ]


def _parameters(function: ir.Operation) -> tuple[Parameter, ...]:
    result = []
    for attributes, argument in zip(
        argument_attributes(function), function.regions[0].blocks[0].arguments, strict=True
    ):
        if "flashlight.symbol" in attributes:
            name = ir.StringAttr(attributes["flashlight.symbol"]).value
            result.append(Parameter(None, name))
            continue
        type_ = ir.MemRefType(argument.type)
        shape = tuple(
            None if type_.is_dynamic_dim(dim) else type_.get_dim_size(dim)
            for dim in range(type_.rank)
        )
        result.append(Parameter(shape))
    return tuple(result)


def _codegen(function: ir.Operation, arch: int) -> CodegenOptions:
    """Warps and stages as the schedule has them."""
    name = ir.StringAttr(function.attributes["sym_name"]).value
    if "flashlight.schedule" not in function.attributes:
        raise CompileError(f"expected kernel '{name}' to have a schedule")
    text = str(function.attributes["flashlight.schedule"])
    match = re.search(r"warps = (\d+), stages = (\d+)>$", text)
    if match is None or not text.startswith("#flashlight.schedule<cuda,"):
        raise CompileError(f"expected kernel '{name}' to be scheduled for 'cuda', got {text}")
    return CodegenOptions(arch, num_warps=int(match[1]), num_stages=int(match[2]))


def _load(generated: Generated, codegen: CodegenOptions) -> Any:
    """Hands a kernel to Triton's runtime: a handle that is launched as `handle[grid](*args)`.

    Triton reads the source from a file, by its suffix starts after the stage of that name, and
    keeps what it makes in its own cache.
    """
    triton = load_triton()
    from triton.backends.compiler import GPUTarget

    with tempfile.TemporaryDirectory(prefix="flashlight-") as directory:
        path = Path(directory) / "kernel.ttir"
        path.write_text(str(generated.stages["ttir"]))
        target = GPUTarget("cuda", codegen.arch, 32)
        try:
            return triton.compile(str(path), target=target, options=codegen.as_dict())
        except RuntimeError as error:
            raise CompileError(
                f"triton {triton.__version__} could not load a kernel: {error}"
            ) from error
