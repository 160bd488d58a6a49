// Plain-old-data descriptions of operands, as backends see them: no ownership, no checks.
#pragma once

#include <cstdint>
#include <utility>

#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>
#include <linnet/core/scalar.h>

namespace linnet {

/// Strided elements in a device's memory. Strides count elements and are never negative; a stride of 0
/// repeats (broadcast operands). Any extent may be 0; rank 0 is one element.
struct View {
  void* data = nullptr;
  DType dtype = DType::Float32;
  Shape shape;
  Strides strides;

  bool defined() const { return data != nullptr; }
  int rank() const { return shape.rank(); }
  int64_t numel() const { return shape.product(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// The view with two dimensions in each other's place.
inline View swapped(View view, int a, int b) {
  std::swap(view.shape[a], view.shape[b]);
  std::swap(view.strides[a], view.strides[b]);
  return view;
}

/// The view with its dimensions in that order.
inline View permuted(const View& view, const Dims& order) {
  View result = view;
  for (int i = 0; i < view.rank(); ++i) {
    result.shape[i] = view.shape[static_cast<int>(order[i])];
    result.strides[i] = view.strides[static_cast<int>(order[i])];
  }
  return result;
}

/// `count` of the elements along a dimension, every `step`-th from `first` on.
inline View narrow(View view, int dim, int64_t first, int64_t count, int64_t step = 1) {
  const int64_t bytes = first * view.strides[dim] * static_cast<int64_t>(size_of(view.dtype));
  view.data = static_cast<char*>(view.data) + bytes;
  view.shape[dim] = count;
  view.strides[dim] *= step;
  return view;
}

/// The view with dimensions walked backwards, those whose bit is set in `dims`: the one case of negative
/// strides, for a backend's own loops.
inline View reversed(View view, uint32_t dims) {
  int64_t first = 0;
  for (int d = 0; d < view.rank(); ++d) {
    if ((dims >> d & 1U) == 0) continue;
    first += (view.shape[d] - 1) * view.strides[d];
    view.strides[d] = -view.strides[d];
  }
  view.data = static_cast<char*>(view.data) + first * static_cast<int64_t>(size_of(view.dtype));
  return view;
}

/// Strides of an array that is stepped through along `dim` by something else, as an index.
inline Strides without(Strides strides, int dim) {
  strides[dim] = 0;
  return strides;
}

/// Whether the channels of 4-d images are neighbours in memory.
inline bool channels_are_neighbours(const View& images) {
  return images.strides[1] == 1 && images.shape[1] > 1;
}

/// Whether one stride leads from each pixel of 4-d images to the next, row after row.
inline bool pixels_are_flat(const View& images) {
  return images.shape[2] <= 1 || images.shape[3] <= 1 ||
         images.strides[2] == images.shape[3] * images.strides[3];
}

/// An input of an elementwise operator: a view already broadcast to the output's shape, or a number.
struct Operand {
  Operand(const View& v) : view(v) {}                // NOLINT(google-explicit-constructor)
  Operand(Scalar n) : number(n), is_number(true) {}  // NOLINT(google-explicit-constructor)
  View view;
  Scalar number = 0;
  bool is_number = false;
};

}  // namespace linnet
