//===- Passes.td - passes on our own levels ---------------------*- tablegen -*-===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRANSFORMS_PASSES_TD
#define FLASHLIGHT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Borders: what holds at each level
//===----------------------------------------------------------------------===//

def VerifyProgram : Pass<"flashlight-verify-program", "::mlir::ModuleOp"> {
  let summary = "checks that a module is at the program level";
  let description = [{
    Runs after import, and after every pass of the level. Changes nothing.

    r1: every op is `arith`, `math`, `func.return` or one of the dialect's program ops:
        `contract`, `reduce`, `broadcast`, `iota`, `size`, `transpose`, `reshape`, `slice`,
        `concat`, `gather`, `scan`, `torch_call`.
    r2: what is computed with is a ranked tensor; only `torch_call`, arguments and
        results may be anything else.
    r3: a tensor's encoding is `#flashlight.symbols` where it has dynamic dims, none otherwise.
    r4: a function has one block.
  }];
}

def VerifyKernel : Pass<"flashlight-verify-kernel", "::mlir::ModuleOp"> {
  let summary = "checks that a module is at the kernel level";
  let description = [{
    Runs after kernels are formed, and after every pass of the level. Changes nothing.

    r1: in a kernel, every op is `arith`, `math` or one of `contract`, `reduce`, `broadcast`,
        `iota`, `size`, `read`, `stream`, `yield`.
    r2: memory (a kernel's block argument) is touched by `read` only.
    r3: every other value in a kernel is a tensor whose dims are named by axes.
    r4: streams sweep the kernel's `stream` axis and do not nest.
    r5: around the kernels, the module is a program (see `flashlight-verify-program`).
  }];
}

def VerifyTile : Pass<"flashlight-verify-tile", "::mlir::ModuleOp"> {
  let summary = "checks that a module is at the tile level";
  let description = [{
    Runs after tiling, before a backend takes over. Changes nothing.

    r1: a function with a grid has one block and no results.
    r2: its arguments are memrefs that are read, memrefs marked `flashlight.output`, then
        one index for every symbol, each once.
    r3: inputs are only loaded, outputs only stored to.
    r4: the grid is an array of `#flashlight.grid_axis` with tiles of at least 1, and the
        symbols of its extents are arguments.
    r5: its ops are `arith`, `math`, `tensor.splat`, `scf.for`, `scf.if`, and `load`, `store`,
        `contract`, `reduce`, `broadcast`, `iota`, `program_id`: no kernel, stream or read is left.
    r6: its values are scalars and static tensors without an encoding.
    r7: every other function is a program (see `flashlight-verify-program`) with launches.
  }];
}

//===----------------------------------------------------------------------===//
// Program to tile
//===----------------------------------------------------------------------===//

def Simplify : Pass<"flashlight-simplify", "::mlir::func::FuncOp"> {
  let summary = "looks through views and casts that compute nothing";
  let description = [{
    Program level. Folds chains of transposes and reshapes, and removes the
    roundings between pointwise ops: `extf(truncf(x))` becomes `x` where `x` had the
    wider type, also across views and selects. A program in half precision is thereby computed
    at least as precisely as eager computes it, op by op. A sum of products of two factors that are
    repeated along different dims becomes a `flashlight.contract`. What is flattened for
    pointwise ops and taken apart behind them is computed in its own shape.

    ```mlir
    %0 = arith.truncf %x : tensor<8xf32> to tensor<8xbf16>
    %1 = arith.extf %0 : tensor<8xbf16> to tensor<8xf32>
    %2 = math.exp %1 : tensor<8xf32>
    // becomes
    %2 = math.exp %x : tensor<8xf32>
    ```
  }];
  let statistics = [Statistic<"numCasts", "casts", "roundings removed">];
}

def FlattenConcats : Pass<"flashlight-flatten-concats", "::mlir::func::FuncOp"> {
  let summary = "writes a concat of slices of concats as one concat";
  let description = [{
    Program level. A tensor that a program fills part by part (`out[:, h] = ...`) is a chain of
    concats, each of what stood before, the new part, and what stood behind. It becomes one concat,
    and a slice of a single part one of that part.

    ```mlir
    %0 = flashlight.concat %a, %b dim 0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
    %head = flashlight.slice %0 offsets [0, 0] strides [1, 1] : tensor<2x4xf32> -> tensor<1x4xf32>
    %1 = flashlight.concat %head, %x dim 0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
    // becomes
    %1 = flashlight.concat %a, %x dim 0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
    ```
  }];
  let dependentDialects = ["FlashlightDialect"];
  let statistics = [Statistic<"numFlattened", "concats", "concats flattened">,
                    Statistic<"numTaken", "slices", "slices of a single part">];
}

def SelectConcats : Pass<"flashlight-select-concats", "::mlir::func::FuncOp"> {
  let summary = "chooses among functions of one tensor instead of putting its parts together";
  let description = [{
    Program level. Where the parts of a concat are pointwise functions of what lies in their own
    places (`scores[..., 0] = 0`), all are computed everywhere, and an element is chosen by its
    position: a condition of axes for the kernel, which then has one product of scores.

    ```mlir
    %tail = flashlight.slice %x offsets [1] strides [1] : tensor<8xf32> -> tensor<7xf32>
    %0 = flashlight.concat %zero, %tail dim 0 : (tensor<1xf32>, tensor<7xf32>) -> tensor<8xf32>
    // becomes, with %first true for position 0 alone and zeros in its shape
    %0 = arith.select %first, %zeros, %x : tensor<8xi1>, tensor<8xf32>
    ```

    Up to four parts; one that is anything else, or lies elsewhere (what is shifted), leaves the
    concat as it is.
  }];
  let dependentDialects = ["FlashlightDialect", "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numConcats", "concats", "concats that became choices">];
}

def BatchConcats : Pass<"flashlight-batch-concats", "::mlir::func::FuncOp"> {
  let summary = "computes all parts of a concat at once where they are computed alike";
  let description = [{
    Program level. The parts of a concat may be the same computation of what lies side by side in
    the same tensors: heads in a Python loop that are stacked, queries in chunks. They become one
    computation with one more dim:

    ```mlir
    %q0 = flashlight.slice %q offsets [0, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
    %q1 = flashlight.slice %q offsets [4, 0] strides [1, 1] : tensor<8x4xf32> -> tensor<4x4xf32>
    // o0 and o1 of q0 and q1, by the same ops
    %o = flashlight.concat %o0, %o1 dim 0 : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
    // becomes
    %qs = flashlight.reshape %q : tensor<8x4xf32> -> tensor<2x4x4xf32>
    // os of qs, by those ops
    %o = flashlight.reshape %os : tensor<2x4x6xf32> -> tensor<8x6xf32>
    ```

    Only where a part has two contractions (scores, and what they weigh), and where nothing else
    needs what a part computes on the way.
  }];
  let dependentDialects = ["FlashlightDialect", "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numConcats", "concats", "concats computed at once">];
}

def NormalizeShifts : Pass<"flashlight-normalize-shifts", "::mlir::func::FuncOp"> {
  let summary = "takes shifts out of scans and contractions";
  let description = [{
    Program level. A scan that is moved on by one element, and one of what is, is an
    `exclusive` scan; a total less a scan is one from the other end; the scan of a
    constant is a multiple of the positions. A contraction of shifted factors, as a
    convolution of weights is, is a sum of shifted contractions of the factor itself;
    running sums along the rows of scores are sums of outputs, or of queries.

    ```mlir
    %s = flashlight.scan sum %x dim 1 : tensor<8x64xf32>
    %part = flashlight.slice %s offsets [0, 0] strides [1, 1] : tensor<8x64xf32> -> tensor<8x63xf32>
    %0 = flashlight.concat %zero, %part dim 1
        : (tensor<8x1xf32>, tensor<8x63xf32>) -> tensor<8x64xf32>
    // becomes
    %0 = flashlight.scan sum %x dim 1 exclusive : tensor<8x64xf32>
    ```

    Inputs are taken to be finite: where a value may be infinite for another reason, a
    difference of sums stays as it is.
  }];
  let dependentDialects = ["FlashlightDialect", "::mlir::arith::ArithDialect"];
}

def SplitConcats : Pass<"flashlight-split-concats", "::mlir::func::FuncOp"> {
  let summary = "computes with the parts of a concat instead of the whole";
  let description = [{
    Program level. A concat is pushed through pointwise ops, views and slices until a
    reduction or contraction over its dim combines the parts, or a slice takes one of them:

    ```mlir
    %c = flashlight.concat %s, %sink dim 1 : (tensor<8x64xf32>, tensor<8x1xf32>) -> tensor<8x65xf32>
    %m = flashlight.reduce max %c dims [1] : tensor<8x65xf32> -> tensor<8xf32>
    // becomes
    %m0 = flashlight.reduce max %s dims [1] : tensor<8x64xf32> -> tensor<8xf32>
    %m1 = flashlight.reshape %sink : tensor<8x1xf32> -> tensor<8xf32>
    %m = arith.maximumf %m0, %m1 : tensor<8xf32>
    ```

    The cost rule: a concat is split if that removes it for good, so that no op needs the whole
    tensor; if no projection is cut in parts; and if it gives one sweep over the keys: keys in
    several long parts (as of a cache and many new ones), and parts of a mask or of values where
    the scores are one product, stay one tensor. At most eight keys beside many are parts
    of one key each (a learnt key in front, the new key of a step): their scores are sums of
    products of rows, and their values terms of the result.

    Scores that were computed of parts of the keys, one by one, are taken together: they are the
    scores of the keys' concat, and sums over parts of them are sums over all. So are sums
    that a program rescales from part to part, as an online softmax in a Python loop does, if
    the parts lie side by side in the same tensors: a rescaling by `exp(r - r')` moves back into
    the sum of `exp(s - r)`.
  }];
  let dependentDialects = ["FlashlightDialect", "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numConcats", "concats", "concats split">,
                    Statistic<"numJoined", "joined", "scores in parts taken together">];
}

def FormKernels : Pass<"flashlight-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "decides which ops share a kernel and names its axes";
  let description = [{
    Program level to kernel level. A kernel grows around a reduction over an axis n
    (a contraction, a sum, a maximum) of what is itself computed along n from rows and keys:

    - every value over n and the rows (scores, masks, biases, probabilities) is computed in the
      kernel and nowhere stored;
    - so is every reduction of such values over n, and pointwise ops of finished rows;
    - pointwise ops and norms of rows or keys alone are computed in the kernel too, those of keys
      if that costs the target less than to make them once and read them (docs/cost.md);
      projections are read from memory;
    - what another kernel computes (row statistics, for a sum of columns) is an output of it;
    - probabilities that are stored, or summed over heads, are a kernel that keeps n: it reads the
      row statistics, sweeps over the heads or nothing, and writes an element a row and key;
    - views after an output become its memory layout.

    ```mlir
    %s = flashlight.contract %q, %k "bmd,bnd->bmn" : ...
    %p = math.exp %s : tensor<2x128x256xf32>
    %o = flashlight.contract %p, %v "bmn,bne->bme" : ...
    // becomes
    %o = flashlight.kernel "kernel_0" axes(b = 2, m = 128, e = 64, n = 256, d = 64) stream "n" ...
    ```

    A contraction that starts no kernel gets `flashlight.reason`. So do the ops of a kernel that
    the function's `flashlight.refused` names, `{kernel_0 = "why not"}`: a backend could not
    compile it, so it is not formed.
  }];
  let dependentDialects = ["FlashlightDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
    Option<"arch", "arch", "int64_t", "0", "of a GPU: 90 for sm_90, the default">];
  let statistics = [
    Statistic<"numKernels", "kernels", "kernels formed">,
    Statistic<"numVisits", "visits", "ops looked at to find them, again for every kernel">];
}

def ReducePredicates : Pass<"flashlight-reduce-predicates"> {
  let summary = "moves comparisons out of any and all";
  let description = [{
    Kernel level. A comparison with a constant is monotone, so an extremum decides it for
    all keys at once, and often the kernel has that extremum already:

    ```mlir
    %0 = arith.cmpf une, %s, %neg_inf : ...
    %1 = flashlight.reduce any %0 : ...
    // becomes
    %0 = flashlight.reduce max %s : ...
    %1 = arith.cmpf une, %0, %neg_inf : ...
    ```
  }];
  let dependentDialects = ["FlashlightDialect"];
}

def SplitKernels : Pass<"flashlight-split-kernels"> {
  let summary = "divides a kernel where its parts cost less";
  let description = [{
    Kernel level, before the online form is derived. Each *wide* statistic, one with a value
    axis, holds an accumulator of rows x width while it streams. Where several have no room
    beside each other, or so little that parts are clearly faster, the kernel becomes several:
    some wide statistics in the first, the rest in the next. What the first finishes and the next
    needs is a result of the one and read by the other.

    ```mlir
    %o = flashlight.kernel "kernel_0" ... {
      %o1 = flashlight.contract %p1, %v1 : ...
      %o2 = flashlight.contract %p2, %v2 : ...
      %d = arith.subf %o1, %o2 : ...
      flashlight.yield %d at ...
    }
    // becomes
    %c = flashlight.kernel "kernel_0_0" ... {
      %o1 = flashlight.contract %p1, %v1 : ...
      flashlight.yield %o1 at ...
    }
    %o = flashlight.kernel "kernel_0_1" ... (%mc = %c, ...) ... {
      %o1 = flashlight.read %mc at ...
      %o2 = flashlight.contract %p2, %v2 : ...
      %d = arith.subf %o1, %o2 : ...
      flashlight.yield %d at ...
    }
    ```

    A statistic without a value axis that both need (the maximum and the sum of one softmax) is
    computed twice, or read by the second kernel: whichever costs less. A kernel is split where
    it has no tiles that fit the target and all its parts have, or where the parts with their
    launches take less than three quarters of its time (docs/cost.md). A remark compares the two. A
    part has the name of the kernel as `flashlight.part_of` and the estimate of the whole as
    `flashlight.undivided`; a kernel that stays whole has that of its best parts as
    `flashlight.in_parts`. What the function's `flashlight.no_room` names, `{kernel_0 = "why"}`, is
    taken not to fit whatever its estimate: a backend could not compile it.
  }];
  let dependentDialects = ["FlashlightDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"\"", "cpu or cuda; none: nothing is split">,
    Option<"arch", "arch", "int64_t", "0", "of a GPU: 90 for sm_90, the default">,
    Option<"prefer", "prefer", "std::string", "\"\"",
           "whole, or most: a kernel for each wide statistic, whatever it costs">,
    Option<"rows", "rows", "std::string", "\"\"",
           "compute or read: row statistics that a kernel before has, whatever it costs">];
  let statistics = [Statistic<"numSplit", "split", "kernels that were split">,
                    Statistic<"numParts", "parts", "kernels that they became">];
}

def DeriveOnline : Pass<"flashlight-derive-online"> {
  let summary = "derives the running state of reductions over the stream";
  let description = [{
    Kernel level. Replaces the reductions over a kernel's stream axis by
    `flashlight.stream` ops, as few as the algebra allows. A statistic that depends
    on another of the same sweep is *hoisted* or *repaired* (see Factorize.h); where
    there is no repair it takes another sweep, and a remark says which op blocked it.
    Where splitting a reduction in two saves a sweep, that is done; with a target, if the
    cost model expects it to be faster (docs/cost.md). A remark then compares the two, and the
    kernel has the estimate of the other one as `flashlight.other_form`.

    ```mlir
    %m = flashlight.reduce max %s           // over n
    %e = math.exp (%s - %m)
    %l = flashlight.reduce sum %e           // over n
    // becomes
    %r:2 = flashlight.stream "n" (%m0 = ..., %l0 = ...) {
      %m1 = maximumf(%m0, reduce max %s)
      %c = exp(%m0 - %m1)
      %l1 = %l0 * %c + reduce sum exp(%s - %m1)
      flashlight.yield %m1, %l1
    }
    ```
  }];
  let dependentDialects = ["FlashlightDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"\"", "cpu or cuda; none: the fewest sweeps">,
    Option<"arch", "arch", "int64_t", "0", "of a GPU: 90 for sm_90, the default">,
    Option<"prefer", "prefer", "std::string", "\"\"", "fewest or most sweeps, whatever they cost">];
  let statistics = [Statistic<"numSweeps", "sweeps", "sweeps over a stream">];
}

def PrintDerivation : Pass<"flashlight-print-derivation", "::mlir::ModuleOp"> {
  let summary = "prints kernels as formulas";
  let description = [{
    Kernel level, for people; changes nothing. Writes to the standard output what every kernel
    reads, its running state and the corrections of it, its sparsity and its results.

    ```
    kernel_0: one sweep over n
      axes
        m = 8, n = 16 (streamed)
      reads
        x[m,n] = x[m, n] : 8x16xf32
      state before the sweep
        M[m] = -inf
        L[m] = 0
      sweep over n
        M'[m] = max(M, max_n x[m,n])
        L'[m] = L * guard(exp(M - guard(M'))) + sum_n exp(x[m,n] - guard(M'))
    ```
  }];
}

def InferSparsity : Pass<"flashlight-infer-sparsity"> {
  let summary = "finds the blocks of a stream that contribute nothing";
  let description = [{
    Kernel level, after the online form is derived. For every condition in a stream's
    body: if a block in which it fails everywhere provably leaves the state as it is, and it
    is made of affine comparisons of axes, its region bounds the sweep.

    ```mlir
    %keep = arith.cmpi sge, %m, %n
    %s1 = arith.select %keep, %s, %neg_inf
    // gives the stream
    keep = [affine_set<(b, h, m, e, n, d) : (m - n >= 0)>]
    ```

    The proof is symbolic evaluation of the body (SymbolicBlock.h); a finite fill, which a
    fully masked row would average over, fails it and is not skipped.
  }];
  let statistics = [Statistic<"numSparse", "sparse", "streams with bounds">];
}

def Schedule : Pass<"flashlight-schedule"> {
  let summary = "chooses tiles, layout, warps and stages for a target";
  let description = [{
    Kernel level. Sets the `#flashlight.schedule` of every kernel, by the roles that its
    contractions and reductions give its axes: one row axis is blocked, the stream is blocked, inner
    axes are held whole, value axes too or divided among programs, every other axis has tiles of one
    element. On a GPU, of the possible sizes those with the least estimated time are taken, among
    those whose registers, shared memory and accumulators the target has (docs/cost.md).

    ```mlir
    flashlight.kernel "k" axes(...) stream "n" schedule
        #flashlight.schedule<cpu, tiles(n = 64, d = 64, m = 64, e = 64), warps = 1, stages = 1> ...
    ```

    `flashlight.cost` on the kernel, and on its function after flashlight-tile, holds the estimate:
    a dictionary, see flashlight-print-cost.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
    Option<"arch", "arch", "int64_t", "0", "of a GPU: 90 for sm_90, the default">,
    Option<"skip", "skip", "unsigned", "0", "take not the best tiles, but those after so many">];
}

def PrintCost : Pass<"flashlight-print-cost", "::mlir::ModuleOp"> {
  let summary = "prints what kernels cost on a target";
  let description = [{
    Kernel level, for people; changes nothing. Writes to the standard output what the cost model
    expects of every kernel: with the tiles of its schedule if it has one for the target, else with
    the best ones, and what other tilings would cost.

    ```
    kernel_0 on cuda:sm_90
      m = 128, d = 64, n = 64, e = 64; 8 warps, 3 stages
        33.1 us: 1 sweep, 128 programs, 8.6 GFLOP, 67.1 M exponentials, 16.8 MB moved
        110 registers (32 of state), 65536 B shared
      others
        m = 64, d = 64, n = 64, e = 64; 4 warps, 3 stages: 34.7 us
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cuda\"", "cpu or cuda">,
    Option<"arch", "arch", "int64_t", "0", "of a GPU: 90 for sm_90, the default">,
    Option<"others", "others", "unsigned", "3", "how many other tilings are listed">];
}

def Tile : Pass<"flashlight-tile", "::mlir::ModuleOp"> {
  let summary = "writes kernels as programs over tiles";
  let description = [{
    Kernel level to tile level. A `flashlight.kernel` with a schedule becomes a function
    with a grid and a `flashlight.launch` of it; a `flashlight.stream` becomes an `scf.for` over
    full blocks and, where the extent is no multiple of the block, one masked block more.
    `test/Tile/attention.mlir` shows the result.
  }];
  let dependentDialects = ["FlashlightDialect", "::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FLASHLIGHT_TRANSFORMS_PASSES_TD
