// What the composed convolutions share: images with their padding as elements, and what each element (r, s)
// of the filters, a tap, sees of them. Dimension 1, the channels, is cut into groups: (N, G, C / G, ...).
#pragma once

#include "core/backend_scratch.h"
#include "core/elements.h"

namespace linnet::conv_taps {

/// A dimension cut into `groups` of equal size.
inline View split(View view, int dim, int64_t groups) {
  const int64_t each = view.shape[dim] / groups, stride = view.strides[dim];
  view.shape[dim] = each;
  view.shape.insert(dim, groups);
  view.strides.insert(dim, each * stride);
  return view;
}

/// Dense memory in another shape.
inline View reshaped(View dense, const Shape& shape) {
  dense.shape = shape;
  dense.strides = contiguous_strides(shape);
  return dense;
}

inline bool has_padding(const Conv2dGeometry& g) {
  return g.pad_top != 0 || g.pad_bottom != 0 || g.pad_left != 0 || g.pad_right != 0;
}
inline View make_padded(BackendScratch& scratch, const Conv2dGeometry& g, DType dtype) {
  return scratch.make({g.N, g.C, g.H + g.pad_top + g.pad_bottom, g.W + g.pad_left + g.pad_right}, dtype);
}

/// x with its padding around it; x itself where there is none.
inline View padded(Backend& backend, BackendScratch& scratch, const Conv2dGeometry& g, const View& x) {
  if (!has_padding(g)) return x;
  const View out = make_padded(scratch, g, x.dtype);
  backend.dilate(x, {1, 1, g.pad_top, g.pad_left}, out);
  return out;
}

/// A padded image of zeros to add gradients up in: gx itself where there is no padding.
inline View padded_zeros(Backend& backend, BackendScratch& scratch, const Conv2dGeometry& g, const View& gx) {
  const View out = has_padding(g) ? make_padded(scratch, g, gx.dtype) : gx;
  backend.fill(0, out);
  return out;
}
/// gx = what lies inside the padding.
inline void crop(Backend& backend, const Conv2dGeometry& g, const View& sums, const View& gx) {
  if (sums.data == gx.data) return;
  backend.copy(narrow(narrow(sums, 2, g.pad_top, g.H), 3, g.pad_left, g.W), gx);
}

/// All windows of padded images: (N, G, C / G, R, S, P, Q). A view: pixels occur in it as often as windows
/// have them.
inline View windows(const Conv2dGeometry& g, const View& images) {
  View view = split(images, 1, g.groups);
  const int64_t row = images.strides[2], column = images.strides[3];
  view.shape = {g.N, g.groups, g.channels_per_group(), g.R, g.S, g.P, g.Q};
  view.strides = {view.strides[0],       view.strides[1],  view.strides[2],    g.dilation_h * row,
                  g.dilation_w * column, g.stride_h * row, g.stride_w * column};
  return view;
}

/// Tap (r, s) of a view (N, G, C / G, R, S, P, Q): (N, G, C / G, P, Q).
inline View of_tap(View view, int64_t r, int64_t s) {
  view.data = element(view, r * view.strides[3] + s * view.strides[4]);
  for (const int d : {4, 3}) {
    view.shape.erase(d);
    view.strides.erase(d);
  }
  return view;
}
/// The pixels that tap (r, s) sees.
inline View tap(const Conv2dGeometry& g, const View& images, int64_t r, int64_t s) {
  return of_tap(windows(g, images), r, s);
}

/// y = its bias, or zeros.
inline void start(Backend& backend, View bias, const View& y) {
  if (!bias.defined()) return backend.fill(0, y);
  bias.shape = y.shape;
  bias.strides = {0, bias.strides[0], 0, 0};
  backend.copy(bias, y);
}

}  // namespace linnet::conv_taps
