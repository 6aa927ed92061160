//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-verify-tile: what holds of every level 3 module. A check that a rule
// of the pass's description names carries its label.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "flashlight/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace flashlight {
#define GEN_PASS_DEF_VERIFYTILE
#include "flashlight/Transforms/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

/// Whether a tile-level kernel may hold `op`.
static bool isTileOp(Operation *op) {
  return isa<LoadOp, StoreOp, ContractOp, ReduceOp, ScanOp, BroadcastOp, IotaOp, ProgramIdOp,
             scf::ForOp, scf::IfOp, scf::YieldOp, tensor::SplatOp, func::ReturnOp>(op) ||
         isPointwise(op);
}

/// Memrefs that are read, then memrefs that are written, then one index a symbol.
static LogicalResult verifyArguments(func::FuncOp function,
                                     llvm::SmallDenseSet<StringAttr> &names) {
  enum Part { Input, Output, Symbol } part = Input;
  static constexpr StringLiteral kParts[] = {"inputs", "outputs", "symbols"};
  for (BlockArgument arg : function.getArguments()) {
    unsigned i = arg.getArgNumber();
    auto symbol = function.getArgAttrOfType<StringAttr>(i, kSymbolAttr);
    Part next = symbol ? Symbol : function.getArgAttr(i, kOutputAttr) ? Output : Input;
    if (next < part) // tile_r2
      return function.emitOpError()
             << "expected inputs, then outputs, then symbols, got argument " << i << " of the "
             << kParts[next] << " after the " << kParts[part];
    part = next;
    if (symbol ? !arg.getType().isIndex() : !isa<MemRefType>(arg.getType())) // tile_r2
      return function.emitOpError()
             << "expected argument " << i << " of the " << kParts[part] << " to be "
             << (symbol ? "an index" : "a memref") << ", got " << arg.getType();
    if (symbol && !names.insert(symbol).second) // tile_r2
      return function.emitOpError() << "declares symbol '" << symbol.getValue() << "' twice";
    for (Operation *user : arg.getUsers()) {
      bool fits = part == Input ? isa<LoadOp>(user) : part == Output ? isa<StoreOp>(user) : true;
      if (!fits) { // tile_r3
        InFlightDiagnostic diag = user->emitOpError()
                                  << "expected argument " << i << " of the " << kParts[part]
                                  << " to be only " << (part == Input ? "loaded" : "stored to");
        diag.attachNote(function.getLoc()) << "in this kernel";
        return diag;
      }
    }
  }
  return success();
}

/// An array of `#flashlight.grid_axis` whose symbols are arguments.
static LogicalResult verifyGrid(func::FuncOp function,
                                const llvm::SmallDenseSet<StringAttr> &names) {
  auto grid = function->getAttrOfType<ArrayAttr>(kGridAttr);
  if (!grid || !llvm::all_of(grid, llvm::IsaPred<GridAxisAttr>)) // tile_r4
    return function.emitOpError() << "expected '" << kGridAttr
                                  << "' to be an array of '#flashlight.grid_axis'";
  for (GridAxisAttr axis : grid.getAsRange<GridAxisAttr>()) {
    StringRef name = axis.getAxis().getName().getValue();
    if (axis.getTile() < 1) // tile_r4
      return function.emitOpError()
             << "expected a tile of at least 1 along '" << name << "', got " << axis.getTile();
    StringAttr symbol = axis.getAxis().getSymbol();
    if (symbol && !names.contains(symbol)) // tile_r4
      return function.emitOpError() << "expected an argument for symbol '" << symbol.getValue()
                                    << "', the extent of '" << name << "'";
  }
  if (Attribute schedule = function->getAttr(kScheduleAttr);
      schedule && !isa<ScheduleAttr>(schedule)) // tile_r4
    return function.emitOpError() << "expected '" << kScheduleAttr
                                  << "' to be a '#flashlight.schedule'";
  return success();
}

static LogicalResult verifyTileKernel(func::FuncOp function) {
  llvm::SmallDenseSet<StringAttr> names;
  if (function.isExternal() || !function.getBody().hasOneBlock() ||
      function.getNumResults() != 0) // tile_r1
    return function.emitOpError() << "expected a kernel of one block without results";
  if (failed(verifyArguments(function, names)) || failed(verifyGrid(function, names)))
    return failure();
  WalkResult walked = function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isTileOp(op)) { // tile_r5
      op->emitOpError() << "is not part of a tile-level kernel";
      return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes()) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (tensor ? tensor.getEncoding() || !tensor.hasStaticShape()
                 : !type.isIntOrIndexOrFloat()) { // tile_r6
        op->emitOpError() << "expected static tensors without an encoding, and scalars, got "
                          << type;
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

namespace {
struct VerifyTile : flashlight::impl::VerifyTileBase<VerifyTile> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (function->hasAttr(kGridAttr)) {
        if (failed(verifyTileKernel(function)))
          return signalPassFailure();
        continue;
      }
      if (failed(verifyProgramFunction(function)))
        return signalPassFailure();
      for (Operation &op : function.getOps())
        if (!isa<LaunchOp>(op) && failed(verifyProgramOp(&op))) // tile_r7
          return signalPassFailure();
    }
  }
};
} // namespace
