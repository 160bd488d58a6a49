#include <linnet/data/transforms.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/fail.h"
#include "core/philox.h"

namespace linnet::data {
namespace {

void check_probability(double p, const char* where) {
  check(p >= 0 && p <= 1, where, "p is {}; it must be at least 0 and at most 1", p);
}

void check_range(const std::array<double, 2>& range, double most, const char* name, const char* where) {
  check(range[0] > 0 && range[0] <= range[1] && range[1] <= most, where,
        "{} is {} to {}; expected two numbers above 0, the second not below the first{}", name, range[0],
        range[1], std::isfinite(most) ? format_text(" nor above {}", most) : std::string());
}

/// `image` with `padding` more on all sides.
Picture padded(const Picture& image, int64_t padding, float fill) {
  Picture to{image.channels, image.height + 2 * padding, image.width + 2 * padding, {}};
  to.pixels.assign(static_cast<size_t>(to.channels * to.height * to.width), fill);
  for (int64_t c = 0; c < image.channels; ++c) {
    for (int64_t y = 0; y < image.height; ++y) {
      const auto row = image.pixels.begin() + (c * image.height + y) * image.width;
      std::copy_n(row, image.width, to.pixels.begin() + (c * to.height + y + padding) * to.width + padding);
    }
  }
  return to;
}

/// The part from (top, left) on.
void crop(Picture& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  Picture to{image.channels, height, width, {}};
  to.pixels.reserve(static_cast<size_t>(to.channels * height * width));
  for (int64_t c = 0; c < image.channels; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      const auto row = image.pixels.begin() + (c * image.height + top + y) * image.width + left;
      to.pixels.insert(to.pixels.end(), row, row + width);
    }
  }
  image = std::move(to);
}

}  // namespace

uint32_t Draws::word() {
  if (next_ == words_.size()) {
    const philox::Block block = philox::block(seed_, stream_, block_++);
    std::copy_n(block.word, words_.size(), words_.begin());
    next_ = 0;
  }
  return words_[next_++];
}

int64_t Draws::below(int64_t bound) {
  check(bound >= 1 && bound <= int64_t{1} << 31, "Draws", "the bound is {}; expected 1 to 2^31", bound);
  return static_cast<int64_t>(uint64_t{word()} * static_cast<uint64_t>(bound) >> 32);
}

Transform normalize(const NormalizeOptions& options) {
  constexpr const char* kWhere = "normalize";
  check(!options.mean.empty() && options.mean.size() == options.std.size(), kWhere,
        "there are {} means and {} standard deviations; expected one of each for every channel",
        options.mean.size(), options.std.size());
  for (size_t i = 0; i < options.std.size(); ++i) {
    check(std::isfinite(options.mean[i]) && std::isfinite(options.std[i]) && options.std[i] > 0, kWhere,
          "mean {} is {} and its standard deviation {}; expected finite numbers, the second above 0", i,
          options.mean[i], options.std[i]);
  }
  return [options](Picture& image, Draws&) {
    const size_t given = options.mean.size();
    check(given == 1 || static_cast<int64_t>(given) == image.channels, kWhere,
          "there are {} means for images of {} channels; expected 1 or as many", given, image.channels);
    const int64_t plane = image.height * image.width;
    for (int64_t c = 0; c < image.channels; ++c) {
      const size_t at = given == 1 ? 0 : static_cast<size_t>(c);
      const auto mean = static_cast<float>(options.mean[at]), std = static_cast<float>(options.std[at]);
      float* pixel = image.pixels.data() + c * plane;
      for (int64_t i = 0; i < plane; ++i) pixel[i] = (pixel[i] - mean) / std;
    }
  };
}

Transform random_crop(const RandomCropOptions& options) {
  constexpr const char* kWhere = "random_crop";
  check((options.height == 0 && options.width == 0) || (options.height > 0 && options.width > 0), kWhere,
        "height is {} and width {}; expected both above 0, or both 0 for the image's own", options.height,
        options.width);
  check(options.padding >= 0, kWhere, "padding is {}; expected at least 0", options.padding);
  return [options](Picture& image, Draws& draws) {
    const int64_t height = options.height == 0 ? image.height : options.height;
    const int64_t width = options.width == 0 ? image.width : options.width;
    const int64_t rows = image.height + 2 * options.padding, columns = image.width + 2 * options.padding;
    check(rows >= height && columns >= width, kWhere,
          "images of {} x {} with a padding of {} are {} x {}; expected at least {} x {}", image.height,
          image.width, options.padding, rows, columns, height, width);
    const int64_t top = draws.below(rows - height + 1), left = draws.below(columns - width + 1);
    if (options.padding > 0) image = padded(image, options.padding, static_cast<float>(options.fill));
    crop(image, top, left, height, width);
  };
}

Transform random_horizontal_flip(double p) {
  check_probability(p, "random_horizontal_flip");
  return [p](Picture& image, Draws& draws) {
    if (draws.uniform() >= p) return;
    for (int64_t row = 0; row < image.channels * image.height; ++row) {
      const auto first = image.pixels.begin() + row * image.width;
      std::reverse(first, first + image.width);
    }
  };
}

Transform random_erasing(const RandomErasingOptions& options) {
  constexpr const char* kWhere = "random_erasing";
  check_probability(options.p, kWhere);
  check_range(options.scale, 1, "scale", kWhere);
  check_range(options.ratio, INFINITY, "ratio", kWhere);
  return [options](Picture& image, Draws& draws) {
    if (draws.uniform() >= options.p) return;
    const auto area = static_cast<double>(image.height * image.width);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double part = area * draws.uniform(options.scale[0], options.scale[1]);
      const double ratio = std::exp(draws.uniform(std::log(options.ratio[0]), std::log(options.ratio[1])));
      const auto height = static_cast<int64_t>(std::round(std::sqrt(part * ratio)));
      const auto width = static_cast<int64_t>(std::round(std::sqrt(part / ratio)));
      if (height >= image.height || width >= image.width) continue;
      const int64_t top = draws.below(image.height - height + 1), left = draws.below(image.width - width + 1);
      for (int64_t c = 0; c < image.channels; ++c) {
        for (int64_t y = top; y < top + height; ++y) {
          std::fill_n(image.pixels.begin() + (c * image.height + y) * image.width + left, width,
                      static_cast<float>(options.value));
        }
      }
      return;
    }
  };
}

}  // namespace linnet::data
