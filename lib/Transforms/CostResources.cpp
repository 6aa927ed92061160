//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the headers. How a GPU compiler places tiles, as far as registers and shared
// memory are concerned:
// - Pointwise ops between two barriers (contractions, reductions, scans) are computed
//   element by element: only what is alive across a barrier is a whole tile in registers.
// - A broadcast is its operand; what is computed from positions and row or column
//   vectors alone is computed again where it is needed.
// - A tile that is only multiplied lies in shared memory, several of them if it is
//   loaded in a loop; fragments of it pass through registers.
//
//===----------------------------------------------------------------------===//

#include "CostKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

/// Registers for addresses, loop counters and what is on its way.
constexpr double kBaseRegisters = 26;
/// Multiply-adds of one product in a thread, without a matrix unit, from which on compilers mostly
/// spill.
constexpr double kMostUnrolled = 1024;
/// Triton's largest tile.
constexpr int64_t kMaxTileElements = 1 << 20;

int64_t CostKernel::elementBytes(Type type) {
  unsigned width = getElementTypeOrSelf(type).isIndex()
                       ? 64
                       : getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return llvm::divideCeil(width, 8);
}

static Value strip(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getOperand();
  return value;
}

static bool isScan(Operation *op) { return op->getName().getStringRef() == "flashlight.scan"; }

static bool isBarrier(Operation *op) {
  return isa<ContractOp, ReduceOp, StreamOp>(op) || isScan(op) ||
         op->hasTrait<OpTrait::IsTerminator>();
}

/// Registers a thread for a tile; 0 for what is the same everywhere.
double CostKernel::registersOf(Value value) {
  AxesAttr axes = getAxes(value);
  if (!axes)
    return 0;
  SmallVector<StringAttr> tiled;
  for (StringAttr axis : axes.getNames())
    if (tiling.getTile(axis) > 1)
      tiled.push_back(axis);
  if (tiled.empty())
    return 1;
  double count = elements(value.getType());
  unsigned width = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  double each = width == 1 ? 0.25 : width / 32.0; // conditions fit predicates, partly
  int64_t warps = tiling.warps;
  int64_t row = roles.row ? tiling.getTile(roles.row) : 1;
  StringAttr blocked = roles.blockedWith(kernel.getStreamAttr());
  // A warp of a matrix unit has 16 rows, or 8 columns; warps beyond that repeat what others have.
  bool isOld = target.matrixUnit == MatrixUnit::FromRegisters || row < 64;
  bool inRows = !isOld || warpsStandInRows();
  int64_t others = inRows ? row / 16 : tiling.getTile(blocked) / 8;
  int64_t rowWarps = std::clamp<int64_t>(others, 1, warps);
  // What is read from the accumulators' memory is divided by columns where rows do not suffice.
  if (!isOld && hasOwnAccumulators())
    rowWarps = warps;
  if (tiled.size() == 1)
    return each * (tiled.front() == roles.row ? std::max(1.0, count / (8.0 * rowWarps))
                                              : std::max(1.0, count / 8));
  bool isScore = llvm::is_contained(tiled, roles.row) && llvm::is_contained(tiled, blocked) &&
                 tiled.size() == 2;
  double threads = 32.0 * (isScore ? rowWarps : warps);
  return each * std::max(1.0, count / threads);
}

/// True if products go to the accumulators' own memory.
bool CostKernel::hasOwnAccumulators() {
  if (!ownAccumulators) {
    ownAccumulators = false;
    if (target.matrixUnit == MatrixUnit::OwnAccumulators)
      kernel.walk([&](ContractOp op) {
        Product product = productOf(op);
        *ownAccumulators |= product.isMatrix && product.isHalf;
      });
  }
  return *ownAccumulators;
}

/// True for what is cheaper computed twice than kept.
bool CostKernel::isRecomputed(Value value) {
  auto known = recomputed.find(value);
  if (known != recomputed.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  bool cheap = false;
  if (isa_and_nonnull<arith::ConstantOp, IotaOp, SizeOp>(op)) {
    cheap = true;
  } else if (isa_and_nonnull<BroadcastOp>(op)) {
    int64_t dims = 0;
    for (StringAttr axis : getAxes(op->getOperand(0)).getNames())
      dims += tiling.getTile(axis) > 1;
    cheap = dims <= 1;
  } else if (op && op->hasTrait<OpTrait::Elementwise>()) {
    cheap = llvm::all_of(op->getOperands(), [&](Value operand) { return isRecomputed(operand); });
  }
  return recomputed[value] = cheap;
}

/// True for what is loaded and only multiplied: it passes through shared memory.
bool CostKernel::isStaged(Value value) {
  if (!value.getDefiningOp<ReadOp>())
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    auto contract = dyn_cast<ContractOp>(user);
    return contract && contract.getInit() != value && productOf(contract).isMatrix;
  });
}

/// True for a running sum that the matrix unit keeps in a memory of its own. It passes through
/// registers where it is corrected, and after the sweep.
bool CostKernel::isElsewhere(Value value) {
  int64_t row = roles.row ? tiling.getTile(roles.row) : 1;
  if (target.matrixUnit != MatrixUnit::OwnAccumulators || row < 64)
    return false;
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && isa<StreamOp>(argument.getOwner()->getParentOp()))
    value = argument.getOwner()->getTerminator()->getOperand(argument.getArgNumber());
  return isMatrix(value.getDefiningOp(), Value()) && value.hasOneUse() &&
         isa<YieldOp>(*value.user_begin());
}

/// True for a product of a matrix unit; if `init` is given, one that starts from it.
bool CostKernel::isMatrix(Operation *op, Value init) {
  auto contract = dyn_cast_or_null<ContractOp>(op);
  return contract && contract.getInit() && (!init || contract.getInit() == init) &&
         productOf(contract).isMatrix && productOf(contract).isHalf;
}

/// The most registers a thread that are needed at once in a block.
double CostKernel::registersOfBlock(Block &block) {
  llvm::DenseMap<Operation *, int64_t> order;
  llvm::MapVector<Value, std::pair<int64_t, int64_t>> lives; // defined at, used last at
  int64_t next = 0;
  for (Value argument : block.getArguments())
    if (isa<StreamOp>(block.getParentOp()) && !isElsewhere(argument))
      lives[argument] = {-1, -1};
  for (Operation &op : block) {
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        auto *found = lives.find(strip(operand));
        if (found != lives.end())
          found->second.second = next;
      }
    });
    order[&op] = next;
    for (Value result : op.getResults())
      if (!isa<BroadcastOp>(op) && !isRecomputed(result) && !isStaged(result) &&
          !isElsewhere(result))
        lives[result] = {next, next};
    ++next;
  }
  double peak = 0;
  for (Operation &op : block) {
    if (!isBarrier(&op))
      continue;
    int64_t at = order[&op];
    auto contract = dyn_cast<ContractOp>(&op);
    double alive = 0;
    for (auto &[value, life] : lives) {
      bool isResult = value.getDefiningOp() == &op;
      if (isResult && isa<StreamOp>(op))
        continue; // counted inside, as its state
      if (isResult || (life.first < at && life.second >= at))
        alive += registersOf(value);
    }
    // A sum takes the place of what it starts from, if that is needed no more.
    if (contract && contract.getInit() && !isElsewhere(contract.getResult())) {
      auto *found = lives.find(strip(contract.getInit()));
      if (found != lives.end() && found->second.second == at)
        alive -= registersOf(contract.getInit());
    }
    // A factor that is rounded for the product is there in both types while that is done.
    if (contract)
      for (Value factor : {contract.getLhs(), contract.getRhs()})
        if (auto rounded = strip(factor).getDefiningOp<arith::TruncFOp>())
          alive += registersOf(rounded.getIn()) / (target.isGpu() ? 1 : 2);
    if (contract && !productOf(contract).isMatrix)
      alive += static_cast<double>(productOf(contract).all) / (32.0 * tiling.warps);
    if (auto stream = dyn_cast<StreamOp>(&op)) {
      Block &body = stream.getBody().front();
      double after = alive;
      for (Value result : stream.getResults())
        after += result.use_empty() ? 0 : registersOf(result);
      peak = std::max(peak, after);
      alive += registersOfBlock(body) + fragments(body);
      for (Value init : stream.getInits()) { // they become the body's arguments
        auto *found = lives.find(strip(init));
        if (found != lives.end() && found->second.second == at)
          alive -= registersOf(init);
      }
    }
    peak = std::max(peak, alive);
  }
  return peak;
}

/// The products of a thread that multiplies without a matrix unit.
double CostKernel::unrolled(const Product &product) {
  return product.depth *
         std::max(1.0, static_cast<double>(product.rows * product.columns) / (32.0 * tiling.warps));
}

/// Registers for the parts of factors that are being multiplied.
double CostKernel::fragments(Block &block) {
  double held = 0, passing = 0, exchanged = 0, widest = 0;
  int64_t wide = 0;
  llvm::SmallPtrSet<Operation *, 4> seen;
  for (ContractOp op : block.getOps<ContractOp>()) {
    Product product = productOf(op);
    if (!product.isMatrix)
      continue;
    if (op.getInit()) {
      ++wide;
      widest = std::max(widest, registersOf(op.getResult()));
    }
    if (!product.isHalf) {
      // A thread's products are all written out, and of what they multiply more is read ahead the
      // more of them there are. Both numbers are fitted (docs/cost.md).
      passing = std::max(passing, 0.85 * std::pow(unrolled(product), 0.65));
      continue;
    }
    // Side by side, each warp has all of a computed left factor.
    int64_t row = roles.row ? tiling.getTile(roles.row) : 1;
    if ((target.matrixUnit == MatrixUnit::FromRegisters || row < 64) && op.getInit() &&
        !warpsStandInRows())
      exchanged = std::max(exchanged, 0.75 * product.rows * product.depth / 64);
    if (target.matrixUnit != MatrixUnit::FromRegisters)
      continue;
    for (Value factor : {op.getLhs(), op.getRhs()}) {
      auto read = factor.getDefiningOp<ReadOp>();
      if (read && read->getBlock() != &block && warpsStandInRows() && seen.insert(read).second)
        held += registersOf(factor);
    }
    passing = std::max(passing, product.depth / 4.0);
  }
  // Two sums under way: the next one is corrected while the last one is not finished.
  bool copies = wide > 1 && target.matrixUnit != MatrixUnit::OwnAccumulators;
  return held + passing + exchanged + (copies ? widest / 2 : 0);
}

/// Shared memory for the factors of a block's products, `stages` times what a loop loads.
int64_t CostKernel::sharedOfBlock(Block &block, bool swept) {
  int64_t bytes = 0;
  llvm::SmallPtrSet<Operation *, 8> seen;
  for (ContractOp op : block.getOps<ContractOp>()) {
    Product product = productOf(op);
    if (!product.isMatrix)
      continue;
    int64_t row = roles.row ? tiling.getTile(roles.row) : 1;
    // The units that read shared memory do so late: one more tile is on its way.
    bool late = product.isHalf && row >= 64 && tiling.warps >= 4 &&
                target.matrixUnit != MatrixUnit::FromRegisters;
    int64_t copies = swept ? std::max<int64_t>(1, tiling.stages - (late ? 0 : 1)) : 1;
    for (Value factor : {op.getLhs(), op.getRhs()}) {
      Operation *def = factor.getDefiningOp();
      int64_t size = elements(factor.getType()) * elementBytes(factor.getType());
      if (def && !seen.insert(def).second)
        continue;
      bool isOwn = def && def->getBlock() == &block;
      if (isa_and_nonnull<ReadOp>(def))
        bytes += isOwn ? copies * size : size;
      else if (!product.isHalf || factor == op.getRhs())
        bytes += size; // what is computed is written there first
    }
  }
  return bytes;
}

/// Columns of the accumulators' own memory.
int64_t CostKernel::columnsOf(Block &block) {
  int64_t row = roles.row ? tiling.getTile(roles.row) : 1;
  if (target.matrixUnit != MatrixUnit::OwnAccumulators || row < 64)
    return 0;
  int64_t columns = 0;
  for (ContractOp op : block.getOps<ContractOp>()) {
    Product product = productOf(op);
    if (product.isMatrix && product.isHalf)
      columns += product.columns * std::max<int64_t>(1, product.rows / 128);
  }
  // They are given out in powers of two. Tiles of 64 rows share columns if they must.
  int64_t given = columns ? std::max<int64_t>(32, llvm::PowerOf2Ceil(columns)) : 0;
  return row == 64 && columns <= 2 * target.accumulatorColumns
             ? std::min(given, target.accumulatorColumns)
             : given;
}

void CostKernel::addResources(CostEstimate &cost) {
  if (!target.isGpu()) {
    // Beside these lie copies of what is loaded, and what other cores share.
    if (cost.workingSet > target.cache / 2) {
      cost.feasible = false;
      cost.reason =
          (Twine(cost.workingSet) + " bytes of tiles in a block, of " + Twine(target.cache / 2))
              .str();
    }
    return;
  }
  Block &block = kernel.getBlock();
  cost.registers = static_cast<int64_t>(kBaseRegisters + registersOfBlock(block) + 0.5);
  cost.shared = sharedOfBlock(block, /*swept=*/block.getOps<StreamOp>().empty());
  int64_t fixed = cost.shared;
  for (StreamOp stream : block.getOps<StreamOp>()) {
    Block &body = stream.getBody().front();
    double state = 0;
    for (Value argument : body.getArguments()) {
      state += isElsewhere(argument) ? 0 : registersOf(argument);
    }
    cost.accumulators = std::max(cost.accumulators, static_cast<int64_t>(state + 0.5));
    cost.shared = std::max(cost.shared, fixed + sharedOfBlock(body, /*swept=*/true));
    cost.columns = std::max(cost.columns, columnsOf(body));
  }
  // The result is put in the order of memory through shared memory, where the loop's was.
  auto yield = cast<YieldOp>(block.getTerminator());
  for (Value value : yield.getOperands())
    if (tiling.tiles.size() > 1)
      cost.shared =
          std::max(cost.shared, elements(value.getType()) * elementBytes(value.getType()));
  if (cost.columns)
    cost.shared += 512; // barriers

  int64_t most = 1;
  double longest = 0;
  kernel.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (getAxes(result))
        most = std::max(most, elements(result.getType()));
    auto contract = dyn_cast<ContractOp>(op);
    if (!contract)
      return;
    Product product = productOf(contract);
    if (!product.isMatrix)
      most = std::max(most, product.all);
    else if (!product.isHalf)
      longest = std::max(longest, unrolled(product));
  });
  int64_t threads = 32 * tiling.warps;
  int64_t limit = std::min(target.registersPerThread, target.registers / threads);
  auto refuse = [&](const Twine &reason) {
    cost.feasible = false;
    if (cost.reason.empty())
      cost.reason = reason.str();
  };
  if (cost.registers > limit)
    refuse(Twine(cost.registers) + " registers a thread, of " + Twine(limit));
  if (cost.shared > target.sharedPerProgram)
    refuse(Twine(cost.shared) + " bytes of shared memory, of " + Twine(target.sharedPerProgram));
  if (cost.columns > target.accumulatorColumns && target.accumulatorColumns)
    refuse(Twine(cost.columns) + " columns for accumulators, of " +
           Twine(target.accumulatorColumns));
  if (longest >= kMostUnrolled)
    refuse(Twine(static_cast<int64_t>(longest)) + " multiply-adds a thread in one product, of " +
           Twine(static_cast<int64_t>(kMostUnrolled)));
  if (most > kMaxTileElements)
    refuse(Twine(most) + " elements in a tile, of " + Twine(kMaxTileElements));
}
