// RUN: flashlight-opt %s --flashlight-to-kernel --flashlight-schedule | FileCheck %s --check-prefix=CPU
// RUN: flashlight-opt %s --flashlight-to-kernel --flashlight-schedule=target=cuda | FileCheck %s --check-prefix=CUDA
// RUN: not flashlight-opt %s --flashlight-schedule=target=tpu 2>&1 | FileCheck %s --check-prefix=BAD

// Odd sizes: on the CPU the value axis is padded to vector lanes, on a GPU all axes of a dot to
// powers of two; only there stands m before n.
// CPU: schedule #flashlight.schedule<cpu, tiles(n = 20, d = 5, m = 16, e = 16), warps = 1, stages = 1>
// CUDA: schedule #flashlight.schedule<cuda, tiles(m = 16, d = 16, n = 32, e = 16), warps = 8, stages = 3>
// BAD: expected the target to be cpu or cuda, got tpu
func.func @odd(%q: tensor<2x10x5xf32>, %k: tensor<2x20x5xf32>, %v: tensor<2x20x7xf32>) -> tensor<2x10x7xf32> {
  %s = flashlight.contract %q, %k "bmd,bnd->bmn" : tensor<2x10x5xf32>, tensor<2x20x5xf32> -> tensor<2x10x20xf32>
  %p = math.tanh %s : tensor<2x10x20xf32>
  %o = flashlight.contract %p, %v "bmn,bne->bme" : tensor<2x10x20xf32>, tensor<2x20x7xf32> -> tensor<2x10x7xf32>
  return %o : tensor<2x10x7xf32>
}
