// RUN: flashlight-opt %s --split-input-file --verify-diagnostics

// One case, or more, for every constraint of an op's description: @<op>_<constraint>.

func.func @contract_c1_equation(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected an equation on operands without axes}}
  %0 = flashlight.contract %a, %b : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c1_shape_of_equation(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected an equation like "mk,kn->mn", got "mk,kn"}}
  %0 = flashlight.contract %a, %b "mk,kn" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c1_letters(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected letters in the equation, got '1'}}
  %0 = flashlight.contract %a, %b "m1,1n->mn" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c1_rank(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected 2 letters for the right operand, got 1}}
  %0 = flashlight.contract %a, %b "mk,k->m" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2xf32>
  return
}

// -----

func.func @contract_c1_twice(%a: tensor<3x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{'k' names two dims of the left operand}}
  %0 = flashlight.contract %a, %b "kk,kn->n" : tensor<3x3xf32>, tensor<3x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @contract_c2(%a: tensor<2x3xf32>, %b: tensor<5x4xf32>) {
  // expected-error@+1 {{expected axis 'k' of the right operand (5) to equal that of the left operand (3)}}
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<2x3xf32>, tensor<5x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c2_result(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected axis 'n' of the result (5) to equal that of the right operand (4)}}
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @contract_c3(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{axis 'x' of the result is in no operand}}
  %0 = flashlight.contract %a, %b "mk,kn->mx" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c4_wider(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected operands of the result's element type ('f16') or a narrower one of its kind, got 'f32'}}
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf16>
  return
}

// -----

func.func @contract_c4_inexact(%a: tensor<2x3xf16>, %b: tensor<3x4xf16>) {
  // expected-error@+1 {{expected operands of the result's element type ('bf16') or a narrower one of its kind, got 'f16'}}
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<2x3xf16>, tensor<3x4xf16> -> tensor<2x4xbf16>
  return
}

// -----

func.func @contract_c4_kind(%a: tensor<2x3xi8>, %b: tensor<3x4xf32>) {
  // expected-error@+1 {{expected operands of the result's element type ('f32') or a narrower one of its kind, got 'i8'}}
  %0 = flashlight.contract %a, %b "mk,kn->mn" : tensor<2x3xi8>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_c5(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x5xf32>) {
  // The custom form has one type for both.
  // expected-error@+1 {{expected 'into' to have the result's type 'tensor<2x4xf32>', got 'tensor<2x5xf32>'}}
  %0 = "flashlight.contract"(%a, %b, %c) <{equation = "mk,kn->mn"}> : (tensor<2x3xf32>, tensor<3x4xf32>, tensor<2x5xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @reduce_c1_missing(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected 'dims' on operands without axes}}
  %0 = flashlight.reduce sum %x : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c1_range(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected ascending dims of a rank 2 operand, got 2}}
  %0 = flashlight.reduce sum %x dims [2] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c1_ascending(%x: tensor<2x3x4xf32>) {
  // expected-error@+1 {{expected ascending dims of a rank 3 operand, got 0}}
  %0 = flashlight.reduce sum %x dims [1, 0] : tensor<2x3x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected the result to have the operand's other dims, in order, got 'tensor<3xf32>'}}
  %0 = flashlight.reduce sum %x dims [1] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @reduce_c3_boolean(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected i1 for 'any', got 'f32'}}
  %0 = flashlight.reduce any %x dims [1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c3_number(%x: tensor<2x3xi1>) {
  // expected-error@+1 {{expected numbers for 'sum', got 'i1'}}
  %0 = flashlight.reduce sum %x dims [1] : tensor<2x3xi1> -> tensor<2xi1>
  return
}

// -----

func.func @reduce_c4(%x: tensor<2x3xf16>) {
  // expected-error@+1 {{expected the result to have element type 'f16', got 'f32'}}
  %0 = flashlight.reduce sum %x dims [1] : tensor<2x3xf16> -> tensor<2xf32>
  return
}

// -----

func.func @broadcast_c1_missing(%x: tensor<2xf32>) {
  // expected-error@+1 {{expected one entry of 'dims' for every dim of the operand (1)}}
  %0 = flashlight.broadcast %x : tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_c1_count(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected one entry of 'dims' for every dim of the operand (2)}}
  %0 = flashlight.broadcast %x dims [0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_c1_range(%x: tensor<2xf32>) {
  // expected-error@+1 {{expected ascending dims of a rank 2 result, got 2}}
  %0 = flashlight.broadcast %x dims [2] : tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_c1_ascending(%x: tensor<2x2xf32>) {
  // expected-error@+1 {{expected ascending dims of a rank 2 result, got 0}}
  %0 = flashlight.broadcast %x dims [1, 0] : tensor<2x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @broadcast_c2(%x: tensor<2xf32>) {
  // expected-error@+1 {{expected dim 0 of the operand (2) to equal dim 1 of the result (3)}}
  %0 = flashlight.broadcast %x dims [1] : tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_c4(%x: tensor<2xf16>) {
  // expected-error@+1 {{expected the result to have element type 'f16', got 'f32'}}
  %0 = flashlight.broadcast %x dims [0] : tensor<2xf16> -> tensor<2x3xf32>
  return
}

// -----

func.func @iota_c1() {
  // expected-error@+1 {{expected one dim, got 'tensor<2x3xi64>'}}
  %0 = flashlight.iota : tensor<2x3xi64>
  return
}

// -----

func.func @iota_c2() {
  // expected-error@+1 {{expected integer elements, got 'tensor<2xf32>'}}
  %0 = flashlight.iota : tensor<2xf32>
  return
}

// -----

func.func @size_c1_element() {
  // expected-error@+1 {{expected tensor<i64>, got 'tensor<i32>'}}
  %0 = flashlight.size "s0" : tensor<i32>
  return
}

// -----

func.func @size_c1_rank() {
  // expected-error@+1 {{expected tensor<i64>, got 'tensor<1xi64>'}}
  %0 = flashlight.size "s0" : tensor<1xi64>
  return
}

// -----

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a permutation of 2 dims}}
  %0 = flashlight.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @transpose_c1_count(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a permutation of 2 dims}}
  %0 = flashlight.transpose %x [0] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @transpose_c2(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a result of the permuted shape, got 'tensor<2x3xf32>'}}
  %0 = flashlight.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected 6 elements, got 8}}
  %0 = flashlight.reshape %x : tensor<2x3xf32> -> tensor<8xf32>
  return
}

// -----

func.func @reshape_c2(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected element type 'f32', got 'f16'}}
  %0 = flashlight.reshape %x : tensor<2x3xf32> -> tensor<6xf16>
  return
}

// -----

func.func @slice_c1_count(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected 2 offsets and strides, got 1 and 2}}
  %0 = flashlight.slice %x offsets [0] strides [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_c1_offset(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected an offset of at least 0 and a stride that is not 0 in dim 1, got -1 and 1}}
  %0 = flashlight.slice %x offsets [0, -1] strides [1, 1] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @slice_c1_stride(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected an offset of at least 0 and a stride that is not 0 in dim 0, got 0 and 0}}
  %0 = flashlight.slice %x offsets [0, 0] strides [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected dim 1 of the box to end within 3, got element 4}}
  %0 = flashlight.slice %x offsets [0, 0] strides [1, 2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_c3_rank(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a result of rank 2 and element type 'f32', got 'tensor<2xf32>'}}
  %0 = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @slice_c3_element(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a result of rank 2 and element type 'f32', got 'tensor<2x3xf16>'}}
  %0 = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<2x3xf32> -> tensor<2x3xf16>
  return
}

// -----

func.func @concat_c1_operands() {
  // expected-error@+1 {{expected operands and a dim below 2, got 0 operands and dim 0}}
  %0 = flashlight.concat dim 0 : () -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_c1_dim(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected operands and a dim below 2, got 1 operands and dim 2}}
  %0 = flashlight.concat %x dim 2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<2x3xf32>, %y: tensor<4x3xf32>) {
  // expected-error@+1 {{expected dim 0 of every operand to be 2, got 4}}
  %0 = flashlight.concat %x, %y dim 1 : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c2_element(%x: tensor<2x3xf32>, %y: tensor<2x3xf16>) {
  // expected-error@+1 {{expected operands like the result 'tensor<2x6xf32>', got 'tensor<2x3xf16>'}}
  %0 = flashlight.concat %x, %y dim 1 : (tensor<2x3xf32>, tensor<2x3xf16>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_c3(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected dim 1 of the result to be 6, got 7}}
  %0 = flashlight.concat %x, %x dim 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  return
}

// -----

func.func @gather_c1_type(%x: tensor<2x3xf32>, %i: tensor<4x3xf32>) {
  // expected-error@+1 {{expected integer indices of the result's shape 'tensor<4x3xf32>', got 'tensor<4x3xf32>'}}
  %0 = flashlight.gather %x[%i] at affine_map<(a, b)[i] -> (i, b)> : tensor<2x3xf32>, tensor<4x3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @gather_c1_shape(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{expected integer indices of the result's shape 'tensor<4x3xf32>', got 'tensor<4xi64>'}}
  %0 = flashlight.gather %x[%i] at affine_map<(a, b)[i] -> (i, b)> : tensor<2x3xf32>, tensor<4xi64> -> tensor<4x3xf32>
  return
}

// -----

func.func @gather_c2(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error@+1 {{expected a map from 2 dims and 1 symbols to 2 dims}}
  %0 = flashlight.gather %x[%i] at affine_map<(a, b) -> (a, b)> : tensor<2x3xf32>, tensor<4x3xi64> -> tensor<4x3xf32>
  return
}

// -----

func.func @gather_c3(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error@+1 {{expected element type 'f32', got 'f64'}}
  %0 = flashlight.gather %x[%i] at affine_map<(a, b)[i] -> (i, b)> : tensor<2x3xf32>, tensor<4x3xi64> -> tensor<4x3xf64>
  return
}

// -----

func.func @scan_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected a dim below 2, got 2}}
  %0 = flashlight.scan sum %x dim 2 : tensor<2x3xf32>
  return
}

// -----

func.func @scan_c1_named(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{expected 'dim' on an operand without axes}}
  %0 = flashlight.scan sum %x along "n" : tensor<2x3xf32>
  return
}

// -----

func.func @scan_c1_axis(%x: tensor<2x3xf32, #flashlight.axes<m, n>>) {
  // expected-error@+1 {{expected an axis of #flashlight.axes<m, n>, got 'k'}}
  %0 = flashlight.scan sum %x along "k" : tensor<2x3xf32, #flashlight.axes<m, n>>
  return
}

// -----

func.func @scan_c2(%x: tensor<2x3xi1>) {
  // expected-error@+1 {{expected an arithmetic kind, got 'any'}}
  %0 = flashlight.scan any %x dim 0 : tensor<2x3xi1>
  return
}
