// RUN: flashlight-opt %s --flashlight-tile-to-linalg --verify-diagnostics

func.func @constant() attributes {flashlight.grid = []} {
  // expected-error@+1 {{expected a constant tile to have one value in all its elements}}
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return
}
