// Pooling and upsampling. A thread works on lines of results that lie next to one another: where channels are
// neighbours on the channels of a pixel, elsewhere on the pixels of a row, so that the inner loops are plain
// loops over them. Rows of averages are summed first and their columns then. The gradient of a maximum adds
// to planes that one thread has for itself.
#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <type_traits>

#include "core/elements.h"
#include "core/fail.h"
#include "core/pool_windows.h"
#include "cpu/backend.h"
#include "cpu/pool_kernel.h"
#include "cpu/scratch.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

using pooling::Window;

constexpr int64_t kTogether = 64;  // channels of a gradient
using One = std::integral_constant<int64_t, 1>;

// ---- maxima

template <class T>
class MaxRows {
 public:
  MaxRows(const Pool2dGeometry& g, const View& x, const View& y, const View& indices)
      : g_(g), x_(x), y_(y), indices_(indices), last_(channels_are_neighbours(x)) {
    while (whole_ < g.w.out && pooling::window(g.w, whole_).count < g.w.kernel) ++whole_;
    whole_end_ = whole_;
    while (whole_end_ < g.w.out && pooling::window(g.w, whole_end_).count == g.w.kernel) ++whole_end_;
  }

  int64_t rows() const { return g_.N * (last_ ? 1 : g_.C) * g_.h.out; }
  /// Elements that a row reads, about.
  int64_t row_work() const { return g_.w.in * (last_ ? g_.C : 1) * (g_.h.in / g_.h.out + 1); }

  void row(int64_t number) const {
    const int64_t p = number % g_.h.out, plane = number / g_.h.out;
    const int64_t n = last_ ? plane : plane / g_.C, c = last_ ? 0 : plane % g_.C;
    for (int64_t q = 0; q < g_.w.out;) {
      // Windows that the edge cuts, and adaptive ones, differ from one to the next.
      const bool run = g_.w.kind == WindowKind::Strided && q >= whole_ && q < whole_end_;
      const int64_t count = run ? whole_end_ - q : 1;
      results(n, c, p, q, count);
      q += count;
    }
  }

 private:
  /// `count` results from (n, c, p, q) on, of all channels where those are neighbours.
  void results(int64_t n, int64_t c, int64_t p, int64_t q, int64_t count) const {
    const Window down = pooling::window(g_.h, p), across = pooling::window(g_.w, q);
    const Strides &x = x_.strides, &y = y_.strides;
    const Strides at = indices_.defined() ? indices_.strides : y;
    const cpu::PoolStep row = {x[2], g_.w.in}, pixel = {x[3], 1}, channel = {x[1], 0};
    const auto times = [](cpu::PoolStep step, int64_t factor) {
      return cpu::PoolStep{step.image * factor, step.place * factor};
    };
    cpu::MaxLines work;
    work.rows = down.count;
    work.columns = across.count;
    work.row = times(row, g_.h.dilation);
    work.column = times(pixel, g_.w.dilation);
    // Lines of channels, or one of pixels; results that are not dense are lines of one.
    const cpu::PoolStep next = times(pixel, g_.w.stride);
    work.lines = work.count = 1;
    work.line = next;
    work.result = last_ ? channel : next;
    work.y_line = y[3];
    work.places_line = at[3];
    (last_ || y[3] != 1 || at[3] != 1 ? work.lines : work.count) = count;
    const bool dense_channels = last_ && y[1] == 1 && at[1] == 1;
    if (dense_channels) work.count = g_.C;
    const int64_t from = n * x[0] + c * x[1] + down.first * x[2] + across.first * x[3];
    const int64_t to = n * y[0] + c * y[1] + p * y[2] + q * y[3];
    const int64_t to_at = n * at[0] + c * at[1] + p * at[2] + q * at[3];
    const auto place = static_cast<Place>(down.first * g_.w.in + across.first);
    for (int64_t k = 0; k < (last_ && !dense_channels ? g_.C : 1); ++k) {
      kernel_(work, x_.as<const T>() + from + k * x[1], place, y_.as<T>() + to + k * y[1],
              indices_.defined() ? indices_.as<int64_t>() + to_at + k * at[1] : nullptr);
    }
  }

  using Place = typename cpu::PoolKernels<T>::Place;
  const Pool2dGeometry& g_;
  const View &x_, &y_, &indices_;
  bool last_;
  int64_t whole_ = 0, whole_end_ = 0;  // the windows of a row that the edges do not cut
  decltype(cpu::PoolKernels<T>::largest) kernel_ = cpu::pool_kernels<T>().largest;
};

/// The gradient by some channels of an image, which no other thread has.
template <class T>
class MaxGradPlanes {
 public:
  MaxGradPlanes(const Pool2dGeometry& g, const View& gy, const View& indices, const View& gx)
      : g_(g), gy_(gy), indices_(indices), gx_(gx), flat_(pixels_are_flat(gx)), W_(g.w.in) {}

  void planes(int64_t n, int64_t channel, int64_t channels) const {
    const Strides &x = gx_.strides, &y = gy_.strides, &at = indices_.strides;
    T* const to = gx_.as<T>() + n * x[0] + channel * x[1];
    clear(to, channels);
    for (int64_t p = 0; p < g_.h.out; ++p) {
      const T* const from = gy_.as<const T>() + n * y[0] + channel * y[1] + p * y[2];
      const int64_t* const places = indices_.as<const int64_t>() + n * at[0] + channel * at[1] + p * at[2];
      if (channels == 1) {
        add(to, 0, from, y[3], places, at[3], g_.w.out, {n, channel, p, 0}, 3);
        continue;
      }
      for (int64_t q = 0; q < g_.w.out; ++q) {
        add(to, x[1], from + q * y[3], y[1], places + q * at[3], at[1], channels, {n, channel, p, q}, 1);
      }
    }
  }

 private:
  using Position = std::array<int64_t, 4>;

  void clear(T* to, int64_t channels) const {
    const Strides& step = gx_.strides;
    for (int64_t h = 0; h < g_.h.in; ++h) {
      T* const row = to + h * step[2];
      if (channels == 1 && step[3] == 1) {
        std::fill_n(row, W_, T(0));
      } else if (step[1] == 1 && step[3] == channels) {
        std::fill_n(row, W_ * channels, T(0));
      } else {
        for (int64_t w = 0; w < W_; ++w) {
          for (int64_t c = 0; c < channels; ++c) row[w * step[3] + c * step[1]] = T(0);
        }
      }
    }
  }

  /// Adds `count` results, which lie along dimension `dim` from `position` on, at their places; `next` leads
  /// from the plane of one to that of the next.
  void add(T* to, int64_t next, const T* from, int64_t step, const int64_t* places, int64_t place_step,
           int64_t count, const Position& position, int dim) const {
    const int64_t row = gx_.strides[2], column = gx_.strides[3], pixel = W_ <= 1 ? row : column;
    bool inside = true;
    for (int64_t i = 0; i < count; ++i) inside &= is_inside(places[i * place_step]);
    if (!inside) refuse(places, place_step, position, dim);
    if (flat_ && next == 1 && step == 1 && place_step == 1) {
      for (int64_t i = 0; i < count; ++i) to[places[i] * pixel + i] += from[i];
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      const int64_t place = places[i * place_step];
      const int64_t offset = flat_ ? place * pixel : place / W_ * row + place % W_ * column;
      to[offset + i * next] += from[i * step];
    }
  }

  bool is_inside(int64_t place) const {
    return static_cast<uint64_t>(place) < static_cast<uint64_t>(g_.h.in * W_);
  }
  [[noreturn]] void refuse(const int64_t* places, int64_t step, Position position, int dim) const {
    int64_t i = 0;
    while (is_inside(places[i * step])) ++i;
    position[static_cast<size_t>(dim)] += i;
    fail("max_pool2d_grad", "index {} at {} is outside the plane of {}x{}; expected 0 <= index < {}",
         places[i * step], Dims(std::span<const int64_t>(position)), g_.h.in, W_, g_.h.in * W_);
  }

  const Pool2dGeometry& g_;
  const View &gy_, &indices_, &gx_;
  bool flat_;
  int64_t W_;
};

// ---- averages and upsamplings

/// What each line of a result sums along an axis: lines first, first + 1, ... of the operand, their weights,
/// and what the sum is divided by. Backward, an operand's line is a line of the forward result.
template <class T>
class Bands {
 public:
  Bands(const WindowAxis& axis, bool backward)
      : axis_(axis),
        backward_(backward),
        lines_(backward ? axis.in : axis.out),
        windows_(lines_),
        offsets_(lines_ + 1),
        divisors_(lines_),
        weights_(locate()) {
    for (int64_t i = 0; i < lines_; ++i) {
      divisors_[i] = backward ? T(1) : static_cast<T>(pooling::divisor(axis, i));
      for (int64_t k = 0; k < windows_[i].count; ++k) {
        const int64_t other = windows_[i].first + k;
        const double weight = backward ? pooling::weight(axis, other, i) / pooling::divisor(axis, other)
                                       : pooling::weight(axis, i, other);
        weights_[offsets_[i] + k] = static_cast<T>(weight);
      }
    }
  }

  Window window(int64_t i) const { return windows_[i]; }
  const T* weights(int64_t i) const { return weights_.data() + offsets_[i]; }
  T divisor(int64_t i) const { return divisors_[i]; }

 private:
  /// The number of weights.
  int64_t locate() {
    int64_t count = 0;
    for (int64_t i = 0; i < lines_; ++i) {
      windows_[i] = backward_ ? pooling::windows_of(axis_, i) : pooling::window(axis_, i);
      offsets_[i] = count;
      count += windows_[i].count;
    }
    return count;
  }

  const WindowAxis& axis_;
  bool backward_;
  int64_t lines_;
  cpu::Scratch<Window> windows_;
  cpu::Scratch<int64_t> offsets_;
  cpu::Scratch<T> divisors_;
  cpu::Scratch<T> weights_;
};

/// The images of `from`, with rows of pixels that have `depth` channels each.
template <class T>
struct Rows {
  Rows(const View& from, bool channels_last)
      : view(from),
        depth(channels_last ? from.shape[1] : 1),
        elements(from.shape[3] * depth),
        dense((depth == 1 || from.strides[1] == 1) && (from.shape[3] == 1 || from.strides[3] == depth)) {}

  /// sum = weight * row h, or added to it.
  void add(int64_t n, int64_t c, int64_t h, T weight, bool first, T* sum) const {
    const T* const row = view.as<const T>() + n * view.strides[0] + c * view.strides[1] + h * view.strides[2];
    if (dense) {
      if (first) {
        for (int64_t i = 0; i < elements; ++i) sum[i] = weight * row[i];
      } else {
        for (int64_t i = 0; i < elements; ++i) sum[i] += weight * row[i];
      }
      return;
    }
    for (int64_t w = 0; w < view.shape[3]; ++w) {
      for (int64_t k = 0; k < depth; ++k, ++sum) {
        const T value = weight * row[w * view.strides[3] + k * view.strides[1]];
        *sum = first ? value : *sum + value;
      }
    }
  }

  const View& view;
  int64_t depth, elements;
  bool dense;
};

/// A row of results from a row of sums.
template <class T, class Step>
void sum_columns(const Bands<T>& across, T down_divisor, const T* sums, int64_t depth, T* to, int64_t pixels,
                 int64_t pixel_step, Step channel_step) {
  for (int64_t q = 0; q < pixels; ++q, to += pixel_step) {
    const Window window = across.window(q);
    const T* const weights = across.weights(q);
    const T* const from = sums + window.first * depth;
    const T divisor = down_divisor * across.divisor(q);
    if (depth == 1) {
      T sum = window.count > 0 ? weights[0] * from[0] : T(0);
      for (int64_t k = 1; k < window.count; ++k) sum += weights[k] * from[k];
      *to = sum / divisor;
      continue;
    }
    for (int64_t k = 0; k < depth; ++k) to[k * channel_step] = window.count > 0 ? weights[0] * from[k] : T(0);
    for (int64_t s = 1; s < window.count; ++s) {
      for (int64_t k = 0; k < depth; ++k) to[k * channel_step] += weights[s] * from[s * depth + k];
    }
    for (int64_t k = 0; k < depth; ++k) to[k * channel_step] /= divisor;
  }
}

template <class T>
void sum_windows(const Pool2dGeometry& g, bool backward, const View& x, const View& y) {
  if (y.numel() == 0) return;
  const Bands<T> down(g.h, backward), across(g.w, backward);
  const bool last = channels_are_neighbours(x);
  const Rows<T> from(x, last);
  const int64_t P = y.shape[2], planes = g.N * (last ? 1 : g.C);
  const int64_t work = (from.elements + y.shape[3] * from.depth) * (x.shape[2] / P + 1);
  cpu::parallel_range(planes * P, std::max<int64_t>(1, cpu::kGrain / work), [&](int64_t begin, int64_t end) {
    const cpu::Scratch<T> sums(from.elements);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t p = i % P, plane = i / P;
      const int64_t n = last ? plane : plane / g.C, c = last ? 0 : plane % g.C;
      const Window rows = down.window(p);
      if (rows.count == 0) std::fill_n(sums.data(), from.elements, T(0));
      for (int64_t r = 0; r < rows.count; ++r) {
        from.add(n, c, rows.first + r, down.weights(p)[r], r == 0, sums.data());
      }
      T* const to = y.as<T>() + n * y.strides[0] + c * y.strides[1] + p * y.strides[2];
      if (y.strides[1] == 1 || from.depth == 1) {
        sum_columns(across, down.divisor(p), sums.data(), from.depth, to, y.shape[3], y.strides[3], One());
      } else {
        sum_columns(across, down.divisor(p), sums.data(), from.depth, to, y.shape[3], y.strides[3],
                    y.strides[1]);
      }
    }
  });
}

}  // namespace

void CpuBackend::max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y,
                            const View& indices) {
  if (y.numel() == 0) return;
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    constexpr int64_t kMost = std::numeric_limits<typename cpu::PoolKernels<T>::Place>::max();
    check(geometry.h.in <= kMost / geometry.w.in, "max_pool2d",
          "a plane of {}x{} {} pixels; expected at most {}", geometry.h.in, geometry.w.in, x.dtype, kMost);
    const MaxRows<T> work(geometry, x, y, indices);
    const int64_t grain = std::max<int64_t>(1, cpu::kGrain / work.row_work());
    cpu::parallel_range(work.rows(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) work.row(i);
    });
  });
}

void CpuBackend::max_pool2d_grad(const Pool2dGeometry& geometry, const View& gy, const View& indices,
                                 const View& gx) {
  if (gx.numel() == 0) return;
  const int64_t together = channels_are_neighbours(gx) ? std::min(kTogether, geometry.C) : 1;
  const int64_t blocks = (geometry.C + together - 1) / together;
  const int64_t work = geometry.h.in * geometry.w.in * together;
  visit_floating(gy.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const MaxGradPlanes<T> gradient(geometry, gy, indices, gx);
    cpu::parallel_range(geometry.N * blocks, std::max<int64_t>(1, cpu::kGrain / work),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i) {
                            const int64_t first = i % blocks * together;
                            gradient.planes(i / blocks, first, std::min(together, geometry.C - first));
                          }
                        });
  });
}

void CpuBackend::window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) {
  visit_floating(
      x.dtype, [&](auto element) { sum_windows<typename decltype(element)::Stored>(geometry, false, x, y); });
}

void CpuBackend::window_mean_grad(const Pool2dGeometry& geometry, const View& gy, const View& gx) {
  visit_floating(gy.dtype, [&](auto element) {
    sum_windows<typename decltype(element)::Stored>(geometry, true, gy, gx);
  });
}

}  // namespace linnet
