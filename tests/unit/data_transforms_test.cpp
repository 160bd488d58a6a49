// Transforms: each beside its definition, how often they happen, and their mistakes.
#include <linnet/core/random.h>
#include <linnet/data/transforms.h>

#include <cmath>
#include <set>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using data::Draws;
using data::Picture;
using data::Transform;

/// Pixel i is i + 1: no two are equal, and none is 0.
Picture numbered(int64_t channels, int64_t height, int64_t width) {
  Picture picture{channels, height, width, {}};
  for (int64_t i = 0; i < channels * height * width; ++i) picture.pixels.push_back(static_cast<float>(i + 1));
  return picture;
}

Picture after(const Transform& transform, Picture picture, uint64_t image = 0) {
  Draws draws(1, 2, image << 20);
  transform(picture, draws);
  return picture;
}

TEST(Draws, ArePhilox) {
  Draws draws(0x1122334455667788, 5, uint64_t{7} << 20);
  for (uint32_t block = 0; block < 2; ++block) {
    for (const uint32_t word : philox4x32({(7U << 20) + block, 0, 5, 0}, {0x55667788, 0x11223344})) {
      EXPECT_EQ(draws.word(), word);
    }
  }
}

TEST(Draws, AreEven) {
  Draws draws(1, 2, 3);
  std::vector<int> counts(5);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    ++counts[static_cast<size_t>(draws.below(5))];
    const double x = draws.uniform(2, 4);
    EXPECT_TRUE(x >= 2 && x < 4);
    sum += x;
  }
  for (const int count : counts) EXPECT_NEAR(count, 2000, 200);
  EXPECT_NEAR(sum / 10000, 3, 0.03);
  EXPECT_EQ(draws.below(1), 0);
  EXPECT_LT(draws.below(int64_t{1} << 31), int64_t{1} << 31);
  EXPECT_ERROR(draws.below(0), "[Draws] the bound is 0; expected 1 to 2^31");
  EXPECT_ERROR(draws.below((int64_t{1} << 31) + 1), "the bound is 2147483649");
}

TEST(Transforms, NormalizeByChannel) {
  const Picture picture = after(data::normalize({.mean = {1, 3}, .std = {2, 0.5}}), numbered(2, 1, 2));
  EXPECT_EQ(picture.pixels, (std::vector<float>{0, 0.5, 0, 2}));
  const Picture same = after(data::normalize({.mean = {1}, .std = {2}}), numbered(2, 1, 2));
  EXPECT_EQ(same.pixels, (std::vector<float>{0, 0.5, 1, 1.5}));
  EXPECT_ERROR(after(data::normalize({.mean = {1, 1}, .std = {1, 1}}), numbered(3, 1, 1)),
               "[normalize] there are 2 means for images of 3 channels; expected 1 or as many");
  EXPECT_ERROR(data::normalize({}), "[normalize] there are 0 means and 0 standard deviations");
  EXPECT_ERROR(data::normalize({.mean = {1}, .std = {1, 1}}), "there are 1 means and 2 standard deviations");
  EXPECT_ERROR(data::normalize({.mean = {1}, .std = {0}}),
               "mean 0 is 1 and its standard deviation 0; expected");
  EXPECT_ERROR(data::normalize({.mean = {std::nan("")}, .std = {1}}), "mean 0 is nan");
}

TEST(Transforms, RandomCropTakesEveryPartOfThePaddedImage) {
  const Picture image = numbered(2, 3, 4);
  const auto at = [&](int64_t c, int64_t y, int64_t x) {
    const bool inside = y >= 0 && y < 3 && x >= 0 && x < 4;
    return inside ? image.pixels[static_cast<size_t>((c * 3 + y) * 4 + x)] : -1.0F;
  };
  const Transform crop = data::random_crop({.height = 4, .width = 3, .padding = 2, .fill = -1});
  std::set<std::pair<int64_t, int64_t>> places;
  for (uint64_t n = 0; n < 300; ++n) {
    const Picture found = after(crop, image, n);
    ASSERT_EQ(found.channels, 2);
    ASSERT_EQ(found.height, 4);
    ASSERT_EQ(found.width, 3);
    int matches = 0;
    for (int64_t top = -2; top <= 1; ++top) {
      for (int64_t left = -2; left <= 3; ++left) {
        std::vector<float> expected;
        for (int64_t c = 0; c < 2; ++c) {
          for (int64_t y = 0; y < 4; ++y) {
            for (int64_t x = 0; x < 3; ++x) expected.push_back(at(c, top + y, left + x));
          }
        }
        if (found.pixels != expected) continue;
        places.emplace(top, left);
        ++matches;
      }
    }
    ASSERT_EQ(matches, 1);
  }
  EXPECT_EQ(places.size(), 4U * 6U);
}

TEST(Transforms, RandomCropKeepsTheSizeByDefault) {
  const Picture found = after(data::random_crop({.padding = 1}), numbered(1, 3, 4));
  EXPECT_EQ(found.height, 3);
  EXPECT_EQ(found.width, 4);
  EXPECT_EQ(after(data::random_crop(), numbered(1, 3, 4)).pixels, numbered(1, 3, 4).pixels);
  EXPECT_ERROR(after(data::random_crop({.height = 6, .width = 4, .padding = 1}), numbered(1, 3, 4)),
               "[random_crop] images of 3 x 4 with a padding of 1 are 5 x 6; expected at least 6 x 4");
  EXPECT_ERROR(data::random_crop({.height = 3}), "[random_crop] height is 3 and width 0; expected both");
  EXPECT_ERROR(data::random_crop({.padding = -1}), "padding is -1; expected at least 0");
}

TEST(Transforms, RandomHorizontalFlipTurnsRows) {
  const std::vector<float> turned{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
  EXPECT_EQ(after(data::random_horizontal_flip(1), numbered(2, 2, 3)).pixels, turned);
  EXPECT_EQ(after(data::random_horizontal_flip(0), numbered(2, 2, 3)).pixels, numbered(2, 2, 3).pixels);
  int flips = 0;
  for (uint64_t n = 0; n < 1000; ++n) {
    flips += after(data::random_horizontal_flip(), numbered(2, 2, 3), n).pixels == turned ? 1 : 0;
  }
  EXPECT_NEAR(flips, 500, 60);
  EXPECT_ERROR(data::random_horizontal_flip(1.5), "[random_horizontal_flip] p is 1.5; it must be at least 0");
}

TEST(Transforms, RandomErasingOverwritesOneRectangleOfAllChannels) {
  const int64_t height = 20, width = 30;
  int erased = 0;
  for (uint64_t n = 0; n < 400; ++n) {
    const Picture found = after(data::random_erasing(), numbered(2, height, width), n);
    int64_t top = height, bottom = -1, left = width, right = -1, count = 0;
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        const size_t i = static_cast<size_t>(y * width + x);
        const bool gone = found.pixels[i] == 0;
        EXPECT_EQ(found.pixels[i + static_cast<size_t>(height * width)] == 0, gone);
        if (!gone) {
          EXPECT_EQ(found.pixels[i], static_cast<float>(i + 1));
          continue;
        }
        top = std::min(top, y), bottom = std::max(bottom, y);
        left = std::min(left, x), right = std::max(right, x);
        ++count;
      }
    }
    if (count == 0) continue;
    ++erased;
    const int64_t h = bottom - top + 1, w = right - left + 1;
    EXPECT_EQ(count, h * w);
    const double part = static_cast<double>(count) / static_cast<double>(height * width);
    EXPECT_TRUE(part > 0.01 && part < 0.38) << part;  // the bounds, but for rounded sides
  }
  EXPECT_NEAR(erased, 200, 40);
  EXPECT_EQ(after(data::random_erasing({.p = 1, .value = 7}), numbered(1, 8, 8)).pixels.size(), 64U);
  // Nothing fits: nothing happens.
  EXPECT_EQ(after(data::random_erasing({.p = 1}), numbered(1, 1, 1)).pixels, numbered(1, 1, 1).pixels);
  EXPECT_ERROR(data::random_erasing({.p = -1}), "[random_erasing] p is -1");
  EXPECT_ERROR(data::random_erasing({.scale = {0.5, 0.1}}),
               "scale is 0.5 to 0.1; expected two numbers above 0");
  EXPECT_ERROR(data::random_erasing({.scale = {0.5, 2}}),
               "scale is 0.5 to 2; expected two numbers above 0, the");
  EXPECT_ERROR(data::random_erasing({.ratio = {0, 2}}), "ratio is 0 to 2; expected two numbers above 0");
}

}  // namespace
}  // namespace linnet
