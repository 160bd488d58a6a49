// IDX files: what is read and written, and every way a file can be wrong.
#include <linnet/data/idx.h>
#include <zlib.h>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Bytes gzip(const Bytes& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<unsigned>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

const Bytes kHeader2x3{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3};
const Bytes kElements{1, 2, 3, 4, 5, 255};

class Idx : public FileTest {};

TEST_F(Idx, ReadsBytes) {
  const NDArray array = data::read_idx(file(kHeader2x3 + kElements));
  EXPECT_EQ(array.dtype(), DType::UInt8);
  EXPECT_EQ(array.shape(), (Shape{2, 3}));
  EXPECT_EQ(array.to_vector<uint8_t>(), kElements);
}

TEST_F(Idx, ReadsGzipWhateverTheName) {
  EXPECT_EQ(data::read_idx(file(gzip(kHeader2x3 + kElements))).to_vector<uint8_t>(), kElements);
}

TEST_F(Idx, ReadsBigEndianNumbers) {
  const NDArray ints = data::read_idx(file({0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE}));
  EXPECT_EQ(ints.dtype(), DType::Int32);
  EXPECT_EQ(ints.to_vector<int32_t>(), (std::vector<int32_t>{258, -2}));
  const NDArray floats = data::read_idx(file({0, 0, 0x0D, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0}));
  EXPECT_EQ(floats.to_vector<float>(), std::vector<float>{1.5F});
  const NDArray doubles = data::read_idx(file({0, 0, 0x0E, 1, 0, 0, 0, 1, 0xC0, 0x04, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(doubles.to_vector<double>(), std::vector<double>{-2.5});
}

TEST_F(Idx, ReadsEmptyArrays) {
  EXPECT_EQ(data::read_idx(file({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(data::read_idx(file({0, 0, 8, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})).numel(), 0);
}

TEST_F(Idx, WritesWhatItReads) {
  const std::vector<NDArray> arrays{
      NDArray::from_data<uint8_t>({1, 2, 3, 4, 5, 255}, {2, 3}),
      NDArray::from_data<int32_t>({258, -2}, {2, 1}),
      NDArray::from_data<float>({1.5F, -0.25F}, {2}),
      NDArray::from_data<double>({-2.5, 1e300}, {1, 2, 1}),
      NDArray::from_data<uint8_t>({1, 2, 3, 4, 5, 6}, {2, 3}).permute({1, 0}),
      NDArray::empty({0, 4}, DType::UInt8),
  };
  for (const NDArray& array : arrays) {
    data::write_idx(path_, array);
    const NDArray back = data::read_idx(path_);
    EXPECT_EQ(back.dtype(), array.dtype());
    EXPECT_EQ(back.shape(), array.shape());
    EXPECT_EQ(back.to_vector<double>(), array.to_vector<double>());
  }
  data::write_idx(path_, arrays[0]);
  EXPECT_EQ(read_bytes(path_), kHeader2x3 + kElements);
}

TEST_F(Idx, RefusesWhatItCannotWrite) {
  EXPECT_ERROR(data::write_idx(path_, NDArray::arange(3, DType::Int64)),
               "cannot hold int64; IDX has uint8, int32, float32 and float64");
  EXPECT_ERROR(data::write_idx(path_, NDArray::scalar(1)), "cannot hold a 0-d array");
  EXPECT_ERROR(data::write_idx(folder_ / "no/file", NDArray::arange(3)),
               "no/file': No such file or directory");
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_ERROR(data::write_idx("/dev/full", NDArray::arange(3)), "cannot write '/dev/full': No space left");
  }
}

TEST_F(Idx, RefusesWhatIsNoFile) {
  EXPECT_ERROR(data::read_idx(folder_ / "nowhere"), "there is no file '" + folder_.path() + "/nowhere'");
  EXPECT_ERROR(data::read_idx(folder_.path()), "not a regular file");
}

TEST_F(Idx, RefusesWrongMagic) {
  EXPECT_ERROR(data::read_idx(file({'P', 'K', 3, 4, 0, 0, 0, 1})),
               "file' is no IDX file: it begins 50 4b 03 04; expected 00 00, a type and a rank");
  EXPECT_ERROR(data::read_idx(file({0, 0, 7, 1, 0, 0, 0, 1, 0})), "its element type is 0x07; expected 0x08");
  EXPECT_ERROR(data::read_idx(file({0, 0, 9, 1, 0, 0, 0, 1, 0})), "holds int8, which linnet has not");
  EXPECT_ERROR(data::read_idx(file({0, 0, 11, 1, 0, 0, 0, 1, 0})), "holds int16, which linnet has not");
  EXPECT_ERROR(data::read_idx(file({0, 0, 8, 0, 0})), "has rank 0; expected 1 to 8");
  EXPECT_ERROR(data::read_idx(file({0, 0, 8, 9, 0})), "has rank 9; expected 1 to 8");
}

TEST_F(Idx, RefusesEveryTruncation) {
  const Bytes whole = kHeader2x3 + kElements;
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_ERROR(data::read_idx(file(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(length)))),
                 length < whole.size() - 6 ? "is cut short" : "file");
  }
  EXPECT_ERROR(data::read_idx(file({})), "is cut short: 0 bytes; an IDX file begins with 4");
  EXPECT_ERROR(data::read_idx(file({0, 0, 8, 2, 0, 0, 0, 2, 0, 0})),
               "is cut short: 6 bytes of extents; rank 2 has 8");
  EXPECT_ERROR(data::read_idx(file(kHeader2x3 + Bytes{1, 2, 3, 4, 5})),
               "is cut short: 5 bytes of elements; uint8 (2, 3) has 6");
}

TEST_F(Idx, RefusesBytesAfterTheElements) {
  const std::string expected = "has bytes after its elements; uint8 (2, 3) ends after 18 bytes";
  EXPECT_ERROR(data::read_idx(file(kHeader2x3 + kElements + Bytes{0})), expected);
  EXPECT_ERROR(data::read_idx(file(gzip(kHeader2x3 + kElements + Bytes(1 << 20)))), expected);
}

TEST_F(Idx, RefusesExtentsTheFileCannotHold) {
  const Bytes giant{0, 0, 14, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  const std::string expected =
      "promises float64 (4294967295, 4294967295, 4294967295); the file is too short for that: ";
  EXPECT_ERROR(data::read_idx(file(giant)), expected + "16 bytes");
  EXPECT_ERROR(data::read_idx(file(gzip(giant))), expected);
  EXPECT_ERROR(data::read_idx(file({0, 0, 8, 1, 0x7F, 0, 0, 0, 1})), "too short for that: 9 bytes");
}

TEST_F(Idx, RefusesDamagedGzip) {
  const Bytes packed = gzip(kHeader2x3 + kElements);
  for (size_t length = 2; length < packed.size(); ++length) {
    EXPECT_ERROR(data::read_idx(file(Bytes(packed.begin(), packed.begin() + static_cast<int64_t>(length)))),
                 "file'");
  }
  EXPECT_ERROR(data::read_idx(file(Bytes(packed.begin(), packed.end() - 4))),
               "is damaged: its gzip data end early");
  Bytes wrong_check = packed;
  wrong_check[packed.size() - 8] ^= 1;
  EXPECT_ERROR(data::read_idx(file(wrong_check)), "is damaged: its gzip data are wrong");
}

}  // namespace
}  // namespace linnet
