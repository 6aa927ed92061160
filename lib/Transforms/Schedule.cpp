//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-schedule: see Passes.td. The one pass that knows the target.
//
// What an axis is shows in the contractions: one that both the streamed and another
// factor lack is a row axis or a value axis, depending on which contraction.
// The inner axes (what a score sums over) and the value axes must fit a tile whole.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

namespace flashlight {
#define GEN_PASS_DEF_SCHEDULE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// The axes of a kernel, by what its contractions do with them.
struct AxisRoles {
  llvm::SmallSetVector<StringAttr, 4> rows, values, inner;
};

struct Schedule : flashlight::impl::ScheduleBase<Schedule> {
  using ScheduleBase::ScheduleBase;

  void runOnOperation() override {
    if (target != "cpu" && target != "cuda") {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    WalkResult walked = getOperation()->walk([&](KernelOp kernel) {
      return failed(scheduleKernel(kernel)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  static AxisRoles findRoles(KernelOp kernel) {
    AxisRoles roles;
    StringAttr stream = kernel.getStreamAttr();
    kernel.walk([&](ContractOp op) {
      ContractOp::Labels labels = op.getLabels();
      auto has = [](ArrayRef<StringAttr> names, StringAttr name) {
        return llvm::is_contained(names, name);
      };
      bool overStream = !has(labels.result, stream);
      for (auto [own, other] :
           {std::pair(&labels.lhs, &labels.rhs), std::pair(&labels.rhs, &labels.lhs)})
        for (StringAttr name : *own) {
          if (name == stream)
            continue;
          if (!has(labels.result, name))
            roles.inner.insert(name);
          else if (!has(*other, name) && !overStream && !has(*own, stream))
            roles.rows.insert(name); // of the factor without keys
        }
    });
    kernel.walk([&](ContractOp op) {
      ContractOp::Labels labels = op.getLabels();
      if (llvm::is_contained(labels.result, stream))
        return;
      // Of the two factors of a contraction over the stream, the one with rows holds probabilities.
      auto hasRows = [&](ArrayRef<StringAttr> names) {
        return llvm::any_of(names, [&](StringAttr name) { return roles.rows.contains(name); });
      };
      bool rowsLeft = hasRows(labels.lhs), rowsRight = hasRows(labels.rhs);
      // A single query has no row axis; the whole value row is a tile all the same.
      bool both = !rowsLeft && !rowsRight;
      for (auto [own, other, holds] : {std::tuple(&labels.rhs, &labels.lhs, rowsLeft || both),
                                       std::tuple(&labels.lhs, &labels.rhs, !rowsLeft || both)})
        for (StringAttr name : *own)
          if (holds && name != stream && !llvm::is_contained(*other, name) &&
              !roles.rows.contains(name))
            roles.values.insert(name);
    });
    return roles;
  }

  LogicalResult scheduleKernel(KernelOp kernel) {
    AxisRoles roles = findRoles(kernel);
    for (auto &set : {roles.inner, roles.values})
      for (StringAttr name : set)
        if (kernel.getAxis(name).isDynamic())
          return kernel.emitError() << "expected a static extent of axis '" << name.getValue()
                                    << "': a tile holds all of it, got '"
                                    << kernel.getAxis(name).getSymbol().getValue() << "'";
    StringAttr row; // the innermost axis of rows, or of the output where no contraction tells
    for (AxisAttr axis : kernel.getAxes().getAsRange<AxisAttr>())
      if (roles.rows.contains(axis.getName()))
        row = axis.getName();
    return target == "cpu" ? scheduleCpu(kernel, roles, row) : scheduleCuda(kernel, roles, row);
  }

  AxisAttr tile(StringAttr name, int64_t size) {
    return AxisAttr::get(&getContext(), name, size, StringAttr());
  }

  /// The extent, rounded up to a multiple of `unit`, at most `limit`; `limit` if it is dynamic.
  static int64_t roundedTile(AxisAttr axis, int64_t unit, int64_t limit) {
    return axis.isDynamic() ? limit : std::min<int64_t>(limit, llvm::alignTo(axis.getSize(), unit));
  }

  /// Scores as [n, m]: rows are vector lanes, a statistic along n is a plain vector operation, and
  /// keys and values are read as they lie. 64 x 64 tiles of all four operands fit a 48 KiB L1.
  LogicalResult scheduleCpu(KernelOp kernel, AxisRoles &roles, StringAttr row) {
    constexpr int64_t lanes = 16; // of f32 in 512 bits
    SmallVector<AxisAttr> tiles;
    AxisAttr stream = kernel.getAxis(kernel.getStreamAttr());
    tiles.push_back(
        tile(stream.getName(), stream.isDynamic() ? 64 : std::min<int64_t>(64, stream.getSize())));
    for (StringAttr name : roles.inner)
      tiles.push_back(tile(name, kernel.getAxis(name).getSize()));
    if (row)
      tiles.push_back(tile(row, roundedTile(kernel.getAxis(row), lanes, 64)));
    for (StringAttr name : roles.values)
      tiles.push_back(tile(name, llvm::alignTo(kernel.getAxis(name).getSize(), lanes)));
    kernel.setScheduleAttr(
        ScheduleAttr::get(&getContext(), StringAttr::get(&getContext(), "cpu"), tiles, 1, 1));
    return success();
  }

  /// Powers of two, at least 16 for a tensor core, in the order that a dot wants: m, d, n, e.
  LogicalResult scheduleCuda(KernelOp kernel, AxisRoles &roles, StringAttr row) {
    auto whole = [&](StringAttr name) {
      return std::max<int64_t>(16, llvm::PowerOf2Ceil(kernel.getAxis(name).getSize()));
    };
    auto blocked = [&](StringAttr name, int64_t limit) {
      AxisAttr axis = kernel.getAxis(name);
      return axis.isDynamic() ? limit
                              : std::clamp<int64_t>(llvm::PowerOf2Ceil(axis.getSize()), 16, limit);
    };
    int64_t width = 16; // of the accumulator
    for (StringAttr name : roles.values)
      width *= whole(name) / (width == 16 ? 16 : 1);
    // A contraction of f32 has no tensor core: its operands are spread over registers.
    bool scalar = false;
    kernel.walk([&](ContractOp op) {
      scalar |= cast<RankedTensorType>(op.getLhs().getType()).getElementType().isF32() &&
                cast<RankedTensorType>(op.getRhs().getType()).getElementType().isF32();
    });
    bool wide = width > 128 || scalar;
    SmallVector<AxisAttr> tiles;
    if (row)
      tiles.push_back(tile(row, blocked(row, scalar ? 32 : wide ? 64 : 128)));
    for (StringAttr name : roles.inner)
      tiles.push_back(tile(name, whole(name)));
    tiles.push_back(tile(kernel.getStreamAttr(), blocked(kernel.getStreamAttr(), wide ? 32 : 64)));
    for (StringAttr name : roles.values)
      tiles.push_back(tile(name, whole(name)));
    int64_t warps = row && tiles.front().getSize() >= 128 ? 8 : 4;
    kernel.setScheduleAttr(
        ScheduleAttr::get(&getContext(), StringAttr::get(&getContext(), "cuda"), tiles, warps, 3));
    return success();
  }
};

} // namespace
