// Row by row, as memory has them: the pixels of an output row meet those under each tap, all channels of
// each, and taps that leave the image are left out. Rows are read where they lie if their channels are whole
// vectors, else in a padded copy of some of them.
#include "cpu/conv_depthwise_pixels.h"

#include <algorithm>
#include <limits>

#include "cpu/ceil_div.h"
#include "cpu/depthwise_kernel.h"
#include "cpu/padded_image.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_depthwise {
namespace {

constexpr int64_t kBandElements = 32 << 10;  // of a copy: it stays in an L2 cache
constexpr int64_t kChunkWork = 1 << 16;      // multiply-adds worth handing to a thread
constexpr int64_t kMostParts = 16;           // of the weight gradient

struct Range {
  int64_t begin, end;
};

/// The steps i for which begin <= first + i step < end, of `count`.
Range inside(int64_t first, int64_t step, int64_t count, Range of) {
  const int64_t begin = std::clamp<int64_t>(ceil_div(of.begin - first, step), 0, count);
  return {begin, std::clamp<int64_t>(ceil_div(of.end - first, step), begin, count)};
}

/// Some rows of an image, or of a copy: element c of pixel (h, w) is data[(h - top) row + (w - left) pixel +
/// c], for h and w in those ranges.
template <class T>
struct Rows {
  const T* data;
  int64_t top, left;
  int64_t row, pixel;
  Range h, w;
};

template <class T>
class Pixels {
 public:
  /// Geometry and image outlive this.
  Pixels(const Conv2dGeometry& g, const View& x, int64_t spread_h, int64_t spread_w)
      : g_(g),
        x_(x),
        kernels_(depthwise_kernels<T>()),
        channels_(round_up(g.C, kernels_.lanes)),
        copy_(g, x, {true, channels_}, kernels_.lanes, spread_h, spread_w),
        in_place_(spread_h == 1 && spread_w == 1 && channels_ == g.C) {
    int64_t rows = 1;
    while (rows < g.P && copy_.elements(rows + 1) <= kBandElements) ++rows;
    bands_ = ceil_div(g.P, rows);
  }

  /// Whole vectors.
  int64_t channels() const { return channels_; }
  int64_t taps() const { return g_.R * g_.S; }
  int64_t filter_elements() const { return taps() * channels_; }
  /// Bands of output rows, of all images.
  int64_t bands() const { return g_.N * bands_; }
  int64_t buffer_elements() const { return in_place_ ? 0 : copy_.buffer_elements(ceil_div(g_.P, bands_)); }
  /// So many bands are worth handing to a thread.
  int64_t grain() const {
    return std::max<int64_t>(1, kChunkWork / std::max<int64_t>(1, g_.multiply_adds() / bands()));
  }

  /// Whether rows of an array shaped as the output are read and written where they lie.
  bool are_whole(const View& y) const { return y.strides[1] == 1 && channels_ == g_.C; }

  /// Calls body(image, output row, pixel, DepthwisePixels) for all pixels of a band, where neighbours have
  /// the same taps some at once. The buffer held zeros at first.
  template <class F>
  void for_pixels(int64_t band, T* buffer, F&& body) const {
    const int64_t n = band / bands_, begin = chunk_begin(g_.P, bands_, band % bands_);
    const int64_t end = chunk_begin(g_.P, bands_, band % bands_ + 1);
    const Rows<T> rows = in_place_ ? lying(n) : copied(n, begin, end - begin, buffer);
    const Scratch<int64_t> offsets(taps()), weights(taps());
    // Pixels whose filters have their first, and their last, columns inside.
    const Range first = inside(-g_.pad_left, g_.stride_w, g_.Q, rows.w);
    const Range last = inside(g_.span_w() - 1 - g_.pad_left, g_.stride_w, g_.Q, rows.w);
    const Range whole{first.begin, std::max(first.begin, last.end)};
    for (int64_t p = begin; p < end; ++p) {
      const int64_t h = p * g_.stride_h - g_.pad_top;
      const Range r = inside(h, g_.dilation_h, g_.R, rows.h);
      for (int64_t q = 0; q < g_.Q;) {
        const int64_t next = q == whole.begin && whole.end > q ? whole.end : q + 1;
        const int64_t w = q * g_.stride_w - g_.pad_left;
        const Range s = inside(w, g_.dilation_w, g_.S, rows.w);
        DepthwisePixels<T> pixels{rows.data + (h - rows.top) * rows.row + (w - rows.left) * rows.pixel,
                                  g_.stride_w * rows.pixel,
                                  offsets.data(),
                                  weights.data(),
                                  0,
                                  next - q,
                                  channels_};
        for (int64_t i = r.begin; i < r.end; ++i) {
          for (int64_t j = s.begin; j < s.end; ++j, ++pixels.taps) {
            offsets[pixels.taps] = i * g_.dilation_h * rows.row + j * g_.dilation_w * rows.pixel;
            weights[pixels.taps] = (i * g_.S + j) * channels_;
          }
        }
        body(n, p, q, pixels);
        q = next;
      }
    }
  }

 private:
  Rows<T> lying(int64_t n) const {
    return {x_.as<const T>() + n * x_.strides[0], 0, 0, x_.strides[2], x_.strides[3], {0, g_.H}, {0, g_.W}};
  }
  Rows<T> copied(int64_t n, int64_t p, int64_t rows, T* buffer) const {
    constexpr int64_t kAny = std::numeric_limits<int64_t>::max() / 4;
    return {copy_.read(n, 0, g_.C, p, rows, buffer),
            p * g_.stride_h - g_.pad_top,
            -g_.pad_left,
            copy_.row_step() / g_.stride_h,
            channels_,
            {-kAny, kAny},
            {-kAny, kAny}};
  }

  const Conv2dGeometry& g_;
  const View& x_;
  const DepthwiseKernels<T>& kernels_;
  int64_t channels_;
  PaddedImage<T> copy_;
  bool in_place_;
  int64_t bands_ = 1;
};

/// The filters as (taps, channels), zeros beyond them.
template <class T>
void load_filters(const View& w, int64_t channels, T* to) {
  for (int64_t r = 0; r < w.shape[2]; ++r) {
    for (int64_t s = 0; s < w.shape[3]; ++s, to += channels) {
      const T* const tap = w.as<const T>() + r * w.strides[2] + s * w.strides[3];
      for (int64_t c = 0; c < channels; ++c) to[c] = c < w.shape[0] ? tap[c * w.strides[0]] : T(0);
    }
  }
}

template <class T>
T* pixel_at(const View& y, int64_t n, int64_t p, int64_t q) {
  return static_cast<T*>(y.data) + n * y.strides[0] + p * y.strides[2] + q * y.strides[3];
}

}  // namespace

template <class T>
bool are_pixels(const View& x, const View& y) {
  return x.strides[1] == 1 && y.strides[1] == 1 && 2 * x.shape[1] >= depthwise_kernels<T>().lanes;
}

template <class T>
void convolve_pixels(const Conv2dGeometry& g, const View& x, const View& w, const View& bias, const View& y,
                     bool relu, int64_t spread_h, int64_t spread_w) {
  const Pixels<T> pixels(g, x, spread_h, spread_w);
  const int64_t channels = pixels.channels();
  const bool in_place = pixels.are_whole(y);
  const Scratch<T> filters(pixels.filter_elements()), constants(channels);
  load_filters(w, channels, filters.data());
  for (int64_t c = 0; c < channels; ++c) {
    constants[c] = bias.defined() && c < g.C ? bias.as<const T>()[c * bias.strides[0]] : T(0);
  }
  parallel_range(pixels.bands(), pixels.grain(), [&](int64_t begin, int64_t end) {
    const Scratch<T> buffer(pixels.buffer_elements()), row(in_place ? 0 : g.Q * channels);
    std::fill_n(buffer.data(), pixels.buffer_elements(), T(0));
    for (int64_t band = begin; band < end; ++band) {
      pixels.for_pixels(
          band, buffer.data(), [&](int64_t n, int64_t p, int64_t q, const DepthwisePixels<T>& some) {
            T* const to = pixel_at<T>(y, n, p, q);
            depthwise_kernels<T>().pixels(some, filters.data(), constants.data(), relu,
                                          in_place ? to : row.data(), in_place ? y.strides[3] : channels);
            for (int64_t j = 0; !in_place && j < some.pixels; ++j) {
              std::copy_n(row.data() + j * channels, g.C, to + j * y.strides[3]);
            }
          });
    }
  });
}

template <class T>
void grad_weight_pixels(const Conv2dGeometry& g, const View& x, const View& gy, const View& gw) {
  const Pixels<T> pixels(g, x, 1, 1);
  const int64_t channels = pixels.channels(), elements = pixels.filter_elements();
  const int64_t parts = gy.numel() > 0 ? std::min(pixels.bands(), kMostParts) : 0;
  const bool in_place = pixels.are_whole(gy);
  const Scratch<double> sums(parts * elements);
  const int64_t work = g.multiply_adds() / std::max<int64_t>(1, parts);
  parallel_range(parts, kChunkWork / std::max<int64_t>(1, work), [&](int64_t first, int64_t last) {
    const Scratch<T> buffer(pixels.buffer_elements()), row(in_place ? 0 : g.Q * channels), of_band(elements);
    std::fill_n(buffer.data(), pixels.buffer_elements(), T(0));
    std::fill_n(row.data(), in_place ? 0 : g.Q * channels, T(0));
    for (int64_t part = first; part < last; ++part) {
      double* const of_part = sums.data() + part * elements;
      std::fill_n(of_part, elements, 0.0);
      for (int64_t band = chunk_begin(pixels.bands(), parts, part);
           band < chunk_begin(pixels.bands(), parts, part + 1); ++band) {
        std::fill_n(of_band.data(), elements, T(0));
        pixels.for_pixels(
            band, buffer.data(), [&](int64_t n, int64_t p, int64_t q, const DepthwisePixels<T>& some) {
              const T* const from = pixel_at<const T>(gy, n, p, q);
              for (int64_t j = 0; !in_place && j < some.pixels; ++j) {
                std::copy_n(from + j * gy.strides[3], g.C, row.data() + j * channels);
              }
              depthwise_kernels<T>().pixel_sums(some, in_place ? from : row.data(),
                                                in_place ? gy.strides[3] : channels, of_band.data());
            });
        for (int64_t i = 0; i < elements; ++i) of_part[i] += static_cast<double>(of_band[i]);
      }
    }
  });
  for (int64_t c = 0; c < g.C; ++c) {
    for (int64_t tap = 0; tap < pixels.taps(); ++tap) {
      double sum = 0;
      for (int64_t part = 0; part < parts; ++part) sum += sums[part * elements + tap * channels + c];
      gw.as<T>()[c * gw.strides[0] + tap / g.S * gw.strides[2] + tap % g.S * gw.strides[3]] =
          static_cast<T>(sum);
    }
  }
}

template bool are_pixels<float>(const View&, const View&);
template bool are_pixels<double>(const View&, const View&);
template void convolve_pixels<float>(const Conv2dGeometry&, const View&, const View&, const View&,
                                     const View&, bool, int64_t, int64_t);
template void convolve_pixels<double>(const Conv2dGeometry&, const View&, const View&, const View&,
                                      const View&, bool, int64_t, int64_t);
template void grad_weight_pixels<float>(const Conv2dGeometry&, const View&, const View&, const View&);
template void grad_weight_pixels<double>(const Conv2dGeometry&, const View&, const View&, const View&);

}  // namespace linnet::cpu::conv_depthwise
