// A folder a class: what is read, in which order, and what is refused.
#include <linnet/data/image.h>
#include <linnet/data/image_folder.h>

#include <cstdlib>

#include "tests/support/cifar10.h"
#include "tests/unit/data_jpegs.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

class ImageFolder : public testing::Test {
 protected:
  void png(const std::string& name, uint8_t value, int64_t height = 4, int64_t width = 5,
           int64_t channels = 3) {
    const std::filesystem::path path(folder_ / name);
    std::filesystem::create_directories(path.parent_path());
    data::write_png(path.string(), NDArray::full({channels, height, width}, value, DType::UInt8));
  }
  /// The first pixel of each image.
  static std::vector<uint8_t> firsts(const data::Dataset& set) {
    std::vector<uint8_t> found;
    for (int64_t i = 0; i < set.size(); ++i)
      found.push_back(set.images().select(0, i).to_vector<uint8_t>()[0]);
    return found;
  }
  TempFolder folder_;
};

TEST_F(ImageFolder, ReadsClassesAndPicturesSorted) {
  png("wolf/b.png", 4);
  png("wolf/a.PNG", 3);
  png("bear/deep/z.png", 2);
  png("bear/10.png", 1);
  png(".hidden/x.png", 9);
  write_bytes(folder_ / "wolf/notes.txt", {'h', 'i'});
  write_bytes(folder_ / "readme.md", {'h', 'i'});
  const data::Dataset set = data::image_folder(folder_.path());
  EXPECT_EQ(set.class_names(), (std::vector<std::string>{"bear", "wolf"}));
  EXPECT_EQ(set.labels().to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(set.images().shape(), (Shape{4, 3, 4, 5}));
  EXPECT_EQ(set.images().dtype(), DType::UInt8);
  EXPECT_EQ(firsts(set), (std::vector<uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(set.batch(std::vector<int64_t>{3}).images.to_vector<float>()[0], 4 / 255.0F);
}

TEST_F(ImageFolder, ConvertsAndResizes) {
  png("a/grey.png", 100, 4, 5, 1);
  png("a/other.png", 50, 9, 7, 3);
  const data::Dataset set = data::image_folder(folder_.path(), {.channels = 1, .height = 3, .width = 2});
  EXPECT_EQ(set.images().shape(), (Shape{2, 1, 3, 2}));
  EXPECT_EQ(set.images().to_vector<uint8_t>(),
            (std::vector<uint8_t>{100, 100, 100, 100, 100, 100, 50, 50, 50, 50, 50, 50}));
  // The same filter as a model's input has.
  const NDArray ramp = NDArray::arange(24, DType::Int32).to(DType::UInt8).view({1, 4, 6}).contiguous();
  data::write_png(folder_ / "a/grey.png", ramp);
  data::write_png(folder_ / "a/other.png", ramp);
  const std::vector<uint8_t> found =
      data::image_folder(folder_.path(), {.channels = 1, .height = 3, .width = 3})
          .images()
          .to_vector<uint8_t>();
  const std::vector<float> expected =
      data::to_input(ramp, {.channels = 1, .height = 3, .width = 3, .scaling = {}}).to_vector<float>();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.501) << i;
}

TEST_F(ImageFolder, NamesWhatDoesNotFit) {
  EXPECT_ERROR(data::image_folder(folder_ / "none"),
               "[image_folder] there is no folder '" + folder_.path() + "/none'");
  EXPECT_ERROR(data::image_folder(folder_.path()), "'" + folder_.path() + "' holds no folders; expected one");
  png("a/1.png", 1);
  std::filesystem::create_directories(folder_ / "b");
  EXPECT_ERROR(data::image_folder(folder_.path()), "the folder '" + folder_.path() + "/b' holds no picture");
  png("b/2.png", 1, 6, 5);
  EXPECT_ERROR(data::image_folder(folder_.path()), "'" + folder_.path() + "/b/2.png' has 6 x 5 pixels and '" +
                                                       folder_.path() + "/a/1.png' 4 x 5; expected one size");
  write_bytes(folder_ / "b/2.png", {'n', 'o'});
  EXPECT_ERROR(data::image_folder(folder_.path()),
               "'" + folder_.path() + "/b/2.png' is neither a PNG nor a JPEG");
  EXPECT_ERROR(data::image_folder(folder_.path(), {.channels = 2}), "channels is 2; expected 1 or 3");
  EXPECT_ERROR(data::image_folder(folder_.path(), {.height = 2}), "height is 2 and width 0; expected both");
}

#if LINNET_HAS_JPEG

TEST_F(ImageFolder, ReadsJpegBesidePng) {
  png("a/1.png", 80, 8, 8);
  const Bytes whole = jpeg(8, 8, 3, Bytes(192, 120));
  write_bytes(folder_ / "a/2.jpeg", whole);
  write_bytes(folder_ / "a/3.JPG", whole);
  const std::vector<uint8_t> found = firsts(data::image_folder(folder_.path()));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], 80);
  EXPECT_NEAR(found[1], 120, 1);
  EXPECT_EQ(found[1], found[2]);
  write_bytes(folder_ / "a/2.jpeg", Bytes(whole.begin(), whole.end() - 9));
  EXPECT_ERROR(data::image_folder(folder_.path()), "[jpeg] cannot read '" + folder_.path() + "/a/2.jpeg': ");
}

/// A few files of the CIFAR-10 that its publisher wrote as JPEG.
TEST_F(ImageFolder, ReadsRealPictures) {
  const std::optional<std::string> archive = cifar10_archive();
  if (!archive) GTEST_SKIP() << kNoCifar10;
  const std::string command = "tar xJf '" + *archive + "' -C '" + folder_.path() +
                              "' --occurrence=1 test/airplane/0000.jpg test/airplane/0001.jpg "
                              "test/automobile/0000.jpg 2> /dev/null";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "the archive could not be unpacked: " << command;
  const data::Dataset set = data::image_folder(folder_ / "test");
  EXPECT_EQ(set.images().shape(), (Shape{3, 3, 32, 32}));
  EXPECT_EQ(set.class_names(), (std::vector<std::string>{"airplane", "automobile"}));
  EXPECT_EQ(set.labels().to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 1}));
  for (int64_t i = 0; i < 3; ++i) {
    const auto pixels = set.images().select(0, i).to_vector<uint8_t>();
    double sum = 0, squares = 0;
    for (const uint8_t pixel : pixels) {
      sum += pixel;
      squares += pixel * pixel;
    }
    const double mean = sum / 3072;
    EXPECT_TRUE(mean > 20 && mean < 240) << mean;
    EXPECT_GT(squares / 3072 - mean * mean, 100);
  }
}

#endif

}  // namespace
}  // namespace linnet
