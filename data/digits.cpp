// Sets of synthetic digits, in memory and as files.
#include <linnet/data/digits.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <linnet/data/idx.h>
#include <linnet/data/image.h>
#include "core/fail.h"
#include "core/view.h"
#include "data/digit_render.h"
#include "data/streams.h"

namespace linnet::data {
namespace {

void write_split(const std::filesystem::path& folder, const std::string& split, const Dataset& set) {
  write_idx((folder / (split + "-images-idx3-ubyte")).string(), set.images().squeeze(1));
  write_idx((folder / (split + "-labels-idx1-ubyte")).string(), set.labels().to(DType::UInt8));
}

/// The first image of each class.
void write_samples(const std::filesystem::path& folder, const Dataset& set) {
  const std::vector<int64_t> labels = set.labels().to_vector<int64_t>();
  for (int64_t digit = 0; digit < set.classes(); ++digit) {
    const auto found = std::find(labels.begin(), labels.end(), digit);
    if (found == labels.end()) continue;
    write_png((folder / ("digit-" + std::to_string(digit) + ".png")).string(),
              set.images().select(0, found - labels.begin()));
  }
}

}  // namespace

Dataset synthetic_digits(int64_t n, uint64_t seed, uint64_t split) {
  check(n >= 0, "synthetic_digits", "{} images were asked for; expected 0 or more", n);
  check(split < 256, "synthetic_digits", "split is {}; expected 0 to 255", split);
  const Device cpu = linnet::device("cpu");
  NDArray images = NDArray::empty({n, 1, kDigitSide, kDigitSide}, DType::UInt8, cpu);
  NDArray labels = NDArray::empty({n}, DType::Int64, cpu);
  auto* pixels = images.write_view().as<uint8_t>();
  auto* label = labels.write_view().as<int64_t>();
  std::array<int, 10> digits{};
  for (int64_t i = 0; i < n; ++i) {
    if (i % 10 == 0) digits = shuffled_digits(seed, stream_of(Purpose::DigitLabels, i / 10, split));
    const int digit = digits[static_cast<size_t>(i % 10)];
    render_digit(digit, seed, stream_of(Purpose::Digit, i, split), pixels + i * kDigitPixels);
    label[i] = digit;
  }
  std::vector<std::string> names;
  for (int digit = 0; digit < 10; ++digit) names.push_back(std::to_string(digit));
  return Dataset(std::move(images), std::move(labels), std::move(names), kUnitInterval);
}

void write_digits(const std::string& folder, int64_t train, int64_t test, uint64_t seed) {
  const Dataset train_set = synthetic_digits(train, seed, 0);
  const Dataset test_set = synthetic_digits(test, seed, 1);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, "write_digits", "cannot make the folder '{}': {}", folder, error.message());
  const std::filesystem::path path(folder);
  write_split(path, "train", train_set);
  write_split(path, "t10k", test_set);
  write_samples(path, test_set);
}

}  // namespace linnet::data
