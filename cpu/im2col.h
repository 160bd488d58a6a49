// Columns: the matrix of all patches of an image under the filters. A row belongs to one filter element k, a
// column to one output pixel j = p * Q + q; elements that fall on padding are zero. Columns are made of runs
// of neighbouring elements: in one order as long as a row of pixels, in the other as long as there are
// channels.
#pragma once

#include <cstdint>

#include <linnet/core/conv2d.h>
#include "core/view.h"
#include "cpu/ceil_div.h"

namespace linnet::cpu {

/// The channels of one image that a group of filters sees, and their strides in elements.
template <class T>
struct Image {
  T* data;
  int64_t channel;
  int64_t row;
  int64_t column;
};

enum class ColumnOrder : uint8_t {
  ChannelsFirst,  ///< k = (c * R + r) * S + s; pixels are neighbours: element (k, j) at k * step + j
  ChannelsLast,   ///< k = (r * S + s) * C + c; filter elements are neighbours: element (k, j) at j * step + k
};

/// Rows of the columns.
inline int64_t filter_elements(const Conv2dGeometry& g) {
  return g.channels_per_group() * g.R * g.S;
}

/// Whether the columns are the image itself: filters of one element that visit every pixel once.
bool columns_are_image(const Conv2dGeometry& g, const View& x);

/// The order whose runs are longer. It depends on the shape and not on the order of memory.
ColumnOrder better_order(const Conv2dGeometry& geometry);

/// Output pixels [begin, end) of an image: whole rows, or a part of one.
struct PixelRange {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

/// The pixels of an image in ranges of about `wanted`.
class Bands {
 public:
  Bands(const Conv2dGeometry& geometry, int64_t wanted);
  int64_t count() const { return rows_per_band_ > 0 ? ceil_div(P_, rows_per_band_) : P_ * pieces_; }
  PixelRange operator[](int64_t i) const;

 private:
  int64_t P_, Q_;
  int64_t rows_per_band_;  // 0: a row is several bands
  int64_t pieces_;         // of a row
};

/// Writes the columns of `pixels`; columns[0] is the first of them.
template <class T>
void im2col(const Conv2dGeometry& geometry, const Image<const T>& image, ColumnOrder order, PixelRange pixels,
            T* columns, int64_t step);

/// The adjoint: adds every element of the columns to the image element it was read from, in a fixed order.
/// `is_whole` says that `pixels` are all of them: then the image is overwritten.
template <class T>
void col2im(const Conv2dGeometry& geometry, const T* columns, int64_t step, ColumnOrder order,
            PixelRange pixels, bool is_whole, const Image<T>& image);

/// Writes zeros.
template <class T>
void clear(const Conv2dGeometry& geometry, const Image<T>& image);

}  // namespace linnet::cpu
