// Pooling and upsampling of a resolved geometry, and of images in either layout: what the operators of ops.h
// and the rules of autograd share.
#pragma once

#include <utility>

#include <linnet/core/ops.h>
#include <linnet/core/pool2d.h>
#include "core/fail.h"

namespace linnet::pooling {

/// The largest elements, and where they are; `indices` undefined where they are not asked for.
Extremes<NDArray> largest(const NDArray& x, const Pool2dGeometry& geometry, bool with_indices);
/// Averages, or an upsampling.
NDArray average(const NDArray& x, const Pool2dGeometry& geometry);
/// The gradient of that by x, in the order of gy's memory or channels last: outputs of one pixel do not tell
/// the order of their input.
NDArray average_grad(const NDArray& gy, const Pool2dGeometry& geometry, bool channels_last);

template <class Array>
Array permuted(const Array& x, const Dims& order) {
  return x.permute(order);
}
template <class Array>
Extremes<Array> permuted(const Extremes<Array>& x, const Dims& order) {
  return {x.values.permute(order), x.indices.permute(order)};
}

/// f of images (N, C, H, W): of x, or with Layout::NHWC of the view of x in that order, and its result back.
template <class Array, class F>
auto in_layout(const char* where, const Array& x, Layout layout, const F& f) {
  if (layout == Layout::NCHW) return f(x);
  check(x.rank() == 4, where, "input {}; expected (N, H, W, C)", x.shape());
  return permuted(f(x.permute({0, 3, 1, 2})), {0, 2, 3, 1});
}

}  // namespace linnet::pooling
