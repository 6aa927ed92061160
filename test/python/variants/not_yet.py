# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spellings do not become yet: a test fails when an entry is no longer true."""

# The form that is missing.
NOT_YET = {
    "contextual_position_encodings-total_minus_cumsum_gathered": ("no kernel"),
    "convolution_of_the_weights-depthwise": ("no kernel"),
    "convolution_of_the_weights-depthwise_causal": (
        "left to PyTorch: aten.gt.Tensor, aten.matmul.default, aten.mul.Tensor, ..."
    ),
    "convolution_of_the_weights-shifted_sum": ("no kernel"),
    "forgetting_attention-gates_in_log2": ("left to PyTorch: aten.log2.default"),
    "ops_that_the_importer_does_not_know-after_the_values": (
        "left to PyTorch: aten.matmul.default, aten.add.Tensor"
    ),
    "rectified_softmax-shifted_by_maximum": ("2 passes instead of 1"),
    "rows_without_keys-nan_to_num": ("2 passes instead of 1"),
    "stick-breaking_attention-cumprod_from_the_first": ("no kernel"),
}

# What does not run, or computes something else than eager.
WRONG: dict[str, str] = {}

# What has no Triton form that can be interpreted.
NO_TTIR: dict[str, str] = {}
