// Batch normalisation of arrays: what the operator on tensors and its rule (autograd/ops_norm.cpp) are made
// of. x is (N, C, ...), channels' numbers are (C,); weight and bias may be undefined.
#pragma once

#include <linnet/core/ndarray.h>

namespace linnet {

struct BatchMoments {
  NDArray mean, variance;  ///< the variance divided by the count
};
BatchMoments batch_moments(const NDArray& x);

struct BatchNormOperands {
  NDArray mean, variance, weight, bias;
  double eps;
};
/// (x - mean) / sqrt(variance + eps) * weight + bias.
NDArray batch_normalized(const NDArray& x, const BatchNormOperands& by);

struct BatchNormGradients {
  NDArray x, weight, bias;
};
/// Which of them anybody wants; the others stay undefined.
struct BatchNormWanted {
  bool x, weight, bias;
};
/// Given gy, the gradient by the result. In training mean and variance are x's own.
BatchNormGradients batch_norm_grad(const NDArray& gy, const NDArray& x, const BatchNormOperands& by,
                                   bool training, BatchNormWanted wanted);

}  // namespace linnet
