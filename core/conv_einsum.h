// Convolution as an Einstein sum over the strided view of all windows, "bchwkt,fckt->bfhw" with a label more
// for groups:
//   y = windows(x) w        gx = windows(gy, dilated) w, flipped        gw = gy windows(x)
// Composed of NDArray operators; any geometry. Results are dense and row-major.
#pragma once

#include <linnet/core/conv2d.h>
#include <linnet/core/ndarray.h>

namespace linnet::conv_einsum {

NDArray conv2d(const Conv2dGeometry& geometry, const NDArray& x, const NDArray& w);
NDArray grad_input(const Conv2dGeometry& geometry, const NDArray& gy, const NDArray& w);
NDArray grad_weight(const Conv2dGeometry& geometry, const NDArray& x, const NDArray& gy);

}  // namespace linnet::conv_einsum
