// Convolution and its two gradients. The three are closed under differentiation: each is linear in both of
// its operands, and each operand's gradient is one of the other two with the same geometry. ReLU behind a
// convolution masks the gradient that comes in by the result, which is kept.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "autograd/conv_rule.h"
#include "autograd/node.h"
#include "core/pad.h"
#include "core/relu.h"

namespace linnet {

using autograd::array_of;
using autograd::Keep;
using autograd::record;
using autograd::Saved;

namespace {

/// Options that resolve to `geometry` again.
Conv2dOptions options_of(const Conv2dGeometry& geometry) {
  Conv2dOptions options;
  options.stride = {geometry.stride_h, geometry.stride_w};
  options.padding = {geometry.pad_top, geometry.pad_bottom, geometry.pad_left, geometry.pad_right};
  options.dilation = {geometry.dilation_h, geometry.dilation_w};
  options.groups = geometry.groups;
  options.algorithm = geometry.algorithm;
  return options;
}

/// The convolution from the result of the transposed one, of shape (N, K, P, Q), to x.
Conv2dGeometry transposed_geometry(const Tensor& x, const Tensor& w, const ConvTranspose2dOptions& o) {
  constexpr const char* kWhere = "conv_transpose2d";
  check(x.defined() && w.defined() && x.rank() == 4 && w.rank() == 4, kWhere,
        "input {}, filters {}; expected input (N, C, H, W) and filters (C, K / groups, R, S)",
        x.defined() ? x.shape() : Shape(), w.defined() ? w.shape() : Shape());
  check(x.size(1) == w.size(0), kWhere, "input {} has {} channels, filters {} take {}", x.shape(), x.size(1),
        w.shape(), w.size(0));
  check(o.kernel == Size2(0) || o.kernel == Size2(w.size(2), w.size(3)), kWhere,
        "the options say a kernel of {}x{}, the filters are {}", o.kernel.h, o.kernel.w, w.shape());
  check(!o.padding.same && o.groups >= 1, kWhere, "{}",
        o.padding.same ? std::string("Padding::Same says nothing of a transposed convolution; give numbers")
                       : format_text("groups is {}; expected at least 1", o.groups));
  const auto extent = [&](char axis, int64_t n, int64_t kernel, int64_t stride, int64_t padding,
                          int64_t dilation, int64_t more) {
    check(more >= 0 && (more < stride || more < dilation), kWhere,
          "output_padding {} for {} with stride {} and dilation {}; expected less than one of them", more,
          axis, stride, dilation);
    return (n - 1) * stride - padding + dilation * (kernel - 1) + more + 1;
  };
  const int64_t P = extent('H', x.size(2), w.size(2), o.stride.h, o.padding.top + o.padding.bottom,
                           o.dilation.h, o.output_padding.h);
  const int64_t Q = extent('W', x.size(3), w.size(3), o.stride.w, o.padding.left + o.padding.right,
                           o.dilation.w, o.output_padding.w);
  check(P >= 1 && Q >= 1, kWhere, "input {} and filters {} give a result of {}x{}; expected at least 1x1",
        x.shape(), w.shape(), P, Q);
  Conv2dOptions options;
  options.stride = o.stride;
  options.padding = o.padding;
  options.dilation = o.dilation;
  options.groups = o.groups;
  options.algorithm = o.algorithm;
  return Conv2dGeometry::make({x.size(0), w.size(1) * o.groups, P, Q}, w.shape(), options);
}

bool is_nhwc(const Conv2dOptions& options) {
  return options.layout == Layout::NHWC;
}

/// conv2d or, with `relu`, conv2d_relu.
Tensor forward(bool relu, const Tensor& x, const Tensor& w, const Tensor& bias,
               const Conv2dOptions& options) {
  const char* const name = relu ? "conv2d_relu" : "conv2d";
  if (is_nhwc(options) && x.rank() == 4 && w.rank() == 4) {
    Conv2dOptions inner = options;
    inner.layout = Layout::NCHW;
    return forward(relu, x.permute({0, 3, 1, 2}), w.permute({3, 2, 0, 1}), bias, inner).permute({0, 2, 3, 1});
  }
  if (options.padding_mode != PaddingMode::Zeros && x.defined() && w.defined()) {
    Conv2dOptions unpadded = options;
    const Tensor padded = padded_by_mode(name, x, w.shape(), unpadded);
    return forward(relu, padded, w, bias, unpadded);
  }
  const NDArray b = array_of(bias);
  NDArray y = relu ? conv2d_relu(x.data(), w.data(), b, options) : conv2d(x.data(), w.data(), b, options);
  return record(name, {x, w, bias}, std::move(y),
                autograd::Conv2dRule{Conv2dGeometry::make(x.shape(), w.shape(), options), relu},
                relu ? Keep::Both : Keep::Inputs);
}

}  // namespace

Tensors autograd::Conv2dRule::operator()(const Saved& saved, const Tensor& by_y) const {
  Tensor gy, by_bias;
  if (relu && saved.needs(2) && !grad_enabled()) {
    const bool sole = by_y.impl().use_count() == 1 && by_y.data().use_count() == 1;
    ReluGradient g = relu_grad_sums(saved.output().data(), by_y.data(), sole);
    gy = std::move(g.gx);
    by_bias = std::move(g.sums);
  } else {
    gy = relu ? mask_positive(by_y, saved.output().detach()) : by_y;
    if (saved.needs(2)) by_bias = sum(gy, {0, 2, 3});
  }
  return {saved.needs(0) ? conv2d_grad_input(gy, saved.input(1), geometry) : Tensor(),
          saved.needs(1) ? conv2d_grad_weight(saved.input(0), gy, geometry) : Tensor(), by_bias};
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Conv2dOptions& options) {
  return forward(false, x, w, Tensor(), options);
}
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options) {
  return forward(false, x, w, bias, options);
}

Tensor conv2d_relu(const Tensor& x, const Tensor& w, const Conv2dOptions& options) {
  return forward(true, x, w, Tensor(), options);
}
Tensor conv2d_relu(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options) {
  return forward(true, x, w, bias, options);
}

Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dGeometry& geometry) {
  return record("conv2d_grad_input", {gy, w}, conv2d_grad_input(gy.data(), w.data(), geometry),
                [geometry](const Saved& saved, const Tensor& gx) -> Tensors {
                  return {saved.needs(0) ? conv2d(gx, saved.input(1), options_of(geometry)) : Tensor(),
                          saved.needs(1) ? conv2d_grad_weight(gx, saved.input(0), geometry) : Tensor()};
                });
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias,
                        const ConvTranspose2dOptions& options) {
  const Conv2dGeometry geometry = transposed_geometry(x, w, options);
  const Tensor y = conv2d_grad_input(x, w, geometry);
  if (!bias.defined()) return y;
  check(bias.shape() == Shape{geometry.C}, "conv_transpose2d",
        "bias {} for filters {} in {} groups; expected ({},)", bias.shape(), w.shape(), geometry.groups,
        geometry.C);
  return y + bias.reshape({geometry.C, 1, 1});
}

Tensor conv2d_grad_weight(const Tensor& x, const Tensor& gy, const Conv2dGeometry& geometry) {
  return record("conv2d_grad_weight", {x, gy}, conv2d_grad_weight(x.data(), gy.data(), geometry),
                [geometry](const Saved& saved, const Tensor& gw) -> Tensors {
                  return {saved.needs(0) ? conv2d_grad_input(saved.input(1), gw, geometry) : Tensor(),
                          saved.needs(1) ? conv2d(saved.input(0), gw, options_of(geometry)) : Tensor()};
                });
}

}  // namespace linnet
