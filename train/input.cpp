// From pictures to a trained model's inputs.
#include <linnet/train/run.h>

#include <array>

#include "core/fail.h"
#include "core/view.h"

namespace linnet::train {

bool has_light_background(const NDArray& image) {
  check(image.rank() == 3 && image.dtype() == DType::UInt8 && image.numel() > 0, "has_light_background",
        "the image is {} {}; expected uint8 (C, H, W)", image.dtype(), image.shape());
  const auto [channels, height, width] = std::array{image.size(0), image.size(1), image.size(2)};
  const auto pixels = image.to_vector<uint8_t>();
  int64_t sum = 0, count = 0;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      const bool whole_row = y == 0 || y == height - 1;
      for (int64_t x = 0; x < width; x += whole_row || width == 1 ? 1 : width - 1) {
        sum += pixels[static_cast<size_t>((c * height + y) * width + x)];
        ++count;
      }
    }
  }
  return 2 * sum > 255 * count;
}

NDArray to_input(const NDArray& image, const InputRule& rule, Device device) {
  data::InputFormat format = rule.format;
  format.invert = rule.invert == Invert::Always ||
                  (rule.invert == Invert::LightBackground && has_light_background(image));
  return data::to_input(image, format, device);
}

data::Dataset with_input(const data::Dataset& set, const InputRule& rule) {
  const Shape expected{rule.format.channels, rule.format.height, rule.format.width};
  check(set.image_shape() == expected, "with_input",
        "the images are {}; expected (channels, height, width) {}, which the model was trained on",
        set.image_shape(), expected);
  return data::Dataset(set.images(), set.labels(), set.class_names(), rule.format.scaling);
}

}  // namespace linnet::train
