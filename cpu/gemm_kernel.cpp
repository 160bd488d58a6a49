#include "cpu/gemm_kernel.h"

#include <array>
#include <utility>

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Accumulators (rows * 2), two vectors of B and a broadcast element of A have to fit the registers.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kRows = 12;
#else
constexpr int kRows = 6;
#endif

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

template <class T, int kTileRows, int kVectors>
void tile(const GemmTile<T>& t) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sum[kTileRows][kVectors];
  HWY_UNROLL(12)
  for (int r = 0; r < kTileRows; ++r) {
    HWY_UNROLL(2)
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const T* HWY_RESTRICT a = t.a;
  const T* HWY_RESTRICT b = t.b;
  for (int64_t k = 0; k < t.depth; ++k) {
    V column[kVectors];
    HWY_UNROLL(2)
    for (int v = 0; v < kVectors; ++v) column[v] = hn::LoadU(d, b + v * lanes);
    HWY_UNROLL(12)
    for (int r = 0; r < kTileRows; ++r) {
      const V element = hn::Set(d, a[r]);
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(element, column[v], sum[r][v]);
    }
    a += kTileRows;
    b += kVectors * lanes;
  }

  const V alpha = hn::Set(d, t.alpha);
  T* const c = t.c;
  const int64_t c_row = t.c_row;
  const auto for_each = [&](auto&& body) HWY_ATTR {
    HWY_UNROLL(12)
    for (int r = 0; r < kTileRows; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) body(sum[r][v], r, v);
    }
  };
  if (t.beta == T(0)) {
    for_each([&](V& s, int, int) HWY_ATTR { s = hn::Mul(alpha, s); });
  } else {
    const V beta = hn::Set(d, t.beta);
    for_each([&](V& s, int r, int v) HWY_ATTR {
      s = hn::MulAdd(alpha, s, hn::Mul(beta, hn::LoadU(d, c + r * c_row + v * lanes)));
    });
  }
  if (t.row_bias != nullptr) {
    for_each([&](V& s, int r, int) HWY_ATTR { s = hn::Add(s, hn::Set(d, t.row_bias[r])); });
  }
  if (t.col_bias != nullptr) {
    for_each([&](V& s, int, int v) HWY_ATTR { s = hn::Add(s, hn::LoadU(d, t.col_bias + v * lanes)); });
  }
  if (t.relu) {  // keeps NaN and -0
    const V zero = hn::Zero(d);
    for_each([&](V& s, int, int) HWY_ATTR { s = hn::IfThenElse(hn::Lt(s, zero), zero, s); });
  }
  for_each([&](V& s, int r, int v) HWY_ATTR { hn::StoreU(s, d, c + r * c_row + v * lanes); });
}

#if HWY_TARGET != HWY_SCALAR
// A square of 16 / sizeof(T) elements a side: rows `from_step` apart become columns of the panel.
void transpose_square(const float* from, int64_t from_step, float* to, int64_t to_step) {
  const hn::Full128<float> d;
  const hn::Full128<double> pairs;
  const auto row0 = hn::LoadU(d, from);
  const auto row1 = hn::LoadU(d, from + from_step);
  const auto row2 = hn::LoadU(d, from + 2 * from_step);
  const auto row3 = hn::LoadU(d, from + 3 * from_step);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * to_step);
}

void transpose_square(const double* from, int64_t from_step, double* to, int64_t to_step) {
  const hn::Full128<double> d;
  const auto row0 = hn::LoadU(d, from);
  const auto row1 = hn::LoadU(d, from + from_step);
  hn::StoreU(hn::InterleaveLower(d, row0, row1), d, to);
  hn::StoreU(hn::InterleaveUpper(d, row0, row1), d, to + to_step);
}
#endif

template <class T>
void pack_any(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
              T* to) {
  for (int64_t k = 0; k < depth; ++k) {
    for (int64_t i = 0; i < count; ++i) to[k * width + i] = from[i * step + k * depth_step];
  }
}

// The panel's rows are adjacent in memory along K: copy with a transposition.
template <class T>
void pack_along_depth(const T* from, int64_t step, int64_t count, int64_t width, int64_t depth, T* to) {
#if HWY_TARGET == HWY_SCALAR
  pack_any(from, step, 1, count, width, depth, to);
#else
  constexpr int64_t kSide = 16 / sizeof(T);
  const int64_t squares_end = depth / kSide * kSide;
  const int64_t whole = count / kSide * kSide;
  for (int64_t i = 0; i < whole; i += kSide) {
    for (int64_t k = 0; k < squares_end; k += kSide) {
      transpose_square(from + i * step + k, step, to + k * width + i, width);
    }
  }
  pack_any(from + whole * step, step, 1, count - whole, width, squares_end, to + whole);
  pack_any(from + squares_end, step, 1, count, width, depth - squares_end, to + squares_end * width);
#endif
}

// The panel's rows are neighbours in memory at each step of K.
template <class T>
void pack_along_width(const T* from, int64_t depth_step, int64_t count, int64_t width, int64_t depth, T* to) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = count / lanes * lanes;
  for (int64_t k = 0; k < depth; ++k) {
    const T* const source = from + k * depth_step;
    T* const target = to + k * width;
    int64_t i = 0;
    for (; i < whole; i += lanes) hn::StoreU(hn::LoadU(d, source + i), d, target + i);
    for (; i < count; ++i) target[i] = source[i];
  }
}

template <class T>
void pack_part(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
               T* to) {
  if (step == 1) {
    pack_along_width(from, depth_step, count, width, depth, to);
  } else if (depth_step == 1) {
    pack_along_depth(from, step, count, width, depth, to);
  } else {
    pack_any(from, step, depth_step, count, width, depth, to);
  }
}

template <class T>
void pack(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
          T* to) {
  pack_part(from, step, depth_step, count, width, depth, to);
  for (int64_t k = 0; count < width && k < depth; ++k) {
    for (int64_t i = count; i < width; ++i) to[k * width + i] = T(0);
  }
}

template <class T, int kVectors, int... kIndices>
void fill_tiles(GemmKernels<T>& kernels, std::integer_sequence<int, kIndices...>) {
  ((kernels.tile[kVectors - 1][kIndices] = &tile<T, kIndices + 1, kVectors>), ...);
}

template <class T>
GemmKernels<T> make_kernels() {
  GemmKernels<T> kernels{};
  kernels.rows = kRows;
  kernels.lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  fill_tiles<T, 1>(kernels, std::make_integer_sequence<int, kRows>());
  fill_tiles<T, 2>(kernels, std::make_integer_sequence<int, kRows>());
  kernels.pack = &pack<T>;
  kernels.pack_part = &pack_part<T>;
  return kernels;
}

}  // namespace

void make_gemm_kernels(GemmKernels<float>& single, GemmKernels<double>& twice) {
  single = make_kernels<float>();
  twice = make_kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::cpu {
namespace {

HWY_EXPORT(make_gemm_kernels);

const KernelSet<GemmKernels>& all_kernels() {
  static const KernelSet<GemmKernels> kernels([](GemmKernels<float>& single, GemmKernels<double>& twice) {
    HWY_DYNAMIC_DISPATCH(make_gemm_kernels)(single, twice);
  });
  return kernels;
}

}  // namespace

template <>
const GemmKernels<float>& gemm_kernels<float>() {
  return all_kernels().of<float>();
}
template <>
const GemmKernels<double>& gemm_kernels<double>() {
  return all_kernels().of<double>();
}

}  // namespace linnet::cpu
#endif
