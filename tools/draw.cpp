#include "tools/draw.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace linnet::tool {
namespace {

constexpr double kInk = 0.4;  ///< Of the brightest pixel: from here on a place is filled.

struct Grey {
  int64_t height, width;
  std::vector<double> values;  ///< 0 to 1
  double at(int64_t y, int64_t x) const {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? values[static_cast<size_t>(y * width + x)] : 0;
  }
};

Grey grey_of(const NDArray& image) {
  const int64_t channels = image.size(0), pixels = image.size(1) * image.size(2);
  const auto bytes = image.to_vector<uint8_t>();
  Grey grey{image.size(1), image.size(2), std::vector<double>(static_cast<size_t>(pixels), 0.0)};
  for (size_t i = 0; i < bytes.size(); ++i) {
    grey.values[i % static_cast<size_t>(pixels)] += bytes[i] / (255.0 * static_cast<double>(channels));
  }
  const double brightest = *std::max_element(grey.values.begin(), grey.values.end());
  if (brightest > 0) {
    for (double& value : grey.values) value /= brightest;
  }
  return grey;
}

/// A square in an image.
struct Square {
  double top, left, side;
};

/// The smallest square around everything filled, the whole image where nothing is.
Square square_around_ink(const Grey& grey) {
  int64_t top = grey.height, bottom = -1, left = grey.width, right = -1;
  for (int64_t y = 0; y < grey.height; ++y) {
    for (int64_t x = 0; x < grey.width; ++x) {
      if (grey.at(y, x) < kInk) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  if (bottom < 0) top = left = 0, bottom = grey.height - 1, right = grey.width - 1;
  const auto side = static_cast<double>(std::max(bottom - top, right - left) + 1);
  return {static_cast<double>(top + bottom + 1) / 2 - side / 2,
          static_cast<double>(left + right + 1) / 2 - side / 2, side};
}

/// The mean over a cell of the square, kPictureColumns by as many.
double cell(const Grey& grey, const Square& square, int row, int column) {
  const double size = square.side / kPictureColumns;
  const double top = square.top + row * size, left = square.left + column * size;
  double sum = 0;
  for (auto y = static_cast<int64_t>(std::floor(top)); static_cast<double>(y) < top + size; ++y) {
    const double height =
        std::min(top + size, static_cast<double>(y + 1)) - std::max(top, static_cast<double>(y));
    for (auto x = static_cast<int64_t>(std::floor(left)); static_cast<double>(x) < left + size; ++x) {
      const double width =
          std::min(left + size, static_cast<double>(x + 1)) - std::max(left, static_cast<double>(x));
      sum += height * width * grey.at(y, x);
    }
  }
  return sum / (size * size);
}

}  // namespace

std::vector<std::string> draw(const NDArray& image) {
  const Grey grey = grey_of(image);
  const Square square = square_around_ink(grey);
  std::vector<std::string> lines(kPictureRows);
  for (int row = 0; row < kPictureRows; ++row) {
    for (int column = 0; column < kPictureColumns; ++column) {
      const bool upper = cell(grey, square, 2 * row, column) >= kInk;
      const bool lower = cell(grey, square, 2 * row + 1, column) >= kInk;
      lines[static_cast<size_t>(row)] += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
  }
  return lines;
}

}  // namespace linnet::tool
