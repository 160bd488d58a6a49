// Padding, written once for NDArrays and for Tensors, which differentiate it so: pieces of the array,
// mirrored, repeated or made, in front of it and behind.
#pragma once

#include <algorithm>

#include <linnet/core/ops.h>
#include "core/fail.h"

namespace linnet {

/// `count` elements that lie in front of dimension `dim`, or behind it, in that mode; the caller has checked
/// that they exist.
template <class Array>
Array border(const Array& x, int dim, int64_t count, bool in_front, PaddingMode mode) {
  const int64_t n = x.size(dim);
  switch (mode) {
    case PaddingMode::Reflect:
      return flip(in_front ? x.slice(dim, 1, 1 + count) : x.slice(dim, n - 1 - count, n - 1), {dim});
    case PaddingMode::Circular:
      return in_front ? x.slice(dim, n - count, n) : x.slice(dim, 0, count);
    default: {
      Shape shape = x.shape();
      shape[dim] = count;
      return (in_front ? x.slice(dim, 0, 1) : x.slice(dim, n - 1, n)).broadcast_to(shape);
    }
  }
}

/// The array with what surrounds it in the modes that repeat its own elements.
template <class Array>
Array with_borders(const Array& x, int dim, int64_t before, int64_t after, PaddingMode mode) {
  const int64_t n = x.size(dim);
  const int64_t most = mode == PaddingMode::Reflect ? n - 1 : mode == PaddingMode::Circular ? n : INT64_MAX;
  check(n > 0 && before <= most && after <= most, "pad",
        "{} in front and {} behind for dimension {} of shape {} in mode {}; expected at most {}", before,
        after, dim, x.shape(), name(mode), n > 0 ? most : 0);
  std::vector<Array> pieces;
  if (before > 0) pieces.push_back(border(x, dim, before, true, mode));
  pieces.push_back(x);
  if (after > 0) pieces.push_back(border(x, dim, after, false, mode));
  return concat(pieces, dim);
}

template <class Array>
Array with_value(const Array& x, int dim, int64_t before, int64_t after, Scalar value) {
  Shape shape = x.shape();
  shape[dim] += before + after;
  if (value.to_double() == 0) return unslice(x, shape, dim, before, before + x.size(dim));
  const auto piece = [&](int64_t count) {
    Shape of_piece = x.shape();
    of_piece[dim] = count;
    return NDArray::full(of_piece, value, x.dtype(), x.device());
  };
  return concat(std::vector<Array>{piece(before), x, piece(after)}, dim);
}

template <class Array>
Array pad_dim(const Array& x, int dim, int64_t before, int64_t after, const PadOptions& options) {
  const int64_t n = x.size(dim);
  check(n + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0) >= 0, "pad",
        "{} in front and {} behind cut off more than dimension {} of shape {} has", before, after, dim,
        x.shape());
  const Array kept = before < 0 || after < 0
                         ? x.slice(dim, std::max<int64_t>(-before, 0), n - std::max<int64_t>(-after, 0))
                         : x;
  const int64_t front = std::max<int64_t>(before, 0), behind = std::max<int64_t>(after, 0);
  if (front == 0 && behind == 0) return kept;
  return options.mode == PaddingMode::Zeros ? with_value(kept, dim, front, behind, options.value)
                                            : with_borders(kept, dim, front, behind, options.mode);
}

template <class Array>
Array pad_sides(const Array& x, const Padding& padding, const PadOptions& options) {
  check(x.rank() >= 2 && !padding.same, "pad",
        "{} for shape {}; expected numbers of rows and columns, and a height and width as the last two "
        "dimensions",
        padding.same ? "Padding::Same" : "padding", x.shape());
  const Array rows = pad_dim(x, x.rank() - 2, padding.top, padding.bottom, options);
  return pad_dim(rows, x.rank() - 1, padding.left, padding.right, options);
}

/// The picture that a convolution of those options without padding takes instead of x (N, C, H, W), which it
/// pads otherwise than with zeros; changes the options to say so.
template <class Array>
Array padded_by_mode(const char* where, const Array& x, const Shape& filters, Conv2dOptions& options) {
  const Conv2dGeometry g = Conv2dGeometry::make(x.shape(), filters, options, where);
  const PaddingMode mode = options.padding_mode;
  options.padding = 0;
  options.padding_mode = PaddingMode::Zeros;
  return pad(x, Padding(g.pad_top, g.pad_bottom, g.pad_left, g.pad_right), {.mode = mode});
}

}  // namespace linnet
