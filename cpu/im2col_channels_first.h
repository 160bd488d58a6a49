// Columns in ColumnOrder::ChannelsFirst: a row of columns is a filter element's view of the image, made of
// runs as long as a row of output pixels. Private to cpu/im2col.cpp.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cpu/ceil_div.h"
#include "cpu/im2col.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

// Calls body(integral constant) so that the common steps are known to the compiler.
template <class F>
void with_step(int64_t step, F&& body) {
  if (step == 1) {
    body(std::integral_constant<int64_t, 1>());
  } else if (step == 2) {
    body(std::integral_constant<int64_t, 2>());
  } else {
    body(step);
  }
}

// The part of the padded image under a range of pixels, laid out anew with its columns sorted by their
// remainder modulo the stride: what neighbouring pixels of an output row read then lies side by side, for any
// stride, dilation and padding. A line holds the columns m, m + stride, m + 2 * stride, ... of a row of a
// channel.
template <class T>
class SortedImage {
 public:
  SortedImage(const Conv2dGeometry& g, PixelRange pixels)
      : g_(g),
        p_(pixels.begin / g.Q),
        q_(pixels.begin % g.Q),
        rows_(ceil_div(pixels.size(), g.Q)),
        columns_(std::min(pixels.size(), g.Q)),
        height_((rows_ - 1) * g.stride_h + g.span_h()),
        width_((columns_ - 1) * g.stride_w + g.span_w()),
        line_(ceil_div(width_, g.stride_w)),
        memory_(g.channels_per_group() * height_ * g.stride_w * line_ + kRun) {}

  void read(const Image<const T>& image) const {
    for_lines(image, [](T* line, const T* pixel, auto next, int64_t begin, int64_t end, int64_t length) {
      std::fill(line, line + begin, T(0));
      for (int64_t i = begin; i < end; ++i) line[i] = pixel[i * next];
      std::fill(line + end, line + length, T(0));
    });
  }
  void clear() const {
    std::fill_n(memory_.data(), g_.channels_per_group() * height_ * g_.stride_w * line_, T(0));
  }
  void add_to(const Image<T>& image) const {
    for_lines(image, [](const T* line, T* pixel, auto next, int64_t begin, int64_t end, int64_t) {
      for (int64_t i = begin; i < end; ++i) pixel[i * next] += line[i];
    });
  }

  void write_columns(T* columns, int64_t step) const {
    // Copies of whole runs write beyond a row, into the next ones, which come later: right for all but the
    // last.
    const int64_t runs = ceil_div(columns_, kRun) * kRun;
    const int64_t exact_from = std::max<int64_t>(0, rows_ - ceil_div(runs, columns_) + 1);
    for_filter_rows([&](int64_t k, const T* from, int64_t row_step) {
      T* to = columns + k * step;
      int64_t p = 0;
      for (; p < exact_from; ++p, from += row_step, to += columns_) {
        for (int64_t q = 0; q < columns_; q += kRun) std::memcpy(to + q, from + q, kRun * sizeof(T));
      }
      for (; p < rows_; ++p, from += row_step, to += columns_) std::copy_n(from, columns_, to);
    });
  }
  void add_columns(const T* columns, int64_t step) const {
    for_filter_rows([&](int64_t k, T* to, int64_t row_step) {
      const T* from = columns + k * step;
      for (int64_t p = 0; p < rows_; ++p, to += row_step, from += columns_) add(from, columns_, to);
    });
  }

 private:
  static constexpr int64_t kRun = 32 / sizeof(T);

  static void add(const T* __restrict from, int64_t n, T* __restrict to) {
    for (int64_t i = 0; i < n; ++i) to[i] += from[i];
  }

  // For each line calls body(line, the image element of line[0], step, begin, end, length): [begin, end) is
  // what lies inside the image.
  template <class Pixel, class F>
  void for_lines(const Image<Pixel>& image, F&& body) const {
    const int64_t top = p_ * g_.stride_h - g_.pad_top;
    const int64_t left = q_ * g_.stride_w - g_.pad_left;
    with_step(g_.stride_w * image.column, [&](auto next) {
      for (int64_t m = 0; m < g_.stride_w; ++m) {
        const int64_t w = left + m;
        const int64_t end = w < g_.W ? std::min(ceil_div(g_.W - w, g_.stride_w), line_) : 0;
        const int64_t begin = w < 0 ? std::min(ceil_div(-w, g_.stride_w), end) : 0;
        T* line = memory_.data() + m * line_;
        for (int64_t c = 0; c < g_.channels_per_group(); ++c) {
          for (int64_t h = top; h < top + height_; ++h, line += g_.stride_w * line_) {
            const bool in_image = h >= 0 && h < g_.H;
            Pixel* const pixel = image.data + (c * image.channel + h * image.row + w * image.column);
            body(line, pixel, next, begin, in_image ? end : begin, line_);
          }
        }
      }
    });
  }

  // For each filter element calls body(k, what the first pixel reads, step to the next row of pixels).
  template <class F>
  void for_filter_rows(F&& body) const {
    const int64_t row = g_.stride_w * line_;
    int64_t k = 0;
    for (int64_t c = 0; c < g_.channels_per_group(); ++c) {
      for (int64_t r = 0; r < g_.R; ++r) {
        for (int64_t s = 0; s < g_.S; ++s, ++k) {
          const int64_t w = s * g_.dilation_w;
          T* const first = memory_.data() + (c * height_ + r * g_.dilation_h) * row;
          body(k, first + w % g_.stride_w * line_ + w / g_.stride_w, g_.stride_h * row);
        }
      }
    }
  }

  const Conv2dGeometry& g_;
  int64_t p_, q_;           // first pixel
  int64_t rows_, columns_;  // of pixels
  int64_t height_, width_;  // of the padded image under them
  int64_t line_;            // elements of a line
  Scratch<T> memory_;
};

}  // namespace linnet::cpu
