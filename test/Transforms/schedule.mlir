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

// Two row axes, outputs with heads last: a tile has rows of the longer one, not the two heads that
// share the keys.
// CPU-LABEL: @heads_that_share_keys
// CPU: schedule #flashlight.schedule<cpu, tiles(n = 128, d = 64, m = 128, e = 64)
// CUDA-LABEL: @heads_that_share_keys
// CUDA: schedule #flashlight.schedule<cuda, tiles(m = {{[0-9]+}}, d = 64, n = 128, e = 64)
func.func @heads_that_share_keys(%q: tensor<1024x2x64xf32>, %k: tensor<1024x64xf32>, %v: tensor<1024x64xf32>) -> tensor<1024x2x64xf32> {
  %s = flashlight.contract %q, %k "mgd,nd->gmn" : tensor<1024x2x64xf32>, tensor<1024x64xf32> -> tensor<2x1024x1024xf32>
  %p = math.tanh %s : tensor<2x1024x1024xf32>
  %o = flashlight.contract %p, %v "gmn,ne->mge" : tensor<2x1024x1024xf32>, tensor<1024x64xf32> -> tensor<1024x2x64xf32>
  return %o : tensor<1024x2x64xf32>
}

// Columns of constant values are in the result alone: a tile has all of them, no programs of their own.
// CPU-LABEL: @constant_values
// CPU: schedule #flashlight.schedule<cpu, tiles({{.*}}, e = 32)
// CUDA-LABEL: @constant_values
// CUDA: schedule #flashlight.schedule<cuda, tiles({{.*}}, e = 32)
func.func @constant_values(%q: tensor<4x64x16xf32>, %k: tensor<4x80x16xf32>) -> tensor<4x64x24xf32> {
  %s = flashlight.contract %q, %k "bmd,bnd->bmn" : tensor<4x64x16xf32>, tensor<4x80x16xf32> -> tensor<4x64x80xf32>
  %p = math.tanh %s : tensor<4x64x80xf32>
  %one = arith.constant dense<1.0> : tensor<f32>
  %v = flashlight.broadcast %one dims [] : tensor<f32> -> tensor<4x80x24xf32>
  %o = flashlight.contract %p, %v "bmn,bne->bme" : tensor<4x64x80xf32>, tensor<4x80x24xf32> -> tensor<4x64x24xf32>
  return %o : tensor<4x64x24xf32>
}
