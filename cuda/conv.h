// Two-dimensional convolution on the GPU: Backend's functions, which choose by geometry.algorithm, and
// the algorithms behind them. x is NCHW, w OIHW, y NCHW as dimensions; strides are free, and the
// channels-last order of memory is as good as the other. Zero-size arrays are legal; grad_* then write zeros.
#pragma once

#include "core/backend.h"

namespace linnet {
class CudaBackend;
}

namespace linnet::cuda {

/// With `relu`, ReLU of the convolution.
void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu = false);
void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx);
void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw);

/// One thread a result, loops over the definition, adding up in double: the oracle of the other algorithms.
namespace conv_direct {
void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu = false);
void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx);
void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw);
}  // namespace conv_direct

/// Matrix products over columns, the matrix of all patches under the filter, formed for a few images at a
/// time.
namespace conv_im2col {
void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu = false);
void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx);
void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw);
}  // namespace conv_im2col

/// The same products, whose patches are gathered from the images into shared memory. No columns, no copies of
/// operands. The input gradient is composed of forward convolutions (core/conv_phases.h).
namespace conv_implicit {
void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu = false);
void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw);
}  // namespace conv_implicit

/// Most bytes of columns at a time (one row of an image may need more); 64 MiB until a test sets it. The sums
/// of a weight gradient are cut up by it, so it changes their last bits.
int64_t column_bytes();
void set_column_bytes(int64_t bytes);

/// How many images, filters or gradients were copied so far because matrix products could not use their
/// strides. Contiguous and channels-last arrays never are; but the weight gradient of DilateFlip convolves
/// exchanged views of arrays that it makes itself.
int64_t conv_copies();

}  // namespace linnet::cuda
