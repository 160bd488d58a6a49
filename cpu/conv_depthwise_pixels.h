// Depthwise convolution (cpu/conv_depthwise.cpp) where channels are innermost in memory, at least half a
// vector of them.
#pragma once

#include <linnet/core/conv2d.h>
#include "core/view.h"

namespace linnet::cpu::conv_depthwise {

/// Whether both arrays lie so.
template <class T>
bool are_pixels(const View& x, const View& y);

/// Pixels of x lie `spread` apart, zeros between them.
template <class T>
void convolve_pixels(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                     const View& y, bool relu, int64_t spread_h, int64_t spread_w);

template <class T>
void grad_weight_pixels(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw);

}  // namespace linnet::cpu::conv_depthwise
