//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-split-kernels: see Passes.td. KernelCut cuts a kernel in two; here it is
// chosen where, by what the parts cost in the forms that they will be derived in.
//
//===----------------------------------------------------------------------===//

#include "KernelCut.h"
#include "KernelForms.h"

#include "flashlight/Transforms/Passes.h"

#include "llvm/Support/Format.h"

namespace flashlight {
#define GEN_PASS_DEF_SPLITKERNELS
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// Of a part: the kernel that was split, and what that costs undivided. Of a kernel that could have
/// been split and is not: what the parts cost.
constexpr llvm::StringLiteral kPartOfAttr = "flashlight.part_of";
constexpr llvm::StringLiteral kUndividedAttr = "flashlight.undivided";
constexpr llvm::StringLiteral kInPartsAttr = "flashlight.in_parts";
/// Of @main: kernels that a backend had no room for whatever the model says, by name, and why.
constexpr llvm::StringLiteral kNoRoomAttr = "flashlight.no_room";

/// The model's time is no measurement, and one kernel needs no memory between parts: what fits is
/// split only for a quarter of its time.
constexpr double kClearly = 0.75;
/// Up to so many wide statistics, every cut is looked at; beyond, those in program order.
constexpr unsigned kMostFreely = 5;
/// Cuts in program order are so many at most, evenly spaced.
constexpr unsigned kMostInOrder = 7;

namespace {

struct Part {
  KernelOp kernel;
  CostEstimate cost;
};
using Parts = SmallVector<Part>;

/// What kernels cost that run one after the other.
struct Total {
  unsigned infeasible = 0;
  double time = 0;

  Total(ArrayRef<Part> parts, double launch) : time((parts.size() - 1) * launch) {
    for (const Part &part : parts) {
      infeasible += !part.cost.feasible;
      time += part.cost.time;
    }
  }
  bool operator<(const Total &other) const {
    return std::pair(infeasible, time) < std::pair(other.infeasible, other.time);
  }
};

} // namespace

/// The sets of wide statistics that a first kernel may have: with all wide ones that they depend
/// on, and without the last, so that of two parts that are independent one order is looked at.
static SmallVector<SmallVector<Operation *>> cutsOf(const StreamDependence &dependence,
                                                    ArrayRef<Operation *> wide) {
  SmallVector<SmallVector<Operation *>> cuts;
  unsigned count = wide.size();
  if (count > kMostFreely) {
    unsigned step = llvm::divideCeil(count - 1, kMostInOrder);
    for (unsigned size = step; size < count; size += step)
      cuts.emplace_back(wide.take_front(size));
    return cuts;
  }
  for (unsigned set = 1; set < 1u << (count - 1); ++set) {
    SmallVector<Operation *> first;
    for (unsigned i = 0; i < count; ++i)
      if (set >> i & 1)
        first.push_back(wide[i]);
    bool closed = llvm::all_of(first, [&](Operation *op) {
      return llvm::all_of(dependence.statisticsOf(op->getResult(0)), [&](Operation *earlier) {
        return !llvm::is_contained(wide, earlier) || llvm::is_contained(first, earlier);
      });
    });
    if (closed)
      cuts.push_back(std::move(first));
  }
  return cuts;
}

namespace {

struct SplitKernels : flashlight::impl::SplitKernelsBase<SplitKernels> {
  using SplitKernelsBase::SplitKernelsBase;

  void runOnOperation() override {
    if (!target.empty() && !(known = Target::get(target, arch))) {
      getOperation()->emitError() << "expected the target to be cpu or cuda, got " << target;
      return signalPassFailure();
    }
    if (prefer == "whole" || (!known && prefer != "most"))
      return;
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) {
      if (kernel.getBlock().getOps<StreamOp>().empty())
        kernels.push_back(kernel);
    });
    for (KernelOp kernel : kernels) {
      if (failed(orientScans(kernel)))
        return signalPassFailure();
      split(kernel);
    }
  }

  void split(KernelOp kernel);
  Parts divide(Part whole);
  CostEstimate costOf(KernelOp kernel) {
    return known ? estimateBestForm(kernel, *known) : CostEstimate();
  }
  double launch() const { return known ? known->launch : 0; }
  std::string describe(ArrayRef<Part> parts);

  std::optional<Target> known;
  Parts rejected; // estimates of the parts that the whole is better than
};

} // namespace

static void erase(ArrayRef<Part> parts) {
  for (const Part &part : llvm::reverse(parts)) // the later ones read the earlier ones
    part.kernel->erase();
}

/// The whole as parts, the whole itself if no cut is better. What is cut is erased.
Parts SplitKernels::divide(Part whole) {
  StreamDependence dependence(whole.kernel);
  SmallVector<Operation *> wide = wideStatistics(whole.kernel, dependence);
  if (wide.size() < 2)
    return {whole};
  std::optional<KernelCut> best;
  Parts bestParts;
  bool forced = prefer == "most";
  for (ArrayRef<Operation *> first : cutsOf(dependence, wide)) {
    for (bool readRows : {false, true}) {
      if ((readRows && rows == "compute") || (!readRows && rows == "read"))
        continue;
      KernelCut cut = cutKernel(whole.kernel, dependence, first, readRows);
      Parts parts{{cut.first, {}}, {cut.second, {}}};
      // Without a row statistic that both kernels have, the two ways are one.
      bool isNew = !readRows || cut.readsRows || rows == "read";
      if (isNew && !forced)
        for (Part &part : parts)
          part.cost = costOf(part.kernel);
      if (isNew && (!best || Total(parts, launch()) < Total(bestParts, launch()))) {
        std::swap(parts, bestParts);
        best.emplace(std::move(cut));
      }
      erase(parts);
    }
    if (forced && best)
      break;
  }
  Total cost(bestParts, launch());
  if (!forced && whole.cost.feasible &&
      (cost.infeasible || cost.time > kClearly * whole.cost.time)) {
    erase(bestParts);
    rejected = bestParts;
    return {whole};
  }
  whole.kernel->replaceAllUsesWith(best->results);
  whole.kernel->erase();
  Parts parts = divide(bestParts[0]);
  parts.append(divide(bestParts[1]));
  return parts;
}

std::string SplitKernels::describe(ArrayRef<Part> parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (parts.size() == 1 ? "one kernel: " : std::to_string(parts.size()) + " kernels: ")
     << llvm::format("%.1f us", Total(parts, launch()).time);
  if (known->isGpu()) {
    os << " with ";
    llvm::interleave(parts, os, [&](const Part &part) { os << part.cost.registers; }, " and ");
    os << " registers";
  }
  for (const Part &part : parts)
    if (!part.cost.feasible)
      os << " (too large: " << part.cost.reason << ")";
  return text;
}

/// Divided is a copy, with one wide sum for each term of what is summed (a difference of weights);
/// it is given up if some part has no room all the same.
void SplitKernels::split(KernelOp kernel) {
  OpBuilder builder(kernel);
  auto copy = cast<KernelOp>(builder.clone(*kernel));
  splitBlocked(copy);
  if (wideStatistics(copy, StreamDependence(copy)).size() < 2) {
    copy->erase();
    return;
  }
  bool forced = prefer == "most";
  Part whole{kernel, forced ? CostEstimate() : costOf(kernel)};
  if (auto noRoom = kernel->getParentOp()->getAttrOfType<DictionaryAttr>(kNoRoomAttr))
    if (auto why = noRoom.getAs<StringAttr>(kernel.getSymName())) {
      whole.cost.feasible = false;
      whole.cost.reason = why.str();
    }
  Type any = kernel.getResult(0).getType();
  auto results = UnrealizedConversionCastOp::create(builder, kernel.getLoc(), TypeRange(any),
                                                    copy.getResults());
  rejected.clear();
  Parts parts = divide({copy, whole.cost});
  bool isSplit = parts.size() > 1 && (forced || !Total(parts, launch()).infeasible);
  if (!isSplit) {
    if (parts.size() > 1)
      rejected = parts;
    results->erase();
    erase(parts);
    if (!rejected.empty())
      kernel->setAttr(kInPartsAttr, builder.getStringAttr(describe(rejected)));
    return;
  }
  kernel->replaceAllUsesWith(results.getInputs());
  results->erase();
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::string name = kernel.getSymName().str() + "_" + std::to_string(i);
    part.kernel.setSymName(name);
    part.kernel->setAttr(kPartOfAttr, kernel.getSymNameAttr());
    if (!forced) {
      part.kernel->setAttr(kUndividedAttr, builder.getStringAttr(describe(whole)));
      wideStatistics(part.kernel, StreamDependence(part.kernel)).back()->emitRemark()
          << "on " << known->str() << ", in " << describe(parts) << "; not " << describe(whole);
    }
  }
  kernel->erase();
  ++numSplit;
  numParts += parts.size();
}
