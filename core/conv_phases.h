// The input gradient as one convolution for each phase of the stride. Pixel h of the padded image meets tap r
// only where h - dilation r is a multiple of the stride: so pixels of one phase, h mod stride, see a subset
// of the taps, and the output gradient as it is, with no zeros put between. Composed of a backend's flip and
// conv2d, which is asked for by Implicit or Winograd where the geometry says so, else by Auto; any geometry.
#pragma once

#include "core/backend.h"

namespace linnet::conv_phases {

void grad_input(Backend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                const View& gx);

}  // namespace linnet::conv_phases
