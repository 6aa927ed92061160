// RUN: flashlight-opt %s --flashlight-expand-math-for-triton | FileCheck %s

// What Triton has no lowering for is gone from a kernel; other functions keep it.

// CHECK-LABEL: func.func @kernel
// CHECK-NOT: math.{{tanh|expm1|log1p|log10|powf|trunc|roundeven|copysign}}
// CHECK-NOT: arith.negf
// CHECK: return
func.func @kernel(%x: memref<16xf32, strided<[1]>>, %y: memref<16xf32, strided<[1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %v = flashlight.load %x[%c0] map affine_map<(i) -> (i)> : memref<16xf32, strided<[1]>> -> tensor<16xf32>
  %0 = math.tanh %v : tensor<16xf32>
  %1 = math.expm1 %0 : tensor<16xf32>
  %2 = math.log1p %1 : tensor<16xf32>
  %3 = math.log10 %2 : tensor<16xf32>
  %4 = math.powf %3, %v : tensor<16xf32>
  %5 = math.trunc %4 : tensor<16xf32>
  %6 = math.roundeven %5 : tensor<16xf32>
  %7 = math.copysign %6, %v : tensor<16xf32>
  %8 = arith.negf %7 : tensor<16xf32>
  flashlight.store %8, %y[%c0] map affine_map<(i) -> (i)> : tensor<16xf32>, memref<16xf32, strided<[1]>>
  return
}

// tanh x = sign(x) (1 - t) / (1 + t) with t = exp(-2 |x|), a polynomial where 1 - t cancels.
// CHECK-LABEL: func.func @tanh
// CHECK: %[[ABS:.*]] = math.absf
// CHECK: %[[T:.*]] = math.exp
// CHECK: %[[DOWN:.*]] = arith.subf %{{.*}}, %[[T]]
// CHECK: %[[UP:.*]] = arith.addf %[[T]], %{{.*}}
// CHECK: arith.divf %[[DOWN]], %[[UP]]
// CHECK-COUNT-4: math.fma
// CHECK: %[[NEAR:.*]] = arith.cmpf olt, %[[ABS]]
// CHECK: arith.select %[[NEAR]]
func.func @tanh(%x: memref<16xf32, strided<[1]>>, %y: memref<16xf32, strided<[1]>> {flashlight.output})
    attributes {flashlight.grid = []} {
  %c0 = arith.constant 0 : index
  %v = flashlight.load %x[%c0] map affine_map<(i) -> (i)> : memref<16xf32, strided<[1]>> -> tensor<16xf32>
  %0 = math.tanh %v : tensor<16xf32>
  flashlight.store %0, %y[%c0] map affine_map<(i) -> (i)> : tensor<16xf32>, memref<16xf32, strided<[1]>>
  return
}

// CHECK-LABEL: func.func @no_kernel
// CHECK: math.tanh
func.func @no_kernel(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = math.tanh %x : tensor<16xf32>
  return %0 : tensor<16xf32>
}
