//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the LLVM dialect to an object file. The optimizer runs for the host's CPU and
// features; objects are therefore only good for it (the cache's key says which).
//
//===----------------------------------------------------------------------===//

#include "flashlight/CPU/Kernel.h"
#include "flashlight/CPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace flashlight;

const HostInfo &flashlight::getHostInfo() {
  static const HostInfo info = [] {
    HostInfo host;
    host.cpu = llvm::sys::getHostCPUName().str();
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    std::vector<std::string> names;
    for (auto &feature : features)
      names.push_back((feature.second ? "+" : "-") + feature.first().str());
    llvm::sort(names); // a StringMap has no order of its own
    host.features = llvm::join(names, ",");
    host.vectorBits = features.lookup("avx512f") ? 512 : features.lookup("avx2") ? 256 : 128;
    return host;
  }();
  return info;
}

/// A target machine for the host, or an error if LLVM was built without its target.
static llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeTargetMachine() {
  static bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)initialized;
  const HostInfo &host = getHostInfo();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return llvm::createStringError(message);
  llvm::TargetOptions options;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, host.cpu, host.features, options, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Default, /*JIT=*/true));
  if (!machine)
    return llvm::createStringError("no code generator for %s", triple.str().c_str());
  return std::move(machine);
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // Loops and vectors are as we want them.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

/// Object file or assembly.
static llvm::Error emit(llvm::Module &module, llvm::TargetMachine &machine,
                        llvm::CodeGenFileType kind, std::string &result) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return llvm::createStringError("the code generator cannot emit this kind of file");
  passes.run(module);
  result.assign(buffer.begin(), buffer.end());
  return llvm::Error::success();
}

/// A module with the one kernel, lowered to the LLVM dialect.
static FailureOr<OwningOpRef<ModuleOp>> lower(ModuleOp module, StringRef kernel,
                                              unsigned vectorBits) {
  auto func = module.lookupSymbol<func::FuncOp>(kernel);
  if (!func)
    return module.emitError() << "expected a function '" << kernel << "'";
  OwningOpRef<ModuleOp> single = ModuleOp::create(func.getLoc());
  single->push_back(func.clone());
  PassManager manager(module.getContext());
  LowerToCpuOptions options;
  options.vectorBits = vectorBits ? vectorBits : getHostInfo().vectorBits;
  buildLowerToCpuPipeline(manager, options);
  if (failed(manager.run(*single)))
    return failure();
  return single;
}

FailureOr<CompiledObject> flashlight::compileForHost(ModuleOp module, StringRef kernel,
                                                     unsigned vectorBits) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  auto fail = [&](llvm::Error error) -> LogicalResult {
    return module.emitError() << "cannot generate code for '" << kernel
                              << "': " << llvm::toString(std::move(error));
  };
  FailureOr<OwningOpRef<ModuleOp>> lowered = lower(module, kernel, vectorBits);
  if (failed(lowered))
    return failure();
  auto machine = makeTargetMachine();
  if (!machine)
    return fail(machine.takeError());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(**lowered, context, kernel);
  if (!code)
    return module.emitError() << "cannot translate '" << kernel << "' to LLVM IR";
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());
  for (llvm::Function &function : *code) {
    function.addFnAttr("target-cpu", getHostInfo().cpu);
    function.addFnAttr("target-features", getHostInfo().features);
  }
  optimize(*code, **machine);
  CompiledObject result;
  llvm::raw_string_ostream(result.llvm) << *code;
  if (llvm::Error error = emit(*code, **machine, llvm::CodeGenFileType::ObjectFile, result.object))
    return fail(std::move(error));
  return result;
}

llvm::Expected<std::string> flashlight::assemblyOf(llvm::StringRef llvm) {
  auto machine = makeTargetMachine();
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> code =
      llvm::parseIR(llvm::MemoryBufferRef(llvm, "kernel"), diagnostic, context);
  if (!code)
    return llvm::createStringError(diagnostic.getMessage());
  std::string result;
  if (llvm::Error error = emit(*code, **machine, llvm::CodeGenFileType::AssemblyFile, result))
    return std::move(error);
  return result;
}
