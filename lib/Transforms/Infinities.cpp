//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "Infinities.h"

#include "ProgramUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace flashlight;

Infinities flashlight::infinitiesOf(Value value, unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || !isa<FloatType>(tensorType(value).getElementType()))
    return {};
  if (!depth)
    return {true, true};
  auto of = [&](unsigned i) { return infinitiesOf(op->getOperand(i), depth - 1); };
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Infinities found;
    if (auto numbers = dyn_cast<DenseFPElementsAttr>(constant.getValue()))
      for (const APFloat &number : numbers)
        if (number.isInfinity())
          found = found | Infinities{number.isNegative(), !number.isNegative()};
    return found;
  }
  if (isView(op) || isa<arith::ExtFOp, arith::TruncFOp>(op))
    return of(0);
  if (isa<arith::SelectOp>(op))
    return of(1) | of(2);
  if (isa<arith::NegFOp>(op))
    return -of(0);
  if (isa<arith::AddFOp>(op))
    return of(0) | of(1);
  if (isa<arith::SubFOp>(op))
    return of(0) | -of(1);
  if (isa<arith::MaximumFOp>(op))
    return {of(0).negative && of(1).negative, of(0).positive || of(1).positive};
  if (isa<arith::MinimumFOp>(op))
    return {of(0).negative || of(1).negative, of(0).positive && of(1).positive};
  if (isa<arith::DivFOp>(op)) // a quotient by what may be infinite is finite
    return of(0).any() ? Infinities{true, true} : Infinities{};
  if (isa<math::ExpOp, math::Exp2Op>(op))
    return {false, of(0).positive};
  if (isa<math::AbsFOp, math::SqrtOp>(op))
    return {false, of(0).any()};
  if (isa<math::Log1pOp>(op)) // of an exponential: never that of 0
    return {!isa_and_nonnull<math::ExpOp, math::Exp2Op>(op->getOperand(0).getDefiningOp()),
            of(0).positive};
  if (isa<math::LogOp, math::Log2Op>(op))
    return {true, of(0).positive};
  if (isa<math::TanhOp, math::ErfOp, math::SinOp, math::CosOp>(op) || !isElementwise(op))
    return {};
  bool any = false;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    any |= of(i).any();
  return {any, any};
}
