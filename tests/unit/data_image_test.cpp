// PNG files of every colour type, damaged ones, and the way from a picture to a model's input.
#include <linnet/data/image.h>
#include <zlib.h>

#include <cmath>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

const Bytes kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

Bytes big_endian(uint64_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
          static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

Bytes chunk(const std::string& type, const Bytes& contents) {
  const Bytes body = Bytes(type.begin(), type.end()) + contents;
  return big_endian(contents.size()) + body +
         big_endian(crc32(0, body.data(), static_cast<unsigned>(body.size())));
}

Bytes header(uint32_t width, uint32_t height, uint8_t depth, uint8_t colour, bool interlaced = false) {
  return chunk("IHDR", big_endian(width) + big_endian(height) + Bytes{depth, colour, 0, 0, interlaced});
}

Bytes pixels(const Bytes& rows) {
  Bytes packed(compressBound(rows.size()));
  uLongf size = packed.size();
  EXPECT_EQ(compress(packed.data(), &size, rows.data(), rows.size()), Z_OK);
  packed.resize(size);
  return chunk("IDAT", packed);
}

/// A whole PNG; `rows` holds a filter byte (0) before each row.
Bytes png(uint32_t width, uint32_t height, uint8_t depth, uint8_t colour, const Bytes& rows,
          const Bytes& extra = {}) {
  return kSignature + header(width, height, depth, colour) + extra + pixels(rows) + chunk("IEND", {});
}

class Png : public FileTest {
 protected:
  Png() : FileTest("picture.png") {}

  std::vector<uint8_t> values(const Bytes& bytes, const Shape& shape, int64_t channels = 0) {
    const NDArray image = data::read_png(file(bytes), channels);
    EXPECT_EQ(image.shape(), shape);
    EXPECT_EQ(image.dtype(), DType::UInt8);
    return image.to_vector<uint8_t>();
  }
};

TEST_F(Png, ReadsEveryColourType) {
  EXPECT_EQ(values(png(2, 2, 8, 0, {0, 10, 20, 0, 30, 255}), {1, 2, 2}), (Bytes{10, 20, 30, 255}));  // grey
  EXPECT_EQ(values(png(2, 1, 1, 0, {0, 0x40}), {1, 1, 2}), (Bytes{0, 255}));                         // 1 bit
  EXPECT_EQ(values(png(1, 1, 16, 0, {0, 0xAB, 0x10}), {1, 1, 1}), Bytes{0xAB});                     // 16 bits
  EXPECT_EQ(values(png(2, 1, 8, 2, {0, 1, 2, 3, 4, 5, 6}), {3, 1, 2}), (Bytes{1, 4, 2, 5, 3, 6}));  // RGB
  EXPECT_EQ(values(png(2, 1, 8, 3, {0, 1, 0}, chunk("PLTE", {9, 8, 7, 1, 2, 3})), {3, 1, 2}),
            (Bytes{1, 9, 2, 8, 3, 7}));  // palette
}

TEST_F(Png, ReadsInterlacedPictures) {
  // The seven passes, as the standard's figure of an 8 x 8 block has them: a pixel is of the first that it
  // fits.
  const struct {
    int x, y, dx, dy;
  } passes[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  for (const auto& [width, height] : {std::pair(11, 13), std::pair(1, 1), std::pair(3, 5), std::pair(8, 8)}) {
    for (const int samples : {1, 3}) {
      const auto at = [&, width = width](int y, int x, int c) {
        return static_cast<uint8_t>(5 + 7 * (y * width + x) + 50 * c);
      };
      Bytes rows, expected;
      for (const auto& pass : passes) {
        for (int y = pass.y; y < height && pass.x < width; y += pass.dy) {
          rows.push_back(0);
          for (int x = pass.x; x < width; x += pass.dx) {
            for (int c = 0; c < samples; ++c) rows.push_back(at(y, x, c));
          }
        }
      }
      for (int c = 0; c < samples; ++c) {
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) expected.push_back(at(y, x, c));
        }
      }
      const Bytes bytes =
          kSignature +
          header(static_cast<uint32_t>(width), static_cast<uint32_t>(height), 8, samples == 1 ? 0 : 2, true) +
          pixels(rows) + chunk("IEND", {});
      EXPECT_EQ(values(bytes, {samples, height, width}), expected)
          << width << " x " << height << " x " << samples;
    }
  }
}

TEST_F(Png, TransparentPartsAreWhite) {
  EXPECT_EQ(values(png(3, 1, 8, 4, {0, 0, 0, 100, 255, 0, 128}), {1, 1, 3}),
            (Bytes{255, 100, 127}));                                                          // grey, alpha
  EXPECT_EQ(values(png(1, 1, 8, 6, {0, 10, 20, 30, 0}), {3, 1, 1}), (Bytes{255, 255, 255}));  // RGBA
  EXPECT_EQ(values(png(2, 1, 8, 0, {0, 5, 6}, chunk("tRNS", {0, 5})), {1, 1, 2}), (Bytes{255, 6}));
}

TEST_F(Png, ConvertsBetweenGreyAndColour) {
  // ITU-R BT.601: red 76, green 150, blue 29 of 255.
  const Bytes colours = png(4, 1, 8, 2, {0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77});
  EXPECT_EQ(values(colours, {1, 1, 4}, 1), (Bytes{76, 150, 29, 77}));
  EXPECT_EQ(values(png(1, 1, 8, 0, {0, 42}), {3, 1, 1}, 3), (Bytes{42, 42, 42}));
  EXPECT_ERROR(data::read_png(path_, 2),
               "2 channels were asked of '" + path_ + "'; expected 1 (grey), 3 (colour)");
}

TEST_F(Png, WritesWhatItReads) {
  const NDArray grey = NDArray::arange(30, DType::Int32).to(DType::UInt8).reshape({1, 5, 6});
  data::write_png(path_, grey);
  EXPECT_EQ(data::read_png(path_).to_vector<uint8_t>(), grey.to_vector<uint8_t>());
  data::write_png(path_, grey.select(0, 0));
  EXPECT_EQ(data::read_png(path_).shape(), (Shape{1, 5, 6}));
  const NDArray colour = NDArray::arange(90, DType::Int32).to(DType::UInt8).reshape({3, 5, 6});
  data::write_png(path_, colour);
  EXPECT_EQ(data::read_png(path_).shape(), (Shape{3, 5, 6}));
  EXPECT_EQ(data::read_png(path_).to_vector<uint8_t>(), colour.to_vector<uint8_t>());
}

TEST_F(Png, RefusesWhatItCannotWrite) {
  EXPECT_ERROR(data::write_png(path_, NDArray::zeros({1, 2, 2})), "cannot hold float32 (1, 2, 2)");
  EXPECT_ERROR(data::write_png(path_, NDArray::zeros({2, 2, 2}, DType::UInt8)),
               "cannot hold (2, 2, 2); expected 1 or 3 channels and sides from 1 to 16384");
  EXPECT_ERROR(data::write_png(path_, NDArray::zeros({1, 0, 2}, DType::UInt8)), "cannot hold (1, 0, 2)");
  EXPECT_ERROR(data::write_png(folder_ / "no/file.png", NDArray::zeros({2, 2}, DType::UInt8)),
               "no/file.png': No such file or directory");
}

TEST_F(Png, RefusesWhatIsNoPng) {
  EXPECT_ERROR(data::read_png(folder_ / "nowhere.png"), "there is no file '");
  EXPECT_ERROR(data::read_png(folder_.path()), "not a regular file");
  EXPECT_ERROR(data::read_png(file({'G', 'I', 'F', '8', '9', 'a', 0, 0, 0, 0, 0, 0})),
               "'" + path_ + "' is no PNG: it does not begin with the PNG signature");
  EXPECT_ERROR(data::read_png(file({})), "'" + path_ + "' is no PNG");
}

TEST_F(Png, RefusesEveryTruncationOfItsPixels) {
  const Bytes whole = png(8, 8, 8, 0, Bytes(72, 0));
  // What follows the last pixel, that chunk's CRC and the end mark, adds nothing: the pixels have a sum of
  // their own.
  const size_t end_of_pixels = whole.size() - chunk("IEND", {}).size() - 4;
  for (size_t length = 0; length < end_of_pixels; ++length) {
    EXPECT_ERROR(data::read_png(file(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(length)))),
                 path_);
  }
}

TEST_F(Png, RefusesDamage) {
  const Bytes whole = png(2, 2, 8, 0, {0, 10, 20, 0, 30, 255});
  Bytes damaged = whole;
  damaged[kSignature.size() + header(2, 2, 8, 0).size() + 10] ^= 0xFF;
  EXPECT_ERROR(data::read_png(file(damaged)), "cannot read '" + path_ + "': IDAT stream error");
  damaged = whole;
  damaged[kSignature.size() + header(2, 2, 8, 0).size() - 1] ^= 0xFF;
  EXPECT_ERROR(data::read_png(file(damaged)), "cannot read '" + path_ + "': invalid chunk checksum");
  EXPECT_ERROR(data::read_png(file(png(2, 2, 8, 0, {0, 10, 20}))), "cannot read '" + path_ + "'");
  EXPECT_ERROR(data::read_png(file(png(2, 2, 3, 0, {0, 10, 20}))),
               "cannot read '" + path_ + "': invalid bit depth");
}

TEST_F(Png, RefusesHugePictures) {
  EXPECT_ERROR(data::read_png(file(png(16385, 1, 8, 0, {0}))),
               "is too large: 1 x 16385 pixels; at most 16384 a side");
  EXPECT_ERROR(data::read_png(file(png(16000, 16000, 8, 0, {0}))), "is too large: 16000 x 16000 pixels");
  EXPECT_ERROR(data::read_png(file(png(8000, 8000, 8, 0, {0}))),
               "promises 8000 x 8000 pixels; the file is too short for that: ");
}

// ---- to_input

NDArray grey_image(const Bytes& values, int64_t height, int64_t width) {
  return NDArray::from_data(values, {1, height, width});
}

TEST(ToInput, KeepsAnImageThatFits) {
  const NDArray image = NDArray::arange(28 * 28, DType::Int32).to(DType::UInt8).reshape({1, 28, 28});
  const NDArray input = data::to_input(image);
  EXPECT_EQ(input.shape(), (Shape{1, 1, 28, 28}));
  const std::vector<float> got = input.to_vector<float>();
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], static_cast<float>(i % 256) / 255.0F);
}

TEST(ToInput, InvertsAndScales) {
  const NDArray input = data::to_input(grey_image({0, 55, 255, 200}, 2, 2),
                                       {.height = 2, .width = 2, .scaling = {2, 1}, .invert = true});
  EXPECT_EQ(input.to_vector<float>(), (std::vector<float>{511, 401, 1, 111}));
}

TEST(ToInput, ConvertsChannels) {
  const NDArray colour = NDArray::from_data<uint8_t>({255, 0, 0, 255, 0, 0}, {3, 1, 2});
  EXPECT_EQ(
      data::to_input(colour, {.channels = 1, .height = 1, .width = 2, .scaling = {}}).to_vector<float>(),
      (std::vector<float>{76, 150}));
  EXPECT_EQ(
      data::to_input(colour, {.channels = 3, .height = 1, .width = 2, .scaling = {}}).to_vector<float>(),
      (std::vector<float>{255, 0, 0, 255, 0, 0}));
  const NDArray three =
      data::to_input(grey_image({7, 9}, 1, 2), {.channels = 3, .height = 1, .width = 2, .scaling = {}});
  EXPECT_EQ(three.to_vector<float>(), (std::vector<float>{7, 9, 7, 9, 7, 9}));
}

TEST(ToInput, EnlargesBilinearly) {
  // Centres of the four outputs lie at -0.25, 0.25, 0.75, 1.25 of the two inputs.
  const NDArray input = data::to_input(grey_image({0, 100}, 1, 2), {.height = 1, .width = 4, .scaling = {}});
  EXPECT_EQ(input.to_vector<float>(), (std::vector<float>{0, 25, 75, 100}));
}

TEST(ToInput, ReducesWithoutSkippingPixels) {
  // Against the filter written out: weights 1 - |j - centre| / 3 around centres 1 and 4, cut at the border.
  const Bytes row{10, 200, 30, 40, 250, 60};
  const NDArray input = data::to_input(grey_image(row, 1, 6), {.height = 1, .width = 2, .scaling = {}});
  const std::vector<float> got = input.to_vector<float>();
  for (size_t i = 0; i < 2; ++i) {
    double total = 0;
    double weights = 0;
    for (size_t j = 0; j < row.size(); ++j) {
      const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(j) - (i == 0 ? 1.0 : 4.0)) / 3);
      total += weight * row[j];
      weights += weight;
    }
    EXPECT_NEAR(got[i], total / weights, 1e-5);
  }
}

TEST(ToInput, KeepsRowsAndColumnsApart) {
  Bytes picture(56 * 84, 0);
  for (size_t i = 0; i < picture.size(); ++i)
    picture[i] = static_cast<uint8_t>(i / 84 < 28 ? 0 : 255);  // lower half
  const std::vector<float> got = data::to_input(grey_image(picture, 56, 84)).to_vector<float>();
  for (size_t x = 0; x < 28; ++x) {
    EXPECT_EQ(got[x], 0);
    EXPECT_NEAR(got[27 * 28 + x], 1, 1e-6);
  }
}

TEST(ToInput, RefusesWhatIsNoImage) {
  EXPECT_ERROR(data::to_input(NDArray::zeros({1, 2, 2})),
               "the image is float32 (1, 2, 2); expected uint8 (C, H, W)");
  EXPECT_ERROR(data::to_input(NDArray::zeros({2, 2, 2}, DType::UInt8)), "the image is uint8 (2, 2, 2)");
  EXPECT_ERROR(data::to_input(NDArray::zeros({1, 0, 2}, DType::UInt8)), "the image is uint8 (1, 0, 2)");
  EXPECT_ERROR(data::to_input(NDArray::zeros({1, 2, 2}, DType::UInt8), {.channels = 2}),
               "the input is 2 channels of 28 x 28; expected 1 or 3 channels");
  EXPECT_ERROR(data::to_input(NDArray::zeros({1, 2, 2}, DType::UInt8), {.height = 0}),
               "the input is 1 channels of 0 x 28");
}

}  // namespace
}  // namespace linnet
