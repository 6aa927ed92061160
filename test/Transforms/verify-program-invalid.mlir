// RUN: flashlight-opt %s --flashlight-verify-program --allow-unregistered-dialect --split-input-file --verify-diagnostics

func.func @program_r1(%x: tensor<4xf32>) {
  // expected-error@+1 {{'tensor.cast' op is not part of a program}}
  %0 = tensor.cast %x : tensor<4xf32> to tensor<?xf32>
  return
}

// -----

func.func @program_r1_kernel() {
  // expected-error@+1 {{'flashlight.kernel' op is not part of a program}}
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    flashlight.yield
  }
  return
}

// -----

func.func @program_r2(%x: f32) {
  // expected-error@+1 {{'math.exp' op expected operand 0 to be a ranked tensor, got 'f32'}}
  %0 = math.exp %x : f32
  return
}

// -----

// expected-error@+1 {{expected '#flashlight.symbols' to name the dynamic dims of argument 1, got 'tensor<?xf32>'}}
func.func @program_r3(%x: tensor<4xf32>, %y: tensor<?xf32>) {
  return
}

// -----

func.func @program_r3_result(%x: tensor<?x2xf32, #flashlight.symbols<s0>>) {
  // expected-error@+1 {{expected '#flashlight.symbols' to name the dynamic dims of result 0, got 'tensor<?xf32>'}}
  %0 = flashlight.reshape %x : tensor<?x2xf32, #flashlight.symbols<s0>> -> tensor<?xf32>
  return
}

// -----

// expected-error@+1 {{expected argument 0 to have no encoding but '#flashlight.symbols', got 'tensor<4xf32, #flashlight.axes<n>>'}}
func.func @program_r3_axes(%x: tensor<4xf32, #flashlight.axes<n>>) {
  return
}

// -----

// expected-error@+1 {{expected one block, got 2}}
func.func @program_r4() {
  "test.branch"() [^bb1] : () -> ()
^bb1:
  return
}
