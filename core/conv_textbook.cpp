#include "core/conv_textbook.h"

#include <algorithm>

#include "core/backend_scratch.h"
#include "core/elements.h"

namespace linnet::conv_textbook {
namespace {

/// `count` of the elements along a dimension.
View narrow(View view, int dim, int64_t first, int64_t count) {
  view.data = element(view, first * view.strides[dim]);
  view.shape[dim] = count;
  return view;
}

/// Dimension 0 cut into `groups` of equal size.
View split_groups(const View& view, int64_t groups) {
  View split = view;
  split.shape = {groups, view.shape[0] / groups, view.shape[1], view.shape[2], view.shape[3]};
  split.strides = {view.strides[0] * split.shape[1], view.strides[0], view.strides[1], view.strides[2],
                   view.strides[3]};
  return split;
}

}  // namespace

void grad_input(Backend& backend, const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);
  BackendScratch scratch(backend);
  const Padding padding = g.full_padding();
  const View dilated = scratch.make({g.N, g.K, g.H + g.span_h() - 1, g.W + g.span_w() - 1}, gy.dtype);
  backend.dilate(gy, {g.stride_h, g.stride_w, padding.top, padding.left}, dilated);

  // (K, C / groups, R, S) -> (C, K / groups, R, S), within each group.
  const View exchanged = swapped(split_groups(w, g.groups), 1, 2);
  View filters = scratch.make(exchanged.shape, w.dtype);
  backend.flip(exchanged, 1U << 3 | 1U << 4, filters);
  filters.shape = {g.C, g.filters_per_group(), g.R, g.S};
  filters.strides = contiguous_strides(filters.shape);

  const Conv2dGeometry full{.N = g.N,
                            .C = g.K,
                            .H = dilated.shape[2],
                            .W = dilated.shape[3],
                            .K = g.C,
                            .R = g.R,
                            .S = g.S,
                            .P = g.H,
                            .Q = g.W,
                            .stride_h = 1,
                            .stride_w = 1,
                            .pad_top = 0,
                            .pad_bottom = 0,
                            .pad_left = 0,
                            .pad_right = 0,
                            .dilation_h = g.dilation_h,
                            .dilation_w = g.dilation_w,
                            .groups = g.groups,
                            .algorithm = ConvAlgorithm::Auto};
  backend.conv2d(full, dilated, filters, View{}, gx);
}

void grad_weight(Backend& backend, const Conv2dGeometry& g, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  if (x.numel() == 0 || gy.numel() == 0) return backend.fill(0, gw);
  BackendScratch scratch(backend);
  const int64_t height = (g.P - 1) * g.stride_h + 1, width = (g.Q - 1) * g.stride_w + 1;
  const View dilated = scratch.make({g.N, g.K, height, width}, gy.dtype);
  backend.dilate(gy, {g.stride_h, g.stride_w, 0, 0}, dilated);

  // Rows of x below the last one that the filter's last row reaches would give rows that gw does not have.
  const int64_t reached_h = (g.R - 1) * g.dilation_h + height - g.pad_top;
  const int64_t reached_w = (g.S - 1) * g.dilation_w + width - g.pad_left;
  const int64_t rows = std::clamp<int64_t>(reached_h, 0, g.H),
                columns = std::clamp<int64_t>(reached_w, 0, g.W);
  if (rows == 0 || columns == 0) return backend.fill(0, gw);  // nothing but padding
  const View seen = narrow(narrow(x, 2, 0, rows), 3, 0, columns);
  const int64_t channels = g.channels_per_group(), filters = g.filters_per_group();
  const Conv2dGeometry across{.N = channels,
                              .C = g.N,
                              .H = rows,
                              .W = columns,
                              .K = filters,
                              .R = height,
                              .S = width,
                              .P = g.R,
                              .Q = g.S,
                              .stride_h = g.dilation_h,
                              .stride_w = g.dilation_w,
                              .pad_top = g.pad_top,
                              .pad_bottom = reached_h - rows,
                              .pad_left = g.pad_left,
                              .pad_right = reached_w - columns,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = 1,
                              .algorithm = ConvAlgorithm::Auto};
  for (int64_t group = 0; group < g.groups; ++group) {
    backend.conv2d(across, swapped(narrow(seen, 1, group * channels, channels), 0, 1),
                   swapped(narrow(dilated, 1, group * filters, filters), 0, 1), View{},
                   swapped(narrow(gw, 0, group * filters, filters), 0, 1));
  }
}

}  // namespace linnet::conv_textbook
