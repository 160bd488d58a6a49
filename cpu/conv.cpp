#include "cpu/conv.h"

namespace linnet::cpu {
namespace {

bool use_direct(const Conv2dGeometry& geometry) {
  return geometry.algorithm == ConvAlgorithm::Direct;
}

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y) {
  (use_direct(geometry) ? conv_direct::conv2d : conv_im2col::conv2d)(geometry, x, w, bias, y);
}

void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  (use_direct(geometry) ? conv_direct::conv2d_grad_input : conv_im2col::conv2d_grad_input)(geometry, gy, w,
                                                                                           gx);
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  (use_direct(geometry) ? conv_direct::conv2d_grad_weight : conv_im2col::conv2d_grad_weight)(geometry, x, gy,
                                                                                             gw);
}

}  // namespace linnet::cpu
