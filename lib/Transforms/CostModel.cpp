//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the headers. Work is counted op by op, with tiles as they are computed: padding to
// powers of two, and blocks at the border of a mask, cost what full ones cost.
//
//===----------------------------------------------------------------------===//

#include "CostKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

/// What an extent that is not known yet is taken for.
constexpr int64_t kAssumedExtent = 1024;
/// The least rows, columns and products of a sum that a matrix unit takes.
constexpr int64_t kMinDot = 16;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

CostKernel::Work &CostKernel::Work::add(const Work &other, double times) {
  halfFlops += times * other.halfFlops;
  halfUnits += times * other.halfUnits;
  floatFlops += times * other.floatFlops;
  specials += times * other.specials;
  pointwise += times * other.pointwise;
  bytes += times * other.bytes;
  refills += times * other.refills;
  return *this;
}

int64_t CostKernel::extentOf(StringAttr name) {
  AxisAttr axis = kernel.getAxis(name);
  return axis.isDynamic() ? kAssumedExtent : axis.getSize();
}

/// Elements of a value's tile.
int64_t CostKernel::elements(Type type) {
  int64_t count = 1;
  if (AxesAttr axes = getAxes(type))
    for (StringAttr axis : axes.getNames())
      count *= tiling.getTile(axis);
  return count;
}

const ContractOp::Labels &CostKernel::labelsOf(ContractOp op) {
  auto [it, isNew] = cache.labels.try_emplace(op);
  if (isNew)
    it->second = op.getLabels();
  return it->second;
}

CostKernel::Product CostKernel::productOf(ContractOp op) {
  auto known = products.find(op);
  if (known != products.end())
    return known->second;
  const ContractOp::Labels &labels = labelsOf(op);
  auto has = [](ArrayRef<StringAttr> names, StringAttr name) {
    return llvm::is_contained(names, name);
  };
  Product product{1, 1, 1, 1, true, true};
  for (StringAttr label : labels.result) {
    int64_t tile = tiling.getTile(label);
    bool left = has(labels.lhs, label), right = has(labels.rhs, label);
    product.isMatrix &= tile == 1 || !left || !right;
    (left ? product.rows : product.columns) *= tile;
    product.all *= tile;
  }
  llvm::SmallSetVector<StringAttr, 4> summed;
  for (StringAttr label : llvm::concat<const StringAttr>(labels.lhs, labels.rhs))
    if (!has(labels.result, label))
      summed.insert(label);
  for (StringAttr label : summed) {
    int64_t tile = tiling.getTile(label);
    product.isMatrix &= tile == 1 || (has(labels.lhs, label) && has(labels.rhs, label));
    product.depth *= tile;
    product.all *= tile;
  }
  product.isMatrix &= product.rows >= kMinDot && product.columns >= kMinDot &&
                      product.depth >= kMinDot && getElementTypeOrSelf(op.getType()).isF32();
  for (Value factor : {op.getLhs(), op.getRhs()})
    product.isHalf &= getElementTypeOrSelf(factor.getType()).getIntOrFloatBitWidth() == 16;
  return products[op] = product;
}

/// How Triton places the warps of the older units where one product feeds the next: one above the
/// other if the wide product is taller than wide, else side by side.
bool CostKernel::warpsStandInRows() {
  if (standInRows)
    return *standInRows;
  int64_t rows = 1, columns = 1;
  kernel.walk([&](ContractOp op) {
    if (Product product = productOf(op);
        op.getInit() && product.isMatrix && product.columns > columns)
      rows = product.rows, columns = product.columns;
  });
  standInRows = rows >= columns;
  return *standInRows;
}

/// The part of a matrix unit's rate that a product of half types reaches.
double CostKernel::efficiency(const Product &product) {
  double rate = 1;
  switch (target.matrixUnit) {
  case MatrixUnit::Vector:
    return 1;
  case MatrixUnit::FromRegisters:
    break;
  case MatrixUnit::FromShared:
  case MatrixUnit::OwnAccumulators:
    // Few columns: the left factor is not read as fast as it is used.
    if (product.rows >= 64)
      return std::min(1.0, product.columns / 64.0);
    // Fewer rows than they take: the old instructions, at a fraction of the rate.
    rate = target.matrixUnit == MatrixUnit::FromShared ? 0.5 : 0.25;
  }
  // Warps that find no rows or columns of their own repeat each other's. Side by side, they
  // exchange what they have of a row.
  return rate * (warpsStandInRows() ? std::min(1.0, product.rows / (16.0 * tiling.warps))
                                    : 0.6 * std::min(1.0, product.columns / (8.0 * tiling.warps)));
}

CostKernel::Work CostKernel::workOf(Operation *op) {
  Work work;
  if (op->getNumResults() == 0 || isa<StreamOp>(op))
    return work;
  double size = elements(op->getResult(0).getType());
  if (auto contract = dyn_cast<ContractOp>(op)) {
    Product product = productOf(contract);
    if (!product.isMatrix)
      work.pointwise = 2.0 * product.all;
    else
      (product.isHalf ? work.halfFlops : work.floatFlops) = 2.0 * product.all;
    work.halfUnits = work.halfFlops / efficiency(product);
  } else if (auto read = dyn_cast<ReadOp>(op)) {
    // What lies beyond an extent is not loaded.
    double count = 1;
    for (StringAttr axis : getAxes(read.getResult()).getNames())
      count *= std::min(tiling.getTile(axis), extentOf(axis));
    work.bytes = count * elementBytes(read.getType());
    work.pointwise = size / 4; // addresses
  } else if (isa<ReduceOp>(op)) {
    work.pointwise = elements(op->getOperand(0).getType());
  } else if (op->getName().stripDialect() == "scan") {
    work.pointwise = 8 * size; // a logarithmic number of steps, and what passes between threads
  } else if (isa<math::TanhOp, math::PowFOp, math::ExpM1Op, math::Log1pOp, math::ErfOp,
                 math::SinhOp, math::TanOp, math::AsinOp, math::AcosOp, math::AtanOp>(op)) {
    work.specials = 2 * size;
    work.pointwise = 8 * size;
  } else if (isa<math::AbsFOp, math::AbsIOp, math::FloorOp, math::CeilOp, math::FmaOp,
                 math::CopySignOp>(op)) {
    work.pointwise = size;
  } else if (isa<math::MathDialect>(op->getDialect()) || isa<arith::DivFOp>(op)) {
    work.specials = size;
    work.pointwise = size;
  } else if (isa<arith::ConstantOp, BroadcastOp, IotaOp, SizeOp>(op)) {
    return work;
  } else {
    bool wide = getElementTypeOrSelf(op->getResult(0).getType()).isInteger(64);
    work.pointwise = wide ? 2 * size : size;
  }
  return work;
}

CostKernel::Work CostKernel::workOf(Block &block) {
  Work work;
  for (Operation &op : block)
    work.add(workOf(&op), 1);
  auto [set, passing] = contracted(block);
  if (!target.isGpu() && set > target.firstCache)
    work.refills = passing;
  return work;
}

/// Bytes of the tiles that the contractions of a block read and write: each once, and each as often
/// as it is used. Pointwise work between them is one loop, and has no tile of its own.
std::pair<int64_t, int64_t> CostKernel::contracted(Block &block) {
  int64_t set = 0, passing = 0;
  llvm::SmallPtrSet<Value, 16> seen;
  for (ContractOp op : block.getOps<ContractOp>())
    for (Value value : {op.getLhs(), op.getRhs(), op.getResult()}) {
      int64_t bytes =
          elements(value.getType()) * std::max<int64_t>(4, elementBytes(value.getType()));
      passing += bytes;
      set += seen.insert(value).second ? bytes : 0;
    }
  return {set, passing};
}

//===----------------------------------------------------------------------===//
// How often
//===----------------------------------------------------------------------===//

/// The part of its blocks that a sweep visits on average: by looking at a grid of places whether
/// one of its keep sets is met. Symbols are taken as the assumed extent.
double CostKernel::visitedPart(StreamOp stream) {
  auto [it, isNew] = cache.visited.try_emplace(stream, 1);
  if (!isNew || !stream.getKeep() || stream.getKeep()->empty())
    return it->second;
  StringAttr axis = stream.getAxisAttr();
  constexpr int64_t places = 16;
  auto axes = llvm::to_vector(kernel.getAxes().getAsRange<AxisAttr>());
  int64_t met = 0;
  for (int64_t i = 0; i < places; ++i)
    for (int64_t j = 0; j < places; ++j) {
      bool any = false;
      for (Attribute attr : *stream.getKeep()) {
        IntegerSet set = cast<IntegerSetAttr>(attr).getValue();
        SmallVector<AffineExpr> dims, symbols;
        MLIRContext *context = kernel.getContext();
        for (AxisAttr other : axes) {
          StringAttr name = other.getName();
          int64_t place = name == axis ? j : name == roles.row ? i : 0;
          dims.push_back(
              getAffineConstantExpr((2 * place + 1) * extentOf(name) / (2 * places), context));
        }
        symbols.resize(set.getNumSymbols(), getAffineConstantExpr(kAssumedExtent, context));
        bool inside = true;
        for (unsigned c = 0; c < set.getNumConstraints(); ++c) {
          auto value = dyn_cast<AffineConstantExpr>(
              set.getConstraint(c).replaceDimsAndSymbols(dims, symbols));
          inside &= !value || (set.isEq(c) ? value.getValue() == 0 : value.getValue() >= 0);
        }
        any |= inside;
      }
      met += any;
    }
  return cache.visited[stream] = static_cast<double>(met) / (places * places);
}

/// Blocks that a sweep visits, a program on average.
double CostKernel::blocksOf(StreamOp stream) {
  int64_t tile = tiling.getTile(stream.getAxisAttr());
  double all = llvm::divideCeil(extentOf(stream.getAxisAttr()), tile), part = visitedPart(stream);
  if (!stream.getKeep() || stream.getKeep()->empty())
    return all;
  // A border cuts blocks: half a block of keys and half a block of rows more.
  double border = roles.row ? 0.5 + 0.5 * tiling.getTile(roles.row) / tile : 0.5;
  return std::min(all, all * part + border);
}

/// Programs of the grid; `whole`: as if no value axis were divided.
int64_t CostKernel::programs(bool whole) {
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  int64_t count = 1;
  for (auto [i, axis] : llvm::enumerate(kernel.getAxes().getAsRange<AxisAttr>())) {
    bool written = llvm::any_of(yield.getMaps()->getAsValueRange<AffineMapAttr>(),
                                [&, i = i](AffineMap map) { return map.isFunctionOfDim(i); });
    if (written && !(whole && roles.values.contains(axis.getName())))
      count *= llvm::divideCeil(extentOf(axis.getName()), tiling.getTile(axis.getName()));
  }
  return count;
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// `once`: the work of one program; `steps`: the blocks that it goes through.
double CostKernel::seconds(const CostEstimate &cost, const Work &once, double steps,
                           const Work &all) {
  double units[] = {once.halfUnits / target.halfFlops + once.floatFlops / target.floatFlops,
                    once.specials / target.specials, once.pointwise / target.pointwise,
                    once.bytes / target.nearBytes};
  double longest = 0, sum = 0;
  for (double unit : units) {
    longest = std::max(longest, unit);
    sum += unit;
  }
  double farClocks = cost.farBytes / target.farBytes;
  if (!target.isGpu()) {
    // The clocks that a block takes whatever its size are measured (docs/cost.md).
    double waves = std::ceil(static_cast<double>(cost.programs) / target.processors);
    double program = sum + once.refills / target.refillBytes + 500 * steps;
    // Memory and a core work at once, but for a part.
    double own = waves * program;
    return (std::max(own, farClocks) + 0.25 * std::min(own, farClocks)) / target.clock * 1e-9;
  }
  // How many programs a processor has at a time, and how much of one's units they hide.
  int64_t threads = 32 * tiling.warps;
  int64_t resident = std::min<int64_t>(
      {target.threads / threads,
       target.registers / (std::max<int64_t>(llvm::alignTo(cost.registers, 8), 24) * threads),
       target.shared / std::max<int64_t>(cost.shared + 1024, 1), 32});
  if (cost.columns)
    resident = std::min(resident, target.accumulatorColumns / cost.columns);
  int64_t share = llvm::divideCeil(cost.programs, target.processors);
  resident = std::clamp<int64_t>(resident, 1, share);
  double warps = static_cast<double>(resident * tiling.warps);
  double hidden = warps / (warps + 8);
  // Barriers and latencies of a block, which other programs hide, and shorter pipelines less.
  double latency = (tiling.stages >= 3 ? 200 : tiling.stages == 2 ? 350 : 1000) * steps + 1500;
  double program = longest + (1 - hidden) * (sum - longest) + latency / resident;
  // A compiler short of registers serializes what it could overlap.
  double pressure = static_cast<double>(cost.registers) / target.registersPerThread;
  program *= 1 + std::max(0.0, pressure - 0.66);
  // Those of the busiest processor, one after the other; of many, the last ones even out.
  double rounds = static_cast<double>(cost.programs) / target.processors;
  rounds = rounds < 8 * resident ? static_cast<double>(share) : rounds + 0.5 * resident;
  return std::max(rounds * program, farClocks) / target.clock * 1e-9;
}

CostEstimate CostKernel::compute() {
  CostEstimate cost;
  cost.tiling = tiling;
  cost.programs = programs(/*whole=*/false);
  Work once = workOf(kernel.getBlock());
  // Contractions that stand in more than one sweep are spent more than once.
  double steps = 0, repeated = 0;
  for (StreamOp stream : kernel.getBlock().getOps<StreamOp>()) {
    ++cost.sweeps;
    double blocks = blocksOf(stream);
    Work body = workOf(stream.getBody().front());
    once.add(body, blocks);
    steps += blocks;
    if (cost.sweeps > 1)
      for (ContractOp op : stream.getBody().getOps<ContractOp>())
        if (getAxes(op.getResult()).contains(stream.getAxisAttr()))
          repeated += blocks * 2.0 * productOf(op).all;
  }
  // A kernel whose online form is not derived yet reads its stream once; one that keeps its keys
  // has none to derive.
  if (cost.sweeps == 0 && roles.column == kernel.getStreamAttr()) {
    steps = 1;
  } else if (cost.sweeps == 0) {
    int64_t blocks =
        llvm::divideCeil(extentOf(kernel.getStreamAttr()), tiling.getTile(kernel.getStreamAttr()));
    Work block = once;
    once.add(block, blocks - 1);
    steps = blocks;
  }
  auto yield = cast<YieldOp>(kernel.getBlock().getTerminator());
  for (Value value : yield.getOperands())
    once.bytes += static_cast<double>(elements(value.getType())) * elementBytes(value.getType());

  Work all;
  all.add(once, cost.programs);
  cost.flops = all.halfFlops + all.floatFlops;
  double divided = 1 - static_cast<double>(programs(/*whole=*/true)) / cost.programs;
  double scores = 0; // of a program that shares its rows with others
  for (StreamOp stream : kernel.getBlock().getOps<StreamOp>())
    for (ContractOp op : stream.getBody().getOps<ContractOp>())
      if (getAxes(op.getResult()).contains(stream.getAxisAttr()))
        scores += blocksOf(stream) * 2.0 * productOf(op).all;
  cost.recomputed = cost.programs * (divided * (scores - repeated) + repeated);
  cost.specials = all.specials;
  cost.pointwise = all.pointwise;
  cost.nearBytes = all.bytes;
  auto addWhole = [&](Type type) {
    double count = 1;
    for (int64_t dim : cast<RankedTensorType>(type).getShape())
      count *= ShapedType::isDynamic(dim) ? kAssumedExtent : dim;
    cost.farBytes += count * elementBytes(type);
  };
  for (Type type : kernel.getInputs().getTypes())
    addWhole(type);
  for (Type type : kernel.getResultTypes())
    addWhole(type);
  cost.farBytes = std::min(cost.farBytes, cost.nearBytes);
  cost.workingSet = contracted(kernel.getBlock()).first;
  for (StreamOp stream : kernel.getBlock().getOps<StreamOp>())
    cost.workingSet = std::max(cost.workingSet, contracted(stream.getBody().front()).first);
  addResources(cost);
  cost.time = seconds(cost, once, steps, all) * 1e6;
  return cost;
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

CostEstimate flashlight::estimate(KernelOp kernel, const AxisRoles &roles, const Target &target,
                                  const Tiling &tiling) {
  CostCache cache;
  return CostKernel(kernel, roles, target, tiling, cache).compute();
}

CostEstimate flashlight::estimate(KernelOp kernel, const Target &target) {
  return searchTilings(kernel, findAxisRoles(kernel), target).front();
}
