//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight._core: the compiler's C interface for Python. MLIR objects cross
// from MLIR's own bindings as capsules.
//
//===----------------------------------------------------------------------===//

#include "Core.h"

#include "flashlight-c/Explain.h"
#include "flashlight-c/Flashlight.h"
#include "flashlight-c/Tools.h"
#include "mlir-c/Bindings/Python/Interop.h"

namespace py = pybind11;

/// The capsule behind an object of MLIR's bindings.
static py::object capsuleOf(py::handle object) { return object.attr(MLIR_PYTHON_CAPI_PTR_ATTR); }

PYBIND11_MODULE(_core, module) {
  module.doc() = "the compiler core of Flashlight";

  module.def(
      "register_dialects",
      [](py::object registry) {
        py::object capsule = capsuleOf(registry);
        flashlightRegisterDialects(mlirPythonCapsuleToDialectRegistry(capsule.ptr()));
      },
      py::arg("registry"), "Adds the dialects of all levels to a DialectRegistry.");

  module.def("register_passes", &flashlightRegisterPasses,
             "Registers all passes and pipelines, so that a PassManager can parse their names.");

  module.def(
      "run_tool",
      [](const std::string &name, std::vector<std::string> args) {
        std::vector<char *> argv;
        for (std::string &arg : args)
          argv.push_back(arg.data());
        argv.push_back(nullptr);
        int status = flashlightRunTool(name.c_str(), static_cast<int>(args.size()), argv.data());
        if (status < 0)
          throw py::value_error("no tool is called '" + name + "'");
        return status;
      },
      py::arg("name"), py::arg("args"),
      "Runs opt, reduce or lsp-server with the given arguments, the program's name first; returns "
      "the exit status.");

  module.def(
      "explain_kernel",
      [](py::object operation) {
        using Line = std::tuple<std::string, std::string, std::string>;
        std::vector<Line> lines;
        py::object capsule = capsuleOf(operation);
        auto add = [](MlirStringRef section, MlirStringRef text, MlirStringRef nodes, void *into) {
          auto string = [](MlirStringRef ref) { return std::string(ref.data, ref.length); };
          static_cast<std::vector<Line> *>(into)->emplace_back(string(section), string(text),
                                                               string(nodes));
        };
        if (!flashlightExplainKernel(mlirPythonCapsuleToOperation(capsule.ptr()), add, &lines))
          throw py::value_error("expected a flashlight.kernel");
        return lines;
      },
      py::arg("operation"),
      "A kernel in formulas: (section, line, FX nodes separated by spaces), in order.");

  bindCpuKernel(module);
}
