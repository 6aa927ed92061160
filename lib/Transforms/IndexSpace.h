//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Index expressions over axis variables, and how they travel through views.
//
// An index of a value has one affine expression a dim, over variables that stand
// for axes still to be named. Two variables become one when one value is needed
// under both and nothing tells them apart (alpha-equivalence of reductions). A
// symbol of an expression is a lookup: an element of an integer tensor, which is
// looked up at an index of its own.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_INDEXSPACE_H
#define FLASHLIGHT_LIB_TRANSFORMS_INDEXSPACE_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/AffineExpr.h"

namespace flashlight {

/// What an axis is to the kernel. Batch axes index both the rows and the keys; only they may be
/// taken apart by division, because a tile never has more than one element of them.
enum class AxisRole { Batch, Row, Value, Stream, Inner };

using Index = llvm::SmallVector<mlir::AffineExpr>;

/// The extent of a dim: static, or the value of a symbol.
struct Extent {
  int64_t size = mlir::ShapedType::kDynamic;
  mlir::StringAttr symbol;
  bool operator==(const Extent &other) const {
    return size == other.size && symbol == other.symbol;
  }
};

/// The extent of dim `dim` of a program-level tensor.
Extent getExtent(mlir::RankedTensorType type, unsigned dim);

class IndexSpace {
public:
  explicit IndexSpace(mlir::MLIRContext *context) : context(context) {}

  struct Variable {
    Extent extent;
    AxisRole role = AxisRole::Batch;
    int output = -1; // which output's dim this is, or -1 for a reduced dim
    // What a reduction that is not over the stream is needed at, for its reduced dim: the dim may
    // take the place of any axis that this does not use.
    std::optional<Index> scope;
    llvm::SmallVector<unsigned, 4> apart; // variables that some index has beside this one
    unsigned parent;
  };

  unsigned create(Extent extent, AxisRole role, int output = -1);
  unsigned find(unsigned variable) const;
  Variable &operator[](unsigned variable) { return variables[find(variable)]; }
  const Variable &operator[](unsigned variable) const { return variables[find(variable)]; }
  mlir::AffineExpr dim(unsigned variable) const;
  bool isBound(unsigned variable) const { return variables[variable].scope.has_value(); }
  unsigned size() const { return variables.size(); }

  /// The expression with every variable replaced by the one it was unified with.
  mlir::AffineExpr canonical(mlir::AffineExpr expr) const;
  Index canonical(llvm::ArrayRef<mlir::AffineExpr> index) const;

  /// Makes the two indices equal if they differ only in variables that nothing tells apart: two
  /// reduced dims of one extent, dims of two different outputs, or a bound dim and any other.
  bool unify(llvm::ArrayRef<mlir::AffineExpr> a, llvm::ArrayRef<mlir::AffineExpr> b);

  /// The variables of an index are axes of one value: made one they would be its diagonal alone, so
  /// they never are.
  void keepApart(llvm::ArrayRef<mlir::AffineExpr> index);

  bool uses(llvm::ArrayRef<mlir::AffineExpr> index, unsigned variable) const;
  bool usesRole(llvm::ArrayRef<mlir::AffineExpr> index, AxisRole role) const;

  /// True if every variable that a tile spans (all but batch axes) and every lookup stands in sums
  /// of multiples only, so that a tile of the value is a strided box of memory.
  bool isTileable(llvm::ArrayRef<mlir::AffineExpr> index) const;

  /// The element of an integer tensor that stands in an index.
  struct Lookup {
    mlir::Value value;
    Index at;
  };

  /// The element of `value` at `at`, as an expression: affine in the variables where the value is
  /// arithmetic of iotas (IndexArithmetic.cpp), a symbol otherwise.
  mlir::AffineExpr lookup(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> at);
  llvm::ArrayRef<Lookup> getLookups() const { return lookups; }

  /// The lookups whose symbols the index has, each once, without those behind them.
  llvm::SmallVector<unsigned> lookupsOf(llvm::ArrayRef<mlir::AffineExpr> index) const;

  /// The expression without the divisions and remainders that the axes' extents decide.
  mlir::AffineExpr simplified(mlir::AffineExpr expr) const;

  /// The least (the greatest) value of an expression, where the extents tell it.
  std::optional<int64_t> bound(mlir::AffineExpr expr, bool upper) const;

private:
  using Merges = llvm::SmallVector<std::pair<unsigned, unsigned>>;
  bool unify(llvm::ArrayRef<mlir::AffineExpr> a, llvm::ArrayRef<mlir::AffineExpr> b,
             Merges &merges) const;
  bool merge(const Merges &merges);
  mlir::AffineExpr affine(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> at) const;
  mlir::AffineExpr affineOp(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> at) const;
  std::optional<bool> decide(mlir::Value condition, llvm::ArrayRef<mlir::AffineExpr> at) const;

  mlir::MLIRContext *context;
  llvm::SmallVector<Variable> variables;
  llvm::SmallVector<Lookup> lookups;
};

/// The index of a view's operand, given the index of its result: for broadcast, transpose, slice
/// and reshape. Fails where a dynamic extent hides the correspondence.
mlir::FailureOr<Index> indexOfOperand(mlir::Operation *view,
                                      llvm::ArrayRef<mlir::AffineExpr> index);

/// The other direction, for views that merge or permute dims but do not split them: the index into
/// the result of the element that `index` gives in the operand.
mlir::FailureOr<Index> indexOfResult(mlir::Operation *view, llvm::ArrayRef<mlir::AffineExpr> index);

/// The dim of a view's operand that dim `dim` of its result is, if it is one.
mlir::FailureOr<unsigned> operandDim(mlir::Operation *view, unsigned dim);

bool isView(mlir::Operation *op);

/// Dims [operandBegin, operandEnd) of a reshape's operand hold the same elements, in the same
/// order, as dims [resultBegin, resultEnd) of its result.
struct ReshapeGroup {
  unsigned operandBegin, operandEnd, resultBegin, resultEnd;
};

/// Cuts a reshape into its smallest groups. Within a group only the outermost dims may be dynamic.
mlir::FailureOr<llvm::SmallVector<ReshapeGroup>> reshapeGroups(ReshapeOp op);

/// True if a dim stands in sums of multiples only: no division or remainder has it.
bool isLinearIn(mlir::AffineExpr expr, unsigned dim);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_INDEXSPACE_H
