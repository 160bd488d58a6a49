// Convolution, alone and with ReLU behind it, and its two gradients on NDArrays. Backends see logical NCHW
// and OIHW; Layout::NHWC is a pair of permuted views.
#include <linnet/core/ops.h>

#include "core/conv_einsum.h"
#include "core/conv_im2col_view.h"
#include "core/conv_phases.h"
#include "core/conv_shifted.h"
#include "core/conv_textbook.h"
#include "core/fail.h"
#include "core/operands.h"
#include "core/pad.h"

namespace linnet {
namespace {

void check_operands(const char* where, const NDArray& a, const NDArray& b) {
  common_device(where, {&a, &b});
  require_floating(where, common_dtype(where, {&a, &b}));
}

/// An NCHW result, dense in that order or channels last.
NDArray image_result(const Shape& shape, DType dtype, Device device, bool channels_last) {
  if (!channels_last) return NDArray::empty(shape, dtype, device);
  return NDArray::empty({shape[0], shape[2], shape[3], shape[1]}, dtype, device).permute({0, 3, 1, 2});
}

// ---- the three functions by algorithm: composed here, or kernels of the backend

/// What a backend is asked where the algorithm composes other functions than this one.
Conv2dGeometry for_backend(Conv2dGeometry g) {
  const bool is_kernel = g.algorithm == ConvAlgorithm::Direct || g.algorithm == ConvAlgorithm::Im2col ||
                         g.algorithm == ConvAlgorithm::Implicit || g.algorithm == ConvAlgorithm::Winograd;
  if (!is_kernel) g.algorithm = ConvAlgorithm::Auto;
  return g;
}

/// Which of the two forward operators it is.
struct Forward {
  const char* name;
  bool relu;
};
constexpr Forward kConv2d{"conv2d", false};
constexpr Forward kConv2dRelu{"conv2d_relu", true};

void compute_forward(const Forward& op, Backend& backend, const Conv2dGeometry& g, const NDArray& x,
                     const NDArray& w, const NDArray& bias, const NDArray& y) {
  const View bias_view = bias.defined() ? bias.read_view() : View{};
  switch (g.algorithm) {
    case ConvAlgorithm::Shifted:
      conv_shifted::conv2d(backend, g, x.read_view(), w.read_view(), bias_view, result_view(y));
      break;
    case ConvAlgorithm::Im2colView:
      conv_im2col_view::conv2d(backend, g, x.read_view(), w.read_view(), bias_view, result_view(y));
      break;
    case ConvAlgorithm::Einsum:
      y.copy_(conv_einsum::conv2d(g, x, w));
      if (bias.defined()) y.add_(bias.reshape({g.K, 1, 1}));
      break;
    default: {
      const auto kernel = op.relu ? &Backend::conv2d_relu : &Backend::conv2d;
      return (backend.*kernel)(for_backend(g), x.read_view(), w.read_view(), bias_view, result_view(y));
    }
  }
  if (op.relu) backend.unary(UnaryKind::Relu, result_view(y), result_view(y));
}

void compute_grad_input(Backend& backend, const Conv2dGeometry& g, const NDArray& gy, const NDArray& w,
                        const NDArray& gx) {
  const View gy_view = gy.read_view(), w_view = w.read_view();
  switch (g.algorithm) {
    case ConvAlgorithm::Shifted:
      return conv_shifted::grad_input(backend, g, gy_view, w_view, result_view(gx));
    case ConvAlgorithm::Im2colView:
      return conv_im2col_view::grad_input(backend, g, gy_view, w_view, result_view(gx));
    case ConvAlgorithm::Einsum:
      gx.copy_(conv_einsum::grad_input(g, gy, w));
      return;
    case ConvAlgorithm::DilateFlip:
      return conv_textbook::grad_input(backend, g, gy_view, w_view, result_view(gx));
    case ConvAlgorithm::Implicit:
    case ConvAlgorithm::Phases:
      return conv_phases::grad_input(backend, g, gy_view, w_view, result_view(gx));
    default:
      backend.conv2d_grad_input(for_backend(g), gy_view, w_view, result_view(gx));
  }
}

void compute_grad_weight(Backend& backend, const Conv2dGeometry& g, const NDArray& x, const NDArray& gy,
                         const NDArray& gw) {
  const View x_view = x.read_view(), gy_view = gy.read_view();
  switch (g.algorithm) {
    case ConvAlgorithm::Shifted:
      return conv_shifted::grad_weight(backend, g, x_view, gy_view, result_view(gw));
    case ConvAlgorithm::Im2colView:
      return conv_im2col_view::grad_weight(backend, g, x_view, gy_view, result_view(gw));
    case ConvAlgorithm::Einsum:
      gw.copy_(conv_einsum::grad_weight(g, x, gy));
      return;
    case ConvAlgorithm::DilateFlip:
      return conv_textbook::grad_weight(backend, g, x_view, gy_view, result_view(gw));
    default:
      backend.conv2d_grad_weight(for_backend(g), x_view, gy_view, result_view(gw));
  }
}

/// Logical NCHW input and OIHW filters.
NDArray forward_nchw(const Forward& op, const NDArray& x, const NDArray& w, const NDArray& bias,
                     const Conv2dOptions& options, bool channels_last) {
  if (options.padding_mode != PaddingMode::Zeros) {
    Conv2dOptions unpadded = options;
    const NDArray padded = padded_by_mode(op.name, x, w.shape(), unpadded);
    return forward_nchw(op, padded, w, bias, unpadded, channels_last);
  }
  const Conv2dGeometry geometry = Conv2dGeometry::make(x.shape(), w.shape(), options, op.name);
  if (bias.defined()) {
    check_operands(op.name, x, bias);
    check(bias.shape() == Shape{geometry.K}, op.name, "bias {} for filters {}; expected ({},)", bias.shape(),
          w.shape(), geometry.K);
  }
  const Device device = common_device(op.name, {&x, &w});
  NDArray y = image_result(geometry.output_shape(), x.dtype(), device, channels_last);
  compute_forward(op, device.backend(), geometry, x, w, bias, y);
  return y;
}

NDArray forward(const Forward& op, const NDArray& x, const NDArray& w, const NDArray& bias,
                const Conv2dOptions& options) {
  check_operands(op.name, x, w);
  if (options.layout == Layout::NCHW) {
    return forward_nchw(op, x, w, bias, options, prefers_channels_last(x) || prefers_channels_last(w));
  }
  check(x.rank() == 4 && w.rank() == 4, op.name,
        "input {}, filters {}; expected input (N, H, W, C) and filters (R, S, C / groups, K)", x.shape(),
        w.shape());
  return forward_nchw(op, x.permute({0, 3, 1, 2}), w.permute({3, 2, 0, 1}), bias, options, true)
      .permute({0, 2, 3, 1});
}

}  // namespace

NDArray conv2d(const NDArray& x, const NDArray& w, const Conv2dOptions& options) {
  return forward(kConv2d, x, w, NDArray(), options);
}
NDArray conv2d(const NDArray& x, const NDArray& w, const NDArray& bias, const Conv2dOptions& options) {
  return forward(kConv2d, x, w, bias, options);
}

NDArray conv2d_relu(const NDArray& x, const NDArray& w, const Conv2dOptions& options) {
  return forward(kConv2dRelu, x, w, NDArray(), options);
}
NDArray conv2d_relu(const NDArray& x, const NDArray& w, const NDArray& bias, const Conv2dOptions& options) {
  return forward(kConv2dRelu, x, w, bias, options);
}

NDArray conv2d_grad_input(const NDArray& gy, const NDArray& w, const Conv2dGeometry& geometry) {
  check_operands("conv2d_grad_input", gy, w);
  if (gy.shape() != geometry.output_shape() || w.shape() != geometry.filter_shape()) {
    fail("conv2d_grad_input", "output gradient {} and filters {} do not fit the {}", gy.shape(), w.shape(),
         geometry.describe());
  }
  const Device device = common_device("conv2d_grad_input", {&gy, &w});
  NDArray gx = image_result(geometry.input_shape(), gy.dtype(), device,
                            prefers_channels_last(gy) || prefers_channels_last(w));
  compute_grad_input(device.backend(), geometry, gy, w, gx);
  return gx;
}

NDArray conv2d_grad_weight(const NDArray& x, const NDArray& gy, const Conv2dGeometry& geometry) {
  check_operands("conv2d_grad_weight", x, gy);
  if (x.shape() != geometry.input_shape() || gy.shape() != geometry.output_shape()) {
    fail("conv2d_grad_weight", "input {} and output gradient {} do not fit the {}", x.shape(), gy.shape(),
         geometry.describe());
  }
  const Device device = common_device("conv2d_grad_weight", {&x, &gy});
  NDArray gw = NDArray::empty(geometry.filter_shape(), x.dtype(), device);
  compute_grad_weight(device.backend(), geometry, x, gy, gw);
  return gw;
}

}  // namespace linnet
