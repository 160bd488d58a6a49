// Convolution by im2col where the matrix of all patches is made by a strided view of the windows and one
// copy, as NumPy's as_strided has it; then matrix products:
//   y = W cols        gcols = W^T gy, added up tap by tap        gW = gy cols^T
// Composed of a backend's copy and products; any geometry, and the matrix of the whole batch at once. Results
// are dense, as operators allocate them.
#pragma once

#include "core/backend.h"

namespace linnet::conv_im2col_view {

void conv2d(Backend& backend, const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
            const View& y);
void grad_input(Backend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                const View& gx);
void grad_weight(Backend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                 const View& gw);

}  // namespace linnet::conv_im2col_view
