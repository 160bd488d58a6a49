#include "cpu/reduce_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"
#include "cpu/strided.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/reduce_kernel.cpp"
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
using Doubles = Tag<double>;

/// As many elements as a vector of doubles has, as doubles.
template <class T>
hn::Vec<Doubles> load(const T* x) {
  const Doubles d;
  if constexpr (sizeof(T) == sizeof(double)) {
    return hn::LoadU(d, x);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, Doubles>(), x));
  }
}

// Accumulators of a run are vectors in a plain array, which the compiler keeps in registers.
template <class T>
void sum(double* HWY_RESTRICT lanes, const T* HWY_RESTRICT x, int64_t n) {
  const Doubles d;
  constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(Doubles())), kVectors = kLanes / kWidth;
  hn::Vec<Doubles> acc[kVectors];
  HWY_UNROLL(16)
  for (int64_t v = 0; v < kVectors; ++v) acc[v] = hn::LoadU(d, lanes + v * kWidth);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    HWY_UNROLL(16)
    for (int64_t v = 0; v < kVectors; ++v) acc[v] = hn::Add(acc[v], load(x + i + v * kWidth));
  }
  HWY_UNROLL(16)
  for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(acc[v], d, lanes + v * kWidth);
  for (int64_t l = 0; i + l < n; ++l) lanes[l] += static_cast<double>(x[i + l]);
}

struct Larger {
  template <class T>
  bool operator()(T a, T b) const {
    return a != a || a > b;
  }
  template <class V>
  auto of_vectors(V a, V b) const {
    return hn::Or(hn::IsNaN(a), hn::Gt(a, b));
  }
};
struct Smaller {
  template <class T>
  bool operator()(T a, T b) const {
    return a != a || a < b;
  }
  template <class V>
  auto of_vectors(V a, V b) const {
    return hn::Or(hn::IsNaN(a), hn::Lt(a, b));
  }
};

/// For those who do not want to know of NaN.
struct NotBelow {
  template <class T>
  bool operator()(T a, T b) const {
    return !(b > a);
  }
  template <class V>
  auto of_vectors(V a, V b) const {
    return hn::Not(hn::Gt(b, a));
  }
};

/// An accumulator stays where `Stays` says so of it and an element.
template <class T, class Stays>
void extreme(T* HWY_RESTRICT lanes, const T* HWY_RESTRICT x, int64_t n) {
  const hn::CappedTag<T, static_cast<size_t>(kLanes)> d;
  using V = hn::Vec<decltype(d)>;
  const Stays stays;
  constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(decltype(d)())), kVectors = kLanes / kWidth;
  V acc[kVectors];
  HWY_UNROLL(16)
  for (int64_t v = 0; v < kVectors; ++v) acc[v] = hn::LoadU(d, lanes + v * kWidth);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    HWY_UNROLL(16)
    for (int64_t v = 0; v < kVectors; ++v) {
      const V element = hn::LoadU(d, x + i + v * kWidth);
      acc[v] = hn::IfThenElse(stays.of_vectors(acc[v], element), acc[v], element);
    }
  }
  HWY_UNROLL(16)
  for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(acc[v], d, lanes + v * kWidth);
  for (int64_t l = 0; i + l < n; ++l) lanes[l] = stays(lanes[l], x[i + l]) ? lanes[l] : x[i + l];
}

/// Four rows at a time, for their sum is added to memory.
template <class T>
void sum_rows(double* HWY_RESTRICT sums, const T* HWY_RESTRICT x, int64_t step, int64_t rows,
              int64_t columns) {
  const Doubles d;
  const auto width = static_cast<int64_t>(hn::Lanes(d));
  for (; rows >= 4; rows -= 4, x += 4 * step) {
    const T *p = x, *q = x + step, *r = x + 2 * step, *s = x + 3 * step;
    int64_t j = 0;
    for (; j + width <= columns; j += width) {
      const auto four = hn::Add(hn::Add(load(p + j), load(q + j)), hn::Add(load(r + j), load(s + j)));
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), four), d, sums + j);
    }
    for (; j < columns; ++j) {
      sums[j] += (static_cast<double>(p[j]) + static_cast<double>(q[j])) +
                 (static_cast<double>(r[j]) + static_cast<double>(s[j]));
    }
  }
  for (; rows > 0; --rows, x += step) {
    int64_t j = 0;
    for (; j + width <= columns; j += width) {
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), load(x + j)), d, sums + j);
    }
    for (; j < columns; ++j) sums[j] += static_cast<double>(x[j]);
  }
}

constexpr int64_t kBlock = 256;  // elements of a line whose exponentials are kept

/// y = of(x), of vectors. What is left after whole ones goes once more through the loop, in a buffer.
template <class T, class Of>
HWY_INLINE void map(const T* x, T* y, int64_t n, const Of& of) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  alignas(64) T rest[64 / sizeof(T)] = {};
  T* rest_to = nullptr;
  const int64_t left = n % lanes;
  for (int64_t whole = n - left;; whole = lanes) {
    for (int64_t i = 0; i < whole; i += lanes) {
      hn::StoreU(of(hn::LoadU(d, x + i)), d, y + i);
    }
    if (rest_to != nullptr) std::copy_n(rest, left, rest_to);
    if (left == 0 || rest_to != nullptr) return;
    std::copy_n(x + whole, left, rest);
    rest_to = y + whole;
    x = y = rest;
  }
}

template <class T>
void exponentials(const T* x, T shift, T* y, int64_t n) {
  const Vec<T> shifts = hn::Set(Tag<T>(), shift);
  map(x, y, n, [&](Vec<T> v) HWY_ATTR { return simd::exp<T>(hn::Sub(v, shifts)); });
}

double total(double* lanes) {
  HWY_UNROLL(4)
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t l = 0; l < width; ++l) lanes[l] += lanes[l + width];
  }
  return lanes[0];
}

/// The largest element; a NaN is passed over, for it reaches the sum.
template <class T>
T largest(const T* x, int64_t n) {
  T lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<T>::infinity());
  extreme<T, NotBelow>(lanes, x, n);
  HWY_UNROLL(4)
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t l = 0; l < width; ++l) lanes[l] = lanes[l] < lanes[l + width] ? lanes[l + width] : lanes[l];
  }
  return lanes[0];
}

template <class T>
void softmax(const T* x, T* y, int64_t n) {
  double lanes[kLanes] = {};
  exponentials(x, largest(x, n), y, n);
  sum(lanes, y, n);
  const T factor = static_cast<T>(1 / total(lanes));
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}

template <class T>
void log_normalizer(const T* x, int64_t n, T& top, T& log_sum) {
  double lanes[kLanes] = {};
  T block[kBlock];
  top = largest(x, n);
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    exponentials(x + first, top, block, count);
    sum(lanes, block, count);
  }
  log_sum = static_cast<T>(std::log(total(lanes)));
}

template <class T>
void scaled_softmax(const T* x, T top, T log_sum, T factor, T* y, int64_t n) {
  const Tag<T> d;
  const Vec<T> tops = hn::Set(d, top), log_sums = hn::Set(d, log_sum), factors = hn::Set(d, factor);
  map(x, y, n,
      [&](Vec<T> v) HWY_ATTR { return hn::Mul(simd::exp<T>(hn::Sub(hn::Sub(v, tops), log_sums)), factors); });
}

template <class T>
void log_softmax(const T* x, T* y, int64_t n) {
  T top, log_sum;
  log_normalizer(x, n, top, log_sum);
  LINNET_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) - log_sum;
}

/// gx = y (gy - sum(gy y)).
template <class T>
void softmax_grad(const T* y, const T* gy, T* gx, int64_t n) {
  double lanes[kLanes] = {};
  double products[kBlock];
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    for (int64_t i = 0; i < count; ++i) {
      products[i] = static_cast<double>(gy[first + i]) * static_cast<double>(y[first + i]);
    }
    sum(lanes, products, count);
  }
  const T share = static_cast<T>(total(lanes));
  LINNET_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) gx[i] = y[i] * (gy[i] - share);
}

/// gx = gy - exp(y) sum(gy).
template <class T>
void log_softmax_grad(const T* y, const T* gy, T* gx, int64_t n) {
  double lanes[kLanes] = {};
  T block[kBlock];
  sum(lanes, gy, n);
  const T share = static_cast<T>(total(lanes));
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    exponentials(y + first, T(0), block, count);
    LINNET_INDEPENDENT
    for (int64_t i = 0; i < count; ++i) gx[first + i] = gy[first + i] - block[i] * share;
  }
}

template <class T>
ReduceKernels<T> kernels() {
  return {sum<T>,
          extreme<T, Larger>,
          extreme<T, Smaller>,
          sum_rows<T>,
          log_normalizer<T>,
          scaled_softmax<T>,
          softmax<T>,
          log_softmax<T>,
          softmax_grad<T>,
          log_softmax_grad<T>};
}

}  // namespace

void make_reduce_kernels(ReduceKernels<float>& single, ReduceKernels<double>& twice) {
  single = kernels<float>();
  twice = kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(ReduceKernels, reduce_kernels, make_reduce_kernels);
#endif
