#include "core/conv_textbook.h"

#include <algorithm>

#include "core/backend_scratch.h"
#include "core/conv_taps.h"

namespace linnet::conv_textbook {
View flipped_filters(Backend& backend, BackendScratch& scratch, const Conv2dGeometry& g, const View& w) {
  const View exchanged = swapped(conv_taps::split(w, 0, g.groups), 1, 2);
  const View flipped = scratch.make(exchanged.shape, w.dtype);
  backend.flip(exchanged, 1U << 3 | 1U << 4, flipped);
  return conv_taps::reshaped(flipped, {g.C, g.filters_per_group(), g.R, g.S});
}

Conv2dGeometry full_convolution(const Conv2dGeometry& g) {
  return {.N = g.N,
          .C = g.K,
          .H = g.H + g.span_h() - 1,
          .W = g.W + g.span_w() - 1,
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
}

void grad_input(Backend& backend, const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);
  BackendScratch scratch(backend);
  const Conv2dGeometry full = full_convolution(g);
  const Padding padding = g.full_padding();
  const View dilated = scratch.make(full.input_shape(), gy.dtype);
  backend.dilate(gy, {g.stride_h, g.stride_w, padding.top, padding.left}, dilated);
  const View filters = flipped_filters(backend, scratch, g, w);
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
