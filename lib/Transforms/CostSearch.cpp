//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which tilings are looked at, and which is the best. On a GPU all sizes are powers of two.
//
//===----------------------------------------------------------------------===//

#include "CostKernel.h"
#include "ScheduleCpu.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace flashlight;

/// The least rows, columns and products of a sum that a matrix unit takes.
constexpr int64_t kMinDot = 16;

static int64_t powerOfTwo(int64_t size) { return static_cast<int64_t>(llvm::PowerOf2Ceil(size)); }

namespace {

/// The sizes that a tile may have along each axis, and all their combinations.
class TilingSearch {
public:
  TilingSearch(KernelOp kernel, const AxisRoles &roles, const Target &target)
      : kernel(kernel), roles(roles), target(target) {}

  SmallVector<CostEstimate> run() {
    if (target.isGpu())
      searchGpu();
    else
      searchCpu();
    llvm::stable_sort(found, isBetter);
    return std::move(found);
  }

private:
  AxisAttr tile(StringAttr name, int64_t size) {
    return AxisAttr::get(kernel.getContext(), name, size, StringAttr());
  }

  /// Powers of two from `least` to `most`, no larger than the axis needs.
  SmallVector<int64_t> sizes(StringAttr name, int64_t least, int64_t most) {
    AxisAttr axis = kernel.getAxis(name);
    if (!axis.isDynamic())
      most = std::max(least, std::min(most, powerOfTwo(std::max<int64_t>(axis.getSize(), 1))));
    SmallVector<int64_t> result;
    for (int64_t size = least; size <= most; size *= 2)
      result.push_back(size);
    return result;
  }

  /// The size of an axis that a tile holds whole. What a product has on one side, or sums over, has
  /// at least 16 elements: the longest axis makes up for the others.
  int64_t whole(StringAttr name) {
    auto sizeOf = [&](StringAttr axis) {
      return powerOfTwo(std::max<int64_t>(kernel.getAxis(axis).getSize(), 1));
    };
    const AxisRoles::Axes &group = roles.values.contains(name) ? roles.values : roles.inner;
    bool before = true;
    for (StringAttr other : group) {
      before &= other != name;
      if (other != name && (before ? sizeOf(other) >= sizeOf(name) : sizeOf(other) > sizeOf(name)))
        return sizeOf(name);
    }
    bool isFactor = false;
    kernel.walk([&](ContractOp op) {
      ContractOp::Labels labels = op.getLabels();
      bool left = llvm::is_contained(labels.lhs, name),
           right = llvm::is_contained(labels.rhs, name);
      isFactor |= llvm::is_contained(labels.result, name) ? left != right : left && right;
    });
    return isFactor ? std::max(kMinDot, sizeOf(name)) : sizeOf(name);
  }

  void add(const Tiling &tiling) {
    found.push_back(CostKernel(kernel, roles, target, tiling, cache).compute());
  }

  /// In the order that a dot wants: rows, inner, stream, values.
  void searchGpu() {
    StringAttr blocked = roles.blockedWith(kernel.getStreamAttr());
    SmallVector<int64_t> rows =
        roles.row ? sizes(roles.row, kMinDot, 128) : SmallVector<int64_t>{1};
    SmallVector<int64_t> keys = sizes(blocked, kMinDot, 128);
    // All value axes whole, or one of them divided among programs.
    SmallVector<SmallVector<int64_t>> values(1);
    for (StringAttr name : roles.values)
      values.front().push_back(whole(name));
    for (auto [i, name] : llvm::enumerate(roles.values))
      if (roles.divisible.contains(name))
        for (int64_t size = values.front()[i] / 2; size >= 32; size /= 2) {
          values.push_back(values.front());
          values.back()[i] = size;
        }
    for (ArrayRef<int64_t> value : values)
      for (int64_t row : rows)
        for (int64_t key : keys)
          for (int64_t warps : {4, 8})
            for (int64_t stages : {3, 2, 1}) {
              Tiling tiling;
              if (roles.row)
                tiling.tiles.push_back(tile(roles.row, row));
              for (StringAttr name : roles.inner)
                tiling.tiles.push_back(tile(name, whole(name)));
              tiling.tiles.push_back(tile(blocked, key));
              for (auto [name, size] : llvm::zip(roles.values, value))
                tiling.tiles.push_back(tile(name, size));
              tiling.warps = warps;
              tiling.stages = stages;
              add(tiling);
            }
  }

  void searchCpu() {
    AxisRoles joined = joinCpuAxes(kernel, roles, target);
    // The larger ones first: of two that are equally fast they have fewer programs and blocks.
    llvm::SmallSetVector<ArrayAttr, 16> seen;
    for (int64_t rows : {128, 64, 32, 16})
      for (int64_t keys : {128, 96, 64, 32, 16}) {
        Tiling tiling;
        tiling.tiles = cpuTiles(kernel, joined, keys, rows);
        SmallVector<Attribute> key(tiling.tiles.begin(), tiling.tiles.end());
        if (seen.insert(ArrayAttr::get(kernel.getContext(), key)))
          add(tiling);
      }
  }

  KernelOp kernel;
  const AxisRoles &roles;
  const Target &target;
  CostCache cache;
  SmallVector<CostEstimate> found;
};

} // namespace

SmallVector<CostEstimate> flashlight::searchTilings(KernelOp kernel, const AxisRoles &roles,
                                                    const Target &target) {
  return TilingSearch(kernel, roles, target).run();
}
