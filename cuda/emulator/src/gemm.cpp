// The arithmetic of a matrix product: panels of both factors are packed, and a block of C is kept in
// registers while the whole of K runs past it. Plain vectors of the compiler, sums in the order of k.
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "cublas.h"

namespace cuda_emulator::detail {
namespace {

constexpr std::int64_t kColumns = 4;
constexpr std::int64_t kDepth = 384;  // of k at a time: a panel of A stays in the first cache

template <class T>
struct Vector;
template <>
struct Vector<float> {
  using Type = float __attribute__((vector_size(32)));
};
template <>
struct Vector<double> {
  using Type = double __attribute__((vector_size(32)));
};

template <class T>
constexpr std::int64_t kLanes = 32 / static_cast<std::int64_t>(sizeof(T));
template <class T>
constexpr std::int64_t kRows = 2 * kLanes<T>;

float round_to_tf32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7f800000U) == 0x7f800000U) return value;
  return std::bit_cast<float>((bits + 0x1000U) & ~0x1fffU);
}
double round_to_tf32(double value) {
  return value;
}

// Packs `rows` rows by `depth` columns of op(X), rows padded with zeros to a multiple of `height`, into
// panels of `height` rows, each column of a panel contiguous.
template <class T>
void pack(const T* x, std::int64_t row_step, std::int64_t column_step, std::int64_t rows, std::int64_t depth,
          std::int64_t height, bool tf32, T* to) {
  for (std::int64_t first = 0; first < rows; first += height) {
    const std::int64_t here = std::min(height, rows - first);
    for (std::int64_t k = 0; k < depth; ++k, to += height) {
      const T* from = x + first * row_step + k * column_step;
      for (std::int64_t i = 0; i < here; ++i)
        to[i] = tf32 ? round_to_tf32(from[i * row_step]) : from[i * row_step];
      for (std::int64_t i = here; i < height; ++i) to[i] = T(0);
    }
  }
}

// sums[j * kRows + i] += sum over k of a[k][i] * b[k][j]
template <class T>
inline __attribute__((always_inline)) void multiply_block(const T* a, const T* b, std::int64_t depth,
                                                          T* sums) {
  using V = typename Vector<T>::Type;
  constexpr std::int64_t lanes = kLanes<T>;
  V c0[kColumns];
  V c1[kColumns];
  for (std::int64_t j = 0; j < kColumns; ++j) {
    std::memcpy(&c0[j], sums + j * kRows<T>, sizeof(V));
    std::memcpy(&c1[j], sums + j * kRows<T> + lanes, sizeof(V));
  }
  for (std::int64_t k = 0; k < depth; ++k, a += kRows<T>, b += kColumns) {
    V a0;
    V a1;
    std::memcpy(&a0, a, sizeof(V));
    std::memcpy(&a1, a + lanes, sizeof(V));
    for (std::int64_t j = 0; j < kColumns; ++j) {
      c0[j] += a0 * b[j];
      c1[j] += a1 * b[j];
    }
  }
  for (std::int64_t j = 0; j < kColumns; ++j) {
    std::memcpy(sums + j * kRows<T>, &c0[j], sizeof(V));
    std::memcpy(sums + j * kRows<T> + lanes, &c1[j], sizeof(V));
  }
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define EMULATOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define EMULATOR_CLONES
#endif

EMULATOR_CLONES void multiply_panels(const float* a, const float* b, std::int64_t depth, float* sums) {
  multiply_block(a, b, depth, sums);
}
EMULATOR_CLONES void multiply_panels(const double* a, const double* b, std::int64_t depth, double* sums) {
  multiply_block(a, b, depth, sums);
}

}  // namespace

template <class T>
void gemm(const Product& p, std::int64_t batch, T alpha, T beta, T* c, bool tf32) {
  T* target = c + batch * p.c.stride;
  const std::int64_t panels_m = (p.m + kRows<T> - 1) / kRows<T>;
  const std::int64_t panels_n = (p.n + kColumns - 1) / kColumns;
  const std::int64_t block = kRows<T> * kColumns;
  std::vector<T> sums(static_cast<std::size_t>(panels_m * panels_n * block), T(0));
  if (alpha != T(0)) {
    const T* a = static_cast<const T*>(p.a.data) + batch * p.a.stride;
    const T* b = static_cast<const T*>(p.b.data) + batch * p.b.stride;
    const bool plain_a = p.transpose_a == CUBLAS_OP_N;
    const bool plain_b = p.transpose_b == CUBLAS_OP_N;
    const std::int64_t most = std::min(kDepth, p.k);
    std::vector<T> packed_a(static_cast<std::size_t>(panels_m * kRows<T> * most));
    std::vector<T> packed_b(static_cast<std::size_t>(panels_n * kColumns * most));
    for (std::int64_t k = 0; k < p.k; k += kDepth) {
      const std::int64_t depth = std::min(kDepth, p.k - k);
      pack(a + (plain_a ? k * p.a.leading : k), plain_a ? 1 : p.a.leading, plain_a ? p.a.leading : 1, p.m,
           depth, kRows<T>, tf32, packed_a.data());
      pack(b + (plain_b ? k : k * p.b.leading), plain_b ? p.b.leading : 1, plain_b ? 1 : p.b.leading, p.n,
           depth, kColumns, tf32, packed_b.data());
      for (std::int64_t i = 0; i < panels_m; ++i) {
        for (std::int64_t j = 0; j < panels_n; ++j) {
          multiply_panels(packed_a.data() + i * kRows<T> * depth, packed_b.data() + j * kColumns * depth,
                          depth, sums.data() + (i * panels_n + j) * block);
        }
      }
    }
  }
  for (std::int64_t j = 0; j < p.n; ++j) {
    for (std::int64_t i = 0; i < p.m; ++i) {
      const std::int64_t panel = i / kRows<T> * panels_n + j / kColumns;
      const T sum =
          alpha * sums[static_cast<std::size_t>(panel * block + j % kColumns * kRows<T> + i % kRows<T>)];
      T& element = target[j * p.c.leading + i];
      element = beta == T(0) ? sum : sum + beta * element;
    }
  }
}

template void gemm(const Product&, std::int64_t, float, float, float*, bool);
template void gemm(const Product&, std::int64_t, double, double, double*, bool);

}  // namespace cuda_emulator::detail
