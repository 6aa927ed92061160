// RUN: flashlight-opt %s --split-input-file --verify-diagnostics

// One case, or more, for every constraint of an op's description: @<op>_<constraint>.

func.func @kernel_c1_twice() {
  // expected-error@+1 {{declares axis 'n' twice}}
  flashlight.kernel "k" axes(n = 4, n = 4) stream "n" () : () -> () {
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_c1_stream() {
  // expected-error@+1 {{streams an axis 'm' that it does not declare}}
  flashlight.kernel "k" axes(n = 4) stream "m" () : () -> () {
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_c2(%x: tensor<4xf32>) {
  // The custom form has one type for both.
  // expected-error@+1 {{expected block arguments of the operands' types}}
  "flashlight.kernel"(%x) <{axes = [#flashlight.axis<n = 4>], stream = "n", sym_name = "k"}> ({
  ^bb0(%a: tensor<5xf32>):
    "flashlight.yield"() : () -> ()
  }) : (tensor<4xf32>) -> ()
  return
}

// -----

func.func @kernel_c3_declared() {
  // expected-note@+1 {{the kernel declares [#flashlight.axis<n = 4>]}}
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    // expected-error@+1 {{has axis 'm' with extent 4}}
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<m>>
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_c3_extent() {
  // expected-note@+1 {{the kernel declares [#flashlight.axis<n = 4>]}}
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    // expected-error@+1 {{has axis 'n' with extent 5}}
    %0 = flashlight.iota : tensor<5xi64, #flashlight.axes<n>>
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_c4_values() {
  // expected-error@+1 {{expected its terminator to yield one value and one map for each of 1 results}}
  %r = flashlight.kernel "k" axes(n = 4) stream "n" () : () -> (tensor<4xi64>) {
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_c4_maps() {
  // expected-error@+1 {{expected its terminator to yield one value and one map for each of 1 results}}
  %r = flashlight.kernel "k" axes(n = 4) stream "n" () : () -> (tensor<4xi64>) {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    flashlight.yield %0 : tensor<4xi64, #flashlight.axes<n>>
  }
  return
}

// -----

func.func @kernel_c4_dims() {
  %r = flashlight.kernel "k" axes(n = 4) stream "n" () : () -> (tensor<4xi64>) {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    // expected-error@+1 {{expected maps from 1 axes to the dims of 'tensor<4xi64>'}}
    flashlight.yield %0 at [affine_map<(m, n) -> (n)>] : tensor<4xi64, #flashlight.axes<n>>
  }
  return
}

// -----

func.func @kernel_c5() {
  %r = flashlight.kernel "k" axes(n = 4) stream "n" () : () -> (tensor<4xf32>) {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    // expected-error@+1 {{expected a tensor of 'f32', got 'tensor<4xi64, #flashlight.axes<n>>'}}
    flashlight.yield %0 at [affine_map<(n) -> (n)>] : tensor<4xi64, #flashlight.axes<n>>
  }
  return
}

// -----

func.func @read_c1(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(m = 2, n = 4) stream "n" (%a = %x) : (tensor<4xf32>) -> () {
    // expected-error@+1 {{expected a map from 2 axes and 0 indices to 1 dims}}
    %0 = flashlight.read %a at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf32, #flashlight.axes<n>>
    flashlight.yield
  }
  return
}

// -----

func.func @read_c2(%x: tensor<2x4xf32>) {
  flashlight.kernel "k" axes(m = 2, n = 4) stream "n" (%a = %x) : (tensor<2x4xf32>) -> () {
    // expected-error@+1 {{expected the result to have the axes that the map uses, in the kernel's order}}
    %0 = flashlight.read %a at affine_map<(m, n) -> (m, n)> : tensor<2x4xf32> -> tensor<4x2xf32, #flashlight.axes<n, m>>
    flashlight.yield
  }
  return
}

// -----

func.func @read_c2_unused(%x: tensor<2x4xf32>) {
  flashlight.kernel "k" axes(m = 2, n = 4) stream "n" (%a = %x) : (tensor<2x4xf32>) -> () {
    // expected-error@+1 {{expected the result to have the axes that the map uses, in the kernel's order}}
    %0 = flashlight.read %a at affine_map<(m, n) -> (0, n)> : tensor<2x4xf32> -> tensor<2x4xf32, #flashlight.axes<m, n>>
    flashlight.yield
  }
  return
}

// -----

func.func @read_c3(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%a = %x) : (tensor<4xf32>) -> () {
    // expected-error@+1 {{expected element type 'f32', got 'f16'}}
    %0 = flashlight.read %a at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf16, #flashlight.axes<n>>
    flashlight.yield
  }
  return
}

// -----

func.func @read_c4(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected to stand in a 'flashlight.kernel'}}
  %0 = flashlight.read %x at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf32, #flashlight.axes<n>>
  return
}

// -----

func.func @read_c1_indices(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%mx = %x) : (tensor<4xf32>) -> () {
    // expected-error@+1 {{expected a map from 1 axes and 0 indices to 1 dims}}
    %0 = flashlight.read %mx at affine_map<(n)[s0] -> (s0)> : tensor<4xf32> -> tensor<f32, #flashlight.axes<>>
    flashlight.yield
  }
  return
}

// -----

func.func @read_c3_indices(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%mx = %x) : (tensor<4xf32>) -> () {
    %i = flashlight.read %mx at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf32, #flashlight.axes<n>>
    // expected-error@+1 {{expected integer indices}}
    %0 = flashlight.read %mx[%i] at affine_map<(n)[s0] -> (s0)> : tensor<4xf32>, tensor<4xf32, #flashlight.axes<n>> -> tensor<4xf32, #flashlight.axes<n>>
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c1(%x: tensor<f32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %0 = arith.constant dense<0.0> : tensor<f32>
    // expected-error@+1 {{expected one type for each init, block argument, yielded value and result}}
    %1 = flashlight.stream "n" (%old = %0) : (tensor<f32>) {
      flashlight.yield
    }
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c2() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    // expected-error@+1 {{expected a state without the streamed axis 'n', got 'tensor<4xi64, #flashlight.axes<n>>'}}
    %1 = flashlight.stream "n" (%old = %0) : (tensor<4xi64, #flashlight.axes<n>>) {
      flashlight.yield %old : tensor<4xi64, #flashlight.axes<n>>
    }
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c3() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %0 = arith.constant dense<0.0> : tensor<f32>
    // expected-error@+1 {{expected its terminator to be a 'flashlight.yield' without maps}}
    %1 = flashlight.stream "n" (%old = %0) : (tensor<f32>) {
      flashlight.yield %old at [affine_map<(n) -> ()>] : tensor<f32>
    }
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c4() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %0 = arith.constant dense<0.0> : tensor<f32>
    // expected-error@+1 {{expected 'keep' to have sets over the kernel's axes and 0 symbols}}
    %1 = flashlight.stream "n" (%old = %0) : (tensor<f32>) attributes {keep = [affine_set<(m, n) : (m - n >= 0)>]} {
      flashlight.yield %old : tensor<f32>
    }
    flashlight.yield
  }
  return
}

// -----

func.func @yield_elsewhere() {
  // expected-error@+1 {{expects parent op to be one of 'flashlight.kernel, flashlight.stream'}}
  flashlight.yield
}

// -----

// The shared ops, where axes stand in for dims.

func.func @contract_c1_named(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%a = %x) : (tensor<4xf32>) -> () {
    %0 = flashlight.read %a at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf32, #flashlight.axes<n>>
    // expected-error@+1 {{expected no equation on operands with axes}}
    %1 = flashlight.contract %0, %0 "n,n->" : tensor<4xf32, #flashlight.axes<n>>, tensor<4xf32, #flashlight.axes<n>> -> tensor<f32>
    flashlight.yield
  }
  return
}

// -----

func.func @reduce_c1_named(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%a = %x) : (tensor<4xf32>) -> () {
    %0 = flashlight.read %a at affine_map<(n) -> (n)> : tensor<4xf32> -> tensor<4xf32, #flashlight.axes<n>>
    // expected-error@+1 {{expected 'dims' to be absent on operands with axes}}
    %1 = flashlight.reduce sum %0 dims [0] : tensor<4xf32, #flashlight.axes<n>> -> tensor<f32>
    flashlight.yield
  }
  return
}

// -----

func.func @reduce_c2_named(%x: tensor<3x4xf32>) {
  flashlight.kernel "k" axes(m = 3, n = 4) stream "n" (%a = %x) : (tensor<3x4xf32>) -> () {
    %0 = flashlight.read %a at affine_map<(m, n) -> (m, n)> : tensor<3x4xf32> -> tensor<3x4xf32, #flashlight.axes<m, n>>
    // expected-error@+1 {{expected the result to have the operand's other dims, in order}}
    %1 = flashlight.reduce sum %0 : tensor<3x4xf32, #flashlight.axes<m, n>> -> tensor<4x3xf32, #flashlight.axes<n, m>>
    flashlight.yield
  }
  return
}

// -----

func.func @broadcast_c1_named() {
  flashlight.kernel "k" axes(m = 3, n = 4) stream "n" () : () -> () {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    // expected-error@+1 {{expected 'dims' to be absent on operands with axes}}
    %1 = flashlight.broadcast %0 dims [1] : tensor<4xi64, #flashlight.axes<n>> -> tensor<3x4xi64, #flashlight.axes<m, n>>
    flashlight.yield
  }
  return
}

// -----

func.func @broadcast_c2_named(%x: tensor<1xi64, #flashlight.axes<n>>) {
  // expected-error@+1 {{expected axis 'n' of the operand (1) to equal the result's (4)}}
  %1 = flashlight.broadcast %x : tensor<1xi64, #flashlight.axes<n>> -> tensor<3x4xi64, #flashlight.axes<m, n>>
  return
}

// -----

func.func @broadcast_c3() {
  flashlight.kernel "k" axes(m = 4, n = 4) stream "n" () : () -> () {
    %0 = flashlight.iota : tensor<4xi64, #flashlight.axes<n>>
    // expected-error@+1 {{expected axis 'n' of the operand in the result}}
    %1 = flashlight.broadcast %0 : tensor<4xi64, #flashlight.axes<n>> -> tensor<4xi64, #flashlight.axes<m>>
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c5_count(%x: tensor<f32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %z = arith.constant dense<0.0> : tensor<f32, #flashlight.axes<>>
    %0 = flashlight.stream "n" (%old = %z) : (tensor<f32, #flashlight.axes<>>) {
      flashlight.yield %old : tensor<f32, #flashlight.axes<>>
    // expected-error@+1 {{expected two states of 1 values each to merge, got 1 values}}
    } merge (%a) {
      flashlight.yield %a : tensor<f32, #flashlight.axes<>>
    }
    flashlight.yield
  }
  return
}

// -----

func.func @stream_c5_types(%x: tensor<f32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    %z = arith.constant dense<0.0> : tensor<f32, #flashlight.axes<>>
    // expected-error@+1 {{expected 'merge' to take two states and to yield one}}
    %0 = flashlight.stream "n" (%old = %z) : (tensor<f32, #flashlight.axes<>>) {
      flashlight.yield %old : tensor<f32, #flashlight.axes<>>
    } merge (%a, %b) {
      flashlight.yield %a, %b : tensor<f32, #flashlight.axes<>>, tensor<f32, #flashlight.axes<>>
    }
    flashlight.yield
  }
  return
}
