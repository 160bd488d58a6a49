// The patches of all images under the filters, as an operand of matrix products that is nowhere in memory:
// packed from the images, straight into panels. Element k = (r * S + s) * C + c of a filter, output pixel
// j = (n * P + p) * Q + q; elements that fall on padding are zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/view.h"
#include "cpu/ceil_div.h"
#include "cpu/gemm_kernel.h"
#include "cpu/im2col.h"
#include "cpu/matmul.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

/// The patches that one group of filters sees. The geometry and its images outlive it.
template <class T>
class Patches {
 public:
  struct Range {
    int64_t begin, end;
  };
  /// Channels of one tap by neighbouring pixels; places count from the begin of the ranges asked for.
  struct Part {
    const T* from;  ///< null: padding
    int64_t element, channels;
    int64_t pixel, pixels;
  };

  Patches(const Conv2dGeometry& g, const View& x)
      : g_(g),
        data_(x.as<const T>()),
        image_(x.strides[0]),
        row_(x.strides[2]),
        column_(x.strides[3]),
        channel_(x.strides[1]),
        columns_(g.S) {
    if (columns_are_image(g, x)) merge_pixels(x);
    for (int64_t s = 0; s < g.S; ++s) {
      const int64_t left = s * g.dilation_w - g_.pad_left;
      columns_[s] = {left < 0 ? ceil_div(-left, g.stride_w) : 0,
                     left < g_.W ? ceil_div(g_.W - left, g.stride_w) : 0};
    }
  }

  int64_t channel_step() const { return channel_; }
  int64_t pixel_step() const { return column_ * g_.stride_w; }

  /// Calls body(part) for parts that make up these pixels and elements of a group.
  template <class F>
  void for_parts(int64_t group, Range pixels, Range elements, F&& body) const {
    if (elements.begin == elements.end) return;
    int64_t n = pixels.begin / (g_.P * g_.Q);
    int64_t p = pixels.begin / g_.Q % g_.P;
    int64_t q = pixels.begin % g_.Q;
    for (int64_t j = pixels.begin; j < pixels.end;) {
      const int64_t count = std::min(g_.Q - q, pixels.end - j);
      const T* const image = data_ + n * image_ + group * g_.channels_per_group() * channel_;
      for_taps(image, p, {q, q + count}, j - pixels.begin, elements, body);
      j += count;
      q = 0;
      if (++p == g_.P) p = 0, ++n;
    }
  }

 private:
  /// Filters of one element that visit every pixel once: one long row, of all images where they are in line.
  void merge_pixels(const View& x) {
    const int64_t pixels = g_.H * g_.W;
    if (g_.W <= 1) column_ = g_.H > 1 ? row_ : image_;
    const bool in_line = g_.N <= 1 || image_ == pixels * column_;
    g_.H = g_.P = 1;
    g_.W = g_.Q = in_line ? std::max<int64_t>(1, x.shape[0]) * pixels : pixels;
  }

  /// The taps of a run of pixels in one output row.
  template <class F>
  void for_taps(const T* image, int64_t p, Range run, int64_t pixel, Range elements, F&& body) const {
    const int64_t C = g_.channels_per_group();
    int64_t c = elements.begin % C;
    int64_t s = elements.begin / C % g_.S;
    int64_t r = elements.begin / C / g_.S;
    for (int64_t k = elements.begin; k < elements.end;) {
      const int64_t channels = std::min(C - c, elements.end - k);
      const int64_t element = k - elements.begin;
      const int64_t h = p * g_.stride_h - g_.pad_top + r * g_.dilation_h;
      const bool inside = h >= 0 && h < g_.H;
      const int64_t begin = inside ? std::clamp(columns_[s].begin, run.begin, run.end) : run.begin;
      const int64_t end = inside ? std::clamp(columns_[s].end, begin, run.end) : run.begin;
      const auto part = [&](const T* from, int64_t from_q, int64_t to_q) {
        if (from_q < to_q) body(Part{from, element, channels, pixel + from_q - run.begin, to_q - from_q});
      };
      const int64_t w = begin * g_.stride_w - g_.pad_left + s * g_.dilation_w;
      part(nullptr, run.begin, begin);
      if (begin < end) part(image + c * channel_ + h * row_ + w * column_, begin, end);
      part(nullptr, end, run.end);
      k += channels;
      c = 0;
      if (++s == g_.S) s = 0, ++r;
    }
  }

  Conv2dGeometry g_;
  const T* data_;
  int64_t image_, row_, column_, channel_;
  Scratch<Range> columns_;  // of each tap: output columns whose pixel is inside the image
};

/// Some of the patches as an operand of matmul(): elements of the filters by output pixels, the steps of K.
template <class T>
class PatchPanels : public PanelSource<T> {
 public:
  using typename PanelSource<T>::Panel;

  PatchPanels(const Patches<T>& patches, int64_t group, int64_t first_pixel)
      : patches_(patches), group_(group), first_pixel_(first_pixel) {}

  void pack(const Panel& panel, T* to) const override {
    const int64_t pixel = patches_.pixel_step(), channel = patches_.channel_step();
    const int64_t first = first_pixel_ + panel.depth_begin;
    const auto pack_part = gemm_kernels<T>().pack_part;
    patches_.for_parts(group_, {first, first + panel.depth}, {panel.first, panel.first + panel.count},
                       [&](const typename Patches<T>::Part& part) {
                         T* const block = to + part.pixel * panel.width + part.element;
                         if (part.from == nullptr) {
                           clear(block, part.channels, panel.width, part.pixels);
                         } else {
                           pack_part(part.from, channel, pixel, part.channels, panel.width, part.pixels,
                                     block);
                         }
                       });
    if (panel.count < panel.width) {
      clear(to + panel.count, panel.width - panel.count, panel.width, panel.depth);
    }
  }

 private:
  static void clear(T* block, int64_t count, int64_t width, int64_t depth) {
    for (int64_t k = 0; k < depth; ++k) std::fill_n(block + k * width, count, T(0));
  }

  const Patches<T>& patches_;
  int64_t group_, first_pixel_;
};

}  // namespace linnet::cpu
