// Two matrix products in plain loops, and the choice between them and the tuned one. The file is compiled
// once for every instruction set, as the tuned one is, so that the compiler may use the same vectors; there
// is no intrinsic in it.
#include "cpu/gemm_ladder.h"

#include <linnet/cpu/gemm.h>

#include <algorithm>

#include <linnet/core/ops.h>
#include "core/fail.h"
#include "core/operands.h"
#include "cpu/scratch.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_ladder.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

/// A row of C gets a multiple of a row of B. No element waits for another, so the compiler computes a vector
/// of them at once.
template <class T>
HWY_NOINLINE void add_multiple(int64_t n, T factor, const T* __restrict from, T* __restrict to) {
  for (int64_t j = 0; j < n; ++j) to[j] += factor * from[j];
}

template <class T>
void blocked(int64_t M, int64_t N, int64_t K, const Matrix<const T>& a, const Matrix<const T>& b, T* c) {
  // A block of B: 64 KiB, for an L2 cache; of a row of it, and one of C, an L1 cache has room for many.
  constexpr int64_t kRows = 64, kColumns = 1024 / sizeof(T);
  const Scratch<T> block(kRows * kColumns);
  std::fill_n(c, M * N, T(0));
  for (int64_t j0 = 0; j0 < N; j0 += kColumns) {
    for (int64_t k0 = 0; k0 < K; k0 += kRows) {
      const int64_t columns = std::min(kColumns, N - j0);
      const int64_t rows = std::min(kRows, K - k0);
      for (int64_t k = 0; k < rows; ++k) {  // a copy: its rows are adjacent, whatever the strides of B
        for (int64_t j = 0; j < columns; ++j) block[k * columns + j] = *b.at(k0 + k, j0 + j);
      }
      for (int64_t i = 0; i < M; ++i) {
        for (int64_t k = 0; k < rows; ++k) {
          add_multiple(columns, *a.at(i, k0 + k), &block[k * columns], c + i * N + j0);
        }
      }
    }
  }
}

// Highway's table of instruction sets wants functions, not templates.
void blocked_float(int64_t M, int64_t N, int64_t K, const Matrix<const float>& a,
                   const Matrix<const float>& b, float* c) {
  blocked(M, N, K, a, b, c);
}
void blocked_double(int64_t M, int64_t N, int64_t K, const Matrix<const double>& a,
                    const Matrix<const double>& b, double* c) {
  blocked(M, N, K, a, b, c);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet {
namespace cpu {
namespace {

HWY_EXPORT(blocked_float);
HWY_EXPORT(blocked_double);

}  // namespace

template <class T>
void gemm_naive(int64_t M, int64_t N, int64_t K, const Matrix<const T>& a, const Matrix<const T>& b, T* c) {
  for (int64_t i = 0; i < M; ++i) {
    for (int64_t j = 0; j < N; ++j) {
      T sum = 0;
      for (int64_t k = 0; k < K; ++k) sum += *a.at(i, k) * *b.at(k, j);
      c[i * N + j] = sum;
    }
  }
}
template void gemm_naive(int64_t, int64_t, int64_t, const Matrix<const float>&, const Matrix<const float>&,
                         float*);
template void gemm_naive(int64_t, int64_t, int64_t, const Matrix<const double>&, const Matrix<const double>&,
                         double*);

template <>
void gemm_blocked(int64_t M, int64_t N, int64_t K, const Matrix<const float>& a, const Matrix<const float>& b,
                  float* c) {
  HWY_DYNAMIC_DISPATCH(blocked_float)(M, N, K, a, b, c);
}
template <>
void gemm_blocked(int64_t M, int64_t N, int64_t K, const Matrix<const double>& a,
                  const Matrix<const double>& b, double* c) {
  HWY_DYNAMIC_DISPATCH(blocked_double)(M, N, K, a, b, c);
}

}  // namespace cpu

namespace {

constexpr const char* kWhere = "matmul";

template <class T>
cpu::Matrix<const T> matrix(const View& view) {
  return {view.as<const T>(), view.strides[0], view.strides[1]};
}

template <class T>
void run(GemmAlgorithm algorithm, const View& a, const View& b, const View& c) {
  const auto rung = algorithm == GemmAlgorithm::Naive ? cpu::gemm_naive<T> : cpu::gemm_blocked<T>;
  rung(c.shape[0], c.shape[1], a.shape[1], matrix<T>(a), matrix<T>(b), c.as<T>());
}

}  // namespace

const char* name(GemmAlgorithm algorithm) {
  switch (algorithm) {
    case GemmAlgorithm::Naive:
      return "naive";
    case GemmAlgorithm::Blocked:
      return "blocked";
    case GemmAlgorithm::Tuned:
      return "tuned";
  }
  return "unknown";
}

GemmAlgorithm gemm_algorithm(const std::string& word) {
  std::string names;
  for (const GemmAlgorithm algorithm : gemm_algorithms()) {
    if (word == name(algorithm)) return algorithm;
    names += (names.empty() ? "" : ", ") + std::string(name(algorithm));
  }
  fail("gemm_algorithm", "there is no algorithm '{}'; there are {}", word, names);
}

std::span<const GemmAlgorithm> gemm_algorithms() {
  static constexpr GemmAlgorithm kAll[] = {GemmAlgorithm::Naive, GemmAlgorithm::Blocked,
                                           GemmAlgorithm::Tuned};
  return kAll;
}

NDArray matmul(const NDArray& a, const NDArray& b, GemmAlgorithm algorithm) {
  const Device device = common_device(kWhere, {&a, &b});
  check(device.name() == "cpu", kWhere, "the arrays are on {}; a GemmAlgorithm is chosen on the CPU only",
        device);
  require_floating(kWhere, common_dtype(kWhere, {&a, &b}));
  check(a.rank() == 2 && b.rank() == 2, kWhere,
        "shapes {} and {}; expected two matrices: batches have no choice of algorithm", a.shape(), b.shape());
  if (algorithm == GemmAlgorithm::Tuned) return matmul(a, b);
  check(a.size(1) == b.size(0), kWhere,
        "shapes {} and {}; expected (..., M, K) and (..., K, N), but K is {} on the left and {} on the right",
        a.shape(), b.shape(), a.size(1), b.size(0));
  NDArray c = NDArray::empty({a.size(0), b.size(1)}, a.dtype(), device);
  if (a.dtype() == DType::Float64) {
    run<double>(algorithm, a.read_view(), b.read_view(), result_view(c));
  } else {
    run<float>(algorithm, a.read_view(), b.read_view(), result_view(c));
  }
  return c;
}

}  // namespace linnet
#endif  // HWY_ONCE
