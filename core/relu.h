// ReLU without an array of its own, and its gradient together with that of a bias before it: what the
// operators on tensors (autograd/ops_elementwise.cpp, autograd/ops_conv.cpp) are made of besides the public
// ones.
#pragma once

#include <linnet/core/ndarray.h>

namespace linnet {

/// x = relu(x), where nobody else reads x. It has its version still.
void relu_in_place(const NDArray& x);

/// y (N, C, ...) being the result of ReLU.
struct ReluGradient {
  NDArray gx;    ///< gy where y > 0, 0 elsewhere
  NDArray sums;  ///< (C,): of gx over each channel
};
/// Writes gx into gy's memory where `overwrite` says that nobody reads gy any more.
ReluGradient relu_grad_sums(const NDArray& y, const NDArray& gy, bool overwrite);

}  // namespace linnet
