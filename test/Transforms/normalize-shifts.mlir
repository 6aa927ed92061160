// RUN: flashlight-opt %s --flashlight-normalize-shifts --canonicalize --cse | FileCheck %s

// A scan that is moved on by one, behind what combining nothing gives.
// CHECK-LABEL: @moved_on_by_one
// CHECK-NEXT: %[[E:.*]] = flashlight.scan prod %arg0 dim 1 exclusive
// CHECK-NEXT: return %[[E]]
func.func @moved_on_by_one(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %one = arith.constant dense<1.0> : tensor<f32>
  %head = flashlight.broadcast %one dims [] : tensor<f32> -> tensor<8x1xf32>
  %s = flashlight.scan prod %x dim 1 : tensor<8x16xf32>
  %part = flashlight.slice %s offsets [0, 0] strides [1, 1] : tensor<8x16xf32> -> tensor<8x15xf32>
  %0 = flashlight.concat %head, %part dim 1 : (tensor<8x1xf32>, tensor<8x15xf32>) -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// exp of sums of logarithms: exp(0) = 1 stands in front. Padded, then cut.
// CHECK-LABEL: @function_of_a_scan
// CHECK-NEXT: %[[E:.*]] = flashlight.scan sum %arg0 dim 1 exclusive
// CHECK-NEXT: %[[F:.*]] = math.exp %[[E]]
// CHECK-NEXT: return %[[F]]
func.func @function_of_a_scan(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %one = arith.constant dense<1.0> : tensor<f32>
  %head = flashlight.broadcast %one dims [] : tensor<f32> -> tensor<8x1xf32>
  %s = flashlight.scan sum %x dim 1 : tensor<8x16xf32>
  %f = math.exp %s : tensor<8x16xf32>
  %padded = flashlight.concat %head, %f dim 1 : (tensor<8x1xf32>, tensor<8x16xf32>) -> tensor<8x17xf32>
  %0 = flashlight.slice %padded offsets [0, 0] strides [1, 1] : tensor<8x17xf32> -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// From the last element on, behind another number than 0.
// CHECK-LABEL: @backwards_behind_another_number
// CHECK: %[[E:.*]] = flashlight.scan sum %arg0 dim 1 reverse exclusive
// CHECK: %[[LAST:.*]] = arith.cmpi eq
// CHECK: arith.select %[[LAST]], %{{.*}}, %[[E]]
func.func @backwards_behind_another_number(%x: tensor<8x16xf32>, %tail: tensor<8x1xf32>) -> tensor<8x16xf32> {
  %s = flashlight.scan sum %x dim 1 reverse : tensor<8x16xf32>
  %part = flashlight.slice %s offsets [0, 1] strides [1, 1] : tensor<8x16xf32> -> tensor<8x15xf32>
  %0 = flashlight.concat %part, %tail dim 1 : (tensor<8x15xf32>, tensor<8x1xf32>) -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// What is scanned is moved: the head counts everywhere.
// CHECK-LABEL: @scan_of_what_is_moved
// CHECK: %[[E:.*]] = flashlight.scan max %arg0 dim 1 exclusive
// CHECK: %[[H:.*]] = flashlight.broadcast %arg1 dims [0, 1]
// CHECK: arith.maximumf %[[H]], %[[E]]
func.func @scan_of_what_is_moved(%x: tensor<8x16xf32>, %head: tensor<8x1xf32>) -> tensor<8x16xf32> {
  %part = flashlight.slice %x offsets [0, 0] strides [1, 1] : tensor<8x16xf32> -> tensor<8x15xf32>
  %moved = flashlight.concat %head, %part dim 1 : (tensor<8x1xf32>, tensor<8x15xf32>) -> tensor<8x16xf32>
  %0 = flashlight.scan max %moved dim 1 : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// T - S + x is the sum from the other end, and loses no digits.
// CHECK-LABEL: @total_less_scan
// CHECK: %[[R:.*]] = flashlight.scan sum %[[X:.*]] dim 1 reverse :
// CHECK: return %[[R]]
func.func @total_less_scan(%y: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %x = math.tanh %y : tensor<8x16xf32>
  %t = flashlight.reduce sum %x dims [1] : tensor<8x16xf32> -> tensor<8xf32>
  %tk = flashlight.reshape %t : tensor<8xf32> -> tensor<8x1xf32>
  %tb = flashlight.broadcast %tk dims [0, 1] : tensor<8x1xf32> -> tensor<8x16xf32>
  %s = flashlight.scan sum %x dim 1 : tensor<8x16xf32>
  %after = arith.subf %tb, %s : tensor<8x16xf32>
  %0 = arith.addf %after, %x : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// The last of a scan is the total, and of a scan from the other end there is an exclusive one.
// CHECK-LABEL: @last_less_scan
// CHECK: %[[R:.*]] = flashlight.scan sum %arg0 dim 1 reverse exclusive
// CHECK: return %[[R]]
func.func @last_less_scan(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %s = flashlight.scan sum %x dim 1 : tensor<8x16xf32>
  %last = flashlight.slice %s offsets [0, 15] strides [1, 1] : tensor<8x16xf32> -> tensor<8x1xf32>
  %lb = flashlight.broadcast %last dims [0, 1] : tensor<8x1xf32> -> tensor<8x16xf32>
  %0 = arith.subf %lb, %s : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// A total of rows is no total of columns.
// CHECK-LABEL: @total_along_another_dim
// CHECK: flashlight.reduce
// CHECK: flashlight.scan sum %arg0 dim 1 :
// CHECK: arith.subf
func.func @total_along_another_dim(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %t = flashlight.reduce sum %x dims [1] : tensor<8x8xf32> -> tensor<8xf32>
  %tb = flashlight.broadcast %t dims [1] : tensor<8xf32> -> tensor<8x8xf32>
  %s = flashlight.scan sum %x dim 1 : tensor<8x8xf32>
  %0 = arith.subf %tb, %s : tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// After -inf, total less scan is NaN, which a sum from the other end is not.
// CHECK-LABEL: @may_be_infinite
// CHECK: arith.subf
func.func @may_be_infinite(%y: tensor<8x16xf32>, %c: tensor<8x16xi1>) -> tensor<8x16xf32> {
  %inf = arith.constant dense<0xFF800000> : tensor<8x16xf32>
  %x = arith.select %c, %y, %inf : tensor<8x16xi1>, tensor<8x16xf32>
  %t = flashlight.reduce sum %x dims [1] : tensor<8x16xf32> -> tensor<8xf32>
  %tb = flashlight.broadcast %t dims [0] : tensor<8xf32> -> tensor<8x16xf32>
  %s = flashlight.scan sum %x dim 1 : tensor<8x16xf32>
  %0 = arith.subf %tb, %s : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// Sums of ones are positions.
// CHECK-LABEL: @sums_of_ones
// CHECK-NOT: flashlight.scan
// CHECK: flashlight.iota : tensor<16xi64>
// CHECK: arith.addi
// CHECK-NOT: arith.muli
// CHECK: return
func.func @sums_of_ones() -> tensor<8x16xi64> {
  %one = arith.constant dense<1> : tensor<i64>
  %x = flashlight.broadcast %one dims [] : tensor<i64> -> tensor<8x16xi64>
  %0 = flashlight.scan sum %x dim 1 : tensor<8x16xi64>
  return %0 : tensor<8x16xi64>
}

// Along the keys a shift moves to the values, in the other direction.
// CHECK-LABEL: @shifted_along_keys
// CHECK: %[[P:.*]] = math.exp
// CHECK: %[[PART:.*]] = flashlight.slice %arg2 offsets [2, 0] strides [1, 1] : tensor<16x4xf32> -> tensor<14x4xf32>
// CHECK: %[[V:.*]] = flashlight.concat %[[PART]], %{{.*}} dim 0
// CHECK: %[[O:.*]] = flashlight.contract %[[P]], %[[V]] "mn,ne->me"
// CHECK: return %[[O]]
func.func @shifted_along_keys(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x4xf32>) -> tensor<8x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %p = math.exp %s : tensor<8x16xf32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %z = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<8x2xf32>
  %padded = flashlight.concat %z, %p dim 1 : (tensor<8x2xf32>, tensor<8x16xf32>) -> tensor<8x18xf32>
  %moved = flashlight.slice %padded offsets [0, 0] strides [1, 1] : tensor<8x18xf32> -> tensor<8x16xf32>
  %0 = flashlight.contract %moved, %v "mn,ne->me" : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// Along the rows it moves behind the contraction; a factor of rows, too. What is not shifted is a
// contraction of its own.
// CHECK-LABEL: @shifted_along_rows
// CHECK: %[[P:.*]] = math.exp
// CHECK: %[[O:.*]] = flashlight.contract %[[P]], %arg2 "mn,ne->me"
// CHECK: %[[PART:.*]] = flashlight.slice %[[O]] offsets [0, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<7x4xf32>
// CHECK: %[[MOVED:.*]] = flashlight.concat %{{.*}}, %[[PART]] dim 0
// CHECK: %[[SCALED:.*]] = arith.mulf %[[MOVED]]
// CHECK: arith.addf %[[O]], %[[SCALED]]
func.func @shifted_along_rows(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x4xf32>, %w: tensor<8xf32>) -> tensor<8x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %p = math.exp %s : tensor<8x16xf32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %z = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<1x16xf32>
  %padded = flashlight.concat %z, %p dim 0 : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<9x16xf32>
  %moved = flashlight.slice %padded offsets [0, 0] strides [1, 1] : tensor<9x16xf32> -> tensor<8x16xf32>
  %wb = flashlight.broadcast %w dims [0] : tensor<8xf32> -> tensor<8x16xf32>
  %scaled = arith.mulf %moved, %wb : tensor<8x16xf32>
  %sum = arith.addf %p, %scaled : tensor<8x16xf32>
  %0 = flashlight.contract %sum, %v "mn,ne->me" : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// A function behind the convolution is in the way.
// CHECK-LABEL: @function_of_shifted
// CHECK: math.tanh
// CHECK-NEXT: flashlight.contract
func.func @function_of_shifted(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x4xf32>) -> tensor<8x4xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %z = flashlight.broadcast %zero dims [] : tensor<f32> -> tensor<8x2xf32>
  %part = flashlight.slice %s offsets [0, 0] strides [1, 1] : tensor<8x16xf32> -> tensor<8x14xf32>
  %moved = flashlight.concat %z, %part dim 1 : (tensor<8x2xf32>, tensor<8x14xf32>) -> tensor<8x16xf32>
  %sum = arith.addf %s, %moved : tensor<8x16xf32>
  %t = math.tanh %sum : tensor<8x16xf32>
  %0 = flashlight.contract %t, %v "mn,ne->me" : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// sum_n (sum_{m' <= m} p[m', n]) v[n] = sum_{m' <= m} (sum_n p[m', n] v[n])
// CHECK-LABEL: @summed_up_weights
// CHECK: %[[P:.*]] = math.exp
// CHECK-NEXT: %[[O:.*]] = flashlight.contract %[[P]], %arg2 "mn,ne->me"
// CHECK-NEXT: %[[S:.*]] = flashlight.scan sum %[[O]] dim 0
// CHECK-NEXT: return %[[S]]
func.func @summed_up_weights(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>, %v: tensor<16x3xf32>) -> tensor<8x3xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %p = math.exp %s : tensor<8x16xf32>
  %c = flashlight.scan sum %p dim 0 : tensor<8x16xf32>
  %o = flashlight.contract %c, %v "mn,ne->me" : tensor<8x16xf32>, tensor<16x3xf32> -> tensor<8x3xf32>
  return %o : tensor<8x3xf32>
}

// sum_{m' <= m} c (sum_d q[m', d] k[n, d]) = c (sum_d (sum_{m' <= m} q[m', d]) k[n, d])
// CHECK-LABEL: @summed_up_scores
// CHECK: %[[Q:.*]] = flashlight.scan sum %arg0 dim 0
// CHECK: %[[S:.*]] = flashlight.contract %[[Q]], %arg1 "md,nd->mn"
// CHECK: %[[C:.*]] = arith.mulf %[[S]]
// CHECK: flashlight.reduce max %[[C]] dims [1]
func.func @summed_up_scores(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>) -> tensor<8xf32> {
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %scale = flashlight.broadcast %quarter dims [] : tensor<f32> -> tensor<8x16xf32>
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %x = arith.mulf %s, %scale : tensor<8x16xf32>
  %c = flashlight.scan sum %x dim 0 : tensor<8x16xf32>
  %m = flashlight.reduce max %c dims [1] : tensor<8x16xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}

// Along the stream the kernel carries the sum itself.
// CHECK-LABEL: @summed_up_along_the_stream
// CHECK: %[[S:.*]] = flashlight.contract %arg0, %arg1
// CHECK: flashlight.scan sum %[[S]] dim 1
func.func @summed_up_along_the_stream(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>) -> tensor<8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %c = flashlight.scan sum %s dim 1 : tensor<8x16xf32>
  %m = flashlight.reduce max %c dims [1] : tensor<8x16xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}

// What is no number times the scores is not linear.
// CHECK-LABEL: @summed_up_exponentials
// CHECK: %[[E:.*]] = math.exp
// CHECK: flashlight.scan sum %[[E]] dim 0
func.func @summed_up_exponentials(%q: tensor<8x4xf32>, %k: tensor<16x4xf32>) -> tensor<8xf32> {
  %s = flashlight.contract %q, %k "md,nd->mn" : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  %e = math.exp %s : tensor<8x16xf32>
  %c = flashlight.scan sum %e dim 0 : tensor<8x16xf32>
  %m = flashlight.reduce max %c dims [1] : tensor<8x16xf32> -> tensor<8xf32>
  return %m : tensor<8xf32>
}
