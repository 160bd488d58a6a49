// The output side of a convolution, (N, K, P, Q) in any strides, as the matrices that products over columns
// need: one image's filters by pixels j = p * Q + q.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/view.h"
#include "cpu/im2col.h"
#include "cpu/matmul.h"

namespace linnet::cpu {

template <class T>
class FeatureMaps {
 public:
  explicit FeatureMaps(const View& y)
      : data_(static_cast<T*>(y.data)),
        image_(y.strides[0]),
        channel_(y.strides[1]),
        row_(y.strides[2]),
        column_(y.strides[3]),
        Q_(y.shape[3]),
        flat_(pixels_are_flat(y)),
        pixel_(y.shape[3] <= 1 ? row_ : column_),
        in_line_(flat_ && (y.shape[0] <= 1 || image_ == y.shape[2] * y.shape[3] * pixel_)) {}

  /// Whether matrix() is allowed.
  bool flat() const { return flat_; }
  /// Whether the stride of pixels also leads from one image to the next.
  bool in_line() const { return in_line_; }
  int64_t channel_stride() const { return channel_; }
  int64_t pixel_stride() const { return pixel_; }

  /// Filters by pixels, from the given ones on.
  Matrix<T> matrix(int64_t n, int64_t filter, int64_t pixel) const {
    return {data_ + n * image_ + filter * channel_ + pixel * pixel_, channel_, pixel_};
  }

  /// The values of some filters and pixels, one row of `step` a filter.
  void copy_to(int64_t n, int64_t filter, int64_t filters, PixelRange pixels, std::remove_const_t<T>* to,
               int64_t step) const {
    for_runs(n, filter, filters, pixels, [&](T* run, int64_t k, int64_t j, int64_t count) {
      auto* const row = to + k * step + j;
      if (column_ == 1) {
        std::copy_n(run, count, row);
      } else {
        for (int64_t q = 0; q < count; ++q) row[q] = run[q * column_];
      }
    });
  }
  /// The reverse.
  void copy_from(int64_t n, int64_t filter, int64_t filters, PixelRange pixels, const T* from,
                 int64_t step) const {
    for_runs(n, filter, filters, pixels, [&](T* run, int64_t k, int64_t j, int64_t count) {
      const T* const row = from + k * step + j;
      for (int64_t q = 0; q < count; ++q) run[q * column_] = row[q];
    });
  }

 private:
  template <class F>
  void for_runs(int64_t n, int64_t filter, int64_t filters, PixelRange pixels, F&& body) const {
    for (int64_t k = 0; k < filters; ++k) {
      T* const map = data_ + n * image_ + (filter + k) * channel_;
      if (flat_ && pixel_ == column_) {
        body(map + pixels.begin * pixel_, k, 0, pixels.size());
        continue;
      }
      for (int64_t j = pixels.begin; j < pixels.end;) {
        const int64_t p = j / Q_;
        const int64_t end = std::min((p + 1) * Q_, pixels.end);
        body(map + p * row_ + (j - p * Q_) * column_, k, j - pixels.begin, end - j);
        j = end;
      }
    }
  }

  T* data_;
  int64_t image_, channel_, row_, column_, Q_;
  bool flat_;
  int64_t pixel_;
  bool in_line_;
};

}  // namespace linnet::cpu
