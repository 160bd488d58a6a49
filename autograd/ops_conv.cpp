// Convolution and its two gradients. The three are closed under differentiation: each is linear in both of
// its operands, and each operand's gradient is one of the other two with the same geometry.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

namespace linnet {

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

bool is_nhwc(const Conv2dOptions& options) {
  return options.layout == Layout::NHWC;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Conv2dOptions& options) {
  return conv2d(x, w, Tensor(), options);
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options) {
  if (is_nhwc(options) && x.rank() == 4 && w.rank() == 4) {
    Conv2dOptions inner = options;
    inner.layout = Layout::NCHW;
    return conv2d(x.permute({0, 3, 1, 2}), w.permute({3, 2, 0, 1}), bias, inner).permute({0, 2, 3, 1});
  }
  NDArray y = conv2d(x.data(), w.data(), bias.defined() ? bias.data() : NDArray(), options);
  return record("conv2d", {x, w, bias}, std::move(y),
                [geometry = Conv2dGeometry::make(x.shape(), w.shape(), options)](
                    const Saved& saved, const Tensor& gy) -> Tensors {
                  return {saved.needs(0) ? conv2d_grad_input(gy, saved.input(1), geometry) : Tensor(),
                          saved.needs(1) ? conv2d_grad_weight(saved.input(0), gy, geometry) : Tensor(),
                          saved.needs(2) ? sum(gy, {0, 2, 3}) : Tensor()};
                });
}

Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dGeometry& geometry) {
  return record("conv2d_grad_input", {gy, w}, conv2d_grad_input(gy.data(), w.data(), geometry),
                [geometry](const Saved& saved, const Tensor& gx) -> Tensors {
                  return {saved.needs(0) ? conv2d(gx, saved.input(1), options_of(geometry)) : Tensor(),
                          saved.needs(1) ? conv2d_grad_weight(gx, saved.input(0), geometry) : Tensor()};
                });
}

Tensor conv2d_grad_weight(const Tensor& x, const Tensor& gy, const Conv2dGeometry& geometry) {
  return record("conv2d_grad_weight", {x, gy}, conv2d_grad_weight(x.data(), gy.data(), geometry),
                [geometry](const Saved& saved, const Tensor& gw) -> Tensors {
                  return {saved.needs(0) ? conv2d_grad_input(saved.input(1), gw, geometry) : Tensor(),
                          saved.needs(1) ? conv2d(saved.input(0), gw, options_of(geometry)) : Tensor()};
                });
}

}  // namespace linnet
