# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit's configuration: ``lit test``, or ``lit --param build=build-asan test``.

FileCheck, not and split-file are LLVM's own, from the package that the build uses.
"""

import importlib.util
import os
from pathlib import Path

import lit.formats

root = Path(__file__).resolve().parent.parent
build = root / lit_config.params.get("build", "build")  # noqa: F821


def packaged(name: str) -> Path:
    """The bin folder of an LLVM package of this Python environment."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        lit_config.fatal(f"package '{name}' is not installed: see requirements/build.txt")  # noqa: F821
    return Path(next(iter(spec.submodule_search_locations))) / "bin"


config.name = "flashlight"  # noqa: F821
config.test_format = lit.formats.ShTest(execute_external=False)  # noqa: F821
config.suffixes = [".mlir", ".test"]  # noqa: F821
config.excludes = ["python", "Inputs"]  # noqa: F821
config.test_source_root = str(root / "test")  # noqa: F821
config.test_exec_root = str(build / "test")  # noqa: F821

tools = sorted(path for path in (build / "tools").glob("flashlight-*"))
path = [str(tool) for tool in tools] + [str(packaged("llvm")), str(packaged("mlir"))]
config.environment["PATH"] = os.pathsep.join([*path, os.environ["PATH"]])  # noqa: F821
config.environment["FILECHECK_OPTS"] = "--dump-input=fail"  # noqa: F821
for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]  # noqa: F821
if lit_config.params.get("sanitizers"):  # noqa: F821
    config.available_features.add("sanitizers")  # noqa: F821
