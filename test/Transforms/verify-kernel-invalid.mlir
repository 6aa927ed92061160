// RUN: flashlight-opt %s --flashlight-verify-kernel --split-input-file --verify-diagnostics

func.func @kernel_r1(%x: tensor<4x2xf32>) {
  // expected-note@+1 {{in this kernel}}
  flashlight.kernel "k" axes(n = 4) stream "n" (%a = %x) : (tensor<4x2xf32>) -> () {
    // expected-error@+1 {{'flashlight.transpose' op is not part of a kernel}}
    %0 = flashlight.transpose %a [1, 0] : tensor<4x2xf32> -> tensor<2x4xf32>
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r2(%x: tensor<4xf32>) {
  flashlight.kernel "k" axes(n = 4) stream "n" (%a = %x) : (tensor<4xf32>) -> () {
    // expected-error@+1 {{'math.exp' op uses argument 0 of the kernel, which only 'flashlight.read' may}}
    %0 = math.exp %a : tensor<4xf32>
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r3() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    // expected-error@+1 {{expected '#flashlight.axes' to name the dims of every value in a kernel, got 'tensor<4xf32>'}}
    %0 = arith.constant dense<0.0> : tensor<4xf32>
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r3_scalar() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    // expected-error@+1 {{expected '#flashlight.axes' to name the dims of every value in a kernel, got 'f32'}}
    %0 = arith.constant 0.0 : f32
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r4_axis() {
  flashlight.kernel "k" axes(m = 4, n = 4) stream "n" () : () -> () {
    // expected-error@+1 {{expected to sweep 'n', got 'm'}}
    flashlight.stream "m" () : () {
      flashlight.yield
    }
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r4_nested() {
  flashlight.kernel "k" axes(n = 4) stream "n" () : () -> () {
    flashlight.stream "n" () : () {
      // expected-error@+1 {{expected to stand in the kernel itself}}
      flashlight.stream "n" () : () {
        flashlight.yield
      }
      flashlight.yield
    }
    flashlight.yield
  }
  return
}

// -----

func.func @kernel_r5(%x: tensor<4xf32>) {
  // expected-error@+1 {{'tensor.cast' op is not part of a program}}
  %0 = tensor.cast %x : tensor<4xf32> to tensor<?xf32>
  return
}
