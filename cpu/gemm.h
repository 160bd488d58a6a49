// Matrix products on the CPU. CpuBackend forwards to gemm(); convolution uses the typed form of cpu/matmul.h.
#pragma once

#include "core/view.h"

namespace linnet::cpu {

/// c = alpha * a b + beta * c + bias: Backend::gemm. Float32 adds up in float32, Float64 in float64, with
/// fma, in an order that depends on K only. Any strides, of c too; batch dimensions of a and b may have
/// stride 0.
void gemm(double alpha, const View& a, const View& b, double beta, const View& c, const View& bias);

/// The right operand (K, N) in the order of the kernel's panels: bytes, or 0 where N does not fill a vector;
/// reordered; and the product with it. See Backend::gemm_packed.
int64_t packed_gemm_bytes(const View& b);
void pack_gemm(const View& b, const View& packed);
void gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu);

}  // namespace linnet::cpu
