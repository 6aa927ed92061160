//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of flashlight._core, one a file.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_PYTHON_CORE_H
#define FLASHLIGHT_PYTHON_CORE_H

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

void bindCpuKernel(pybind11::module_ &module);

#endif // FLASHLIGHT_PYTHON_CORE_H
