// RUN: flashlight-opt %s --flashlight-to-kernel --flashlight-print-cost="target=cuda arch=90 others=1" -o /dev/null | FileCheck %s
func.func @main(%q: tensor<8x2048x64xbf16>, %k: tensor<8x2048x64xbf16>, %v: tensor<8x2048x64xbf16>) -> tensor<8x2048x64xf32> {
  return 
}
