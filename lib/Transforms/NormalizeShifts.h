//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of flashlight-normalize-shifts, and what they share.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_LIB_TRANSFORMS_NORMALIZESHIFTS_H
#define FLASHLIGHT_LIB_TRANSFORMS_NORMALIZESHIFTS_H

#include "flashlight/IR/FlashlightDialect.h"

#include "mlir/IR/PatternMatch.h"

namespace flashlight {

/// Scans with their totals, and of what is repeated.
void populateNormalizeScansPatterns(mlir::RewritePatternSet &patterns);
/// Scans that are moved on by one, and of what is.
void populateNormalizeMovedPatterns(mlir::RewritePatternSet &patterns);
/// Contractions of shifted factors.
void populateNormalizeShiftedPatterns(mlir::RewritePatternSet &patterns);
/// Running sums along the rows of scores.
void populateNormalizeScannedRowsPatterns(mlir::RewritePatternSet &patterns);

/// True if `value` is the same all along `dim`.
bool isRepeatedAlong(mlir::Value value, int64_t dim);

/// A scan like another one, at the program level.
ScanOp scanLike(ScanOp like, mlir::Value operand, bool reverse, bool exclusive,
                mlir::OpBuilder &builder);

/// The positions along a dim, as i64, in the shape of `type`.
mlir::Value positionsAlong(int64_t dim, mlir::RankedTensorType type, mlir::Location loc,
                           mlir::OpBuilder &builder);

/// A number everywhere.
mlir::Value numberLike(int64_t value, mlir::RankedTensorType like, mlir::Location loc,
                       mlir::OpBuilder &builder);

/// Replaces an op, whose node the new value becomes the value of.
void replaceNamed(mlir::Operation *op, mlir::Value value, mlir::PatternRewriter &rewriter);

} // namespace flashlight

#endif // FLASHLIGHT_LIB_TRANSFORMS_NORMALIZESHIFTS_H
