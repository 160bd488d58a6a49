// Matrix products on the CPU. CpuBackend forwards to gemm(); convolution uses the typed form of cpu/matmul.h.
#pragma once

#include "core/view.h"

namespace linnet::cpu {

/// c = alpha * a b + beta * c + bias: Backend::gemm. Float32 adds up in float32, Float64 in float64, with
/// fma, in an order that depends on K only. Any strides, of c too; batch dimensions of a and b may have
/// stride 0.
void gemm(double alpha, const View& a, const View& b, double beta, const View& c, const View& bias);

}  // namespace linnet::cpu
