//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is known of targets. Rates are vendors' figures for the largest device of an
// architecture, divided by its clock and processors.
//
//===----------------------------------------------------------------------===//

#include "CostModel.h"

using namespace flashlight;

constexpr int64_t KiB = 1024;

std::optional<Target> Target::get(llvm::StringRef kind, int64_t arch) {
  Target t;
  t.kind = kind.str();
  t.arch = arch;
  t.registersPerThread = 255;
  t.registers = 64 * KiB;
  t.accumulatorColumns = t.cache = t.firstCache = 0;
  t.refillBytes = 0;
  if (kind == "cpu") { // a server core with 512-bit vectors
    t.processors = 16;
    t.clock = 2.5;
    t.matrixUnit = MatrixUnit::Vector;
    t.halfFlops = t.floatFlops = 64;
    t.specials = 1.5;
    t.pointwise = 16;
    t.nearBytes = 24;
    t.farBytes = 60;
    t.threads = 1;
    t.sharedPerProgram = t.shared = 0;
    t.cache = 1024 * KiB;
    t.firstCache = 48 * KiB;
    t.refillBytes = 48;
    t.launch = 4;
    t.exposed = 1;
    return t;
  }
  if (kind != "cuda")
    return std::nullopt;
  t.specials = 16;
  t.threads = 2048;
  t.launch = 4;
  t.exposed = 0.5; // eight warps of a processor, see CostKernel::seconds
  if (arch == 0)
    t.arch = arch = 90;
  if (arch == 80) { // A100
    t.processors = 108;
    t.clock = 1.41;
    t.matrixUnit = MatrixUnit::FromRegisters;
    t.halfFlops = 2048;
    t.floatFlops = 128;
    t.pointwise = 64;
    t.nearBytes = 48;
    t.farBytes = 1440;
    t.sharedPerProgram = 163 * KiB;
    t.shared = 164 * KiB;
  } else if (arch < 90 || arch >= 120) { // consumer GPUs: RTX 3090, 4090, 5090
    t.processors = arch >= 120 ? 170 : arch == 89 ? 128 : 82;
    t.clock = 2.4;
    t.matrixUnit = MatrixUnit::FromRegisters;
    t.halfFlops = 512;
    t.floatFlops = 256;
    t.pointwise = 128;
    t.nearBytes = 40;
    t.farBytes = 500;
    t.threads = 1536;
    t.sharedPerProgram = 99 * KiB;
    t.shared = 100 * KiB;
  } else if (arch < 100) { // H100
    t.processors = 132;
    t.clock = 1.755;
    t.matrixUnit = MatrixUnit::FromShared;
    t.halfFlops = 4096;
    t.floatFlops = 256;
    t.pointwise = 128;
    t.nearBytes = 56;
    t.farBytes = 1900;
    t.sharedPerProgram = 227 * KiB;
    t.shared = 228 * KiB;
  } else { // B200
    t.processors = 148;
    t.clock = 1.85;
    t.matrixUnit = MatrixUnit::OwnAccumulators;
    t.halfFlops = 8192;
    t.floatFlops = 256;
    t.pointwise = 128;
    t.nearBytes = 64;
    t.farBytes = 4300;
    t.sharedPerProgram = 227 * KiB;
    t.shared = 228 * KiB;
    t.accumulatorColumns = 512;
  }
  return t;
}
