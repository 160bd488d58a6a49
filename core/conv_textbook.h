// The gradients of a convolution as a textbook derives them: both are convolutions themselves, with the
// output gradient dilated by the stride. Composed of a backend's own dilate, flip and conv2d; behind
// ConvAlgorithm::DilateFlip on every device, and what faster forms are compared with. Any geometry.
#pragma once

#include "core/backend_scratch.h"

namespace linnet::conv_textbook {

/// (K, C / groups, R, S) -> (C, K / groups, R, S): rows and columns backwards, the channels of each group
/// exchanged.
View flipped_filters(Backend& backend, BackendScratch& scratch, const Conv2dGeometry& geometry,
                     const View& w);
/// The convolution with those filters that gives gx: its input is gy, dilated by the stride and padded.
Conv2dGeometry full_convolution(const Conv2dGeometry& geometry);

/// gx = full convolution of the dilated gy with the filters, flipped and with their channels exchanged.
void grad_input(Backend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                const View& gx);

/// gw = x convolved with the dilated gy: images stand in for channels, the stride for the dilation and the
/// dilation for the stride.
void grad_weight(Backend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                 const View& gw);

}  // namespace linnet::conv_textbook
