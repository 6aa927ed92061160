// RUN: flashlight-opt %s --verify-roundtrip | FileCheck %s

// A name that is no identifier is quoted.
// CHECK-LABEL: func.func private @symbols
// CHECK-SAME: tensor<?x8x?x64xf32, #flashlight.symbols<s0, "2*s0">>
func.func private @symbols(tensor<?x8x?x64xf32, #flashlight.symbols<s0, "2*s0">>)

// CHECK-LABEL: func.func private @axes
// CHECK-SAME: tensor<2x128xf32, #flashlight.axes<b, m>>
func.func private @axes(tensor<2x128xf32, #flashlight.axes<b, m>>)

// CHECK-LABEL: func.func private @axes_of_a_scalar
// CHECK-SAME: tensor<f32, #flashlight.axes<>>
func.func private @axes_of_a_scalar(tensor<f32, #flashlight.axes<>>)

// CHECK-LABEL: func.func private @axis
// CHECK-SAME: a = #flashlight.axis<m = 1024>, b = #flashlight.axis<n = s0>, c = #flashlight.axis<k = "2*s0">
func.func private @axis() attributes {
  a = #flashlight.axis<m = 1024>, b = #flashlight.axis<n = s0>, c = #flashlight.axis<k = "2*s0">}

// CHECK-LABEL: func.func private @grid_axis
// CHECK-SAME: a = #flashlight.grid_axis<m = 100 by 64>, b = #flashlight.grid_axis<m = s0 by 1>
func.func private @grid_axis() attributes {
  a = #flashlight.grid_axis<m = 100 by 64>, b = #flashlight.grid_axis<m = s0 by 1>}

// CHECK-LABEL: func.func private @schedule
// CHECK-SAME: a = #flashlight.schedule<cpu, tiles(n = 64, m = 32), warps = 1, stages = 1>
// CHECK-SAME: b = #flashlight.schedule<"cuda:sm_90", tiles(), warps = 4, stages = 3>
func.func private @schedule() attributes {
  a = #flashlight.schedule<cpu, tiles(n = 64, m = 32), warps = 1, stages = 1>,
  b = #flashlight.schedule<"cuda:sm_90", tiles(), warps = 4, stages = 3>}

// CHECK-LABEL: func.func private @kind
// CHECK-SAME: a = #flashlight<kind sum>, b = #flashlight<kind all>
func.func private @kind() attributes {a = #flashlight<kind sum>, b = #flashlight<kind all>}
