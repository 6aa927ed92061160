//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header: the sections of an explanation. Formulas are made by
// KernelFormulas.
//
//===----------------------------------------------------------------------===//

#include "flashlight/Transforms/ExplainKernel.h"

#include "AxisRoles.h"
#include "KernelFormulas.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace flashlight;

namespace {

class Explainer {
public:
  explicit Explainer(KernelOp kernel) : kernel(kernel), formulas(kernel) {}

  std::vector<ExplainedSection> explain();

private:
  ExplainedSection &add(const Twine &title) {
    // Sections are referred to while more are added.
    sections.push_back(std::make_unique<ExplainedSection>());
    sections.back()->title = title.str();
    return *sections.back();
  }
  void explainAxes();
  void explainReads();
  void explainSweep(StreamOp stream, unsigned number, unsigned count);
  void explainMerge(StreamOp stream, ArrayRef<std::string> names, const std::string &which);
  void explainResults();
  void explainGuards();

  KernelOp kernel;
  KernelFormulas formulas;
  SmallVector<std::unique_ptr<ExplainedSection>> sections;
};

} // namespace

static std::string typeText(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto symbols = dyn_cast_or_null<SymbolsAttr>(type.getEncoding());
  std::string text;
  llvm::raw_string_ostream os(text);
  unsigned next = 0;
  for (int64_t size : type.getShape()) {
    if (!ShapedType::isDynamic(size))
      os << size << "x";
    else
      os << (symbols ? symbols.getNames()[next++].getValue() : "?") << "x";
  }
  os << type.getElementType();
  return text;
}

void Explainer::explainAxes() {
  ExplainedSection &section = add("axes");
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(kernel.getAxes().getAsRange<AxisAttr>(), os, [&](AxisAttr axis) {
    axis.printBody(os);
    if (axis.getName() == kernel.getStreamAttr())
      os << (keepsStream(kernel) ? " (kept)" : " (streamed)");
  });
  section.lines.push_back({text, {}});
  if (ArrayRef<std::string> batch = formulas.getBatchAxes(); !batch.empty())
    section.lines.push_back(
        {"every formula holds for all " + llvm::join(batch, ", ") + ", which are not written", {}});
}

void Explainer::explainReads() {
  if (formulas.getReads().empty())
    return;
  ExplainedSection &section = add("reads");
  for (auto [read, name] : formulas.getReads()) {
    std::string memory = formulas.memoryName(read.getSource());
    std::string access = formulas.accessText(memory, read.getMap());
    section.lines.push_back({name + " = " + access + " : " + typeText(read.getSource()), {}});
  }
}

/// What a state is called, by the op that combines it with a block.
static StringRef stateName(Value updated) {
  Operation *op = updated.getDefiningOp();
  if (!op)
    return "C";
  if (isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp, arith::MinimumFOp, arith::MinNumFOp,
          arith::MinSIOp>(op))
    return "M";
  if (isa<ContractOp>(op))
    return "A";
  if (isa<arith::AddFOp, arith::AddIOp>(op))
    return llvm::any_of(op->getOperands(), [](Value v) { return v.getDefiningOp<ContractOp>(); })
               ? "A"
               : "L";
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return "P";
  if (isa<arith::OrIOp, arith::AndIOp>(op))
    return "B";
  return "C";
}

void Explainer::explainSweep(StreamOp stream, unsigned number, unsigned count) {
  Block &body = stream.getBody().front();
  OperandRange updated = body.getTerminator()->getOperands();
  SmallVector<std::string> names;
  ExplainedSection &before = add(number == 0 ? "before the sweep" : "between the sweeps");
  formulas.setSection(&before);
  std::string which = count > 1 ? "sweep " + std::to_string(number + 1) : "the sweep";
  ExplainedSection start;
  formulas.setSection(&start);
  for (auto [init, argument, value] : llvm::zip(stream.getInits(), body.getArguments(), updated)) {
    names.push_back(formulas.fresh(stateName(value)));
    formulas.setName(argument, names.back());
    formulas.addState(argument);
    start.lines.push_back(
        {formulas.indexed(names.back(), argument) + " = " + formulas.formulaOf(init).str(), {}});
  }
  add("state before " + which).lines = start.lines;

  std::string title = which + " over " + stream.getAxis().str();
  if (title[0] == 't')
    title = title.substr(4);
  if (stream.getReverse())
    title += ", from the last block to the first";
  if (std::optional<ArrayAttr> keep = stream.getKeep(); keep && !keep->empty()) {
    SmallVector<Formula> symbols;
    if (stream.getKeepSymbols())
      for (StringAttr symbol : stream.getKeepSymbols()->getAsRange<StringAttr>())
        symbols.push_back(Formula::atom(symbol.getValue()));
    unsigned left = 0;
    for (auto [i, axis] : llvm::enumerate(formulas.getAxisNames()))
      if (axis == stream.getAxis())
        left = i;
    SmallVector<std::string> sets;
    for (IntegerSetAttr set : keep->getAsRange<IntegerSetAttr>())
      sets.push_back(setFormula(set.getValue(), formulas.getAxisNames(), symbols, left));
    title += ", blocks with " + llvm::join(sets, " or ") + " only";
  }
  ExplainedSection &sweep = add(title);
  formulas.setSection(&sweep);
  // Each update may use those before it by name.
  SmallVector<unsigned> order;
  for (auto [i, value] : llvm::enumerate(updated)) {
    order.push_back(i);
    formulas.addState(value);
    Operation *op = value.getDefiningOp();
    if (op && op->getBlock() == &body)
      formulas.setName(value, names[i] + "'");
  }
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    Operation *x = updated[a].getDefiningOp(), *y = updated[b].getDefiningOp();
    return x && y && x->getBlock() == &body && y->getBlock() == &body && x->isBeforeInBlock(y);
  });
  for (unsigned i : order)
    formulas.define(formulas.indexed(names[i] + "'", updated[i]), updated[i]);
  if (!stream.getMerge().empty())
    explainMerge(stream, names, which);
  for (auto [result, name] : llvm::zip(stream.getResults(), names)) {
    formulas.setName(result, name);
    formulas.addState(result);
  }
}

/// Two ranges of the axis, a and b, that were swept apart.
void Explainer::explainMerge(StreamOp stream, ArrayRef<std::string> names,
                             const std::string &which) {
  Block &body = stream.getMerge().front();
  ExplainedSection &section = add("two parts a and b of " + which + " merge");
  formulas.setSection(&section);
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    formulas.setName(argument, names[i % names.size()] + (i < names.size() ? "_a" : "_b"));
    formulas.addState(argument);
  }
  OperandRange merged = body.getTerminator()->getOperands();
  for (auto [name, value] : llvm::zip(names, merged)) {
    formulas.addState(value);
    formulas.define(formulas.indexed(name, value), value);
    formulas.setName(value, name);
  }
}

void Explainer::explainResults() {
  bool streamed = !kernel.getBlock().getOps<StreamOp>().empty();
  ExplainedSection &finish = add(streamed ? "after the last block" : "definitions");
  ExplainedSection results;
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  auto nodes = kernel->getAttrOfType<ArrayAttr>(kNodesAttr);
  ExplainedSection &written = add("results");
  formulas.setSection(&finish);
  for (auto [i, value] : llvm::enumerate(yield.getOperands())) {
    std::string name = nodes ? cast<StringAttr>(nodes[i]).str() : "";
    if (name.empty())
      name = kernel.getNumResults() == 1 ? "result" : "result" + std::to_string(i);
    auto map = cast<AffineMapAttr>((*yield.getMaps())[i]).getValue();
    formulas.define(formulas.accessText(name, map), value);
    written.lines.push_back(std::move(finish.lines.back()));
    finish.lines.pop_back();
    written.lines.back().text += " : " + typeText(kernel.getResult(i));
  }
}

void Explainer::explainGuards() {
  const Guards &guards = formulas.getGuards();
  ExplainedSection &section = add("where");
  if (guards.guard)
    section.lines.push_back(
        {"guard(x) is x; while an extremum is unset (no key so far, or masked ones only) it is 0 "
         "for the extremum and 1 for a factor",
         {}});
  if (guards.restore)
    section.lines.push_back(
        {"restore(x) is 1, and x in rows whose extremum is unset at the end: they get what the "
         "program as written gives them",
         {}});
  if (guards.lost)
    section.lines.push_back(
        {"lost(x) is what rounding took from the sum x; it is carried beside it", {}});
}

std::vector<ExplainedSection> Explainer::explain() {
  explainAxes();
  explainReads();
  SmallVector<StreamOp> streams(kernel.getBlock().getOps<StreamOp>());
  for (auto [i, stream] : llvm::enumerate(streams))
    explainSweep(stream, i, streams.size());
  explainResults();
  explainGuards();
  std::vector<ExplainedSection> result;
  for (std::unique_ptr<ExplainedSection> &section : sections)
    if (!section->lines.empty())
      result.push_back(std::move(*section));
  return result;
}

std::vector<ExplainedSection> flashlight::explainKernel(KernelOp kernel) {
  return Explainer(kernel).explain();
}

std::string flashlight::explanationText(KernelOp kernel) {
  auto streams = kernel.getBlock().getOps<StreamOp>();
  size_t sweeps = std::distance(streams.begin(), streams.end());
  std::string text;
  llvm::raw_string_ostream os(text);
  os << kernel.getSymName() << ": ";
  if (keepsStream(kernel))
    os << "no sweep: " << kernel.getStream() << " is kept";
  else if (sweeps == 0)
    os << "not derived yet";
  else if (sweeps == 1)
    os << "one sweep over " << kernel.getStream();
  else
    os << sweeps << " sweeps over " << kernel.getStream();
  os << "\n";
  for (const ExplainedSection &section : explainKernel(kernel)) {
    os << "  " << section.title << "\n";
    for (const ExplainedLine &line : section.lines)
      os << "    " << line.text << "\n";
  }
  return text;
}
