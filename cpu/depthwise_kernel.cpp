#include "cpu/depthwise_kernel.h"

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/depthwise_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

template <class T>
using Vec = hn::Vec<Tag<T>>;

/// What becomes of a sum.
template <class T>
struct Finish {
  Vec<T> bias;
  bool relu;

  HWY_INLINE void store(Vec<T> sum, T* to) const {
    const Tag<T> d;
    const Vec<T> zero = hn::Zero(d);
    Vec<T> result = hn::Add(sum, bias);
    if (relu) result = hn::IfThenElse(hn::Lt(result, zero), zero, result);  // keeps NaN and -0
    hn::StoreU(result, d, to);
  }
};

/// kVectors vectors of a row at once: they share the weights, and their sums do not wait for each other.
template <class T, int kVectors>
HWY_INLINE void forward_some(const DepthwisePlane<T>& plane, const T* x, const T* w, const Finish<T>& finish,
                             T* y, int64_t y_step) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec<T> sum[kVectors];
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  for (int64_t t = 0; t < plane.taps; ++t) {
    const Vec<T> weight = hn::LoadU(d, w + t * lanes);
    const T* const from = x + plane.offsets[t];
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(hn::LoadU(d, from + v * plane.x_step), weight, sum[v]);
    }
  }
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) finish.store(sum[v], y + v * y_step);
}

/// Whether a filter is 3x3 and its lower rows are, an output row further down, its upper ones.
template <class T>
bool is_3x3_in_steps_of_a_row(const DepthwisePlane<T>& plane) {
  if (plane.taps != 9) return false;
  for (int64_t t = 3; t < 9; ++t) {
    if (plane.offsets[t] != plane.offsets[t - 3] + plane.x_row) return false;
  }
  return true;
}

/// Down a column of vectors, with the filter in registers: a row of the input is loaded once and is the last
/// of one output row, the middle one of the next and the first of the one after. kVectors columns at once.
template <class T, int kVectors>
HWY_INLINE void forward_3x3(const DepthwisePlane<T>& plane, const T* x, const T* w, const Finish<T>& finish,
                            T* y, int64_t y_row, int64_t y_step) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec<T> weight[9];
  HWY_UNROLL(9)
  for (int t = 0; t < 9; ++t) weight[t] = hn::LoadU(d, w + t * lanes);
  const int64_t left = plane.offsets[0], middle = plane.offsets[1], right = plane.offsets[2];
  Vec<T> last[kVectors], next[kVectors];  // of the output row that ends with this input row, and the next
  // Adds to `sum` the products of an input row and a row of the filter.
  const auto add_row = [&](const T* from, int row, Vec<T> sum) HWY_ATTR {
    sum = hn::MulAdd(hn::LoadU(d, from + left), weight[3 * row], sum);
    sum = hn::MulAdd(hn::LoadU(d, from + middle), weight[3 * row + 1], sum);
    return hn::MulAdd(hn::LoadU(d, from + right), weight[3 * row + 2], sum);
  };
  HWY_UNROLL(2)
  for (int v = 0; v < kVectors; ++v) {
    const T* const from = x + v * plane.x_step;
    last[v] = add_row(from + plane.x_row, 1, add_row(from, 0, hn::Zero(d)));
    next[v] = add_row(from + plane.x_row, 0, hn::Zero(d));
  }
  for (int64_t p = 0; p < plane.rows; ++p) {
    HWY_UNROLL(2)
    for (int v = 0; v < kVectors; ++v) {
      const T* const from = x + (p + 2) * plane.x_row + v * plane.x_step;
      const Vec<T> done = add_row(from, 2, last[v]);
      last[v] = add_row(from, 1, next[v]);
      next[v] = add_row(from, 0, hn::Zero(d));
      finish.store(done, y + p * y_row + v * y_step);
    }
  }
}

template <class T>
void forward(const DepthwisePlane<T>& plane, const T* w, const T* bias, bool relu, T* y, int64_t y_row,
             int64_t y_step) {
  const Finish<T> finish{hn::LoadU(Tag<T>(), bias), relu};
  int64_t j = 0;
  if (is_3x3_in_steps_of_a_row(plane)) {
    for (; j + 2 <= plane.vectors; j += 2) {
      forward_3x3<T, 2>(plane, plane.x + j * plane.x_step, w, finish, y + j * y_step, y_row, y_step);
    }
    for (; j < plane.vectors; ++j) {
      forward_3x3<T, 1>(plane, plane.x + j * plane.x_step, w, finish, y + j * y_step, y_row, y_step);
    }
    return;
  }
  for (int64_t p = 0; p < plane.rows; ++p, y += y_row) {
    const T* const x = plane.x + p * plane.x_row;
    for (j = 0; j + 4 <= plane.vectors; j += 4) {
      forward_some<T, 4>(plane, x + j * plane.x_step, w, finish, y + j * y_step, y_step);
    }
    for (; j < plane.vectors; ++j) {
      forward_some<T, 1>(plane, x + j * plane.x_step, w, finish, y + j * y_step, y_step);
    }
  }
}

/// Adds the sums of some taps, from `first` on, to those of other images.
template <class T, int kTaps>
HWY_INLINE void add_sums(const Vec<T> (&sum)[kTaps], int64_t first, double* sums) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN T of_tap[HWY_MAX_BYTES / sizeof(T)];
  for (int t = 0; t < kTaps; ++t) {
    hn::Store(sum[t], d, of_tap);
    double* const to = sums + (first + t) * lanes;
    for (int64_t i = 0; i < lanes; ++i) to[i] += static_cast<double>(of_tap[i]);
  }
}

/// Of kTaps taps: a vector of gy is loaded once for all of them, and their sums do not wait for each other.
template <class T, int kTaps>
HWY_INLINE void grad_weight_some(const DepthwisePlane<T>& plane, int64_t first, const T* gy, int64_t gy_row,
                                 int64_t gy_step, double* sums) {
  const Tag<T> d;
  Vec<T> sum[kTaps];
  HWY_UNROLL(9)
  for (Vec<T>& each : sum) each = hn::Zero(d);
  const int64_t* const offsets = plane.offsets + first;
  for (int64_t p = 0; p < plane.rows; ++p) {
    const T* const x = plane.x + p * plane.x_row;
    for (int64_t j = 0; j < plane.vectors; ++j) {
      const Vec<T> g = hn::LoadU(d, gy + p * gy_row + j * gy_step);
      const T* const from = x + j * plane.x_step;
      HWY_UNROLL(9)
      for (int t = 0; t < kTaps; ++t) sum[t] = hn::MulAdd(hn::LoadU(d, from + offsets[t]), g, sum[t]);
    }
  }
  add_sums<T, kTaps>(sum, first, sums);
}

/// Down a column of vectors: a row of the input is loaded once and meets the rows of gy that its upper, its
/// middle and its lower taps belong to.
template <class T>
HWY_INLINE void grad_weight_3x3(const DepthwisePlane<T>& plane, const T* gy, int64_t gy_row, int64_t gy_step,
                                double* sums) {
  const Tag<T> d;
  Vec<T> sum[9];
  HWY_UNROLL(9)
  for (Vec<T>& each : sum) each = hn::Zero(d);
  const int64_t left = plane.offsets[0], middle = plane.offsets[1], right = plane.offsets[2];
  for (int64_t j = 0; j < plane.vectors; ++j) {
    const T* const column = plane.x + j * plane.x_step;
    // Adds the products of an input row and the gradient of the output row that has it as row r of the
    // filter.
    const auto add_row = [&](int64_t i, int r, Vec<T> g) HWY_ATTR {
      const T* const from = column + i * plane.x_row;
      sum[3 * r] = hn::MulAdd(hn::LoadU(d, from + left), g, sum[3 * r]);
      sum[3 * r + 1] = hn::MulAdd(hn::LoadU(d, from + middle), g, sum[3 * r + 1]);
      sum[3 * r + 2] = hn::MulAdd(hn::LoadU(d, from + right), g, sum[3 * r + 2]);
    };
    const auto gradient = [&](int64_t p) HWY_ATTR { return hn::LoadU(d, gy + p * gy_row + j * gy_step); };
    Vec<T> above = gradient(0), next = above;
    add_row(0, 0, above);
    if (plane.rows > 1) {
      next = gradient(1);
      add_row(1, 0, next);
    }
    add_row(1, 1, above);
    for (int64_t p = 2; p < plane.rows; ++p) {
      const Vec<T> g = gradient(p);
      add_row(p, 0, g);
      add_row(p, 1, next);
      add_row(p, 2, above);
      above = next;
      next = g;
    }
    if (plane.rows > 1) {
      add_row(plane.rows, 1, next);
      add_row(plane.rows, 2, above);
    }
    add_row(plane.rows + 1, 2, next);
  }
  add_sums<T, 9>(sum, 0, sums);
}

template <class T>
void grad_weight(const DepthwisePlane<T>& plane, const T* gy, int64_t gy_row, int64_t gy_step, double* sums) {
  if (is_3x3_in_steps_of_a_row(plane)) return grad_weight_3x3<T>(plane, gy, gy_row, gy_step, sums);
  int64_t t = 0;
  for (; t + 9 <= plane.taps; t += 9) grad_weight_some<T, 9>(plane, t, gy, gy_row, gy_step, sums);
  for (; t + 4 <= plane.taps; t += 4) grad_weight_some<T, 4>(plane, t, gy, gy_row, gy_step, sums);
  for (; t < plane.taps; ++t) grad_weight_some<T, 1>(plane, t, gy, gy_row, gy_step, sums);
}

/// kPixels pixels by a vector of channels: they share the weights, and their sums do not wait for each other.
template <class T, int kPixels>
HWY_INLINE void some_pixels(const DepthwisePixels<T>& pixels, int64_t first, int64_t c, const T* w,
                            const Finish<T>& finish, T* y, int64_t y_step) {
  const Tag<T> d;
  Vec<T> sum[kPixels];
  HWY_UNROLL(4)
  for (Vec<T>& each : sum) each = hn::Zero(d);
  const T* const x = pixels.x + first * pixels.x_step + c;
  for (int64_t t = 0; t < pixels.taps; ++t) {
    const Vec<T> weight = hn::LoadU(d, w + pixels.weights[t] + c);
    const T* const from = x + pixels.offsets[t];
    HWY_UNROLL(4)
    for (int j = 0; j < kPixels; ++j) {
      sum[j] = hn::MulAdd(hn::LoadU(d, from + j * pixels.x_step), weight, sum[j]);
    }
  }
  HWY_UNROLL(4)
  for (int j = 0; j < kPixels; ++j) finish.store(sum[j], y + (first + j) * y_step + c);
}

template <class T>
void pixels(const DepthwisePixels<T>& pixels, const T* w, const T* bias, bool relu, T* y, int64_t y_step) {
  const Tag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + 4 <= pixels.pixels; j += 4) {
    for (int64_t c = 0; c < pixels.channels; c += lanes) {
      some_pixels<T, 4>(pixels, j, c, w, {hn::LoadU(d, bias + c), relu}, y, y_step);
    }
  }
  for (; j < pixels.pixels; ++j) {
    for (int64_t c = 0; c < pixels.channels; c += lanes) {
      some_pixels<T, 1>(pixels, j, c, w, {hn::LoadU(d, bias + c), relu}, y, y_step);
    }
  }
}

/// Some pixels by kTaps taps, from tap `first` on, of a vector of channels.
template <class T, int kTaps>
HWY_INLINE void pixel_sums_some(const DepthwisePixels<T>& pixels, int64_t begin, int64_t end, int64_t first,
                                int64_t c, const T* gy, int64_t gy_step, T* sums) {
  const Tag<T> d;
  Vec<T> sum[kTaps];
  HWY_UNROLL(9)
  for (Vec<T>& each : sum) each = hn::Zero(d);
  const int64_t* const offsets = pixels.offsets + first;
  const T* from = pixels.x + begin * pixels.x_step + c;
  for (int64_t j = begin; j < end; ++j, from += pixels.x_step) {
    const Vec<T> g = hn::LoadU(d, gy + j * gy_step + c);
    HWY_UNROLL(9)
    for (int t = 0; t < kTaps; ++t) sum[t] = hn::MulAdd(hn::LoadU(d, from + offsets[t]), g, sum[t]);
  }
  HWY_UNROLL(9)
  for (int t = 0; t < kTaps; ++t) {
    T* const to = sums + pixels.weights[first + t] + c;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sum[t]), d, to);
  }
}

template <class T>
void pixel_sums(const DepthwisePixels<T>& pixels, const T* gy, int64_t gy_step, T* sums) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  constexpr int64_t kAtOnce = 8;  // all channels of so many pixels: memory is read in its order
  for (int64_t begin = 0; begin < pixels.pixels; begin += kAtOnce) {
    const int64_t end = HWY_MIN(begin + kAtOnce, pixels.pixels);
    for (int64_t c = 0; c < pixels.channels; c += lanes) {
      int64_t t = 0;
      for (; t + 9 <= pixels.taps; t += 9) pixel_sums_some<T, 9>(pixels, begin, end, t, c, gy, gy_step, sums);
      for (; t + 6 <= pixels.taps; t += 6) pixel_sums_some<T, 6>(pixels, begin, end, t, c, gy, gy_step, sums);
      for (; t + 2 <= pixels.taps; t += 2) pixel_sums_some<T, 2>(pixels, begin, end, t, c, gy, gy_step, sums);
      for (; t < pixels.taps; ++t) pixel_sums_some<T, 1>(pixels, begin, end, t, c, gy, gy_step, sums);
    }
  }
}

template <class T>
DepthwiseKernels<T> make_kernels() {
  return {static_cast<int64_t>(hn::Lanes(Tag<T>())), &forward<T>, &grad_weight<T>, &pixels<T>,
          &pixel_sums<T>};
}

}  // namespace

void make_depthwise_kernels(DepthwiseKernels<float>& single, DepthwiseKernels<double>& twice) {
  single = make_kernels<float>();
  twice = make_kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(DepthwiseKernels, depthwise_kernels, make_depthwise_kernels);
#endif
