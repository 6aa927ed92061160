//===- Passes.td - from tile programs to LLVM -------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_CPU_PASSES_TD
#define FLASHLIGHT_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def TileToLinalg : Pass<"flashlight-tile-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "groups tile ops into linalg loops";
  let description = [{
    Every contraction becomes a `linalg.generic`; pointwise ops and reductions that
    run over one iteration space and feed each other become one `linalg.generic`
    with several results, so that a score tile is read once for its scale, its mask
    and its row maximum. Broadcasts become indexing maps, `iota` becomes
    `linalg.index`, splats become scalars. Loads and stores stay, but for loads that
    are gathered element by element: these are pointwise ops of their loop. A rounding
    to a half type that only contractions take is left out: tiles are kept as f32.

    ```mlir
    %s = arith.mulf %dot, %scale : tensor<64x32xf32>
    %x = flashlight.reduce max %s dims [0] : tensor<64x32xf32> -> tensor<32xf32>
    // becomes
    %s, %x = linalg.generic {indexing_maps = [(i, j) -> (i, j), (i, j) -> (i, j), (i, j) -> (j)],
                             iterator_types = ["reduction", "parallel"]}
        ins(%dot) outs(%empty, %fill) { ... }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def BufferizeTiles : Pass<"flashlight-bufferize-tiles", "::mlir::func::FuncOp"> {
  let summary = "gives every tile a place in one scratch buffer";
  let description = [{
    Static tiles need no allocator: this pass decides which values share a place
    and puts all places into one buffer, an argument that the caller gives (one a
    thread). A loop-carried tile is updated in place wherever its old value is dead
    by then; a pointwise result takes the place of an operand that dies there.

    Tiles of f16 and bf16 are kept as f32, which holds them exactly: they are widened
    once, as they are loaded, and narrowed as they are stored. Tiles of i1 are kept
    as i8. The function gains two arguments: the program's index (in place of
    `flashlight.program_id`) and the scratch buffer.

    ```mlir
    %k = flashlight.load %mem[...] : memref<...xbf16> -> tensor<64x64xbf16>
    // becomes loops that fill
    %k = memref.view %scratch[%offset][] : memref<81920xi8> to memref<64x64xf32>
    ```
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512",
                        "width of the target's vector registers">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numCopies", "copies", "tiles copied between places">];
}

def VectorizeTiles : Pass<"flashlight-vectorize-tiles", "::mlir::func::FuncOp"> {
  let summary = "turns linalg ops on buffers into loops over vectors";
  let description = [{
    One dim of the iteration space becomes the vector: the one along which most of
    the memory is contiguous. The parallel dims are cut into blocks of registers;
    running sums and maxima of a block live in registers while the reduced dims are
    swept, and memory sees them once.

    ```mlir
    // linalg.generic "ikj", acc[i, j] += a[i, k] * b[k, j] becomes
    scf.for %i step 8 { scf.for %j step 32 {
      %acc:16 = scf.for %k iter_args(...) {
        %b0 = vector.load %b[%k, %j] ...    %a0 = memref.load %a[%i, %k] ...
        %r0 = math.fma %splat_a0, %b0, %acc0 : vector<16xf32> ...
    ```
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "512",
                        "width of the target's vector registers">];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect"];
}

def ExpandMath : Pass<"flashlight-expand-math", "::mlir::func::FuncOp"> {
  let summary = "expands functions on vectors into arithmetic";
  let description = [{
    `exp`, `log`, `tanh`, `erf`, `sin`, `cos`, `pow` and their kin become polynomials on f32
    vectors, accurate to 1 to 4 units in the last place; other functions are taken apart into
    scalars, for which the C library is called. Maxima that propagate NaN become a
    comparison and a selection.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def CpuToLLVM : Pass<"flashlight-cpu-to-llvm", "::mlir::ModuleOp"> {
  let summary = "converts a lowered kernel to the LLVM dialect, with its entry points";
  let description = [{
    Adds, for every kernel `@k`, what the runtime needs. `args` holds
    eight bytes for every pointer, size, stride and symbol, in the order of `@k`'s
    arguments (of a memref: pointer, sizes, strides).

    ```mlir
    llvm.func @k.run(%first: i64, %last: i64, %scratch: !llvm.ptr, %args: !llvm.ptr)
    llvm.func @k.programs(%args: !llvm.ptr) -> i64   // how many programs the grid has
    llvm.mlir.global @k.scratch : i64                     // bytes of scratch memory a thread needs
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::ub::UBDialect"];
}

#endif // FLASHLIGHT_CPU_PASSES_TD
