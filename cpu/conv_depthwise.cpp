// Convolution where every filter sees one channel of its own: too few multiply-adds to each number read for a
// matrix product. Where channels are innermost in memory, cpu/conv_depthwise_pixels.cpp goes through them as
// they lie. Otherwise vectors run along rows: a plane of the input is copied with its padding into a buffer
// that stays in a cache; each tap of the filter is then a place in it that moves along with the output:
//   forward        y = the sum over taps of x w
//   grad_input     the same of gy, its pixels a stride apart, with the filter turned round
//   grad_weight    of each tap the sum of x gy, over an image in T, over parts of the batch in double,
//                  the parts added up in order
#include <algorithm>
#include <optional>
#include <vector>

#include "core/elements.h"
#include "cpu/ceil_div.h"
#include "cpu/conv.h"
#include "cpu/conv_depthwise_pixels.h"
#include "cpu/depthwise_kernel.h"
#include "cpu/padded_image.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_depthwise {
namespace {

constexpr int64_t kChunkWork = 1 << 16;  // multiply-adds worth handing to a thread
constexpr int64_t kMostParts = 16;       // of a batch

/// Padded planes of images, and where a filter's taps find them.
template <class T>
class Planes {
 public:
  /// Pixels of x lie `spread` apart, zeros between them.
  Planes(const Conv2dGeometry& g, const View& x, int64_t spread_h = 1, int64_t spread_w = 1)
      : g_(g), lanes_(depthwise_kernels<T>().lanes), image_(g, x, {false, 1}, lanes_, spread_h, spread_w) {
    for (int64_t r = 0; r < g.R; ++r) {
      for (int64_t s = 0; s < g.S; ++s) offsets_.push_back(image_.tap(r, s));
    }
  }

  int64_t taps() const { return g_.R * g_.S; }
  int64_t lanes() const { return lanes_; }
  int64_t count() const { return g_.C; }
  /// Vectors of an output row.
  int64_t vectors() const { return ceil_div(g_.Q, lanes_); }
  int64_t buffer_elements() const { return image_.buffer_elements(g_.P); }

  /// The taps of a plane of an image, in a buffer that held zeros, or another plane.
  DepthwisePlane<T> read(int64_t n, int64_t plane, T* buffer) const {
    const T* const image = image_.read(n, plane, 1, 0, g_.P, buffer);
    return {image, image_.row_step(), lanes_, offsets_.data(), taps(), g_.P, vectors()};
  }

  /// A plane of the output or its gradient, as the kernels want it: vectors.
  struct Vectors {
    T* data;
    int64_t row, step;  ///< From a row to the next, from a vector of a row to the next.
  };
  /// Of an array shaped as the output, where it lies in whole vectors; none else.
  std::optional<Vectors> in_place(const View& y, int64_t n, int64_t plane) const {
    if (y.strides[3] != 1 || g_.Q % lanes_ != 0) return std::nullopt;
    return Vectors{first(y, n, plane), y.strides[2], lanes_};
  }
  int64_t dense_elements() const { return g_.P * vectors() * lanes_; }
  Vectors dense(T* buffer) const { return {buffer, vectors() * lanes_, lanes_}; }
  /// Calls body(element of y, its element in dense vectors) for a plane.
  template <class F>
  void for_plane(const View& y, int64_t n, int64_t plane, T* dense, F&& body) const {
    T* const from = first(y, n, plane);
    for (int64_t p = 0; p < g_.P; ++p) {
      T* const vectors_of_row = dense + p * vectors() * lanes_;
      for (int64_t q = 0; q < g_.Q; ++q) {
        body(from[p * y.strides[2] + q * y.strides[3]], vectors_of_row[q]);
      }
    }
  }

 private:
  T* first(const View& y, int64_t n, int64_t plane) const {
    return static_cast<T*>(y.data) + n * y.strides[0] + plane * y.strides[1];
  }

  const Conv2dGeometry& g_;
  int64_t lanes_;
  PaddedImage<T> image_;
  std::vector<int64_t> offsets_;
};

/// The filter of a plane as (taps, lanes).
template <class T>
void load_filter(const Planes<T>& planes, const View& w, int64_t plane, T* to) {
  const T* const filter = w.as<const T>() + plane * w.strides[0];
  for (int64_t r = 0; r < w.shape[2]; ++r) {
    for (int64_t s = 0; s < w.shape[3]; ++s, to += planes.lanes()) {
      std::fill_n(to, planes.lanes(), filter[r * w.strides[2] + s * w.strides[3]]);
    }
  }
}

int64_t grain(const Conv2dGeometry& g, int64_t planes) {
  return std::max<int64_t>(
      1, kChunkWork / std::max<int64_t>(1, g.multiply_adds() / std::max<int64_t>(1, g.N * planes)));
}

template <class T>
void convolve(const Planes<T>& planes, const Conv2dGeometry& g, const View& w, const View& bias,
              const View& y, bool relu) {
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  const int64_t count = planes.count(), lanes = planes.lanes(), elements = planes.taps() * lanes;
  const Scratch<T> filters(count * elements), constants(count * lanes);
  for (int64_t plane = 0; plane < count; ++plane) {
    load_filter(planes, w, plane, filters.data() + plane * elements);
    const T constant = bias.defined() ? bias.as<const T>()[plane * bias.strides[0]] : T(0);
    std::fill_n(constants.data() + plane * lanes, lanes, constant);
  }
  parallel_range(g.N * count, grain(g, count), [&](int64_t begin, int64_t end) {
    const Scratch<T> buffer(planes.buffer_elements());
    const Scratch<T> dense(planes.dense_elements());
    std::fill_n(buffer.data(), planes.buffer_elements(), T(0));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / count, plane = i % count;
      const DepthwisePlane<T> taps = planes.read(n, plane, buffer.data());
      const auto place = planes.in_place(y, n, plane);
      const auto to = place ? *place : planes.dense(dense.data());
      kernels.forward(taps, filters.data() + plane * elements, constants.data() + plane * lanes, relu,
                      to.data, to.row, to.step);
      if (!place)
        planes.for_plane(y, n, plane, dense.data(), [](T& element, const T& from) { element = from; });
    }
  });
}

/// The gradient by x as a convolution over gy.
Conv2dGeometry turned(const Conv2dGeometry& g) {
  Conv2dGeometry back = g;
  back.P = g.H, back.Q = g.W;
  back.H = g.P, back.W = g.Q;
  back.stride_h = back.stride_w = 1;
  back.pad_top = g.span_h() - 1 - g.pad_top;
  back.pad_left = g.span_w() - 1 - g.pad_left;
  return back;
}

View turned(View w) {
  visit_floating(w.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    w.data = static_cast<T*>(w.data) + (w.shape[2] - 1) * w.strides[2] + (w.shape[3] - 1) * w.strides[3];
  });
  w.strides[2] = -w.strides[2];
  w.strides[3] = -w.strides[3];
  return w;
}

template <class T>
class WeightGradient {
 public:
  WeightGradient(const Conv2dGeometry& g, const View& x, const View& gy)
      : g_(g),
        gy_(gy),
        planes_(g, x),
        parts_(gy.numel() > 0 ? std::min(g.N, kMostParts) : 0),
        elements_(planes_.taps() * planes_.lanes()),
        sums_(parts_ * planes_.count() * elements_) {}

  void run(const View& gw) const {
    const int64_t count = planes_.count();
    const int64_t ranges = std::min(count, ceil_div(kMostParts, std::max<int64_t>(1, parts_)));
    const int64_t work = g_.multiply_adds() / std::max<int64_t>(1, parts_ * ranges);
    parallel_range(parts_ * ranges, kChunkWork / std::max<int64_t>(1, work), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        add_up(i / ranges, chunk_begin(count, ranges, i % ranges),
               chunk_begin(count, ranges, i % ranges + 1));
      }
    });
    for (int64_t c = 0; c < g_.C; ++c) store(gw, c);
  }

 private:
  double* sums(int64_t plane, int64_t part) const {
    return sums_.data() + (plane * parts_ + part) * elements_;
  }

  /// An image after the other, plane by plane, as they lie in memory: that is what these sums wait for.
  void add_up(int64_t part, int64_t first, int64_t last) const {
    const Scratch<T> buffer(planes_.buffer_elements());
    const Scratch<T> dense(planes_.dense_elements());
    std::fill_n(buffer.data(), planes_.buffer_elements(), T(0));
    std::fill_n(dense.data(), planes_.dense_elements(), T(0));
    for (int64_t plane = first; plane < last; ++plane) std::fill_n(sums(plane, part), elements_, 0.0);
    for (int64_t n = chunk_begin(g_.N, parts_, part); n < chunk_begin(g_.N, parts_, part + 1); ++n) {
      for (int64_t plane = first; plane < last; ++plane) {
        const DepthwisePlane<T> taps = planes_.read(n, plane, buffer.data());
        const auto place = planes_.in_place(gy_, n, plane);
        const auto gradient = place ? *place : planes_.dense(dense.data());
        if (!place) planes_.for_plane(gy_, n, plane, dense.data(), [](const T& from, T& to) { to = from; });
        depthwise_kernels<T>().grad_weight(taps, gradient.data, gradient.row, gradient.step,
                                           sums(plane, part));
      }
    }
  }

  void store(const View& gw, int64_t c) const {
    const int64_t lanes = planes_.lanes();
    for (int64_t tap = 0; tap < planes_.taps(); ++tap) {
      double sum = 0;
      for (int64_t part = 0; part < parts_; ++part) {
        for (int64_t i = 0; i < lanes; ++i) sum += sums(c, part)[tap * lanes + i];
      }
      gw.as<T>()[c * gw.strides[0] + tap / g_.S * gw.strides[2] + tap % g_.S * gw.strides[3]] =
          static_cast<T>(sum);
    }
  }

  const Conv2dGeometry& g_;
  const View& gy_;
  Planes<T> planes_;
  int64_t parts_, elements_;
  Scratch<double> sums_;
};

}  // namespace

bool suits(const Conv2dGeometry& geometry) {
  return geometry.groups > 1 && geometry.channels_per_group() == 1 && geometry.filters_per_group() == 1;
}

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    if (are_pixels<T>(x, y)) return convolve_pixels<T>(geometry, x, w, bias, y, relu, 1, 1);
    convolve(Planes<T>(geometry, x), geometry, w, bias, y, relu);
  });
}

void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  const Conv2dGeometry back = turned(geometry);
  visit_floating(gx.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const int64_t spread_h = geometry.stride_h, spread_w = geometry.stride_w;
    if (are_pixels<T>(gy, gx))
      return convolve_pixels<T>(back, gy, turned(w), View{}, gx, false, spread_h, spread_w);
    convolve(Planes<T>(back, gy, spread_h, spread_w), back, turned(w), View{}, gx, false);
  });
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  visit_floating(gw.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    if (are_pixels<T>(x, gy)) return grad_weight_pixels<T>(geometry, x, gy, gw);
    WeightGradient<T>(geometry, x, gy).run(gw);
  });
}

}  // namespace linnet::cpu::conv_depthwise
