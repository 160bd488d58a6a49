// From a picture of any size to a model's input: channels, size, inversion, scale, in this order.
#include <linnet/data/image.h>
#include "core/fail.h"
#include "core/view.h"
#include "data/resize.h"

namespace linnet::data {
namespace {

constexpr const char* kWhere = "to_input";

}  // namespace

NDArray to_input(const NDArray& image, const InputFormat& format, Device device) {
  const auto& [channels, height, width, scaling, invert] = format;
  check((channels == 1 || channels == 3) && height >= 1 && width >= 1, kWhere,
        "the input is {} channels of {} x {}; expected 1 or 3 channels and sides of at least 1", channels,
        height, width);
  check(image.dtype() == DType::UInt8 && image.rank() == 3 && (image.size(0) == 1 || image.size(0) == 3) &&
            image.numel() > 0,
        kWhere, "the image is {} {}; expected uint8 (C, H, W) with 1 or 3 channels", image.dtype(),
        image.shape());
  const NDArray dense = image.to(linnet::device("cpu")).contiguous();
  NDArray input = NDArray::empty({1, channels, height, width}, DType::Float32, linnet::device("cpu"));
  auto* to = input.write_view().as<float>();
  for (int64_t channel = 0; channel < channels; ++channel) {
    const Plane plane = resized(plane_of(dense, channel, channels), height, width);
    for (double value : plane.values) {
      *to++ = static_cast<float>((invert ? 255 - value : value) * scaling.factor + scaling.offset);
    }
  }
  return input.to(device);
}

}  // namespace linnet::data
