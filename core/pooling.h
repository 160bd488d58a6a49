// Pooling and upsampling of a resolved geometry: what the operators of ops.h and the rules of autograd share.
#pragma once

#include <linnet/core/ops.h>
#include <linnet/core/pool2d.h>

namespace linnet::pooling {

/// The largest elements, and where they are; `indices` undefined where they are not asked for.
Extremes<NDArray> largest(const NDArray& x, const Pool2dGeometry& geometry, bool with_indices);
/// Averages, or an upsampling.
NDArray average(const NDArray& x, const Pool2dGeometry& geometry);

}  // namespace linnet::pooling
