// The lower rungs of the matrix product, written to be read: see docs/performance.md. Nothing in the library
// calls them but matmul(a, b, GemmAlgorithm) of linnet/cpu/gemm.h.
#pragma once

#include <cstdint>

#include "cpu/matmul.h"

namespace linnet::cpu {

/// c (M x N, dense) = a (M x K) b (K x N), on the calling thread. T is float or double.
template <class T>
void gemm_naive(int64_t M, int64_t N, int64_t K, const Matrix<const T>& a, const Matrix<const T>& b, T* c);
template <class T>
void gemm_blocked(int64_t M, int64_t N, int64_t K, const Matrix<const T>& a, const Matrix<const T>& b, T* c);

}  // namespace linnet::cpu
