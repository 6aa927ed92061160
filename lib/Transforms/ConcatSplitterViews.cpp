//===----------------------------------------------------------------------===//
//
// Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A split dim through views: kept, merged, taken apart, or cut.
//
//===----------------------------------------------------------------------===//

#include "ConcatSplitter.h"
#include "ProgramUtils.h"

using namespace mlir;
using namespace flashlight;

/// A concat of concats along one dim is one with more parts.
LogicalResult ConcatSplitter::handleConcat(ConcatOp op) {
  FailureOr<Split> split = partsOf(op);
  if (failed(split))
    return failure();
  splits[op.getResult()] = *split;
  return success();
}

/// The dim may be kept, merged with others (as the outermost: longer parts; as the innermost, one
/// element a part: strided ones), or taken apart again in the same ways.
LogicalResult ConcatSplitter::handleReshape(ReshapeOp op) {
  Split split = splits[op.getOperand()];
  auto from = tensorType(op.getOperand()), to = tensorType(op.getResult());
  FailureOr<SmallVector<ReshapeGroup>> groups = reshapeGroups(op);
  if (failed(groups))
    return failure();
  const ReshapeGroup *group = llvm::find_if(*groups, [&](const ReshapeGroup &g) {
    return g.operandBegin <= split.dim && split.dim < g.operandEnd;
  });
  unsigned dim = split.dim, operandDims = group->operandEnd - group->operandBegin,
           resultDims = group->resultEnd - group->resultBegin;
  auto product = [](ArrayRef<int64_t> sizes) {
    int64_t all = 1;
    for (int64_t size : sizes)
      all = ShapedType::isDynamic(size) || all < 0 ? -1 : all * size;
    return all;
  };
  SmallVector<Extent> extents;
  if (operandDims == 1 && resultDims == 1) {
    split.dim = group->resultBegin;
    for (Part &part : split.parts)
      extents.push_back(getExtent(tensorType(part.value), dim));
  } else if (resultDims == 1) {
    for (Part &part : split.parts)
      part.behind = -1;
    int64_t outer = product(from.getShape().slice(group->operandBegin, dim - group->operandBegin)),
            inner = product(from.getShape().slice(dim + 1, group->operandEnd - dim - 1));
    split.dim = group->resultBegin;
    for (Part &part : split.parts) {
      int64_t size = tensorType(part.value).getDimSize(dim);
      if (!part.isKnown() || part.stride != 1 || ShapedType::isDynamic(size) || inner < 0)
        return failure();
      if (outer == 1) {
        part.offset *= inner;
        extents.push_back(Extent{size * inner, {}});
      } else if (inner == 1 && size == 1) {
        part.stride = from.getDimSize(dim);
        Extent extent = getExtent(from, group->operandBegin);
        if (dim - group->operandBegin != 1)
          extent = Extent{outer, {}};
        if (extent.size < 0 && !extent.symbol)
          return failure();
        extents.push_back(extent);
      } else {
        return failure();
      }
    }
  } else if (operandDims == 1) {
    for (Part &part : split.parts)
      part.behind = -1;
    auto sizes = to.getShape().slice(group->resultBegin, resultDims);
    int64_t inner = product(sizes.drop_front());
    bool strided = resultDims == 2 && split.parts.front().stride == sizes.back();
    split.dim = strided ? group->resultBegin + 1 : group->resultBegin;
    for (Part &part : split.parts) {
      int64_t size = tensorType(part.value).getDimSize(dim);
      if (!part.isKnown() || ShapedType::isDynamic(size) || inner < 0)
        return failure();
      if (strided && part.stride == sizes.back() && part.offset < sizes.back() &&
          size == sizes.front()) {
        part.stride = 1;
        extents.push_back(Extent{1, {}});
      } else if (!strided && part.stride == 1 && part.offset % inner == 0 && size % inner == 0) {
        part.offset /= inner;
        extents.push_back(Extent{size / inner, {}});
      } else {
        return failure();
      }
    }
  } else {
    return failure();
  }
  for (auto [part, extent] : llvm::zip(split.parts, extents))
    part.value = cloneWith(op, {part.value}, withExtent(to, split.dim, extent))->getResult(0);
  splits[op.getResult()] = split;
  return success();
}

LogicalResult ConcatSplitter::handleSlice(SliceOp op) {
  Split split = splits[op.getOperand()], result{split.dim, {}, split.free, split.projected};
  unsigned dim = split.dim;
  auto to = tensorType(op.getResult());
  int64_t offset = op.getOffsets()[dim], stride = op.getStrides()[dim];
  Extent wanted = getExtent(to, dim);
  bool whole = offset == 0 && stride == 1 && wanted == getExtent(tensorType(op.getOperand()), dim);
  // The part's elements [begin, begin + extent), and the slice's own of the other dims.
  auto sliced = [&](const Part &part, int64_t begin, Extent extent) {
    SmallVector<int64_t> offsets(op.getOffsets()), strides(op.getStrides());
    offsets[dim] = begin;
    strides[dim] = 1;
    RankedTensorType type = withExtent(to, dim, extent);
    return make<SliceOp>(op.getLoc(), type, part.value, builder.getDenseI64ArrayAttr(offsets),
                         builder.getDenseI64ArrayAttr(strides));
  };
  for (const Part &part : split.parts) {
    Extent extent = getExtent(tensorType(part.value), dim);
    if (whole) {
      result.parts.push_back({sliced(part, 0, extent), part.offset, part.stride, part.behind});
      continue;
    }
    bool last = stride == -1 && wanted.size == 1 && part.behind == offset; // from the end
    if ((last || (part.offset == offset && part.stride == stride)) && extent == wanted) {
      replace(op, sliced(part, 0, extent));
      return success();
    }
  }
  if (!whole) {
    if (stride != 1 || wanted.symbol)
      return failure();
    for (const Part &part : split.parts) {
      Extent extent = getExtent(tensorType(part.value), dim);
      if (!part.isKnown() || part.stride != 1 || extent.symbol)
        return failure();
      int64_t begin = std::max(offset, part.offset),
              end = std::min(offset + wanted.size, part.offset + extent.size);
      if (begin < end)
        result.parts.push_back(
            {sliced(part, begin - part.offset, Extent{end - begin, {}}), begin - offset, 1});
    }
    if (result.parts.size() == 1) {
      replace(op, result.parts.front().value);
      return success();
    }
  }
  splits[op.getResult()] = result;
  return success();
}
