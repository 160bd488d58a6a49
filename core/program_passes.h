// What makes a program shorter. Each function keeps what the program computes: fold_batch_norms up to
// rounding, the others to the bit.
#pragma once

#include "core/program.h"

namespace linnet {

/// Calls that read constants alone are made now, and their results become constants.
void fold_constants(Program& program);

/// A batch norm by constants behind a convolution or matrix product with constant filters, whose result
/// nothing else reads, becomes part of filters and bias: w weight / sqrt(variance + eps) and
/// (bias - mean) weight / sqrt(variance + eps) + bias of the norm, computed in float64 and rounded once.
void fold_batch_norms(Program& program);

/// ReLU behind a convolution or a sum whose result nothing else reads is done as that is written:
/// conv2d_relu and AddRelu.
void fuse_relu(Program& program);

/// Matrix products with a constant right operand, and convolutions with constant filters, that the device
/// would have to reorder each time get it in the device's own order (Backend::pack_gemm, pack_conv2d);
/// products get ReLU with it.
void pack_products(Program& program);

/// Elementwise calls write over an operand that nothing reads later, where it lies as the result does.
void reuse_operands(Program& program);

/// Calls whose results nobody reads are left out.
void drop_unread(Program& program);

/// The memory of constants that nobody reads any more is given back.
void forget_constants(Program& program);

/// All of them.
void optimize(Program& program);

}  // namespace linnet
