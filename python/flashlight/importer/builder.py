# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds level-1 ops: the vocabulary in which the rows of the table are written.

A `Tensor` is an MLIR value with its shape (ints and sympy expressions) and torch dtype. All
methods return new tensors; none of them knows an ATen op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch

from ..mlir import ir
from ..mlir.dialects import arith, math
from ..mlir.dialects import flashlight as fl
from .symbols import Dim, Shape, is_static, product, symbol_name, to_dim
from .table import Unsupported

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (torch.float32, torch.float64, *HALVES)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8)
COMPUTED = (*FLOATS, *INTEGERS, torch.bool)


@dataclass(frozen=True)
class Tensor:
    """A program-level value: `shape` has ints and sympy expressions."""

    value: ir.Value
    shape: Shape
    dtype: torch.dtype

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Meta:
    """Shape and dtype that torch gave a node's result."""

    shape: Shape
    dtype: torch.dtype


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type in which eager computes pointwise ops and sums on `dtype`."""
    return torch.float32 if dtype in HALVES else dtype


class Builder:
    """Creates ops at the current insertion point and location of an MLIR context."""

    def __init__(self, context: ir.Context) -> None:
        self.context = context
        # Which results of the node at hand are read, for the rows with several; None is unknown.
        self.used_results: frozenset[int] | None = None
        # Every symbolic extent that stands in a type, by its name.
        self.expressions: dict[str, sympy.Expr] = {}
        self._elements: dict[torch.dtype, ir.Type] = {
            torch.float64: ir.F64Type.get(context),
            torch.float32: ir.F32Type.get(context),
            torch.float16: ir.F16Type.get(context),
            torch.bfloat16: ir.BF16Type.get(context),
            torch.int64: ir.IntegerType.get_signless(64, context),
            torch.int32: ir.IntegerType.get_signless(32, context),
            torch.int16: ir.IntegerType.get_signless(16, context),
            torch.int8: ir.IntegerType.get_signless(8, context),
            torch.bool: ir.IntegerType.get_signless(1, context),
            # Carried, never computed with: rows refuse them (see `require_computed`).
            torch.uint8: ir.IntegerType.get_unsigned(8, context),
            torch.uint16: ir.IntegerType.get_unsigned(16, context),
            torch.uint32: ir.IntegerType.get_unsigned(32, context),
            torch.uint64: ir.IntegerType.get_unsigned(64, context),
            torch.float8_e4m3fn: ir.Float8E4M3FNType.get(context),
            torch.float8_e5m2: ir.Float8E5M2Type.get(context),
            torch.complex64: ir.ComplexType.get(ir.F32Type.get(context)),
            torch.complex128: ir.ComplexType.get(ir.F64Type.get(context)),
        }

    # ---- types and constants ----------------------------------------------------------------

    def element(self, dtype: torch.dtype) -> ir.Type:
        found = self._elements.get(dtype)
        if found is None:
            raise Unsupported(f"tensors of {dtype} are not represented")
        return found

    def symbol(self, dim: sympy.Expr) -> str:
        """The dim's name in the IR; remembers what it stands for."""
        name = symbol_name(dim)
        self.expressions[name] = dim
        return name

    def type(self, shape: Shape, dtype: torch.dtype) -> ir.RankedTensorType:
        dynamic = ir.ShapedType.get_dynamic_size()
        sizes = [dim if is_static(dim) else dynamic for dim in shape]
        names = ['"' + self.symbol(dim) + '"' for dim in shape if not is_static(dim)]
        encoding = None
        if names:
            encoding = ir.Attribute.parse(f"#flashlight.symbols<{', '.join(names)}>", self.context)
        return ir.RankedTensorType.get(sizes, self.element(dtype), encoding)

    def wrap(self, value: ir.Value, shape: Shape, dtype: torch.dtype) -> Tensor:
        return Tensor(value, tuple(shape), dtype)

    def scalar(self, number: int | float | bool, dtype: torch.dtype) -> Tensor:
        """A rank-0 constant; `number` is rounded to `dtype`."""
        if dtype not in COMPUTED:
            raise Unsupported(f"{dtype} is not computed in kernels")
        element = self.element(dtype)
        if dtype.is_floating_point:
            attribute = ir.FloatAttr.get(element, float(number))
        else:
            attribute = ir.IntegerAttr.get(element, int(number))
        kind = ir.RankedTensorType.get([], element)
        splat = ir.DenseElementsAttr.get_splat(kind, attribute)
        return self.wrap(arith.ConstantOp(kind, splat).result, (), dtype)

    def full(self, shape: Shape, number: int | float | bool, dtype: torch.dtype) -> Tensor:
        return self.broadcast_to(self.scalar(number, dtype), shape)

    def size(self, dim: Dim) -> Tensor:
        """The value of a dim, an i64 of rank 0."""
        if is_static(dim):
            return self.scalar(dim, torch.int64)
        kind = self.type((), torch.int64)
        return self.wrap(fl.size(kind, self.symbol(dim)), (), torch.int64)

    def iota(self, dim: Dim) -> Tensor:
        """0, 1, ..., dim - 1 in i64."""
        kind = self.type((dim,), torch.int64)
        return self.wrap(fl.iota(kind), (dim,), torch.int64)

    # ---- moving elements --------------------------------------------------------------------

    def broadcast(self, x: Tensor, shape: Shape, dims: Sequence[int]) -> Tensor:
        """Dim `i` of `x` becomes dim `dims[i]` of the result."""
        if x.shape == tuple(shape) and list(dims) == list(range(x.rank)):
            return x
        value = fl.broadcast(self.type(shape, x.dtype), x.value, dims=self.indices(dims))
        return self.wrap(value, shape, x.dtype)

    def broadcast_to(self, x: Tensor, shape: Shape) -> Tensor:
        """Right-aligned, as torch broadcasts."""
        first = len(shape) - x.rank
        if first < 0:
            raise Unsupported("broadcast to fewer dims")
        return self.broadcast(x, shape, range(first, len(shape)))

    def spread(self, x: Tensor, shape: Shape, dims: Sequence[int]) -> Tensor:
        """Repeats the result of a reduction over `dims` along them; `shape` is what was reduced."""
        return self.broadcast(x, shape, [i for i in range(len(shape)) if i not in dims])

    def unsqueeze(self, x: Tensor, dim: int) -> Tensor:
        return self.reshape(x, (*x.shape[:dim], 1, *x.shape[dim:]))

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        if x.shape == tuple(shape):
            return x
        return self.wrap(fl.reshape(self.type(shape, x.dtype), x.value), shape, x.dtype)

    def transpose(self, x: Tensor, permutation: Sequence[int]) -> Tensor:
        if list(permutation) == list(range(x.rank)):
            return x
        shape = tuple(x.shape[dim] for dim in permutation)
        value = fl.transpose(self.type(shape, x.dtype), x.value, self.indices(permutation))
        return self.wrap(value, shape, x.dtype)

    def slice(self, x: Tensor, dim: int, offset: int, stride: int, length: Dim) -> Tensor:
        if offset == 0 and stride == 1 and x.shape[dim] == length:
            return x
        shape = (*x.shape[:dim], length, *x.shape[dim + 1 :])
        offsets = [offset if i == dim else 0 for i in range(x.rank)]
        strides = [stride if i == dim else 1 for i in range(x.rank)]
        value = fl.slice(
            self.type(shape, x.dtype), x.value, self.indices(offsets), self.indices(strides)
        )
        return self.wrap(value, shape, x.dtype)

    def flip(self, x: Tensor, dim: int) -> Tensor:
        """The dim's elements from the last to the first; twice is not at all."""
        back = self.flipped(x, dim)
        if back is not None:
            return back
        strides = [-1 if i == dim else 1 for i in range(x.rank)]
        offsets = self.indices([0] * x.rank)
        value = fl.slice(self.type(x.shape, x.dtype), x.value, offsets, self.indices(strides))
        return self.wrap(value, x.shape, x.dtype)

    def flipped(self, x: Tensor, dim: int) -> Tensor | None:
        """What `flip` made `x` of along this dim, if it did."""
        if isinstance(x.value.owner, ir.Block) or x.value.owner.name != "flashlight.slice":
            return None
        op = x.value.owner
        strides = list(ir.DenseI64ArrayAttr(op.attributes["strides"]))
        whole = op.operands[0].type == x.value.type
        if not whole or strides != [-1 if i == dim else 1 for i in range(x.rank)]:
            return None
        return self.wrap(op.operands[0], x.shape, x.dtype)

    def concat(self, tensors: Sequence[Tensor], dim: int) -> Tensor:
        first = tensors[0]
        length = to_dim(sum(x.shape[dim] for x in tensors))
        shape = (*first.shape[:dim], length, *first.shape[dim + 1 :])
        value = fl.concat(self.type(shape, first.dtype), [x.value for x in tensors], dim)
        return self.wrap(value, shape, first.dtype)

    def gather_at(self, x: Tensor, indices: Sequence[Tensor], map_: ir.AffineMap) -> Tensor:
        """`result[t] = x[map(t)[indices[t]...]]`; all indices have the result's shape."""
        self.require_computed(x)
        shape = indices[0].shape
        values = [index.value for index in indices]
        value = fl.gather(
            self.type(shape, x.dtype), x.value, values, ir.AffineMapAttr.get(map_)
        )
        return self.wrap(value, shape, x.dtype)

    # ---- combining --------------------------------------------------------------------------

    def reduce(self, kind: str, x: Tensor, dims: Sequence[int], keepdim: bool = False) -> Tensor:
        """Combines in the tensor's own type; the caller widens."""
        self.require_computed(x)
        dims = sorted(dims)
        kept = tuple(dim for i, dim in enumerate(x.shape) if i not in dims)
        result = x
        if dims:
            attribute = ir.Attribute.parse(f"#flashlight<kind {kind}>", self.context)
            value = fl.reduce(
                self.type(kept, x.dtype), attribute, x.value, dims=self.indices(dims)
            )
            result = self.wrap(value, kept, x.dtype)
        if keepdim:
            shape = tuple(1 if i in dims else dim for i, dim in enumerate(x.shape))
            result = self.reshape(result, shape)
        return result

    def scan(self, kind: str, x: Tensor, dim: int) -> Tensor:
        """Running combinations; of a flipped tensor, those from the last element, flipped."""
        self.require_computed(x)
        base = self.flipped(x, dim)
        if base is not None:
            return self.flip(self._scan(kind, base, dim, True), dim)
        return self._scan(kind, x, dim, False)

    def _scan(self, kind: str, x: Tensor, dim: int, reverse: bool) -> Tensor:
        attribute = ir.Attribute.parse(f"#flashlight<kind {kind}>", self.context)
        value = fl.scan(
            self.type(x.shape, x.dtype), attribute, x.value, dim=dim, reverse=reverse
        )
        return self.wrap(value, x.shape, x.dtype)

    def contract(self, lhs: Tensor, rhs: Tensor, equation: str, dtype: torch.dtype) -> Tensor:
        """An einsum of two operands, in the type that eager accumulates `dtype` in, then rounded.

        The operands have `dtype`; the result has it too.
        """
        return self.cast(self.contract_wide(lhs, rhs, equation, dtype), dtype)

    def contract_wide(
        self, lhs: Tensor, rhs: Tensor, equation: str, dtype: torch.dtype
    ) -> Tensor:
        """As `contract`, before the rounding."""
        self.require_computed(lhs, rhs)
        terms, out = equation.split("->")
        left, right = terms.split(",")
        extents = dict(zip(right, rhs.shape, strict=True))
        extents |= dict(zip(left, lhs.shape, strict=True))
        shape = tuple(extents[letter] for letter in out)
        wide = compute_dtype(dtype)
        value = fl.contract(self.type(shape, wide), lhs.value, rhs.value, equation=equation)
        return self.wrap(value, shape, wide)

    # ---- pointwise --------------------------------------------------------------------------

    def require_computed(self, *tensors: Tensor) -> None:
        for x in tensors:
            if x.dtype not in COMPUTED:
                raise Unsupported(f"{x.dtype} is not computed in kernels")

    def cast(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Converts elements as torch's `to` does."""
        if x.dtype == dtype:
            return x
        self.require_computed(x)
        if dtype not in COMPUTED:
            raise Unsupported(f"{dtype} is not computed in kernels")
        if dtype == torch.bool:
            return self.compare("ne", x, self.full(x.shape, 0, x.dtype))
        if x.dtype in HALVES and dtype in HALVES:
            x = self.cast(x, torch.float32)
        kind = self.type(x.shape, dtype)
        source_bits = self.bits(x.dtype)
        bits = self.bits(dtype)
        if x.dtype.is_floating_point and dtype.is_floating_point:
            op = arith.ExtFOp if bits > source_bits else arith.TruncFOp
        elif x.dtype.is_floating_point:
            op = arith.FPToSIOp
        elif dtype.is_floating_point:
            op = arith.UIToFPOp if x.dtype == torch.bool else arith.SIToFPOp
        elif bits > source_bits:
            op = arith.ExtUIOp if x.dtype == torch.bool else arith.ExtSIOp
        else:
            op = arith.TruncIOp
        return self.wrap(op(kind, x.value).result, x.shape, dtype)

    @staticmethod
    def bits(dtype: torch.dtype) -> int:
        return 1 if dtype == torch.bool else dtype.itemsize * 8

    def unary(self, op: type, x: Tensor) -> Tensor:
        """A float op of `arith` or `math` on one operand."""
        if not x.dtype.is_floating_point:
            raise Unsupported(f"expected a floating point operand, got {x.dtype}")
        self.require_computed(x)
        return self.wrap(op(x.value).result, x.shape, x.dtype)

    def binary(self, float_op: type | None, int_op: type | None, x: Tensor, y: Tensor) -> Tensor:
        """Picks the op by the operands' type, which is one; shapes agree."""
        self.require_computed(x, y)
        op = float_op if x.dtype.is_floating_point else int_op
        if op is None:
            raise Unsupported(f"not computed in {x.dtype}")
        return self.wrap(op(x.value, y.value).result, x.shape, x.dtype)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return self.binary(arith.AddFOp, arith.AddIOp, x, y)

    def sub(self, x: Tensor, y: Tensor) -> Tensor:
        return self.binary(arith.SubFOp, arith.SubIOp, x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        return self.binary(arith.MulFOp, arith.MulIOp, x, y)

    def div(self, x: Tensor, y: Tensor) -> Tensor:
        return self.binary(arith.DivFOp, None, x, y)

    def exp(self, x: Tensor) -> Tensor:
        return self.unary(math.ExpOp, x)

    def log(self, x: Tensor) -> Tensor:
        return self.unary(math.LogOp, x)

    def compare(self, how: str, x: Tensor, y: Tensor) -> Tensor:
        """`how` is one of eq ne lt le gt ge; false with NaN but for ne, as in IEEE 754."""
        self.require_computed(x, y)
        if x.dtype.is_floating_point:
            name = "une" if how == "ne" else "o" + how
            value = arith.CmpFOp(FLOAT_PREDICATES[name], x.value, y.value).result
        else:
            # Booleans order as 0 < 1, which is unsigned on one bit.
            sign = "u" if x.dtype == torch.bool else "s"
            name = how if how in ("eq", "ne") else sign + how
            value = arith.CmpIOp(INT_PREDICATES[name], x.value, y.value).result
        return self.wrap(value, x.shape, torch.bool)

    def select(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        value = arith.SelectOp(condition.value, x.value, y.value).result
        return self.wrap(value, x.shape, x.dtype)

    def logical_not(self, x: Tensor) -> Tensor:
        return self.binary(None, arith.XOrIOp, x, self.full(x.shape, True, torch.bool))

    def element_count(self, dims: Sequence[Dim]) -> Tensor:
        """The product of dims, an i64 of rank 0."""
        return self.size(product(dims))

    @staticmethod
    def indices(values: Sequence[int]) -> Any:
        return ir.DenseI64ArrayAttr.get(list(values))


FLOAT_PREDICATES = {
    name: getattr(arith.CmpFPredicate, name.upper())
    for name in ("oeq", "ogt", "oge", "olt", "ole", "une")
}
INT_PREDICATES = {
    name: getattr(arith.CmpIPredicate, name)
    for name in ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
}
