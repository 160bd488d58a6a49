// The matrix product on typed, strided matrices: the driver around the micro-kernel of cpu/gemm_kernel.h, for
// gemm() and for convolutions. Blocks, packing and threads after Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication" (2008).
//
// Every element of the result adds up its K products in an order that depends on K only (blocks of K, then
// step by step), so results do not depend on threads, strides, or on what was packed beforehand.
#pragma once

#include <cstdint>

namespace linnet::cpu {

/// Element (i, j) is data[i * row + j * col].
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t row = 0;
  int64_t col = 0;

  T* at(int64_t i, int64_t j) const { return data + i * row + j * col; }
  Matrix transposed() const { return {data, col, row}; }
};

/// c (M x N) = alpha * a (M x K) b (K x N) + beta * c + row_bias (M) + col_bias (N); with `relu`, ReLU of
/// that.
template <class T>
struct Matmul {
  int64_t M = 0;
  int64_t N = 0;
  int64_t K = 0;
  Matrix<const T> a;
  Matrix<const T> b;
  Matrix<T> c;  ///< Not read where beta == 0. Unit stride along rows is fastest.
  T alpha = 1;
  T beta = 0;
  const T* row_bias = nullptr;
  const T* col_bias = nullptr;
  bool relu = false;
  const T* packed_a = nullptr;  ///< Of pack_a: replaces `a`.
  const T* packed_b = nullptr;  ///< Of pack_b: replaces `b`.
};

/// Uses the pool where the product is worth it.
template <class T>
void matmul(const Matmul<T>& problem);

/// A whole operand in the kernel's order, for several products with it.
template <class T>
int64_t packed_a_size(int64_t M, int64_t K);
template <class T>
void pack_a(int64_t M, int64_t K, const Matrix<const T>& a, T* packed);
template <class T>
int64_t packed_b_size(int64_t K, int64_t N);
template <class T>
void pack_b(int64_t K, int64_t N, const Matrix<const T>& b, T* packed);

}  // namespace linnet::cpu
