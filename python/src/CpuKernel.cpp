//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight._core.CpuKernel: compiles, loads and launches CPU kernels.
//
//===----------------------------------------------------------------------===//

#include "Core.h"

#include "flashlight-c/Cpu.h"
#include "mlir-c/Bindings/Python/Interop.h"

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace py = pybind11;

namespace {

using Results = std::map<std::string, std::string>;

void collect(MlirStringRef name, MlirStringRef value, void *results) {
  (*static_cast<Results *>(results))[std::string(name.data, name.length)] =
      std::string(value.data, value.length);
}

MlirStringRef refTo(const std::string &text) {
  return mlirStringRefCreate(text.data(), text.size());
}

/// Owns executable memory.
class CpuKernel {
public:
  CpuKernel(const py::bytes &object, const std::string &name) {
    std::string data(object);
    Results results;
    {
      py::gil_scoped_release release;
      kernel = flashlightCpuKernelLoad(refTo(data), refTo(name), collect, &results);
    }
    if (!kernel.ptr)
      throw std::runtime_error(results["error"]);
  }
  CpuKernel(const CpuKernel &) = delete;
  CpuKernel &operator=(const CpuKernel &) = delete;
  ~CpuKernel() {
    if (kernel.ptr)
      flashlightCpuKernelDestroy(kernel);
  }

  void launch(const std::vector<int64_t> &args, unsigned threads) const {
    py::gil_scoped_release release;
    flashlightCpuKernelLaunch(kernel, args.data(), threads);
  }
  int64_t scratchBytes() const { return flashlightCpuKernelScratchBytes(kernel); }

private:
  FlashlightCpuKernel kernel{nullptr};
};

} // namespace

void bindCpuKernel(py::module_ &module) {
  module.def(
      "cpu_host",
      [] {
        Results results;
        flashlightCpuHost(collect, &results);
        return results;
      },
      "This machine: cpu, features, vector-bits.");

  module.def(
      "cpu_compile",
      [](py::object source, const std::string &name, unsigned vectorBits) {
        py::object capsule = source.attr(MLIR_PYTHON_CAPI_PTR_ATTR);
        MlirModule mlirModule = mlirPythonCapsuleToModule(capsule.ptr());
        Results results;
        bool compiled;
        {
          py::gil_scoped_release release;
          compiled = flashlightCpuCompile(mlirModule, refTo(name), vectorBits, collect, &results);
        }
        if (!compiled)
          throw std::runtime_error(results["error"]);
        return py::make_tuple(results["llvm"], py::bytes(results["object"]));
      },
      py::arg("module"), py::arg("name"), py::arg("vector_bits") = 0,
      "Compiles a tile-level function for this machine: (LLVM IR, object file).\n\n"
      "Raises RuntimeError with the compiler's diagnostics.");

  module.def(
      "cpu_assembly",
      [](const std::string &llvm) {
        Results results;
        if (!flashlightCpuAssembly(refTo(llvm), collect, &results))
          throw std::runtime_error(results["error"]);
        return results["assembly"];
      },
      py::arg("llvm"), "Assembly text of optimized LLVM IR.");

  py::class_<CpuKernel>(module, "CpuKernel", "A kernel in executable memory.")
      .def(py::init<const py::bytes &, const std::string &>(), py::arg("object"), py::arg("name"))
      .def("launch", &CpuKernel::launch, py::arg("args"), py::arg("threads"),
           "Runs the whole grid. `args`: for every argument its eight-byte values (of a tensor:\n"
           "address, sizes, strides in elements).")
      .def_property_readonly("scratch_bytes", &CpuKernel::scratchBytes,
                             "Bytes of scratch memory that each thread takes.");
}
