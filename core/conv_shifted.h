// Convolution as a sum of R * S matrix products: tap (r, s) of the filters, a matrix of filters x channels,
// times the image shifted by (r, s). The gradients are the same products transposed:
//   y += W[r, s] x[r, s]        gx[r, s] += W[r, s]^T gy        gW[r, s] = gy x[r, s]^T
// Composed of a backend's products; any geometry. Results are dense, as operators allocate them.
#pragma once

#include "core/backend.h"

namespace linnet::conv_shifted {

void conv2d(Backend& backend, const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
            const View& y);
void grad_input(Backend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                const View& gx);
void grad_weight(Backend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                 const View& gw);

}  // namespace linnet::conv_shifted
