#include "cuda/conv.h"

#include "cuda/backend.h"

namespace linnet::cuda {
namespace {

constexpr int64_t kSmallGroup = 512;    // multiply-adds of a pixel: not worth a matrix product a group
constexpr int64_t kShortSum = 1 << 13;  // products that one thread may add up

bool has_small_groups(const Conv2dGeometry& g) {
  return g.groups > 1 && g.filters_per_group() * g.channels_per_group() * g.R * g.S < kSmallGroup;
}

/// `terms` is the number of products that a result sums.
bool use_direct(const Conv2dGeometry& g, int64_t terms) {
  if (g.algorithm == ConvAlgorithm::Direct || g.algorithm == ConvAlgorithm::Im2col) {
    return g.algorithm == ConvAlgorithm::Direct;
  }
  return has_small_groups(g) && terms <= kShortSum;
}

}  // namespace

void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu) {
  if (geometry.algorithm == ConvAlgorithm::Implicit)
    return conv_implicit::conv2d(backend, geometry, x, w, bias, y, relu);
  const int64_t terms = geometry.channels_per_group() * geometry.R * geometry.S;
  (use_direct(geometry, terms) ? conv_direct::conv2d : conv_im2col::conv2d)(backend, geometry, x, w, bias, y,
                                                                            relu);
}

void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx) {
  const int64_t terms = geometry.filters_per_group() * geometry.R * geometry.S;
  (use_direct(geometry, terms) ? conv_direct::conv2d_grad_input : conv_im2col::conv2d_grad_input)(
      backend, geometry, gy, w, gx);
}

void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw) {
  if (geometry.algorithm == ConvAlgorithm::Implicit) {
    return conv_implicit::conv2d_grad_weight(backend, geometry, x, gy, gw);
  }
  const int64_t terms = geometry.N * geometry.P * geometry.Q;
  (use_direct(geometry, terms) ? conv_direct::conv2d_grad_weight : conv_im2col::conv2d_grad_weight)(
      backend, geometry, x, gy, gw);
}

}  // namespace linnet::cuda
