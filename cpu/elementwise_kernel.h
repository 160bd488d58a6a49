// Elementwise operators of floating elements in vectors, compiled for every instruction set and chosen at run
// time: dense rows, of which an operand may be one number. cpu/elementwise_*.cpp bring other rows into this
// form or walk them with the functors of core/elementwise.h.
//
// Where results are correctly rounded they have the functors' bits; exp, log, tanh and what is made of them
// are those of cpu/simd_math.h. An element's bits do not depend on its place in a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/elementwise.h"
#include "core/view.h"

namespace linnet::cpu {

/// Whether a kind has kernels here.
constexpr bool has_kernel(UnaryKind kind) {
  return kind != UnaryKind::Erf && kind != UnaryKind::Gelu && kind != UnaryKind::Softplus;
}
constexpr bool has_kernel(BinaryKind kind) {
  return kind != BinaryKind::Pow && !is_comparison(kind);
}

template <class T>
struct ElementwiseKernels {
  static constexpr size_t kUnaryKinds = static_cast<size_t>(UnaryKind::Hardswish) + 1;
  static constexpr size_t kBinaryKinds = static_cast<size_t>(BinaryKind::AddRelu) + 1;

  // `streamed`: results go past the caches, from an address that is aligned to 64 bytes, until
  // finish_streams().
  /// y = f(x); `a` is the number that the functor takes, if any. x and y may be the same.
  void (*unary[kUnaryKinds])(const T* x, T* y, int64_t n, T a, bool streamed);
  /// out = f(a, b); an operand of stride 0 is one number. `out` may be an operand.
  void (*binary[kBinaryKinds])(const T* a, int64_t a_stride, const T* b, int64_t b_stride, T* out, int64_t n,
                               bool streamed);

  auto of(UnaryKind kind) const { return unary[static_cast<size_t>(kind)]; }
  auto of(BinaryKind kind) const { return binary[static_cast<size_t>(kind)]; }
};

template <class T>
const ElementwiseKernels<T>& elementwise_kernels();

/// Before another thread is told that what was streamed is there.
void finish_streams();

/// Whether a result goes past the caches: one that would push out of them all that they hold.
inline bool is_streamed(const View& out) {
  constexpr int64_t kBytes = int64_t{32} << 20;
  return out.numel() >= kBytes / static_cast<int64_t>(size_of(out.dtype));
}

/// A dense row of results by row(first, count, streamed).
template <class T, class Row>
void fill_row(const T* out, int64_t n, bool streamed, Row&& row) {
  if (!streamed) return row(int64_t{0}, n, false);
  constexpr uintptr_t kAlignment = 64;
  const auto past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(out) % kAlignment / sizeof(T));
  const int64_t head = past == 0 ? 0 : std::min(n, static_cast<int64_t>(kAlignment / sizeof(T)) - past);
  if (head > 0) row(int64_t{0}, head, false);
  if (n > head) row(head, n - head, true);
  finish_streams();
}

}  // namespace linnet::cpu
