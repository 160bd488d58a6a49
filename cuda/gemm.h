// The matrix product by cuBLAS.
#pragma once

#include "cuda/backend.h"

namespace linnet::cuda {

/// A matrix, or a batch of them, transposed.
inline View transposed(const View& matrix) {
  return swapped(matrix, matrix.rank() - 2, matrix.rank() - 1);
}

/// c = alpha * a b + beta * c + bias, as Backend::gemm. A matrix goes to cuBLAS as it lies in memory where
/// one of its two strides is 1; any other is copied first. Batches of one stride are one call.
void gemm(CudaBackend& backend, double alpha, const View& a, const View& b, double beta, const View& c,
          const View& bias);

}  // namespace linnet::cuda
