//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which ops share a kernel, and the index that each of their values is needed at.
//
// A group grows from a reduction over an axis n (the *sink*) of a value that is
// computed from keys and rows: backwards through everything that has both n and
// a row axis, and every reduction of such values over n; then forwards to other
// reductions over n of the group's values, and to pointwise ops of finished rows.
//
// A group may also *keep* n: it writes an element for every pair of row and key (weights that the
// program returns, or their sum over heads), and reads the statistics of its rows from the group
// that owns them.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H
#define FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H

#include "CostModel.h"
#include "IndexSpace.h"
#include "Recompute.h"
#include "RowDims.h"

#include "mlir/IR/Block.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace flashlight {

class KernelGroup;

/// What a group knows of the others: they own the finished values that they compute.
struct KernelNeighbours {
  KernelNeighbours(RowDims &rowDims, const Target &target)
      : rowDims(rowDims), target(target), makingCosts(this->target) {}

  void add(const KernelGroup &group);
  void remove(const KernelGroup &group);
  /// The first op of the block that may depend on `first`, through kernels, too: what a kernel
  /// computes depends on all that it reads, which may stand behind it.
  mlir::Operation *firstDependent(mlir::Operation *first, const KernelGroup *self) const;

  RowDims &rowDims;
  llvm::DenseMap<mlir::Operation *, const KernelGroup *> owner;
  llvm::DenseSet<mlir::Operation *> written; // by groups that keep their keys, and own nothing
  llvm::DenseSet<mlir::Value> wanted;        // what some group reads and another one owns
  /// Ops of scores whose values are in memory for an op outside, on which a kernel of the same
  /// scores waits: it reads them.
  llvm::DenseSet<mlir::Operation *> stored;
  /// For each part of a concat, the position in it of a position in the whole: an integer tensor,
  /// held within the part.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>> positions;
  const Target target; // what a computation costs there, and memory
  mutable MakingCosts makingCosts;
  /// How often an op was looked at, by any group: about linear in the program.
  mutable unsigned visits = 0;

private:
  /// From the first op that a group owns to the last one that it reads.
  llvm::MapVector<const KernelGroup *, std::pair<mlir::Operation *, mlir::Operation *>> spans;
};

/// The positions in the parts of a concat, made in front of it; empty where extents hide them.
llvm::SmallVector<mlir::Value> makePositions(ConcatOp op);

/// The dim of a factor that the contraction sums over, if both factors have exactly one.
mlir::FailureOr<unsigned> contractedDim(ContractOp op, bool left);

class KernelGroup {
public:
  /// One tensor that the kernel writes: `value` inside, `final` after the views that become its
  /// memory layout; `index` maps the kernel's axes to the dims of `final`.
  struct Output {
    mlir::Value value, final;
    Index index;
  };

  /// Builds the group of `sink`, a contraction or a reduction of one dim, or says in `reason` why
  /// it has none. A pointwise sink keeps its keys. `neighbours` outlives the group.
  static std::unique_ptr<KernelGroup>
  build(mlir::Operation *sink, const KernelNeighbours &neighbours, std::string &reason);

  /// True for a member that only this kernel should compute: a statistic, an output.
  bool owns(mlir::Operation *member) const;
  /// True if a scan whose result is needed at `at`, along the scanned dim, runs against the stream
  /// (seen through a flip) or with it; fails for any other index.
  mlir::FailureOr<bool> runsAgainstStream(ScanOp op, mlir::AffineExpr at) const;
  /// The members that a leaf is computed from, by ops that no kernel has.
  llvm::SmallVector<mlir::Operation *> membersBehindLeaves() const;
  /// The members that have the streamed axis and cost a contraction or reduction: S x S memory
  /// where they are stored. Of a kernel that keeps its keys, those that it sums.
  llvm::SmallVector<mlir::Operation *> getStreamedMembers() const;
  mlir::Operation *getSink() const { return sink; }
  /// What a kernel that keeps its keys may write: its sink, and what joins that.
  llvm::ArrayRef<mlir::Operation *> getWritten() const { return joined.getArrayRef(); }
  /// True for a kernel that writes an element for every pair of row and key.
  bool keepsKeys() const { return kept.has_value(); }
  /// The axis that the kernel sweeps: that of the keys, or what it sums over where it keeps those.
  unsigned getSweptAxis() const { return swept.value_or(stream); }

  IndexSpace axes;
  unsigned stream = 0;
  llvm::SetVector<mlir::Operation *> members;
  /// The indices at which each value of the kernel is needed: members' results and leaves.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Index>> demands;
  llvm::SetVector<mlir::Value> leaves; // read from memory
  /// The indices into the tensors that a view, gather, concat, contraction or reduction reads, for
  /// an index of its result; none for a part of a concat that the index does not reach.
  llvm::SmallVector<Index> operandIndices(mlir::Operation *op,
                                          llvm::ArrayRef<mlir::AffineExpr> index) const;
  llvm::SmallVector<Output> outputs;
  llvm::DenseSet<mlir::Operation *> streamReductions; // `reduce`s over the stream

private:
  static std::unique_ptr<KernelGroup> build(mlir::Operation *sink, bool left, bool innerReductions,
                                            const KernelNeighbours &neighbours, std::string &reason,
                                            bool &tooLarge);
  /// What is kept of a sink with rows and keys.
  struct Kept {
    unsigned n;         // the dim of the keys in the result
    mlir::Value factor; // what is summed, if that is what the sink does,
    unsigned axis;      // over this dim of it
  };
  static std::optional<Kept> keptBy(mlir::Operation *sink, RowDims &rowDims);
  static std::unique_ptr<KernelGroup> buildKept(mlir::Operation *sink, Kept kept,
                                                const KernelNeighbours &neighbours,
                                                std::string &reason);
  bool isOverSweptAxis(mlir::Operation *op) const;
  bool joinKept(mlir::Operation *op, llvm::DenseSet<mlir::Value> &streamed);
  KernelGroup(mlir::Operation *sink, const KernelNeighbours &neighbours)
      : axes(sink->getContext()), neighbours(neighbours), rowDims(neighbours.rowDims), sink(sink),
        block(sink->getBlock()), context(sink->getContext()) {}

  llvm::SmallVector<std::pair<mlir::Value, unsigned>> weightsOfSameValues() const;
  using Dims = llvm::DenseMap<mlir::Value, unsigned>;
  void followDims(llvm::ArrayRef<std::pair<mlir::Value, unsigned>> from, Dims &dims);
  bool finishes(std::string &reason, bool &tooLarge);
  mlir::Value factorOfRows(ContractOp op) const;
  void need(mlir::ArrayRef<mlir::Value> roots);
  llvm::SmallVector<Extent> partsOf(mlir::Value value, unsigned dim,
                                    llvm::DenseSet<std::pair<mlir::Value, unsigned>> &seen) const;
  void demand(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> index);
  bool absorb(mlir::Operation *op);
  bool absorbView(mlir::Operation *op, llvm::ArrayRef<Index> indices);
  bool isLookedUp(mlir::Value value);
  bool isLookedUpForPairs(llvm::ArrayRef<mlir::AffineExpr> index) const;
  bool absorbGather(GatherOp op, llvm::ArrayRef<Index> indices);
  bool absorbConcat(ConcatOp op, llvm::ArrayRef<Index> indices);
  bool isProjectionOfScores(ContractOp op, llvm::ArrayRef<mlir::AffineExpr> index);
  bool leaveProjectionsOfStored();
  bool absorbContract(ContractOp op, llvm::ArrayRef<Index> indices);
  bool isOfOtherScores(mlir::Value value, unsigned dim);
  bool absorbInnerReduce(ReduceOp op, llvm::ArrayRef<Index> indices);
  bool reducesWholeAxes();
  bool isWholeDim(mlir::Value value, unsigned dim) const;
  std::optional<std::pair<mlir::Value, unsigned>> sourceOf(mlir::Value value, unsigned dim) const;
  std::optional<AxisRole> roleOf(mlir::Value value, unsigned dim) const;
  bool keepsRows(mlir::Operation *view) const;
  bool absorbReduce(ReduceOp op, llvm::ArrayRef<Index> indices);
  bool isOfRows(mlir::Value value, unsigned n, llvm::ArrayRef<mlir::AffineExpr> index);
  bool absorbScan(ScanOp op, llvm::ArrayRef<Index> indices);
  bool isWorthRecomputing(mlir::Operation *op, llvm::ArrayRef<Index> indices) const;
  bool absorbPointwise(mlir::Operation *op, llvm::ArrayRef<Index> indices);
  bool isTooLarge() const;
  void extendForward();
  bool joinReduction(mlir::Operation *op, llvm::DenseSet<mlir::Value> &streamed);
  bool joinRows(mlir::Operation *op, const llvm::DenseSet<mlir::Value> &streamed);
  bool collectBetween(mlir::Value value, llvm::SmallSetVector<mlir::Operation *, 8> &between);
  void addMember(mlir::Operation *op);
  void noteDerived(mlir::Operation *op);
  bool isDerived(mlir::Value value) const;
  bool isFinished(mlir::Value value) const;
  bool isOfDistances(mlir::AffineExpr expr) const;
  bool isOfPairs(llvm::ArrayRef<mlir::AffineExpr> index) const;
  bool isScoreLike(llvm::ArrayRef<mlir::AffineExpr> index) const;
  void nameRows(ReduceOp op, llvm::ArrayRef<mlir::AffineExpr> index);
  void walkBehind(llvm::ArrayRef<mlir::Value> values,
                  llvm::function_ref<bool(mlir::Operation *)> found, bool throughKernels,
                  llvm::function_ref<mlir::WalkResult(mlir::Operation *)> visit) const;
  bool dependsOn(llvm::ArrayRef<mlir::Value> values,
                 llvm::function_ref<bool(mlir::Operation *)> found, bool throughKernels) const;
  bool dependsOnMembers(mlir::Value value);
  void findOutputs();
  std::optional<unsigned> streamedDimOf(mlir::Value value, unsigned depth = 4) const;
  bool isStreamReduction(mlir::Operation *op) const;
  bool isComputed() const;
  bool hasProjection() const;
  bool fitsTiles();
  bool isConsistent() const;
  bool writesAllOfOutputs() const;

  const KernelNeighbours &neighbours;
  RowDims &rowDims;
  mlir::Operation *sink;
  bool innerReductions = true; // norms of rows and keys are computed in the kernel
  std::optional<Kept> kept;
  std::optional<unsigned> swept; // the axis that is summed over instead of the keys
  // What the sink reduces, computed in the kernel; its result, where that has the keys.
  mlir::Value probabilities;
  mlir::Block *block;
  mlir::MLIRContext *context;
  llvm::SmallVector<mlir::Operation *> pending; // a heap of ops that `need` has to look at
  struct Passed {
    Index result;
    llvm::SmallVector<Index> operands;
  };
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Passed>> passed; // not of pointwise ops
  Dims streamedDim; // the dim of a value that is n
  Dims sweptDim;    // the dim of a value that is summed over where n is kept
  llvm::DenseSet<mlir::Operation *> fixedMembers; // absorbed whatever the rules say
  llvm::SetVector<mlir::Operation *> joined;      // see `getWritten`
  llvm::DenseSet<mlir::Operation *> leftOutside;  // projections of what is stored anyway
  llvm::DenseSet<mlir::Operation *> derived;      // members for which isDerived holds
  /// What is known of ops that depend on derived contractions and reductions, and of ops that do
  /// not; of the former, what more than pointwise ops and views lies between.
  llvm::DenseSet<mlir::Operation *> dependent, independent, waiting;
  mlir::Operation *firstSum = nullptr; // the first derived contraction or reduction
};

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_KERNELGROUP_H
