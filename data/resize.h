// Pictures of another size: stretched by a triangle filter, bilinear when enlarging, when reducing as wide as
// the reduction, so that no pixel is skipped.
#pragma once

#include <cstdint>
#include <vector>

#include <linnet/core/ndarray.h>

namespace linnet::data {

/// One plane of numbers, row-major.
struct Plane {
  int64_t height, width;
  std::vector<double> values;
};

/// Channel `channel` of `wanted` (1 or 3), from a dense UInt8 image (C, H, W) of 1 or 3 channels on the CPU.
Plane plane_of(const NDArray& image, int64_t channel, int64_t wanted);

/// The plane stretched to a size; its own values where it has that size already.
Plane resized(const Plane& plane, int64_t height, int64_t width);

}  // namespace linnet::data
