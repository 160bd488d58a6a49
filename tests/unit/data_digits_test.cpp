// Synthetic digits: the same bytes everywhere, every digit as often, digits that can be told apart; their
// files.
#include <linnet/data/digits.h>
#include <linnet/data/idx.h>
#include <linnet/data/image.h>
#include <linnet/data/mnist.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Bytes pixels_of(const data::Dataset& set) {
  return set.images().to_vector<uint8_t>();
}
std::vector<int64_t> labels_of(const data::Dataset& set) {
  return set.labels().to_vector<int64_t>();
}

uint32_t checksum(const Bytes& bytes) {
  return static_cast<uint32_t>(crc32(0, bytes.data(), static_cast<unsigned>(bytes.size())));
}

TEST(Digits, AreTheSameBytesOnEveryMachine) {
  EXPECT_EQ(checksum(pixels_of(data::synthetic_digits(200, 0))), 2152616051U);
  EXPECT_EQ(checksum(pixels_of(data::synthetic_digits(200, 0, 1))), 2353647287U);
}

TEST(Digits, ImageDependsOnItsPositionAlone) {
  const data::Dataset many = data::synthetic_digits(57, 3);
  const data::Dataset few = data::synthetic_digits(23, 3);
  EXPECT_EQ(pixels_of(many.subset(23)), pixels_of(few));
  EXPECT_EQ(labels_of(many.subset(23)), labels_of(few));
}

TEST(Digits, SeedsAndSplitsDiffer) {
  const Bytes one = pixels_of(data::synthetic_digits(20, 1));
  EXPECT_NE(one, pixels_of(data::synthetic_digits(20, 2)));
  EXPECT_NE(one, pixels_of(data::synthetic_digits(20, 1, 1)));
  EXPECT_NE(labels_of(data::synthetic_digits(20, 1)), labels_of(data::synthetic_digits(20, 1, 1)));
}

TEST(Digits, EveryTenHoldEachDigitOnce) {
  const std::vector<int64_t> labels = labels_of(data::synthetic_digits(100, 5));
  for (size_t block = 0; block < labels.size(); block += 10) {
    std::array<int, 10> count{};
    for (size_t i = block; i < block + 10; ++i) ++count[static_cast<size_t>(labels[i])];
    EXPECT_TRUE(std::all_of(count.begin(), count.end(), [](int n) { return n == 1; })) << block;
  }
  EXPECT_FALSE(std::equal(labels.begin(), labels.begin() + 10, labels.begin() + 10));
}

TEST(Digits, AreLightStrokesOnDarkGround) {
  const data::Dataset set = data::synthetic_digits(200, 7);
  EXPECT_EQ(set.image_shape(), (Shape{1, 28, 28}));
  EXPECT_EQ(set.scaling(), data::kUnitInterval);
  const Bytes pixels = pixels_of(set);
  for (size_t image = 0; image < 200; ++image) {
    const auto begin = pixels.begin() + static_cast<int64_t>(784 * image);
    EXPECT_GE(*std::max_element(begin, begin + 784), 150) << image;
    const auto bright = std::count_if(begin, begin + 784, [](uint8_t value) { return value > 100; });
    EXPECT_GE(bright, 15) << image;
    EXPECT_LE(bright, 300) << image;
  }
}

TEST(Digits, NearestClassMeanTellsMostApart) {
  // A classifier far below a network's: classes must differ, yet not so plainly that this suffices.
  const data::Dataset train_set = data::synthetic_digits(1000, 0, 0);
  const data::Dataset test_set = data::synthetic_digits(300, 0, 1);
  std::vector<double> means(7840);
  const Bytes train = pixels_of(train_set);
  const std::vector<int64_t> train_labels = labels_of(train_set);
  for (size_t i = 0; i < train.size(); ++i) {
    means[static_cast<size_t>(train_labels[i / 784]) * 784 + i % 784] += train[i] / 100.0;
  }
  const Bytes test = pixels_of(test_set);
  const std::vector<int64_t> test_labels = labels_of(test_set);
  int right = 0;
  for (size_t image = 0; image < 300; ++image) {
    std::array<double, 10> distance{};
    for (size_t i = 0; i < 7840; ++i) {
      const double difference = test[image * 784 + i % 784] - means[i];
      distance[i / 784] += difference * difference;
    }
    right += std::min_element(distance.begin(), distance.end()) - distance.begin() == test_labels[image];
  }
  EXPECT_GT(right, 150);
  EXPECT_LT(right, 280);
}

TEST(Digits, RefusesWhatMakesNoSense) {
  EXPECT_EQ(data::synthetic_digits(0, 0).size(), 0);
  EXPECT_ERROR(data::synthetic_digits(-1, 0), "-1 images were asked for; expected 0 or more");
  EXPECT_ERROR(data::synthetic_digits(1, 0, 256), "split is 256; expected 0 to 255");
}

TEST(Digits, FilesReadBackAsMnist) {
  const TempFolder folder;
  const std::string place = folder / "made/for/this";
  data::write_digits(place, 30, 20, 9);
  auto [train_set, test_set] = data::mnist(place);
  EXPECT_EQ(pixels_of(train_set), pixels_of(data::synthetic_digits(30, 9, 0)));
  EXPECT_EQ(labels_of(test_set), labels_of(data::synthetic_digits(20, 9, 1)));
  const std::vector<int64_t> labels = labels_of(test_set);
  for (int64_t digit = 0; digit < 10; ++digit) {
    const int64_t first = std::find(labels.begin(), labels.end(), digit) - labels.begin();
    const NDArray png = data::read_png(place + "/digit-" + std::to_string(digit) + ".png");
    EXPECT_EQ(png.to_vector<uint8_t>(), test_set.images().select(0, first).to_vector<uint8_t>());
  }
  data::write_digits(place, 10, 3, 9);  // again: its own files are replaced
  EXPECT_EQ(data::mnist(place).second.size(), 3);
}

TEST(Digits, NamesAFolderItCannotMake) {
  const TempFolder folder;
  write_bytes(folder / "file", {1});
  EXPECT_ERROR(data::write_digits(folder / "file/inside", 10, 10, 0), "cannot make the folder '");
}

}  // namespace
}  // namespace linnet
