# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Triton as a code generator: TTIR text in, a cubin out, on a machine with or without a GPU.

Triton's own stages are driven one by one. `triton.compile` would skip the first of them for TTIR
(its canonicalization, and what it rewrites for GPUs before sm_90).
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..cache import key_of, open_cache
from ..errors import CompileError

SUPPORTED = ">=3.6,<3.10"
_OLDEST, _NEWEST = (3, 6), (3, 10)


@dataclass(frozen=True)
class CodegenOptions:
    """What Triton is told about a kernel.

    Attributes:
        arch: compute capability, 90 for sm_90.
        num_warps: warps that run one program.
        num_stages: tiles that are on their way from memory at a time.
    """

    arch: int
    num_warps: int
    num_stages: int

    def as_dict(self, registers: int | None = None) -> dict[str, Any]:
        """Triton's spelling, with a bound of registers a thread if one is given. Multiply-adds are
        fused explicitly: the default depends on Triton's version, and without them a kernel has
        none."""
        bound = {} if registers is None else {"maxnreg": registers}
        return bound | {
            "num_warps": self.num_warps,
            "num_stages": self.num_stages,
            "enable_fp_fusion": True,
        }


@dataclass(frozen=True)
class Resources:
    """What a kernel takes on the GPU.

    Attributes:
        registers: 32-bit registers a thread.
        spills: bytes a thread keeps in local memory for lack of registers.
        shared: bytes of shared memory a program.
        threads: threads a program.
        columns: of tensor memory a program; 0 where there is none.
    """

    registers: int
    spills: int
    shared: int
    threads: int
    columns: int = 0


# Columns of tensor memory that a program can have.
MAX_COLUMNS = 512


def max_shared(arch: int) -> int:
    """Bytes of shared memory that a program can have on sm_`arch`."""
    if arch == 80 or arch == 87:
        return 163 << 10
    return (227 if 90 <= arch < 120 else 99) << 10


def spare_registers(used: Resources, arch: int) -> int:
    """Registers a thread that leave as many programs on a processor as its other memories do.

    ptxas keeps registers low, and spills, to have more programs on a processor; but shared memory
    is given out at launch, so it does not know how few there can be.
    """
    # What a processor has; each program has 1 KiB that the driver keeps. Rounded down to what
    # registers are given out in.
    programs = min((max_shared(arch) + 1024) // (used.shared + 1024), 2048 // used.threads)
    if used.columns:
        programs = min(programs, MAX_COLUMNS // used.columns)
    return min(255, 65536 // (used.threads * max(programs, 1)) // 8 * 8)


@dataclass(frozen=True)
class Generated:
    """What Triton made.

    Attributes:
        stages: text (bytes for "cubin") by stage, in order, "ttir" first.
        resources: what the kernel takes.
    """

    stages: dict[str, str | bytes]
    resources: Resources


def load_triton() -> Any:
    """The installed Triton. Raises CompileError if there is none, or one we do not know."""
    try:
        triton = importlib.import_module("triton")
    except ImportError as error:
        raise CompileError(
            f"target 'cuda' needs triton{SUPPORTED}, which cannot be imported: {error}"
        ) from None
    match = re.match(r"(\d+)\.(\d+)", triton.__version__)
    if match is None or not _OLDEST <= (int(match[1]), int(match[2])) < _NEWEST:
        raise CompileError(f"expected triton{SUPPORTED}, got triton {triton.__version__}")
    return triton


def generate(ttir: str, options: CodegenOptions) -> Generated:
    """Compiles one kernel.

    Args:
        ttir: a module with one public `tt.func`.
        options: see there.

    Raises:
        CompileError: names the stage that failed, and what Triton said of it; or what the kernel
            needs more of than a GPU has, which Triton would find only when it is launched.
    """
    generated = _generate(ttir, options, None)
    used = generated.resources
    spare = spare_registers(used, options.arch)
    if not used.spills or spare <= used.registers:
        return generated
    again = _generate(ttir, options, spare)
    return again if again.resources.spills < used.spills else generated


def _generate(ttir: str, options: CodegenOptions, registers: int | None) -> Generated:
    """Triton's stages, one after the other, with a bound of registers a thread if one is given."""
    triton = load_triton()
    from triton._C.libtriton import ir
    from triton.backends.compiler import GPUTarget, Language
    from triton.compiler.compiler import make_backend

    target = GPUTarget("cuda", options.arch, 32)
    try:
        backend = make_backend(target)
        parsed = backend.parse_options(options.as_dict(registers))
        steps: dict[str, Any] = {}
        backend.add_stages(steps, parsed, Language.TRITON)
    except Exception as error:
        raise _failure("options", triton, options, error) from error
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    try:
        module = _parse(ir, ttir, context)
    except RuntimeError as error:
        raise _failure("parser", triton, options, error) from error
    module.context = context

    metadata: dict[str, Any] = {"target": target, **parsed.__dict__}
    stages: dict[str, str | bytes] = {}
    for stage, step in steps.items():
        try:
            module = step(module, metadata)
        except Exception as error:  # Triton raises bare RuntimeErrors, asserts and its own classes
            raise _failure(stage, triton, options, error) from error
        stages[stage] = module if isinstance(module, (str, bytes)) else str(module)
        _check_limits(metadata, options)
    return Generated(stages, read_resources(stages["cubin"], metadata))


@functools.cache
def _driver() -> bytes:
    """How Triton is driven: this file."""
    return Path(__file__).read_bytes()


def name_of(ttir: str, options: CodegenOptions) -> str:
    """What `generate` makes of a text is the same where this is."""
    return key_of("triton", load_triton().__version__, _driver(), repr(options), ttir)


def generate_cached(ttir: str, options: CodegenOptions, cache_dir: str | None) -> Generated:
    """`generate`, or what an earlier process made of the same text with the same Triton.

    Args:
        ttir, options: as for `generate`.
        cache_dir: as `Options.cache_dir`.

    Raises:
        CompileError: as `generate`; CacheError for a named directory that cannot be written.
    """
    cache = open_cache(cache_dir)
    if cache is None:
        return generate(ttir, options)
    key = name_of(ttir, options)
    parts = cache.get(key)
    if parts is not None and "resources" in parts:
        resources = Resources(**json.loads(parts.pop("resources")))
        stages = {
            stage: data if stage == "cubin" else data.decode() for stage, data in parts.items()
        }
        return Generated(stages, resources)
    generated = generate(ttir, options)
    entry = {
        stage: data if isinstance(data, bytes) else data.encode()
        for stage, data in generated.stages.items()
    }
    entry["resources"] = json.dumps(asdict(generated.resources)).encode()
    cache.put(key, entry)
    return generated


def _parse(ir: Any, ttir: str, context: Any) -> Any:
    """Triton parses files only."""
    with tempfile.TemporaryDirectory(prefix="flashlight-") as directory:
        path = Path(directory) / "kernel.ttir"
        path.write_text(ttir)
        return ir.parse_mlir_module(str(path), context)


def _failure(stage: str, triton: Any, options: CodegenOptions, error: Exception) -> CompileError:
    said = str(error).strip() or type(error).__name__
    return CompileError(
        f"triton {triton.__version__} failed at '{stage}' for sm_{options.arch}: "
        f"{said.splitlines()[0]}",
        notes=["triton prints the cause of a failure to stderr only", *said.splitlines()[1:]],
    )


def _check_limits(metadata: dict[str, Any], options: CodegenOptions) -> None:
    """Raises CompileError for a kernel that no GPU of the architecture can run.

    ptxas makes a cubin of it all the same: one that does nothing, where tensor memory is short.
    """
    for what, limit in (("shared", max_shared(options.arch)), ("tmem_size", MAX_COLUMNS)):
        needed = metadata.get(what) or 0
        if needed > limit:
            name = "columns of tensor" if what == "tmem_size" else "bytes of shared"
            raise CompileError(
                f"expected at most {limit} {name} memory for a program on sm_{options.arch}, "
                f"got {needed}"
            )


def tool(name: str) -> str:
    """The path of a CUDA tool that comes with Triton: "cuobjdump" or "nvdisasm"."""
    load_triton()
    from triton import knobs

    return getattr(knobs.nvidia, name).path


def read_resources(cubin: str | bytes, metadata: dict[str, Any]) -> Resources:
    """Registers and local memory from the cubin; the other memories are Triton's to allocate."""
    assert isinstance(cubin, bytes)
    with tempfile.NamedTemporaryFile(prefix="flashlight-", suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        usage = subprocess.run(
            [tool("cuobjdump"), "--dump-resource-usage", file.name],
            capture_output=True,
            text=True,
            check=False,
        )
    fields = dict(re.findall(r"\b(REG|STACK|LOCAL):(\d+)", usage.stdout))
    if usage.returncode != 0 or len(fields) != 3:
        raise CompileError(
            "cuobjdump could not read the kernel's resources",
            notes=(usage.stdout + usage.stderr).splitlines(),
        )
    return Resources(
        registers=int(fields["REG"]),
        spills=int(fields["STACK"]) + int(fields["LOCAL"]),
        shared=int(metadata["shared"]),
        threads=int(metadata["num_warps"]) * 32,
        columns=int(metadata.get("tmem_size") or 0),
    )
