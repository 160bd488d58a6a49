#include "cpu/gemm_kernel.h"

#include <array>
#include <utility>

#include <hwy/cache_control.h>

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
constexpr int kNarrowRows = 12;  // of one vector: six would wait for the sums before

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

/// Vectors of whole lanes.
template <class T>
struct Whole {
  static HWY_INLINE hn::Vec<Tag<T>> load(const T* from, int64_t) { return hn::LoadU(Tag<T>(), from); }
  static HWY_INLINE void store(hn::Vec<Tag<T>> v, T* to, int64_t) { hn::StoreU(v, Tag<T>(), to); }
};

/// Vectors whose first `count` lanes are in memory; what follows them there is another's.
template <class T>
struct Part {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  static HWY_INLINE hn::Vec<Tag<T>> load(const T* from, int64_t count) {
    const Tag<T> d;
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
  }
  static HWY_INLINE void store(hn::Vec<Tag<T>> v, T* to, int64_t count) {
    const Tag<T> d;
    hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
  }
#else
  static HWY_INLINE hn::Vec<Tag<T>> load(const T* from, int64_t count) {
    HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
    for (int64_t i = 0; i < count; ++i) lanes[i] = from[i];
    return hn::Load(Tag<T>(), lanes);
  }
  static HWY_INLINE void store(hn::Vec<Tag<T>> v, T* to, int64_t count) {
    HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
    hn::Store(v, Tag<T>(), lanes);
    for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
  }
#endif
};

/// What becomes of the sums of products, in memory that Access reaches.
template <class T, int kTileRows, int kVectors, class Access>
HWY_INLINE void finish_by(const GemmTile<T>& t, hn::Vec<Tag<T>> (&sum)[kTileRows][kVectors]) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V alpha = hn::Set(d, t.alpha);
  int64_t count[kVectors];
  for (int64_t v = 0; v < kVectors; ++v) {
    count[v] = HWY_MAX(0, HWY_MIN(t.c_lanes, t.c_count - v * t.c_lanes));
  }
  T* const c = t.c;
  const int64_t c_row = t.c_row;
  const auto for_each = [&](auto&& body) HWY_ATTR {
    HWY_UNROLL(12)
    for (int r = 0; r < kTileRows; ++r) {
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) body(sum[r][v], r, v);
    }
  };
  if (t.beta == T(0)) {
    for_each([&](V& s, int, int) HWY_ATTR { s = hn::Mul(alpha, s); });
  } else {
    const V beta = hn::Set(d, t.beta);
    for_each([&](V& s, int r, int v) HWY_ATTR {
      s = hn::MulAdd(alpha, s, hn::Mul(beta, Access::load(c + r * c_row + v * t.c_vector, count[v])));
    });
  }
  if (t.row_bias != nullptr) {
    for_each([&](V& s, int r, int) HWY_ATTR { s = hn::Add(s, hn::Set(d, t.row_bias[r])); });
  }
  if (t.col_bias != nullptr) {
    for_each([&](V& s, int, int v)
                 HWY_ATTR { s = hn::Add(s, Access::load(t.col_bias + v * lanes, count[v])); });
  }
  if (t.relu) {  // keeps NaN and -0
    const V zero = hn::Zero(d);
    for_each([&](V& s, int, int) HWY_ATTR { s = hn::IfThenElse(hn::Lt(s, zero), zero, s); });
  }
  for_each([&](V& s, int r, int v) HWY_ATTR { Access::store(s, c + r * c_row + v * t.c_vector, count[v]); });
}

template <class T, int kTileRows, int kVectors>
HWY_INLINE void finish(const GemmTile<T>& t, hn::Vec<Tag<T>> (&sum)[kTileRows][kVectors]) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  if (t.c_count == kVectors * lanes && t.c_lanes == lanes) {
    finish_by<T, kTileRows, kVectors, Whole<T>>(t, sum);
  } else {
    finish_by<T, kTileRows, kVectors, Part<T>>(t, sum);
  }
}

template <class T, int kTileRows, int kVectors, bool kPaired>
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
  for (int r = 0; r < kTileRows; ++r) {  // on its way while the products are added up
    hwy::Prefetch(t.c + r * t.c_row);
    hwy::Prefetch(t.c + r * t.c_row + (kVectors - 1) * t.c_vector + lanes - 1);
  }
  // Three rows to a pointer, where they are even: an address has room for once and twice their distance.
  constexpr int kShare = kPaired ? 2 : 3, kPointers = (kTileRows + kShare - 1) / kShare;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const T* a[kPointers];
    HWY_UNROLL(6)
    for (int i = 0; i < kPointers; ++i) {
      a[i] = t.a + t.a_taps[tap] + (kPaired ? (*t.a_pairs)[static_cast<size_t>(i)] : 3 * i * t.a_row);
    }
    const T* HWY_RESTRICT b = t.b + t.b_taps[tap];
    for (int64_t k = 0; k < t.depth; ++k) {
      V column[kVectors];
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) column[v] = hn::LoadU(d, b + v * t.b_vector);
      HWY_UNROLL(12)
      for (int r = 0; r < kTileRows; ++r) {
        const V element = hn::Set(d, a[r / kShare][r % kShare * t.a_row]);
        HWY_UNROLL(2)
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(element, column[v], sum[r][v]);
      }
      HWY_UNROLL(6)
      for (int i = 0; i < kPointers; ++i) a[i] += t.a_step;
      b += t.b_step;
    }
  }
  finish<T, kTileRows, kVectors>(t, sum);
}

/// Steps of K that are transposed at once.
template <class T>
constexpr int kSquare = HWY_TARGET == HWY_SCALAR ? 1 : 16 / sizeof(T);

#if HWY_TARGET == HWY_SCALAR
template <class T, class D>
HWY_INLINE void load_transposed(D d, const T* from, int64_t, hn::Vec<D> (&columns)[1]) {
  columns[0] = hn::LoadU(d, from);
}
#else
/// Blocks of 16 bytes, one of every 16 / sizeof(T)-th row.
template <class T, class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* from, int64_t from_step) {
  if constexpr (hn::MaxLanes(d) * sizeof(T) <= 16) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const int64_t rows = static_cast<int64_t>(hn::MaxLanes(half));
    return hn::Combine(d, load_blocks(half, from + rows * from_step, from_step),
                       load_blocks(half, from, from_step));
  }
}

/// As many rows as a vector has lanes, by 16 / sizeof(T) elements: a vector for each element.
template <class D>
HWY_INLINE void load_transposed(D d, const float* from, int64_t from_step, hn::Vec<D> (&columns)[4]) {
  const hn::RepartitionToWide<D> pairs;
  const auto row0 = load_blocks(d, from, from_step);
  const auto row1 = load_blocks(d, from + from_step, from_step);
  const auto row2 = load_blocks(d, from + 2 * from_step, from_step);
  const auto row3 = load_blocks(d, from + 3 * from_step, from_step);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
  columns[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
  columns[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
  columns[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
  columns[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
}

template <class D>
HWY_INLINE void load_transposed(D d, const double* from, int64_t from_step, hn::Vec<D> (&columns)[2]) {
  const auto row0 = load_blocks(d, from, from_step);
  const auto row1 = load_blocks(d, from + from_step, from_step);
  columns[0] = hn::InterleaveLower(d, row0, row1);
  columns[1] = hn::InterleaveUpper(d, row0, row1);
}
#endif

template <class T>
void pack_any(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
              T* to) {
  for (int64_t k = 0; k < depth; ++k) {
    for (int64_t i = 0; i < count; ++i) to[k * width + i] = from[i * step + k * depth_step];
  }
}

// The panel's rows are adjacent in memory along K: copy with a transposition, of as many rows as a vector has
// lanes, then of squares.
template <class T>
void pack_along_depth(const T* from, int64_t step, int64_t count, int64_t width, int64_t depth, T* to) {
  const int64_t squares_end = depth / kSquare<T> * kSquare<T>;
  int64_t row = 0;
  const auto pack_rows = [&](auto d) HWY_ATTR {
    const int64_t rows = static_cast<int64_t>(hn::Lanes(d));
    for (; row + rows <= count; row += rows) {
      for (int64_t k = 0; k < squares_end; k += kSquare<T>) {
        hn::Vec<decltype(d)> columns[kSquare<T>];
        load_transposed(d, from + row * step + k, step, columns);
        HWY_UNROLL(4)
        for (int i = 0; i < kSquare<T>; ++i) hn::StoreU(columns[i], d, to + (k + i) * width + row);
      }
    }
  };
  const hn::CappedTag<T, kSquare<T>> square;
  pack_rows(Tag<T>());
  pack_rows(square);
  if (row < count && count >= kSquare<T>) {  // the last square, some of whose rows are written again
    row = count - kSquare<T>;
    pack_rows(square);
  }
  pack_any(from + row * step, step, 1, count - row, width, squares_end, to + row);
  pack_any(from + squares_end, step, 1, count, width, depth - squares_end, to + squares_end * width);
}

// The panel's rows are neighbours in memory at each step of K. With `kFills` the width is whole vectors, and
// what the last one has no row for is zero.
template <class T, bool kFills>
void pack_along_width(const T* from, int64_t depth_step, int64_t count, int64_t width, int64_t depth, T* to) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = count / lanes * lanes, rest = count - whole;
  for (int64_t k = 0; k < depth; ++k) {
    const T* const source = from + k * depth_step;
    T* const target = to + k * width;
    for (int64_t i = 0; i < whole; i += lanes) hn::StoreU(hn::LoadU(d, source + i), d, target + i);
    if (rest == 0) continue;
    if constexpr (kFills) {
      hn::StoreU(Part<T>::load(source + whole, rest), d, target + whole);
    } else {
      Part<T>::store(Part<T>::load(source + whole, rest), target + whole, rest);
    }
  }
}

template <class T>
void pack_part(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
               T* to) {
  if (step == 1) {
    pack_along_width<T, false>(from, depth_step, count, width, depth, to);
  } else if (depth_step == 1) {
    pack_along_depth(from, step, count, width, depth, to);
  } else {
    pack_any(from, step, depth_step, count, width, depth, to);
  }
}

template <class T>
void pack(const T* from, int64_t step, int64_t depth_step, int64_t count, int64_t width, int64_t depth,
          T* to) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  if (step == 1 && width % lanes == 0 && width - count < lanes) {
    return pack_along_width<T, true>(from, depth_step, count, width, depth, to);
  }
  pack_part(from, step, depth_step, count, width, depth, to);
  for (int64_t k = 0; count < width && k < depth; ++k) {
    for (int64_t i = count; i < width; ++i) to[k * width + i] = T(0);
  }
}

/// Some steps of the columns are transposed into a buffer, so that neighbouring columns lie in a vector and
/// each adds up step by step, as in a tile. A vector's columns are read to the buffer's end before the next
/// ones: many columns at once, a power of two apart, would not stay in a cache.
template <class T>
void dots(const GemmTile<T>& t) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  constexpr int kVectors = GemmKernels<T>::kDotVectors;
  constexpr int64_t kDepth = 16 * 1024 / (kVectors * 64);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t width = kVectors * lanes, columns = t.c_count;
  HWY_ALIGN T buffer[kDepth * kVectors * 64 / sizeof(T)];
  V sum[1][kVectors];
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) sum[0][v] = hn::Zero(d);
  for (int64_t k = 0; k < t.depth; k += kDepth) {
    const int64_t depth = HWY_MIN(kDepth, t.depth - k);
    for (int64_t column = 0; column < width; column += lanes) {
      const int64_t count = HWY_MAX(0, HWY_MIN(lanes, columns - column));
      pack_part(t.b + column * t.b_step + k, t.b_step, 1, count, width, depth, buffer + column);
    }
    for (int64_t i = 0; columns < width && i < depth; ++i) {
      for (int64_t column = columns; column < width; ++column) buffer[i * width + column] = T(0);
    }
    for (int64_t i = 0; i < depth; ++i) {
      const V element = hn::Set(d, t.a[(k + i) * t.a_step]);
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) {
        sum[0][v] = hn::MulAdd(element, hn::Load(d, buffer + i * width + v * lanes), sum[0][v]);
      }
    }
  }
  finish<T, 1, kVectors>(t, sum);
}

template <class T>
void two_panels(const GemmTile<T>& t, int64_t b_panel) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sum[1][4];
  HWY_UNROLL(4)
  for (int v = 0; v < 4; ++v) sum[0][v] = hn::Zero(d);
  const T* HWY_RESTRICT b = t.b;
  for (int64_t k = 0; k < t.depth; ++k) {
    const V element = hn::Set(d, t.a[k * t.a_step]);
    sum[0][0] = hn::MulAdd(element, hn::LoadU(d, b), sum[0][0]);
    sum[0][1] = hn::MulAdd(element, hn::LoadU(d, b + lanes), sum[0][1]);
    sum[0][2] = hn::MulAdd(element, hn::LoadU(d, b + b_panel), sum[0][2]);
    sum[0][3] = hn::MulAdd(element, hn::LoadU(d, b + b_panel + lanes), sum[0][3]);
    b += t.b_step;
  }
  finish<T, 1, 4>(t, sum);
}

template <class T, int kVectors, int... kIndices>
void fill_tiles(GemmKernels<T>& kernels, std::integer_sequence<int, kIndices...>) {
  ((kernels.tile[kVectors - 1][kIndices] = &tile<T, kIndices + 1, kVectors, false>), ...);
}
template <class T, int kVectors, int... kIndices>
void fill_paired(GemmKernels<T>& kernels, std::integer_sequence<int, kIndices...>) {
  ((kernels.paired[kVectors - 1][kIndices] = &tile<T, 2 * kIndices + 2, kVectors, true>), ...);
}

template <class T>
GemmKernels<T> make_kernels() {
  GemmKernels<T> kernels{};
  kernels.rows = kRows;
  kernels.lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  kernels.narrow_rows = kNarrowRows;
  fill_tiles<T, 1>(kernels, std::make_integer_sequence<int, kNarrowRows>());
  fill_tiles<T, 2>(kernels, std::make_integer_sequence<int, kRows>());
  fill_paired<T, 1>(kernels, std::make_integer_sequence<int, kNarrowRows / 2>());
  fill_paired<T, 2>(kernels, std::make_integer_sequence<int, kRows / 2>());
  kernels.dots = &dots<T>;
  kernels.two_panels = &two_panels<T>;
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
LINNET_KERNEL_SET(GemmKernels, gemm_kernels, make_gemm_kernels);
#endif
