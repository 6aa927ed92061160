//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Derivation.h: which sweep computes which statistic.
//
//===----------------------------------------------------------------------===//

#include "Derivation.h"

using namespace mlir;
using namespace flashlight;

/// A statistic joins the sweep of those it depends on if it can be corrected when they move;
/// otherwise it waits for their final values, in the next sweep. A scan has no correction: the
/// statistics under it are finished before.
void Derivation::plan() {
  llvm::DenseMap<Operation *, unsigned> ready; // the first sweep that may compute a scan
  auto firstSweep = [&](Operation *op) {
    unsigned first = 0;
    for (Value operand : op->getOperands())
      for (Operation *scan : dependence.scansOf(operand))
        first = std::max(first, ready[scan]);
    return first;
  };
  auto lastSweep = [&](Operation *op) { // of the statistics that it depends on
    std::optional<unsigned> last;
    for (Value operand : op->getOperands())
      for (Operation *earlier : dependence.statisticsOf(operand))
        last = std::max(last.value_or(0), sweepOf[earlier]);
    return last;
  };
  auto statistics = dependence.getStatistics();
  for (Operation &each : kernel.getBlock()) {
    Operation *op = &each;
    if (llvm::is_contained(dependence.getScans(), op)) {
      std::optional<unsigned> last = lastSweep(op);
      ready[op] = std::max(firstSweep(op), last ? *last + 1 : 0);
      continue;
    }
    if (!llvm::is_contained(statistics, op))
      continue;
    unsigned sweep = std::max(firstSweep(op), lastSweep(op).value_or(0));
    Factorization found;
    bool moves = llvm::any_of(op->getOperands(), [&](Value v) { return movesIn(v, sweep); });
    if (moves &&
        failed(factorize(
            op, dependence, [&](Operation *other) { return isRunning(other, sweep); }, found))) {
      blocked.push_back({op, std::move(found)});
      found = Factorization();
      ++sweep;
    }
    // While it runs, a statistic lacks the factors that were hoisted out of it.
    auto lacksFactors = [&](Operation *earlier) {
      return isRunning(earlier, sweep) && !factorizations[earlier].hoists.empty();
    };
    bool usesPart = llvm::any_of(found.matched, lacksFactors);
    for (const ExponentTerm &term : found.repairs)
      usesPart |= llvm::any_of(dependence.statisticsOf(term.value), lacksFactors);
    // Exponents take an unset extremum for 0, comparisons may not: not both in one statistic.
    auto inExponents = [&](Operation *extremum) {
      return llvm::any_of(factorizations, [&](auto &entry) {
        return llvm::any_of(entry.second.repairs, [&](const ExponentTerm &term) {
          return dependence.statisticsOf(term.value).contains(extremum);
        });
      });
    };
    if (usesPart || (!found.repairs.empty() && llvm::any_of(found.matched, inExponents))) {
      blocked.push_back({op, Factorization()});
      found = Factorization();
      ++sweep;
    }
    sweepOf[op] = sweep;
    factorizations[op] = std::move(found);
    numSweeps = std::max(numSweeps, sweep + 1);
  }
}

void Derivation::remarkBlocked() {
  for (const Blocked &each : blocked) {
    InFlightDiagnostic remark = each.op->emitRemark()
                                << "takes another sweep over '" << kernel.getStream()
                                << "': it depends on statistics of the same sweep";
    if (each.why.blockingOp)
      remark.attachNote(each.why.blockingOp->getLoc()) << each.why.blockedBy;
  }
}
