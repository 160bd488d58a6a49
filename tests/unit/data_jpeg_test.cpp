// JPEG files: grey and colour, baseline and progressive; damaged, truncated and hostile ones.
#include <linnet/data/image.h>

#include <cmath>
#include <random>

#include "tests/unit/data_jpegs.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

class Jpeg : public FileTest {
 protected:
  Jpeg() : FileTest("picture.jpg") {}
};

#if LINNET_HAS_JPEG

/// Every pixel of an image (C, H, W) within `most` of interleaved ones.
void expect_pixels(const NDArray& image, const Bytes& pixels, int most) {
  const auto found = image.to_vector<uint8_t>();
  const auto channels = static_cast<size_t>(image.size(0));
  ASSERT_EQ(found.size(), pixels.size());
  const size_t plane = found.size() / channels;
  for (size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_NEAR(found[i % channels * plane + i / channels], pixels[i], most) << "pixel " << i / channels;
  }
}

TEST_F(Jpeg, ReadsColourBaselineAndProgressive) {
  EXPECT_TRUE(data::reads_jpeg());
  const Bytes pixels = gradient(19, 13, 3);
  for (const bool progressive : {false, true}) {
    const NDArray image = data::read_jpeg(file(jpeg(19, 13, 3, pixels, {.progressive = progressive})));
    EXPECT_EQ(image.shape(), (Shape{3, 13, 19}));
    EXPECT_EQ(image.dtype(), DType::UInt8);
    expect_pixels(image, pixels, 3);
  }
  expect_pixels(data::read_jpeg(file(jpeg(19, 13, 3, pixels, {.stored = JCS_RGB}))), pixels, 2);
  const Bytes coarse = jpeg(19, 13, 3, pixels, {.quality = 90, .subsampled = true});
  expect_pixels(data::read_jpeg(file(coarse)), pixels, 20);
  EXPECT_EQ(data::read_image(file(coarse)).to_vector<uint8_t>(), data::read_jpeg(path_).to_vector<uint8_t>());
}

TEST_F(Jpeg, ReadsGreyAndConverts) {
  const Bytes grey = gradient(9, 8, 1);
  const std::string path = file(jpeg(9, 8, 1, grey));
  EXPECT_EQ(data::read_jpeg(path).shape(), (Shape{1, 8, 9}));
  expect_pixels(data::read_jpeg(path), grey, 1);
  const NDArray colour = data::read_jpeg(path, 3);
  EXPECT_EQ(colour.shape(), (Shape{3, 8, 9}));
  EXPECT_EQ(colour.select(0, 2).to_vector<uint8_t>(), data::read_jpeg(path, 1).to_vector<uint8_t>());

  const Bytes pixels = gradient(9, 8, 3);
  const NDArray dark = data::read_jpeg(file(jpeg(9, 8, 3, pixels)), 1);
  Bytes expected;
  for (size_t i = 0; i < pixels.size(); i += 3) {
    expected.push_back(
        static_cast<uint8_t>(std::lround(0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2])));
  }
  expect_pixels(dark, expected, 2);
  EXPECT_ERROR(data::read_jpeg(path_, 2), "[jpeg] 2 channels were asked for; expected 0, 1 or 3");
}

TEST_F(Jpeg, NamesFilesThatAreNone) {
  EXPECT_ERROR(data::read_jpeg(folder_ / "none.jpg"), "there is no file '" + folder_.path() + "/none.jpg'");
  EXPECT_ERROR(data::read_image(folder_ / "none.jpg"), "there is no file '" + folder_.path() + "/none.jpg'");
  EXPECT_ERROR(data::read_jpeg(folder_.path()), "not a regular file");
  EXPECT_ERROR(data::read_jpeg(file({})), "'" + path_ + "' is no JPEG");
  EXPECT_ERROR(data::read_jpeg(file({'G', 'I', 'F', '8'})), "'" + path_ + "' is no JPEG");
  EXPECT_ERROR(data::read_image(file({'G', 'I', 'F', '8'})), "'" + path_ + "' is neither a PNG nor a JPEG");
  EXPECT_ERROR(data::read_jpeg(file({0xFF, 0xD8, 0xFF})), "[jpeg] cannot read '" + path_ + "': ");
  EXPECT_ERROR(data::read_jpeg(file(jpeg(8, 8, 4, gradient(8, 8, 4)))), "has the colours of print, CMYK");
}

TEST_F(Jpeg, EveryTruncatedFileIsAnError) {
  for (const bool progressive : {false, true}) {
    const Bytes whole = jpeg(16, 16, 3, gradient(16, 16, 3), {.quality = 60, .progressive = progressive});
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_ERROR(data::read_jpeg(file(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)))),
                   "'" + path_ + "'");
    }
    EXPECT_NO_THROW(
        data::read_jpeg(file(whole + Bytes{1, 2, 3})));  // what follows the end is not the picture's
  }
}

/// Anything but a crash: an image of what the header says, or an Error that names the file.
TEST_F(Jpeg, DamagedFilesNeverCrash) {
  std::mt19937 random(1);
  int errors = 0;
  for (const bool progressive : {false, true}) {
    const Bytes whole = jpeg(24, 17, 3, gradient(24, 17, 3), {.quality = 70, .progressive = progressive});
    for (int trial = 0; trial < 1500; ++trial) {
      Bytes bytes = whole;
      for (int flips = 1 + trial % 4; flips > 0; --flips) {
        bytes[3 + random() % (bytes.size() - 3)] = static_cast<uint8_t>(random());
      }
      if (trial % 5 == 0) bytes.resize(3 + random() % (bytes.size() - 3));
      try {
        EXPECT_GT(data::read_jpeg(file(bytes)).numel(), 0);
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("'" + path_ + "'"), std::string::npos) << error.what();
        ++errors;
      }
    }
  }
  EXPECT_GT(errors, 500);
}

/// The position of the height, two bytes, in the frame header.
size_t height_at(const Bytes& bytes) {
  for (size_t i = 2; i + 9 < bytes.size(); i += 2 + bytes[i + 2] * 256U + bytes[i + 3]) {
    if (bytes[i + 1] == 0xC0 || bytes[i + 1] == 0xC2) return i + 5;
  }
  ADD_FAILURE() << "no frame header";
  return 0;
}

TEST_F(Jpeg, RefusesSizesBeyondItsLimits) {
  Bytes bytes = jpeg(8, 8, 1, gradient(8, 8, 1));
  const size_t at = height_at(bytes);
  bytes[at] = 0x80;  // 32768 rows
  EXPECT_ERROR(data::read_jpeg(file(bytes)), "'" + path_ + "' is too large: 32776 x 8 pixels; at most 16384");
  bytes[at] = bytes[at + 2] = 0x20;  // 8200 x 8200
  EXPECT_ERROR(data::read_jpeg(file(bytes)), "is too large: 8200 x 8200 pixels");
  bytes[at + 2] = 0x10;
  EXPECT_ERROR(data::read_jpeg(file(bytes)), "promises 8200 x 4104 pixels; the file is too short for that");
}

/// Each scan is a pass over the whole picture, and may be a few bytes.
TEST_F(Jpeg, RefusesAPictureOfTooManyScans) {
  const Bytes grey = gradient(16, 16, 1);
  EXPECT_ERROR(data::read_jpeg(file(jpeg(16, 16, 1, grey, {.many_scans = true}))),
               "[jpeg] cannot read '" + path_ + "': it has more than 100 scans");
  // Refining again what is exact already.
  Bytes bytes = jpeg(16, 16, 1, grey, {.progressive = true});
  size_t last = 0;
  for (size_t i = 2; i + 1 < bytes.size(); ++i) {
    if (bytes[i] == 0xFF && bytes[i + 1] == 0xDA) last = i;
  }
  const Bytes scan(bytes.begin() + static_cast<long>(last), bytes.end() - 2);
  bytes.resize(bytes.size() - 2);
  EXPECT_ERROR(data::read_jpeg(file(bytes + scan + Bytes{0xFF, 0xD9})), "cannot read '" + path_ + "': ");
}

#else

TEST_F(Jpeg, SaysThatItWasBuiltWithoutLibjpeg) {
  EXPECT_FALSE(data::reads_jpeg());
  EXPECT_ERROR(data::read_image(file({0xFF, 0xD8, 0xFF})),
               "[jpeg] cannot read '" + path_ + "': this linnet was built without libjpeg");
}

#endif

}  // namespace
}  // namespace linnet
