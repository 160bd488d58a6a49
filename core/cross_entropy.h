// Cross-entropy of class labels, of arrays: what the loss on tensors and its rule (autograd/ops_loss.cpp) are
// made of. x are scores, floating, with the classes along `dim`; labels (Int64) have x's shape, 1 in `dim`.
#pragma once

#include <linnet/core/ndarray.h>

namespace linnet {

/// All have x's shape, 1 in `dim`.
struct CrossEntropies {
  NDArray losses;            ///< -log softmax(x)[label]
  NDArray largest, log_sum;  ///< What the gradient reads again: see LogNormalizer.
};
/// Throws for a label that is no class; a device that runs ahead does so when it is next waited for.
CrossEntropies cross_entropies(const NDArray& x, const NDArray& labels, int dim);

/// Gradient by x, given gy, the gradient by the losses: gy (softmax(x) - one_hot(labels)).
NDArray cross_entropies_grad(const NDArray& gy, const NDArray& x, const NDArray& largest,
                             const NDArray& log_sum, const NDArray& labels, int dim);

}  // namespace linnet
