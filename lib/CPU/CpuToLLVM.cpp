//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// flashlight-cpu-to-llvm: see Passes.td. Upstream patterns do the conversion; ours
// are the two entry points, written directly in the LLVM dialect.
//
//===----------------------------------------------------------------------===//

#include "flashlight/CPU/Passes.h"
#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace flashlight {
#define GEN_PASS_DEF_CPUTOLLVM
#include "flashlight/CPU/Passes.h.inc"
} // namespace flashlight

using namespace mlir;
using namespace flashlight;

namespace {

/// What the entry points need of a kernel, taken before its signature changes.
struct KernelInfo {
  std::string name;
  SmallVector<Type> arguments; // without the program and the scratch buffer
  SmallVector<GridAxisAttr> grid;
  DenseMap<StringAttr, unsigned> symbols; // argument of each symbol
  int64_t scratchBytes;
};

/// Writes the entry points of one kernel.
struct EntryBuilder {
  EntryBuilder(ModuleOp module, const KernelInfo &info)
      : module(module), info(info), b(OpBuilder::atBlockEnd(module.getBody())),
        loc(module.getLoc()), i64(b.getI64Type()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {
    unsigned slot = 0;
    for (Type type : info.arguments) {
      slots.push_back(slot);
      auto memory = dyn_cast<MemRefType>(type);
      slot += memory ? 1 + 2 * memory.getRank() : 1;
    }
  }
  void emitRun();
  LogicalResult emitPrograms();
  void emitScratch();

private:
  Value number(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(value));
  }
  Value slot(Value args, unsigned position, Type type) {
    Value address = LLVM::GEPOp::create(b, loc, pointer, i64, args,
                                        ArrayRef<LLVM::GEPArg>(static_cast<int32_t>(position)));
    return LLVM::LoadOp::create(b, loc, type, address);
  }

  ModuleOp module;
  const KernelInfo &info;
  OpBuilder b;
  Location loc;
  Type i64, pointer;
  SmallVector<unsigned> slots; // where each argument starts
};

} // namespace

void EntryBuilder::emitRun() {
  auto kernel = module.lookupSymbol<LLVM::LLVMFuncOp>(info.name);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {i64, i64, pointer, pointer});
  auto run = LLVM::LLVMFuncOp::create(b, loc, info.name + ".run", type);
  OpBuilder::InsertionGuard guard(b);
  Block *entry = run.addEntryBlock(b);
  Value first = entry->getArgument(0), last = entry->getArgument(1);
  Value scratch = entry->getArgument(2), args = entry->getArgument(3);
  b.setInsertionPointToStart(entry);
  // The call follows the default convention: a memref is (allocated, aligned, offset, sizes,
  // strides).
  SmallVector<Value> operands;
  for (auto [type, position] : llvm::zip(info.arguments, slots)) {
    auto memory = dyn_cast<MemRefType>(type);
    if (!memory) {
      operands.push_back(slot(args, position, i64));
      continue;
    }
    Value start = slot(args, position, pointer);
    operands.append({start, start, number(0)});
    for (unsigned i = 0; i < 2 * memory.getRank(); ++i)
      operands.push_back(slot(args, position + 1 + i, i64));
  }
  unsigned programOperand = operands.size();
  operands.append({first, scratch, scratch, number(0), number(0), number(1)});

  Block *head = b.createBlock(&run.getBody(), run.getBody().end(), i64, loc);
  Block *body = b.createBlock(&run.getBody(), run.getBody().end());
  Block *exit = b.createBlock(&run.getBody(), run.getBody().end());
  b.setInsertionPointToEnd(entry);
  LLVM::BrOp::create(b, loc, ValueRange{first}, head);
  b.setInsertionPointToEnd(head);
  Value program = head->getArgument(0);
  Value more = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::slt, program, last);
  LLVM::CondBrOp::create(b, loc, more, body, exit);
  b.setInsertionPointToEnd(body);
  operands[programOperand] = program;
  LLVM::CallOp::create(b, loc, kernel, operands);
  Value next = LLVM::AddOp::create(b, loc, program, number(1));
  LLVM::BrOp::create(b, loc, ValueRange{next}, head);
  b.setInsertionPointToEnd(exit);
  LLVM::ReturnOp::create(b, loc, ValueRange{});
}

LogicalResult EntryBuilder::emitPrograms() {
  auto programs = LLVM::LLVMFuncOp::create(b, loc, info.name + ".programs",
                                           LLVM::LLVMFunctionType::get(i64, {pointer}));
  OpBuilder::InsertionGuard guard(b);
  Block *entry = programs.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value count = number(1);
  for (GridAxisAttr axis : info.grid) {
    Value extent;
    if (axis.getAxis().isDynamic()) {
      auto found = info.symbols.find(axis.getAxis().getSymbol());
      if (found == info.symbols.end())
        return module.lookupSymbol(info.name)->emitError()
               << "expected an argument for the symbol " << axis.getAxis().getSymbol()
               << " of its grid";
      extent = slot(entry->getArgument(0), slots[found->second], i64);
    } else {
      extent = number(axis.getAxis().getSize());
    }
    Value above = LLVM::AddOp::create(b, loc, extent, number(axis.getTile() - 1));
    Value tiles = LLVM::UDivOp::create(b, loc, above, number(axis.getTile()));
    count = LLVM::MulOp::create(b, loc, count, tiles);
  }
  LLVM::ReturnOp::create(b, loc, count);
  return success();
}

void EntryBuilder::emitScratch() {
  LLVM::GlobalOp::create(b, loc, i64, /*isConstant=*/true, LLVM::Linkage::External,
                         info.name + ".scratch", b.getI64IntegerAttr(info.scratchBytes));
}

static SmallVector<KernelInfo> collectKernels(ModuleOp module) {
  SmallVector<KernelInfo> kernels;
  for (auto func : module.getOps<func::FuncOp>()) {
    auto grid = func->getAttrOfType<ArrayAttr>(kGridAttr);
    if (!grid)
      continue;
    KernelInfo info;
    info.name = func.getName().str();
    llvm::append_range(info.arguments, func.getArgumentTypes().drop_back(2));
    info.scratchBytes = cast<MemRefType>(func.getArgumentTypes().back()).getNumElements();
    for (Attribute axis : grid)
      info.grid.push_back(cast<GridAxisAttr>(axis));
    for (unsigned i = 0; i < info.arguments.size(); ++i)
      if (auto symbol = func.getArgAttrOfType<StringAttr>(i, kSymbolAttr))
        info.symbols[symbol] = i;
    kernels.push_back(std::move(info));
  }
  return kernels;
}

namespace {
struct CpuToLLVM : flashlight::impl::CpuToLLVMBase<CpuToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    SmallVector<KernelInfo> kernels = collectKernels(module);
    if (failed(expand(module)) || failed(convert(module)))
      return signalPassFailure();
    for (const KernelInfo &info : kernels) {
      auto kernel = module.lookupSymbol<LLVM::LLVMFuncOp>(info.name);
      kernel.setLinkage(LLVM::Linkage::Internal);
      for (NamedAttribute attr : llvm::to_vector(kernel->getDiscardableAttrs()))
        if (isa_and_nonnull<FlashlightDialect>(attr.getNameDialect()))
          kernel->removeDiscardableAttr(attr.getName());
      for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
        for (StringRef name : {kSymbolAttr, kOutputAttr, kParameterAttr})
          kernel.removeArgAttr(i, StringAttr::get(context, name));
      EntryBuilder builder(module, info);
      builder.emitRun();
      builder.emitScratch();
      if (failed(builder.emitPrograms()))
        return signalPassFailure();
    }
  }

  /// What has no direct counterpart in LLVM: masks, steps, maxima that propagate NaN.
  LogicalResult expand(ModuleOp module) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/true);
    vector::populateVectorStepLoweringPatterns(patterns);
    arith::populateArithExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      return failure();
    RewritePatternSet control(&getContext());
    populateSCFToControlFlowConversionPatterns(control);
    ConversionTarget target(getContext());
    target.addIllegalDialect<scf::SCFDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(module, target, std::move(control));
  }

  LogicalResult convert(ModuleOp module) {
    MLIRContext *context = &getContext();
    LowerToLLVMOptions options(context);
    LLVMTypeConverter converter(context, options);
    RewritePatternSet patterns(context);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false,
                                         /*benefit=*/2); // before calls of the C library
    populateMathToLibmConversionPatterns(patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    return applyFullConversion(module, target, std::move(patterns));
  }
};
} // namespace
