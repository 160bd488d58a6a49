#include "cpu/winograd_kernel.h"

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/winograd_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

#include "cpu/simd_math.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using simd::Tag;
using simd::Vec;

template <class T>
HWY_INLINE Vec<T> set(double value) {
  return hn::Set(Tag<T>(), static_cast<T>(value));
}

// Each struct is a matrix: kTo results of kFrom elements.

/// B^T:  1 -3/2   -2  3/2    1    0
///       0   -1  1/2  5/2    1    0
///       0    1 -5/2  1/2    1    0
///       0   -2   -1    2    1    0
///       0  1/2   -1 -1/2    1    0
///       0    1 -3/2   -2  3/2    1
struct Image {
  static constexpr int kFrom = 6, kTo = 6;
  template <class T>
  static HWY_INLINE void apply(const Vec<T> (&d)[6], Vec<T> (&t)[6]) {
    const Vec<T> even = hn::Sub(d[4], d[2]), odd = hn::Sub(d[3], d[1]);
    t[0] = hn::MulAdd(set<T>(1.5), odd, hn::Add(hn::Sub(d[0], d[2]), even));
    t[5] = hn::MulAdd(set<T>(1.5), even, hn::Sub(hn::Sub(d[5], d[3]), odd));
    const Vec<T> sum = hn::MulAdd(set<T>(1.5), d[3], even), difference = hn::MulAdd(set<T>(1.5), d[2], odd);
    t[1] = hn::Add(sum, difference);
    t[2] = hn::Sub(sum, difference);
    t[3] = hn::MulAdd(set<T>(2), odd, even);
    t[4] = hn::NegMulAdd(set<T>(0.5), odd, even);
  }
};

/// A:  1    0    0    0
///     1    1    1    1
///     1   -1    1   -1
///     1  1/2  1/4  1/8
///     1   -2    4   -8
///     0    0    0    1
struct Gradient {
  static constexpr int kFrom = 4, kTo = 6;
  template <class T>
  static HWY_INLINE void apply(const Vec<T> (&g)[4], Vec<T> (&t)[6]) {
    const Vec<T> even = hn::Add(g[0], g[2]), odd = hn::Add(g[1], g[3]);
    t[0] = g[0];
    t[1] = hn::Add(even, odd);
    t[2] = hn::Sub(even, odd);
    const auto at = [&](double x) HWY_ATTR {
      const Vec<T> point = set<T>(x);
      return hn::MulAdd(hn::MulAdd(hn::MulAdd(g[3], point, g[2]), point, g[1]), point, g[0]);
    };
    t[3] = at(0.5);
    t[4] = at(-2);
    t[5] = g[3];
  }
};

/// A^T.
struct Output {
  static constexpr int kFrom = 6, kTo = 4;
  template <class T>
  static HWY_INLINE void apply(const Vec<T> (&m)[6], Vec<T> (&y)[4]) {
    const Vec<T> sum = hn::Add(m[1], m[2]), difference = hn::Sub(m[1], m[2]);
    y[0] = hn::Add(hn::Add(m[0], sum), hn::Add(m[3], m[4]));
    y[1] = hn::NegMulAdd(set<T>(2), m[4], hn::MulAdd(set<T>(0.5), m[3], difference));
    y[2] = hn::MulAdd(set<T>(4), m[4], hn::MulAdd(set<T>(0.25), m[3], sum));
    y[3] = hn::Add(hn::NegMulAdd(set<T>(8), m[4], hn::MulAdd(set<T>(0.125), m[3], difference)), m[5]);
  }
};

/// G:       1      0      0
///        1/3    1/3    1/3
///       -1/3    1/3   -1/3
///     -16/15  -8/15  -4/15
///       1/15  -2/15   4/15
///          0      0      1
struct Filter {
  static constexpr int kFrom = 3, kTo = 6;
  template <class T>
  static HWY_INLINE void apply(const Vec<T> (&f)[3], Vec<T> (&t)[6]) {
    const Vec<T> third = set<T>(1.0 / 3);
    const Vec<T> even = hn::Mul(third, hn::Add(f[0], f[2]));
    t[0] = f[0];
    t[1] = hn::MulAdd(third, f[1], even);
    t[2] = hn::MulSub(third, f[1], even);
    const auto at = [&](double x, double scale) HWY_ATTR {
      const Vec<T> point = set<T>(x);
      return hn::Mul(set<T>(scale), hn::MulAdd(hn::MulAdd(f[2], point, f[1]), point, f[0]));
    };
    t[3] = at(0.5, -16.0 / 15);
    t[4] = at(-2, 1.0 / 15);
    t[5] = f[2];
  }
};

/// G^T.
struct FilterGradient {
  static constexpr int kFrom = 6, kTo = 3;
  template <class T>
  static HWY_INLINE void apply(const Vec<T> (&s)[6], Vec<T> (&f)[3]) {
    const Vec<T> third = set<T>(1.0 / 3);
    const Vec<T> even = hn::Mul(third, hn::Sub(s[1], s[2]));
    const Vec<T> a = hn::Mul(set<T>(-16.0 / 15), s[3]), b = hn::Mul(set<T>(1.0 / 15), s[4]);
    f[0] = hn::Add(hn::Add(s[0], even), hn::Add(a, b));
    f[1] = hn::NegMulAdd(set<T>(2), b, hn::MulAdd(set<T>(0.5), a, hn::Mul(third, hn::Add(s[1], s[2]))));
    f[2] = hn::Add(hn::MulAdd(set<T>(4), b, hn::MulAdd(set<T>(0.25), a, even)), s[5]);
  }
};

/// M X M^T: load(i, j) gives the elements of X, store(i, j, v) takes those of the result.
template <class M, class T, class Load, class Store>
HWY_INLINE void transform(const Load& load, const Store& store) {
  Vec<T> half[M::kTo][M::kFrom];  // M X
  HWY_UNROLL(6)
  for (int j = 0; j < M::kFrom; ++j) {
    Vec<T> column[M::kFrom], result[M::kTo];
    HWY_UNROLL(6)
    for (int i = 0; i < M::kFrom; ++i) column[i] = load(i, j);
    M::template apply<T>(column, result);
    HWY_UNROLL(6)
    for (int i = 0; i < M::kTo; ++i) half[i][j] = result[i];
  }
  HWY_UNROLL(6)
  for (int i = 0; i < M::kTo; ++i) {
    Vec<T> result[M::kTo];
    M::template apply<T>(half[i], result);
    HWY_UNROLL(6)
    for (int j = 0; j < M::kTo; ++j) store(i, j, result[j]);
  }
}

/// Tiles of pixels to planes.
template <class M, class T>
void to_planes(const WinogradStrip<T>& strip, int64_t channels, T* to, int64_t plane) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t row = strip.row, pixel = strip.pixel;
  for (int64_t t = 0; t < strip.tiles; ++t) {
    const int64_t begin = strip.column_begin - 4 * t, end = strip.column_end - 4 * t;
    const bool whole = strip.row_begin <= 0 && strip.row_end >= M::kFrom && begin <= 0 && end >= M::kFrom;
    for (int64_t c = 0; c < channels; c += lanes) {
      const T* const tile = strip.from + 4 * t * pixel + c;
      T* const place = to + t * channels + c;
      const auto store = [&](int i, int j, Vec<T> v)
                             HWY_ATTR { hn::StoreU(v, d, place + (6 * i + j) * plane); };
      if (whole) {
        transform<M, T>([&](int i, int j) HWY_ATTR { return hn::LoadU(d, tile + i * row + j * pixel); },
                        store);
      } else {
        const auto load = [&](int i, int j) HWY_ATTR {
          const bool there = i >= strip.row_begin && i < strip.row_end && j >= begin && j < end;
          return there ? hn::LoadU(d, tile + i * row + j * pixel) : hn::Zero(d);
        };
        transform<M, T>(load, store);
      }
    }
  }
}

template <class T>
void filters(const T* from, int64_t tap, int64_t count, T* to, int64_t plane) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t k = 0; k < count; k += lanes) {
    transform<Filter, T>([&](int r, int s) HWY_ATTR { return hn::LoadU(d, from + (3 * r + s) * tap + k); },
                         [&](int i, int j, Vec<T> v)
                             HWY_ATTR { hn::StoreU(v, d, to + (6 * i + j) * plane + k); });
  }
}

template <class T>
void filter_gradient(const T* from, int64_t plane, int64_t count, T* to, int64_t tap) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t k = 0; k < count; k += lanes) {
    transform<FilterGradient, T>(
        [&](int i, int j) HWY_ATTR { return hn::LoadU(d, from + (6 * i + j) * plane + k); },
        [&](int r, int s, Vec<T> v) HWY_ATTR { hn::StoreU(v, d, to + (3 * r + s) * tap + k); });
  }
}

template <class T>
void output(const T* from, int64_t plane, int64_t tiles, int64_t channels, const T* bias, bool relu, T* to,
            int64_t row, int64_t pixel, int64_t rows, int64_t columns) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vec<T> zero = hn::Zero(d);
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t width = HWY_MIN(4, columns - 4 * t);
    for (int64_t c = 0; c < channels; c += lanes) {
      const T* const tile = from + t * channels + c;
      T* const place = to + 4 * t * pixel + c;
      const Vec<T> add = hn::LoadU(d, bias + c);
      transform<Output, T>([&](int i, int j) HWY_ATTR { return hn::LoadU(d, tile + (6 * i + j) * plane); },
                           [&](int i, int j, Vec<T> v) HWY_ATTR {
                             if (i >= rows || j >= width) return;
                             v = hn::Add(v, add);
                             if (relu) v = hn::IfThenElse(hn::Lt(v, zero), zero, v);  // keeps NaN and -0
                             hn::StoreU(v, d, place + i * row + j * pixel);
                           });
    }
  }
}

template <class T>
WinogradKernels<T> make_kernels() {
  return {static_cast<int64_t>(hn::Lanes(Tag<T>())),
          &to_planes<Image, T>,
          &to_planes<Gradient, T>,
          &filters<T>,
          &output<T>,
          &filter_gradient<T>};
}

}  // namespace

void make_winograd_kernels(WinogradKernels<float>& single, WinogradKernels<double>& twice) {
  single = make_kernels<float>();
  twice = make_kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(WinogradKernels, winograd_kernels, make_winograd_kernels);
#endif
