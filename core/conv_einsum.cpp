#include "core/conv_einsum.h"

#include <linnet/core/ops.h>

#include "core/conv_textbook.h"
#include "core/operands.h"

namespace linnet::conv_einsum {
namespace {

/// (N, C, H, W) -> (N, G, C / G, P, Q, R, S): a view of padded images.
NDArray windows(const NDArray& images, const Conv2dGeometry& g) {
  const Strides& step = images.strides();
  return images.as_strided({g.N, g.groups, g.channels_per_group(), g.P, g.Q, g.R, g.S},
                           {step[0], g.channels_per_group() * step[1], step[1], g.stride_h * step[2],
                            g.stride_w * step[3], g.dilation_h * step[2], g.dilation_w * step[3]});
}

/// x with zeros between and around its pixels.
NDArray dilated(const NDArray& x, const Dilation& dilation, const Shape& shape) {
  NDArray out = NDArray::empty(shape, x.dtype(), x.device());
  out.device().backend().dilate(x.read_view(), dilation, result_view(out));
  return out;
}

NDArray padded_windows(const NDArray& x, const Conv2dGeometry& g) {
  const Shape shape = {g.N, g.C, g.H + g.pad_top + g.pad_bottom, g.W + g.pad_left + g.pad_right};
  return windows(shape == x.shape() ? x : dilated(x, {1, 1, g.pad_top, g.pad_left}, shape), g);
}

NDArray filters_in_groups(const NDArray& w, const Conv2dGeometry& g) {
  return w.reshape({g.groups, g.filters_per_group(), g.channels_per_group(), g.R, g.S});
}
NDArray outputs_in_groups(const NDArray& y, const Conv2dGeometry& g) {
  return y.reshape({g.N, g.groups, g.filters_per_group(), g.P, g.Q});
}

}  // namespace

NDArray conv2d(const Conv2dGeometry& g, const NDArray& x, const NDArray& w) {
  return einsum("bgchwkt,gfckt->bgfhw", padded_windows(x, g), filters_in_groups(w, g))
      .reshape(g.output_shape());
}

NDArray grad_input(const Conv2dGeometry& g, const NDArray& gy, const NDArray& w) {
  const Conv2dGeometry full = conv_textbook::full_convolution(g);
  const Padding padding = g.full_padding();
  const NDArray gradient =
      dilated(gy, {g.stride_h, g.stride_w, padding.top, padding.left}, full.input_shape());
  NDArray flipped = NDArray::empty(w.shape(), w.dtype(), w.device());
  flipped.device().backend().flip(w.read_view(), 1U << 2 | 1U << 3, result_view(flipped));
  return einsum("bgfhwkt,gfckt->bgchw", windows(gradient, full), filters_in_groups(flipped, g))
      .reshape(g.input_shape());
}

NDArray grad_weight(const Conv2dGeometry& g, const NDArray& x, const NDArray& gy) {
  return einsum("bgfhw,bgchwkt->gfckt", outputs_in_groups(gy, g), padded_windows(x, g))
      .reshape(g.filter_shape());
}

}  // namespace linnet::conv_einsum
