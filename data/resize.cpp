#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "core/view.h"
#include "data/grey.h"

namespace linnet::data {
namespace {

/// What one output position reads: weights that add up to 1, from `first` on.
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

/// Triangle filter of half-width max(1, from / to) around each output's centre, cut off at the border.
std::vector<Taps> triangle_taps(int64_t from, int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(1.0, step);
  std::vector<Taps> all;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step - 0.5;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(centre - reach)));
    const auto last = std::min<int64_t>(from - 1, static_cast<int64_t>(std::floor(centre + reach)));
    Taps taps{first, {}};
    double total = 0;
    for (int64_t j = first; j <= last; ++j) {
      taps.weights.push_back(1 - std::abs(static_cast<double>(j) - centre) / reach);
      total += taps.weights.back();
    }
    for (double& weight : taps.weights) weight /= total;
    all.push_back(std::move(taps));
  }
  return all;
}

/// Resizes the rows and turns the plane on its side, so that twice this resizes both ways.
Plane resized_transposed(const Plane& from, int64_t width) {
  const std::vector<Taps> taps = triangle_taps(from.width, width);
  Plane to{width, from.height, std::vector<double>(static_cast<size_t>(width * from.height))};
  for (int64_t y = 0; y < from.height; ++y) {
    const double* row = from.values.data() + y * from.width;
    for (int64_t x = 0; x < width; ++x) {
      const Taps& tap = taps[static_cast<size_t>(x)];
      double sum = 0;
      for (size_t j = 0; j < tap.weights.size(); ++j)
        sum += tap.weights[j] * row[tap.first + static_cast<int64_t>(j)];
      to.values[static_cast<size_t>(x * from.height + y)] = sum;
    }
  }
  return to;
}

}  // namespace

Plane plane_of(const NDArray& image, int64_t channel, int64_t wanted) {
  const int64_t channels = image.size(0);
  Plane plane{image.size(1), image.size(2), {}};
  const int64_t pixels = plane.height * plane.width;
  plane.values.resize(static_cast<size_t>(pixels));
  const auto* from = image.read_view().as<const uint8_t>();
  for (int64_t i = 0; i < pixels; ++i) {
    const uint8_t value = channels == 1 ? from[i]
                          : wanted == 1 ? grey_of(from[i], from[pixels + i], from[2 * pixels + i])
                                        : from[channel * pixels + i];
    plane.values[static_cast<size_t>(i)] = value;
  }
  return plane;
}

Plane resized(const Plane& plane, int64_t height, int64_t width) {
  return resized_transposed(resized_transposed(plane, width), height);
}

}  // namespace linnet::data
