# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops without a row, which PyTorch writes out in ops that have one."""

import torch
import torch.nn.functional as F

from .cases import V, X, case, rand

EXPANDED = {
    "selu": F.selu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "softsign": F.softsign,
    "glu": lambda x: F.glu(x, 1),
    "softmin": lambda x: F.softmin(x, -1),
    "nan_to_num": torch.nan_to_num,
    "isfinite": torch.isfinite,
    "logaddexp": lambda x: torch.logaddexp(x, x * 2),
    "xlogy": lambda x: torch.xlogy(x, x.abs()),
    "lerp": lambda x: torch.lerp(x, x * 3, 0.3),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1),
    "std": lambda x: x.std(-1),
    "std_mean": lambda x: torch.std_mean(x, -1)[0],
    "normalize": lambda x: F.normalize(x, dim=-1),
    "norm": lambda x: x.norm(dim=-1),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x + 1, dim=-1),
    "group_norm": lambda x: F.group_norm(x, 2),
    "nanmean": lambda x: x.nanmean(-1),
    "diff": lambda x: x.diff(),
    "hstack": lambda x: torch.hstack([x, x]),
    "vstack": lambda x: torch.vstack([x, x]),
    "tensordot": lambda x: torch.tensordot(x, x, ([0, 1], [0, 1])),
    "inner": lambda x: torch.inner(x, x),
    "tile": lambda x: x.tile(2, 1, 1),
    "ravel": torch.ravel,
    "meshgrid": lambda x: torch.meshgrid(x[0, 0], x[1, 1], indexing="ij")[0],
    "count_nonzero": lambda x: (x > 0).long().count_nonzero(-1),
    "multiply": lambda x: torch.multiply(x, torch.subtract(x, 2)),
    "greater": lambda x: torch.greater(x, 0.1) & torch.less_equal(x, 1),
    "movements": lambda x: torch.moveaxis(x, 0, 1).swapdims(0, 2),
    "linspace": lambda x: x + torch.linspace(0, 1, 5),
    "select_scatter": lambda x: torch.select_scatter(x, x[:, 0] * 2, 1, 2),
    "isclose": lambda x: torch.isclose(x, x + 1e-9),
    "setitem": lambda x: _assigned(x),
}


def _assigned(x):
    y = x.clone()
    y[:, 1:3] = 0
    y[..., 0] *= 2
    return y


for name, function in EXPANDED.items():
    case(f"expanded-{name}", function, X)
    if name not in ("linspace", "std", "std_mean", "group_norm", "cosine_similarity", "nanmean"):
        case(f"expanded-{name}-bf16", function, X.bfloat16())
case(
    "expanded-dynamic",
    lambda x: F.normalize(x, dim=-1) + x.diff(dim=-1, prepend=x[..., :1]),
    V,
    dynamic=True,
)
# Positions along a symbolic dim stay symbolic.
case(
    "expanded-dynamic-positions",
    lambda x: F.pad(x[:, 0].permute(1, 2, 0), (1, 1), mode="reflect"),
    rand(5, 3, 4, 6),
    dynamic=True,
)
