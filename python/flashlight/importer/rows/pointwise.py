# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pointwise ops. Half types widen to f32, compute, and round, as eager does."""

from __future__ import annotations

import math as pymath

import torch

from ...mlir.dialects import arith, math
from ..builder import Builder, Meta, Tensor, compute_dtype
from ..complex_numbers import REAL, Complex
from ..table import Unsupported, row
from .common import Number, Operand, is_number, operand_dtype, operands


def _arithmetic(float_op, int_op, exact_scalars=False):
    def apply(b: Builder, out: Meta, x: Operand, y: Operand) -> Tensor:
        x, y = operands(b, out.shape, out.dtype, x, y, exact_scalars=exact_scalars)
        if out.dtype == torch.bool:
            raise Unsupported("arithmetic on booleans")
        return b.cast(b.binary(float_op, int_op, x, y), out.dtype)

    return apply


def _scaled(b: Builder, y: Operand, alpha: Number) -> Operand:
    """`alpha * y`, for the ops with an alpha."""
    if not is_number(alpha):
        raise Unsupported("a symbolic alpha")
    if alpha == 1:
        return y
    if is_number(y):
        return y * alpha
    wide = compute_dtype(y.dtype)
    if not wide.is_floating_point and isinstance(alpha, float):
        raise Unsupported("a float alpha on integers")
    return b.mul(b.cast(y, wide), b.full(y.shape, alpha, wide))


@row("add.Tensor", "add.Scalar")
def add(b: Builder, out: Meta, self: Tensor, other: Operand, alpha: Number = 1) -> Tensor:
    if out.dtype == torch.bool:
        raise Unsupported("arithmetic on booleans")
    return _sum(b, out, arith.AddFOp, arith.AddIOp, self, other, alpha)


@row("sub.Tensor", "sub.Scalar")
def sub(b: Builder, out: Meta, self: Tensor, other: Operand, alpha: Number = 1) -> Tensor:
    return _sum(b, out, arith.SubFOp, arith.SubIOp, self, other, alpha)


@row("rsub.Tensor", "rsub.Scalar")
def rsub(b: Builder, out: Meta, self: Tensor, other: Operand, alpha: Number = 1) -> Tensor:
    if alpha == 1:
        return _sum(b, out, arith.SubFOp, arith.SubIOp, other, self, 1)
    raise Unsupported("rsub with an alpha")


def _sum(b, out, float_op, int_op, x, y, alpha):
    if alpha != 1 and isinstance(y, Tensor):
        # The product stays in the compute type: eager rounds once, at the end.
        wide = compute_dtype(out.dtype)
        (x,) = operands(b, out.shape, out.dtype, x)
        (y,) = operands(b, out.shape, out.dtype, y)
        y = _scaled(b, Tensor(y.value, y.shape, wide), alpha)
    else:
        x, y = operands(b, out.shape, out.dtype, x, _scaled(b, y, alpha))
    return b.cast(b.binary(float_op, int_op, x, y), out.dtype)


@row("mul.Tensor", "mul.Scalar")
def mul(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    if out.dtype == torch.bool:
        x, y = operands(b, out.shape, torch.bool, self, other)
        return b.binary(None, arith.AndIOp, x, y)
    return _arithmetic(arith.MulFOp, arith.MulIOp, exact_scalars=True)(b, out, self, other)


@row("div.Tensor", "div.Scalar", "true_divide.Tensor")
def div(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
    return _arithmetic(arith.DivFOp, None, exact_scalars=True)(b, out, self, other)


@row("pow.Tensor_Scalar")
def pow_scalar(b: Builder, out: Meta, self: Tensor, exponent: Number) -> Tensor:
    if not out.dtype.is_floating_point:
        if isinstance(exponent, int) and exponent in (1, 2, 3) and out.dtype == self.dtype:
            result = self
            for _ in range(exponent - 1):
                result = b.mul(result, self)
            return result
        raise Unsupported("an integer power")
    (x,) = operands(b, out.shape, out.dtype, self)
    if exponent in (1, 2, 3):
        result = x
        for _ in range(int(exponent) - 1):
            result = b.mul(result, x)
    elif exponent == 0.5:
        result = b.unary(math.SqrtOp, x)
    elif exponent == -0.5:
        result = b.unary(math.RsqrtOp, x)
    elif exponent == -1:
        result = b.div(b.full(out.shape, 1, x.dtype), x)
    elif is_number(exponent):
        y = b.full(out.shape, exponent, x.dtype)
        result = b.binary(math.PowFOp, None, x, y)
    else:
        raise Unsupported("a symbolic exponent")
    return b.cast(result, out.dtype)


@row("pow.Tensor_Tensor", "pow.Scalar")
def pow_tensor(b: Builder, out: Meta, self: Operand, exponent: Tensor) -> Tensor:
    return _arithmetic(math.PowFOp, None)(b, out, self, exponent)


@row("maximum.default", "max.other")
def maximum(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return _arithmetic(arith.MaximumFOp, arith.MaxSIOp)(b, out, self, other)


@row("minimum.default", "min.other")
def minimum(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return _arithmetic(arith.MinimumFOp, arith.MinSIOp)(b, out, self, other)


@row("clamp.default", "clip.default", "clamp.Tensor")
def clamp(b: Builder, out: Meta, self: Tensor, min=None, max=None) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    if min is not None:
        (low,) = operands(b, out.shape, out.dtype, min)
        x = b.binary(arith.MaximumFOp, arith.MaxSIOp, x, low)
    if max is not None:
        (high,) = operands(b, out.shape, out.dtype, max)
        x = b.binary(arith.MinimumFOp, arith.MinSIOp, x, high)
    return b.cast(x, out.dtype)


@row("clamp_min.default", "clamp_min.Tensor")
def clamp_min(b: Builder, out: Meta, self: Tensor, min) -> Tensor:
    return clamp(b, out, self, min)


@row("clamp_max.default", "clamp_max.Tensor")
def clamp_max(b: Builder, out: Meta, self: Tensor, max) -> Tensor:
    return clamp(b, out, self, None, max)


# ---- unary ------------------------------------------------------------------------------------


def _register_unary(overload: str, op: type) -> None:
    @row(overload)
    def unary(b: Builder, out: Meta, self: Tensor) -> Tensor:
        (x,) = operands(b, out.shape, out.dtype, self)
        return b.cast(b.unary(op, x), out.dtype)


for _overload, _op in {
    "exp.default": math.ExpOp,
    "exp2.default": math.Exp2Op,
    "expm1.default": math.ExpM1Op,
    "log.default": math.LogOp,
    "log2.default": math.Log2Op,
    "log1p.default": math.Log1pOp,
    "sqrt.default": math.SqrtOp,
    "rsqrt.default": math.RsqrtOp,
    "tanh.default": math.TanhOp,
    "sin.default": math.SinOp,
    "cos.default": math.CosOp,
    "tan.default": math.TanOp,
    "sinh.default": math.SinhOp,
    "asin.default": math.AsinOp,
    "arcsin.default": math.AsinOp,
    "acos.default": math.AcosOp,
    "arccos.default": math.AcosOp,
    "atan.default": math.AtanOp,
    "arctan.default": math.AtanOp,
    "erf.default": math.ErfOp,
    "floor.default": math.FloorOp,
    "ceil.default": math.CeilOp,
    "trunc.default": math.TruncOp,
    "round.default": math.RoundEvenOp,
}.items():
    _register_unary(_overload, _op)


@row("abs.default")
def abs_(b: Builder, out: Meta, self: Tensor | Complex) -> Tensor:
    if isinstance(self, Complex):
        return b.unary(math.SqrtOp, b.add(b.mul(self.re, self.re), b.mul(self.im, self.im)))
    (x,) = operands(b, out.shape, out.dtype, self)
    if out.dtype.is_floating_point:
        return b.cast(b.unary(math.AbsFOp, x), out.dtype)
    return b.wrap(math.AbsIOp(x.value).result, x.shape, x.dtype)


@row("neg.default")
def neg(b: Builder, out: Meta, self: Tensor) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    if out.dtype.is_floating_point:
        return b.cast(b.unary(arith.NegFOp, x), out.dtype)
    return b.sub(b.full(x.shape, 0, x.dtype), x)


@row("reciprocal.default")
def reciprocal(b: Builder, out: Meta, self: Tensor) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    return b.cast(b.div(b.full(x.shape, 1, x.dtype), x), out.dtype)


@row("square.default")
def square(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return pow_scalar(b, out, self, 2)


def sigmoid_wide(b: Builder, x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), in the compute type."""
    one = b.full(x.shape, 1, x.dtype)
    return b.div(one, b.add(one, b.exp(b.unary(arith.NegFOp, x))))


@row("sigmoid.default")
def sigmoid(b: Builder, out: Meta, self: Tensor) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    return b.cast(sigmoid_wide(b, x), out.dtype)


@row("silu.default")
def silu(b: Builder, out: Meta, self: Tensor) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    # As eager: x / (1 + exp(-x)), which is 0 and not NaN where exp overflows.
    one = b.full(x.shape, 1, x.dtype)
    return b.cast(b.div(x, b.add(one, b.exp(b.unary(arith.NegFOp, x)))), out.dtype)


@row("log_sigmoid.default")
def log_sigmoid(b: Builder, out: Meta, self: Tensor) -> Tensor:
    """min(x, 0) - log1p(exp(-|x|))"""
    (x,) = operands(b, out.shape, out.dtype, self)
    low = b.binary(arith.MinimumFOp, None, x, b.full(x.shape, 0, x.dtype))
    tail = b.exp(b.unary(arith.NegFOp, b.unary(math.AbsFOp, x)))
    return b.cast(b.sub(low, b.unary(math.Log1pOp, tail)), out.dtype)


@row("softplus.default")
def softplus(
    b: Builder, out: Meta, self: Tensor, beta: Number = 1, threshold: Number = 20
) -> Tensor:
    """log1p(exp(beta x)) / beta, and x where beta x is above the threshold"""
    (x,) = operands(b, out.shape, out.dtype, self)
    scaled = b.mul(x, b.full(x.shape, beta, x.dtype))
    soft = b.div(b.unary(math.Log1pOp, b.exp(scaled)), b.full(x.shape, beta, x.dtype))
    linear = b.compare("gt", scaled, b.full(x.shape, threshold, x.dtype))
    return b.cast(b.select(linear, x, soft), out.dtype)


@row("gelu.default")
def gelu(b: Builder, out: Meta, self: Tensor, approximate: str = "none") -> Tensor:
    """x Phi(x): 0.5 x (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3))"""
    (x,) = operands(b, out.shape, out.dtype, self)

    def constant(number: float) -> Tensor:
        return b.full(x.shape, number, x.dtype)

    if approximate == "none":
        inner = b.unary(math.ErfOp, b.mul(x, constant(pymath.sqrt(0.5))))
    elif approximate == "tanh":
        cube = b.mul(b.mul(x, x), x)
        sum_ = b.add(x, b.mul(constant(0.044715), cube))
        inner = b.unary(math.TanhOp, b.mul(constant(pymath.sqrt(2 / pymath.pi)), sum_))
    else:
        raise Unsupported(f"gelu with approximate={approximate!r}")
    half = b.mul(constant(0.5), x)
    return b.cast(b.mul(half, b.add(constant(1), inner)), out.dtype)


@row("relu.default")
def relu(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return clamp(b, out, self, 0)


@row("leaky_relu.default")
def leaky_relu(b: Builder, out: Meta, self: Tensor, negative_slope: Number = 0.01) -> Tensor:
    (x,) = operands(b, out.shape, out.dtype, self)
    positive = b.compare("gt", x, b.full(x.shape, 0, x.dtype))
    scaled = b.mul(x, b.full(x.shape, negative_slope, x.dtype))
    return b.cast(b.select(positive, x, scaled), out.dtype)


# ---- comparisons and logic --------------------------------------------------------------------


def _register_compare(how: str) -> None:
    @row(f"{how}.Tensor", f"{how}.Scalar")
    def compare(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
        x, y = operands(b, out.shape, operand_dtype(self, other), self, other)
        return b.compare(how, x, y)


for _how in ("eq", "ne", "lt", "le", "gt", "ge"):
    _register_compare(_how)


def _register_bitwise(name: str, op: type) -> None:
    @row(
        f"bitwise_{name}.Tensor",
        f"bitwise_{name}.Scalar",
        f"__{name}__.Tensor",
        f"__{name}__.Scalar",
    )
    def bitwise(b: Builder, out: Meta, self: Tensor, other: Operand) -> Tensor:
        x, y = operands(b, out.shape, out.dtype, self, other)
        return b.binary(None, op, x, y)

    @row(f"logical_{name}.default")
    def logical(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
        x, y = operands(b, out.shape, torch.bool, self, other)
        return b.binary(None, op, x, y)


for _name, _op in {"and": arith.AndIOp, "or": arith.OrIOp, "xor": arith.XOrIOp}.items():
    _register_bitwise(_name, _op)


@row("bitwise_not.default")
def bitwise_not(b: Builder, out: Meta, self: Tensor) -> Tensor:
    if self.dtype == torch.bool:
        return b.logical_not(self)
    return b.binary(None, arith.XOrIOp, self, b.full(self.shape, -1, self.dtype))


@row("logical_not.default")
def logical_not(b: Builder, out: Meta, self: Tensor) -> Tensor:
    return b.logical_not(b.cast(self, torch.bool))


@row("isnan.default")
def isnan(b: Builder, out: Meta, self: Tensor) -> Tensor:
    if not self.dtype.is_floating_point:
        return b.full(self.shape, False, torch.bool)
    return b.compare("ne", self, self)


@row("isinf.default")
def isinf(b: Builder, out: Meta, self: Tensor) -> Tensor:
    if not self.dtype.is_floating_point:
        return b.full(self.shape, False, torch.bool)
    size = b.unary(math.AbsFOp, self)
    return b.compare("eq", size, b.full(self.shape, pymath.inf, self.dtype))


@row("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def where(b: Builder, out: Meta, condition: Tensor, self: Operand, other: Operand) -> Tensor:
    if condition.dtype != torch.bool:
        raise Unsupported("a condition that is not boolean")
    keep = b.broadcast_to(condition, out.shape)
    return b.select(keep, _chosen(b, out, self), _chosen(b, out, other))


@row("masked_fill.Scalar", "masked_fill.Tensor")
def masked_fill(b: Builder, out: Meta, self: Tensor, mask: Tensor, value: Operand) -> Tensor:
    if mask.dtype != torch.bool:
        raise Unsupported("a mask that is not boolean")
    fill = b.broadcast_to(mask, out.shape)
    return b.select(fill, _chosen(b, out, value), _chosen(b, out, self))


def _chosen(b: Builder, out: Meta, x: Operand) -> Tensor:
    """An operand that is only moved: in the result's own type."""
    if is_number(x):
        return b.full(out.shape, x, out.dtype)
    if not isinstance(x, Tensor):
        x = b.size(x)
    return b.broadcast_to(b.cast(x, out.dtype), out.shape)


# ---- conversions ------------------------------------------------------------------------------


@row("to.dtype", "to.dtype_layout", "_to_copy.default", "to.device")
def to(b: Builder, out: Meta, self: Operand | Complex, dtype=None) -> Tensor | Complex:
    if out.dtype in REAL:
        re = b.cast(self.re if isinstance(self, Complex) else self, REAL[out.dtype])
        if isinstance(self, Complex):
            return Complex(re, b.cast(self.im, re.dtype))
        return Complex(re, b.full(re.shape, 0, re.dtype))
    if isinstance(self, Complex):
        return b.cast(self.re, out.dtype)
    # Tracing writes a Python number of a promoted op as a conversion of it.
    return b.scalar(self, out.dtype) if is_number(self) else b.cast(self, out.dtype)


@row("type_as.default", "to.other")
def type_as(b: Builder, out: Meta, self: Tensor, other: Tensor) -> Tensor:
    return b.cast(self, out.dtype)


@row("addcmul.default")
def addcmul(
    b: Builder, out: Meta, self: Tensor, tensor1: Tensor, tensor2: Tensor, value: Number = 1
) -> Tensor:
    x, y, z = operands(b, out.shape, out.dtype, self, tensor1, tensor2)
    product = b.mul(y, z)
    if value != 1:
        product = b.mul(b.full(out.shape, value, product.dtype), product)
    return b.cast(b.add(x, product), out.dtype)
