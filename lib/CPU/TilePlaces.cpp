//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header. Tiles are static and control flow is structured, so places can
// be chosen by construction:
//  - a loop's state has one place for its initial value, the block argument, the
//    result, and, if the old state is dead where the new one is made, that too
//    (`acc = p v + c * acc` never moves);
//  - an accumulation takes the place of what it accumulates into;
//  - a pointwise result takes the place of an operand that dies with it.
// Anything else is moved, several moves at once through temporaries if they cross.
// Places whose uses do not overlap in the text then share bytes.
//
//===----------------------------------------------------------------------===//

#include "TilePlaces.h"
#include "TileMemory.h"

#include "flashlight/IR/FlashlightDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

static bool isTile(Value value) { return isa<RankedTensorType>(value.getType()); }

bool flashlight::isPrivateFill(Value init) {
  if (!init.getDefiningOp<linalg::FillOp>() || !init.hasOneUse())
    return false;
  OpOperand &use = *init.use_begin();
  auto user = dyn_cast<linalg::GenericOp>(use.getOwner());
  return user && user.isDpsInit(&use);
}

bool flashlight::readsInit(linalg::GenericOp op, unsigned result) {
  return op.payloadUsesValueFromOperand(op.getDpsInitOperand(result));
}

TilePlaces::TilePlaces(func::FuncOp func) {
  visit(func.getBody().front());
  findExtents(func);
  pack();
}

ArrayRef<Move> TilePlaces::movesBefore(Operation *op) const {
  auto found = moves.find(op);
  return found == moves.end() ? ArrayRef<Move>() : ArrayRef<Move>(found->second);
}

unsigned TilePlaces::newPlace(Value value) {
  Place place;
  place.type = bufferType(value.getType());
  all.push_back(place);
  return all.size() - 1;
}

/// True if nothing looks at `old` once `op` runs, `op` itself aside.
static bool isDeadAfter(Value old, Operation *op) {
  return llvm::all_of(old.getUsers(), [&](Operation *user) {
    // The innermost block around `op` that holds the user too decides.
    for (Operation *here = op; here; here = here->getParentOp()) {
      Operation *there = here->getBlock()->findAncestorOpInBlock(*user);
      if (there)
        return there == here || there->isBeforeInBlock(here); // same op: exclusive branches
    }
    return false;
  });
}

/// True if the op reads `value` only at the point where it writes the result.
static bool readsInPlace(linalg::GenericOp op, Value value, unsigned result) {
  AffineMap written = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  if (written.getNumResults() != written.getNumDims())
    return false;
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    return input->get() != value || op.getMatchingIndexingMap(input) == written;
  });
}

/// Puts `value`, made in `block`, into a place whose content `old` (may be null) is
/// still needed by earlier ops. Returns false if it has to be moved there instead.
bool TilePlaces::mayPut(Value value, unsigned place, Value old, Block *block) {
  if (value == old)
    return true;
  if (hasPlace(value))
    return placeOf(value) == place;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != block || bufferType(value.getType()) != all[place].type)
    return false;
  if (old && !isDeadAfter(old, op))
    return false;
  unsigned number = cast<OpResult>(value).getResultNumber();
  auto uses = [&](Operation *user) { return old && llvm::is_contained(user->getOperands(), old); };

  if (isa<LoadOp>(op)) {
    if (uses(op)) // as an index, which is read while the place is written
      return false;
    assign(value, place);
    return true;
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    Value init = generic.getDpsInitOperand(number)->get();
    bool accumulates = readsInit(generic, number) && !isPrivateFill(init);
    for (auto [i, other] : llvm::enumerate(generic.getResults()))
      if (i != number && hasPlace(other) && placeOf(other) == place)
        return false;
    if (accumulates) {
      if (old && llvm::is_contained(generic.getDpsInputs(), old))
        return false;
      if (init != old && (!init.hasOneUse() || !mayPut(init, place, old, block)) && uses(op))
        return false;
    } else if (uses(op) && !readsInPlace(generic, old, number)) {
      return false;
    }
    assign(value, place);
    return true;
  }
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    Value init = loop.getInitArgs()[number];
    unsigned within = 0;
    if (old)
      within = llvm::count_if(old.getUses(),
                              [&](OpOperand &use) { return op->isAncestor(use.getOwner()); });
    bool startsFromIt = old && init == old && within == 1;
    if (!startsFromIt && within > 0)
      return false;
    if (!startsFromIt && init.hasOneUse())
      mayPut(init, place, old, block); // else it is moved as the loop starts
    assign(value, place);
    return true;
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    assign(value, place);
    for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
      Block &body = region->front();
      mayPut(body.getTerminator()->getOperand(number), place, old, &body);
    }
    return true;
  }
  return false;
}

/// Moves values to the places `targets` (-1: none) at once, before an op.
void TilePlaces::moveAll(Operation *before, ValueRange values, ArrayRef<int> targets) {
  SmallVector<Move> needed;
  for (auto [value, target] : llvm::zip(values, targets))
    if (target >= 0 && placeOf(value) != static_cast<unsigned>(target))
      needed.push_back({placeOf(value), static_cast<unsigned>(target)});
  bool cross = llvm::any_of(needed, [&](Move move) {
    return llvm::any_of(needed, [&](Move other) { return other.to == move.from; });
  });
  SmallVector<Move> &result = moves[before];
  if (!cross) {
    llvm::append_range(result, needed);
    return;
  }
  for (Move &move : needed) {
    Place temporary;
    temporary.type = all[move.from].type;
    all.push_back(temporary);
    temporaries.emplace_back(all.size() - 1, before);
    result.push_back({move.from, static_cast<unsigned>(all.size() - 1)});
    move.from = all.size() - 1;
  }
  llvm::append_range(result, needed);
}

void TilePlaces::visitGeneric(linalg::GenericOp op) {
  SmallVector<unsigned> taken;
  for (OpResult result : op.getResults()) {
    unsigned number = result.getResultNumber();
    Value init = op.getDpsInitOperand(number)->get();
    if (readsInit(op, number) && !isPrivateFill(init)) {
      bool takesOver = init.hasOneUse() && init.getDefiningOp() &&
                       init.getDefiningOp()->getBlock() == op->getBlock();
      if (!hasPlace(result))
        assign(result, takesOver ? placeOf(init) : newPlace(result));
      if (placeOf(init) != placeOf(result))
        moves[op].push_back({placeOf(init), placeOf(result)});
      continue;
    }
    for (OpOperand *input : op.getDpsInputOperands()) {
      Value value = input->get();
      if (hasPlace(result))
        break;
      if (!value.getDefiningOp() || value.getDefiningOp()->getBlock() != op->getBlock() ||
          !hasPlace(value) || all[placeOf(value)].carried ||
          bufferType(value.getType()) != bufferType(result.getType()) ||
          llvm::is_contained(taken, placeOf(value)) || !isDeadAfter(value, op) ||
          !readsInPlace(op, value, number) ||
          op.getMatchingIndexingMap(input) !=
              op.getMatchingIndexingMap(op.getDpsInitOperand(number)))
        continue;
      taken.push_back(placeOf(value));
      assign(result, placeOf(value));
    }
    if (!hasPlace(result))
      assign(result, newPlace(result));
  }
}

void TilePlaces::visitFor(scf::ForOp op) {
  SmallVector<int> targets(op.getNumResults(), -1);
  for (OpResult result : op.getResults()) {
    if (!isTile(result))
      continue;
    unsigned number = result.getResultNumber();
    Value init = op.getInitArgs()[number];
    bool takesOver = init.hasOneUse() && init.getDefiningOp() &&
                     init.getDefiningOp()->getBlock() == op->getBlock();
    if (!hasPlace(result))
      assign(result, takesOver ? placeOf(init) : newPlace(result));
    targets[number] = placeOf(result);
    all[placeOf(result)].carried = true;
    assign(op.getRegionIterArg(number), placeOf(result));
  }
  moveAll(op, op.getInitArgs(), targets);
  Operation *yield = op.getBody()->getTerminator();
  for (auto [number, target] : llvm::enumerate(targets))
    if (target >= 0)
      mayPut(yield->getOperand(number), target, op.getRegionIterArg(number), op.getBody());
  visit(*op.getBody());
  moveAll(yield, yield->getOperands(), targets);
}

void TilePlaces::visitIf(scf::IfOp op) {
  SmallVector<int> targets(op.getNumResults(), -1);
  for (OpResult result : op.getResults()) {
    if (!isTile(result))
      continue;
    if (!hasPlace(result)) {
      assign(result, newPlace(result));
      for (Region *region : {&op.getThenRegion(), &op.getElseRegion()}) {
        Block &body = region->front();
        mayPut(body.getTerminator()->getOperand(result.getResultNumber()), placeOf(result),
               /*old=*/nullptr, &body);
      }
    }
    targets[result.getResultNumber()] = placeOf(result);
    all[placeOf(result)].carried = true;
  }
  for (Region *region : {&op.getThenRegion(), &op.getElseRegion()}) {
    if (region->empty())
      continue;
    Block &body = region->front();
    visit(body);
    moveAll(body.getTerminator(), body.getTerminator()->getOperands(), targets);
  }
}

void TilePlaces::visit(Block &block) {
  for (Operation &op : block) {
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      visitGeneric(generic);
    else if (auto loop = dyn_cast<scf::ForOp>(op))
      visitFor(loop);
    else if (auto branch = dyn_cast<scf::IfOp>(op))
      visitIf(branch);
    else if (isa<LoadOp, ScanOp, linalg::FillOp>(op) && !hasPlace(op.getResult(0)) &&
             !isPrivateFill(op.getResult(0)))
      assign(op.getResult(0), newPlace(op.getResult(0)));
  }
}

/// From where to where in the text each place is in use.
void TilePlaces::findExtents(func::FuncOp func) {
  DenseMap<Operation *, int64_t> first, last;
  int64_t next = 0;
  std::function<void(Block &)> number = [&](Block &block) {
    for (Operation &op : block) {
      first[&op] = next++;
      for (Region &region : op.getRegions())
        if (!isa<linalg::LinalgOp>(op))
          for (Block &inner : region)
            number(inner);
      last[&op] = next++;
    }
  };
  number(func.getBody().front());
  auto extend = [&](unsigned place, Operation *op) {
    all[place].begin = std::min(all[place].begin, first.lookup(op));
    all[place].end = std::max(all[place].end, last.lookup(op));
  };
  for (auto [value, place] : places) {
    Block *block = value.getParentBlock();
    Operation *made = value.getDefiningOp();
    extend(place, made ? made : block->getParentOp());
    for (Operation *user : value.getUsers())
      if (Operation *here = block->findAncestorOpInBlock(*user))
        extend(place, here);
  }
  for (auto [place, op] : temporaries)
    extend(place, op);
}

/// First fit, in the order in which places come into use.
void TilePlaces::pack() {
  // Neighbours start a few lines apart, so that equal positions of two tiles do not
  // compete for one set of the first-level cache.
  constexpr int64_t kAlignment = 64, kSkew = 192;
  auto order = llvm::to_vector(llvm::seq<unsigned>(0, all.size()));
  llvm::stable_sort(order, [&](unsigned x, unsigned y) { return all[x].begin < all[y].begin; });
  auto sizeOf = [](const Place &place) -> int64_t {
    int64_t bits = place.type.getElementType().isIndex() ? 64 : place.type.getElementTypeBitWidth();
    return llvm::alignTo(place.type.getNumElements() * llvm::divideCeil(bits, 8), kAlignment) +
           kSkew;
  };
  SmallVector<unsigned> active;
  for (unsigned id : order) {
    Place &place = all[id];
    if (place.end < 0)
      continue;
    llvm::erase_if(active, [&](unsigned other) { return all[other].end < place.begin; });
    llvm::sort(active, [&](unsigned x, unsigned y) { return all[x].offset < all[y].offset; });
    int64_t offset = 0;
    for (unsigned other : active) {
      if (offset + sizeOf(place) <= all[other].offset)
        break;
      offset = std::max(offset, all[other].offset + sizeOf(all[other]));
    }
    place.offset = offset;
    bytes = std::max(bytes, offset + sizeOf(place));
    active.push_back(id);
  }
}
