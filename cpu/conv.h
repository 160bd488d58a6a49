// Two-dimensional convolution on the CPU: Backend's functions, which choose by geometry.algorithm, and
// the algorithms behind them. x is NCHW, w OIHW, y NCHW as dimensions; strides are free, and the
// channels-last order of memory is as good as the other. Zero-size arrays are legal; grad_* then write zeros.
#pragma once

#include <linnet/core/conv2d.h>
#include "core/view.h"

namespace linnet::cpu {

/// y = conv(x, w) + bias, with `relu` ReLU of that; bias is undefined or (K,).
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
/// gx = gradient by x, given gy, the gradient by y.
void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx);
/// gw = gradient by w.
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);

/// The same for filters that serve many times: kept in the order that is read fastest, which is the
/// geometry's (but for the batch) and that of the memory of x and y. How many bytes they take; 0: they are
/// best read as they lie.
int64_t packed_conv2d_bytes(const Conv2dGeometry& geometry, const View& x, const View& y);
void pack_conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                 const View& packed);
/// The bits of conv2d.
void conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed, const View& bias,
                   const View& y, bool relu);

/// What an algorithm that can keep filters has for it.
struct PackedConv2d {
  int64_t (*bytes)(const Conv2dGeometry& geometry, const View& x, const View& y);
  void (*pack)(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
               const View& packed);
  void (*conv2d)(const Conv2dGeometry& geometry, const View& x, const View& packed, const View& bias,
                 const View& y, bool relu);
};

/// Plain loops over the definition, adding up in double and rounding once: the oracle of the other
/// algorithms.
namespace conv_direct {
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx);
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);
}  // namespace conv_direct

/// Matrix products over columns, the matrix of all patches under the filter, formed a band at a time.
namespace conv_im2col {
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
extern const PackedConv2d kPacked;
void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx);
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);
}  // namespace conv_im2col

/// Sums over the taps of filters that see one channel each, as Auto takes them there.
namespace conv_depthwise {
/// Whether each group has one channel and one filter, and there are several.
bool suits(const Conv2dGeometry& geometry);
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx);
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);
}  // namespace conv_depthwise

/// Implicit GEMM: the same products, whose patches the micro-kernel reads where they lie in padded copies of
/// some rows. No matrix of columns exists. The input gradient is composed of forward convolutions
/// (core/conv_phases.h).
namespace conv_implicit {
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
extern const PackedConv2d kPacked;
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);
}  // namespace conv_implicit

/// Winograd's minimal filtering of 3x3 filters at stride 1, a quarter of the multiplications. The input
/// gradient is composed of forward convolutions (core/conv_phases.h).
namespace conv_winograd {
/// Whether it computes that geometry: 3x3 filters at stride 1, undilated, in one group, and so many channels
/// and filters that it pays.
bool suits(const Conv2dGeometry& geometry);
void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu = false);
extern const PackedConv2d kPacked;
void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);
}  // namespace conv_winograd

}  // namespace linnet::cpu
