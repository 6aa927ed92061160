// RUN: flashlight-opt %s --flashlight-to-kernel="target=cuda arch=90" --flashlight-print-cost="target=cuda arch=90 others=1" -o /dev/null 2>&1 | FileCheck %s --check-prefix=H100
// RUN: flashlight-opt %s --flashlight-to-kernel="target=cuda arch=80" --flashlight-print-cost="target=cuda arch=80 others=0" -o /dev/null 2>&1 | FileCheck %s --check-prefix=A100
// RUN: flashlight-opt %s --flashlight-to-kernel="target=cuda arch=100" --flashlight-print-cost="target=cuda arch=100 others=0" -o /dev/null 2>&1 | FileCheck %s --check-prefix=B200
// RUN: flashlight-opt %s --flashlight-to-kernel --flashlight-print-cost="target=cpu" -o /dev/null 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not flashlight-opt %s --flashlight-print-cost=target=tpu 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected the target to be cpu or cuda, got tpu

// Differential attention, head dim 128: values of 256, so that one sweep has two accumulators
// as wide. The model sees both forms, and picks one for each target.
// H100: remark: on cuda:sm_90, 2 sweeps: {{.*}}; not 1 sweep: {{.*}}
// A100: remark: on cuda:sm_80, 1 sweep: {{.*}}; not 2 sweeps: {{.*}}
// B200: remark: on cuda:sm_100, 1 sweep: {{.*}}; not 2 sweeps: {{.*}}
// H100: kernel_0 on cuda:sm_90
// H100-NEXT: m = {{.*}}; 8 warps, 3 stages
// H100-NEXT: us: 2 sweeps, {{.*}} programs, 51.5 GFLOP (17.2 GFLOP repeated), {{.*}} M exponentials
// H100-NEXT: registers a thread ({{.*}} of state), {{.*}} B of shared memory a program
// H100-NEXT: m = {{.*}} us
// A100: kernel_0 on cuda:sm_80
// A100: us: 1 sweep, {{.*}} 51.5 GFLOP, {{.*}} M exponentials
// B200: kernel_0 on cuda:sm_100
// B200: columns of tensor memory
// CPU: kernel_0 on cpu
// CPU-NEXT: n = 64, d1 = 128, d = 128, m = 64, e = 256; 1 warps, 1 stages
// CPU-NEXT: us: 1 sweep,
func.func @main(%arg0: tensor<1x8x2048x128xbf16>, %arg1: tensor<1x8x2048x128xbf16>,
                %arg2: tensor<1x8x2048x128xbf16>, %arg3: tensor<1x8x2048x128xbf16>,
                %arg4: tensor<1x8x2048x256xbf16>) -> tensor<1x8x2048x256xbf16> {
  %0 = flashlight.transpose %arg1 [0, 1, 3, 2] : tensor<1x8x2048x128xbf16> -> tensor<1x8x128x2048xbf16>
  %1 = flashlight.contract %arg0, %0 "bhmd,bhdn->bhmn" : tensor<1x8x2048x128xbf16>, tensor<1x8x128x2048xbf16> -> tensor<1x8x2048x2048xf32>
  %2 = arith.truncf %1 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %3 = arith.extf %2 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %cst = arith.constant dense<0.0883883461> : tensor<f32>
  %4 = flashlight.broadcast %cst dims [] : tensor<f32> -> tensor<1x8x2048x2048xf32>
  %5 = arith.mulf %3, %4 : tensor<1x8x2048x2048xf32>
  %6 = arith.truncf %5 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %7 = arith.extf %6 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %8 = flashlight.reduce  max %7 dims [3] : tensor<1x8x2048x2048xf32> -> tensor<1x8x2048xf32>
  %9 = flashlight.broadcast %8 dims [0, 1, 2] : tensor<1x8x2048xf32> -> tensor<1x8x2048x2048xf32>
  %10 = arith.subf %7, %9 : tensor<1x8x2048x2048xf32>
  %11 = math.exp %10 : tensor<1x8x2048x2048xf32>
  %12 = flashlight.reduce  sum %11 dims [3] : tensor<1x8x2048x2048xf32> -> tensor<1x8x2048xf32>
  %13 = flashlight.broadcast %12 dims [0, 1, 2] : tensor<1x8x2048xf32> -> tensor<1x8x2048x2048xf32>
  %14 = arith.divf %11, %13 : tensor<1x8x2048x2048xf32>
  %15 = arith.truncf %14 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %16 = flashlight.transpose %arg3 [0, 1, 3, 2] : tensor<1x8x2048x128xbf16> -> tensor<1x8x128x2048xbf16>
  %17 = flashlight.contract %arg2, %16 "bhmd,bhdn->bhmn" : tensor<1x8x2048x128xbf16>, tensor<1x8x128x2048xbf16> -> tensor<1x8x2048x2048xf32>
  %18 = arith.truncf %17 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %19 = arith.extf %18 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %cst_0 = arith.constant dense<0.0883883461> : tensor<f32>
  %20 = flashlight.broadcast %cst_0 dims [] : tensor<f32> -> tensor<1x8x2048x2048xf32>
  %21 = arith.mulf %19, %20 : tensor<1x8x2048x2048xf32>
  %22 = arith.truncf %21 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %23 = arith.extf %22 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %24 = flashlight.reduce  max %23 dims [3] : tensor<1x8x2048x2048xf32> -> tensor<1x8x2048xf32>
  %25 = flashlight.broadcast %24 dims [0, 1, 2] : tensor<1x8x2048xf32> -> tensor<1x8x2048x2048xf32>
  %26 = arith.subf %23, %25 : tensor<1x8x2048x2048xf32>
  %27 = math.exp %26 : tensor<1x8x2048x2048xf32>
  %28 = flashlight.reduce  sum %27 dims [3] : tensor<1x8x2048x2048xf32> -> tensor<1x8x2048xf32>
  %29 = flashlight.broadcast %28 dims [0, 1, 2] : tensor<1x8x2048xf32> -> tensor<1x8x2048x2048xf32>
  %30 = arith.divf %27, %29 : tensor<1x8x2048x2048xf32>
  %31 = arith.truncf %30 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %32 = arith.extf %31 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %cst_1 = arith.constant dense<3.000000e-01> : tensor<f32>
  %33 = flashlight.broadcast %cst_1 dims [] : tensor<f32> -> tensor<1x8x2048x2048xf32>
  %34 = arith.mulf %32, %33 : tensor<1x8x2048x2048xf32>
  %35 = arith.truncf %34 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %36 = arith.extf %15 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %37 = arith.extf %35 : tensor<1x8x2048x2048xbf16> to tensor<1x8x2048x2048xf32>
  %38 = arith.subf %36, %37 : tensor<1x8x2048x2048xf32>
  %39 = arith.truncf %38 : tensor<1x8x2048x2048xf32> to tensor<1x8x2048x2048xbf16>
  %40 = flashlight.contract %39, %arg4 "bhmd,bhdn->bhmn" : tensor<1x8x2048x2048xbf16>, tensor<1x8x2048x256xbf16> -> tensor<1x8x2048x256xf32>
  %41 = arith.truncf %40 : tensor<1x8x2048x256xf32> to tensor<1x8x2048x256xbf16>
  return %41 : tensor<1x8x2048x256xbf16>
}

