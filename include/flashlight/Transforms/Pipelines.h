//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pipelines between our levels, by the names that flashlight-opt knows.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHLIGHT_TRANSFORMS_PIPELINES_H
#define FLASHLIGHT_TRANSFORMS_PIPELINES_H

namespace flashlight {

/// Registers
///   flashlight-to-kernel            program level to kernel level, online form derived
///   flashlight-to-tile{target=T}    program level to tile level for T (cpu or cuda)
void registerPipelines();

} // namespace flashlight

#endif // FLASHLIGHT_TRANSFORMS_PIPELINES_H
