#!/bin/sh
# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Interesting (exit status 1, as flashlight-reduce has it): a module with a scan.
flashlight-opt "$1" | grep -q flashlight.scan && exit 1
exit 0
