// .npy files: those NumPy wrote, the bytes linnet writes, and every way a file can be wrong.
#include <gtest/gtest.h>

#include <cstring>

#include <linnet/io/npy.h>
#include "core/format.h"
#include "io/npy_bytes.h"
#include "tests/unit/damaged.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

std::string fixture(const std::string& name) {
  return LINNET_SOURCE_DIR "/tests/fixtures/numpy/" + name + ".npy";
}

/// As tests/fixtures/numpy_files.py makes them.
std::vector<double> values(DType dtype, int64_t count) {
  std::vector<double> result;
  for (int64_t i = 0; i < count; ++i) {
    const auto n = static_cast<double>(i);
    result.push_back(is_floating(dtype)      ? n / 2 - 3
                     : dtype == DType::UInt8 ? n
                     : dtype == DType::Bool  ? i % 3 == 0
                                             : n - 3);
  }
  return result;
}

void expect_values(const NDArray& array, DType dtype, const Shape& shape, const std::string& what) {
  ASSERT_EQ(array.dtype(), dtype) << what;
  ASSERT_EQ(array.shape(), shape) << what;
  EXPECT_EQ(array.device().name(), "cpu") << what;
  EXPECT_TRUE(array.is_contiguous()) << what;
  EXPECT_EQ(array.to_vector<double>(), values(dtype, shape.product())) << what;
}

struct Typed {
  const char* code;
  DType dtype;
};
constexpr Typed kTyped[] = {{"f4", DType::Float32}, {"f8", DType::Float64}, {"i4", DType::Int32},
                            {"i8", DType::Int64},   {"u1", DType::UInt8},   {"b1", DType::Bool},
                            {"f2", DType::Float32}};

TEST(Npy, ReadsWhatNumPyWrote) {
  for (const auto& [code, dtype] : kTyped) {
    expect_values(load_npy(fixture(code)), dtype, {2, 3, 4}, code);
    const std::string columns_first = std::string(code) + "_columns_first";
    expect_values(load_npy(fixture(columns_first)), dtype, {2, 3, 4}, columns_first);
  }
  expect_values(load_npy(fixture("number")), DType::Float32, {}, "number");
  expect_values(load_npy(fixture("line")), DType::Float32, {5}, "line");
  expect_values(load_npy(fixture("eight_dimensions")), DType::UInt8, {1, 2, 1, 2, 1, 2, 1, 2}, "eight");
  expect_values(load_npy(fixture("empty")), DType::Float64, {0, 4}, "empty");
  expect_values(load_npy(fixture("empty_columns_first")), DType::Float64, {3, 0, 4}, "empty_columns_first");
  expect_values(load_npy(fixture("version_2")), DType::Float32, {2, 3, 4}, "version_2");
  expect_values(load_npy(fixture("version_3")), DType::Float32, {2, 3, 4}, "version_3");
}

TEST(Npy, Float16BecomesTheFloat32ThatNumPyMakesOfIt) {
  const NDArray ours = load_npy(fixture("f2_special")), theirs = load_npy(fixture("f2_special_as_f4"));
  ASSERT_EQ(ours.dtype(), DType::Float32);
  const auto a = ours.to_vector<float>(), b = theirs.to_vector<float>();
  ASSERT_EQ(a.size(), 12U);
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

class NpyFile : public FileTest {
 protected:
  NpyFile() : FileTest("x.npy") {}

  static Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

  /// A file of that header, not padded, and `data` zero bytes.
  std::string with_header(const std::string& header, size_t data = 0) {
    const auto length = static_cast<uint16_t>(header.size());
    Bytes bytes = bytes_of(std::string("\x93NUMPY\1\0", 8));
    bytes.push_back(static_cast<uint8_t>(length & 0xFF));
    bytes.push_back(static_cast<uint8_t>(length >> 8));
    return file(bytes + bytes_of(header) + Bytes(data));
  }
  std::string with_descr(const std::string& descr, size_t data = 4) {
    return with_header("{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }\n", data);
  }
  std::string with_shape(const std::string& shape, size_t data = 0) {
    return with_header("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }\n", data);
  }
};

TEST_F(NpyFile, WritesTheBytesThatNumPyWrites) {
  for (const auto& [code, dtype] : kTyped) {
    if (std::string(code) == "f2") continue;
    save_npy(NDArray::from_data(values(dtype, 24), {2, 3, 4}).to(dtype), path_);
    EXPECT_EQ(read_bytes(path_), read_bytes(fixture(code))) << code;
  }
  for (const char* name : {"number", "line", "eight_dimensions", "empty", "f2_special_as_f4"}) {
    save_npy(load_npy(fixture(name)), path_);
    EXPECT_EQ(read_bytes(path_), read_bytes(fixture(name))) << name;
  }
  EXPECT_EQ(read_bytes(path_).size() % 64, (12 * sizeof(float)) % 64);
}

TEST_F(NpyFile, RoundTripsAreExactAndViewsAreWrittenAsTheyAppear) {
  const NDArray x = NDArray::from_data<float>(
      {0.1F, -0.0F, std::numeric_limits<float>::quiet_NaN(), 1e-45F, -3, 4}, {2, 3});
  save_npy(x.transpose(0, 1), path_);
  const NDArray y = load_npy(path_);
  ASSERT_EQ(y.shape(), (Shape{3, 2}));
  const auto a = x.transpose(0, 1).to_vector<float>(), b = y.to_vector<float>();
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()),
                          std::filesystem::directory_iterator()),
            1);
}

TEST_F(NpyFile, AHeaderCanHaveItsLargestSize) {
  Shape shape{INT64_MAX / 8};
  for (int i = 1; i < Dims::kMaxRank; ++i) shape.push_back(1);
  const std::string header = npy_header(DType::UInt8, shape);
  EXPECT_EQ(header.size() % 64, 0U);
  EXPECT_EQ(header.back(), '\n');
  const size_t length =
      static_cast<uint8_t>(header[8]) + 256 * static_cast<size_t>(static_cast<uint8_t>(header[9]));
  EXPECT_EQ(length, header.size() - 10);
}

TEST_F(NpyFile, ReadsTheSpellingsThatNumPyReads) {
  for (const char* descr : {"'<f4'", "'=f4'", "'|f4'", "'f4'", "\"<f4\""}) {
    EXPECT_EQ(load_npy(with_descr(descr)).dtype(), DType::Float32) << descr;
  }
  for (const char* descr : {"'|u1'", "'<u1'", "'>u1'", "'u1'"}) {
    EXPECT_EQ(load_npy(with_descr(descr, 1)).dtype(), DType::UInt8) << descr;
  }
  EXPECT_EQ(load_npy(with_descr("'>b1'", 1)).dtype(), DType::Bool);
  EXPECT_EQ(load_npy(with_header("{'shape':(2L,),'descr':'|u1','fortran_order':True}", 2)).shape(),
            (Shape{2}));
  EXPECT_EQ(load_npy(with_shape("( 2 , 1 , )", 2)).shape(), (Shape{2, 1}));
  EXPECT_EQ(load_npy(with_shape("()", 1)).shape(), (Shape{}));
}

TEST_F(NpyFile, ReadsAnyByteButZeroAsTrue) {
  const NDArray array = load_npy(file(bytes_of(npy_header(DType::Bool, {3})) + Bytes{0, 1, 7}));
  EXPECT_EQ(array.to_vector<bool>(), (std::vector<bool>{false, true, true}));
}

TEST_F(NpyFile, RefusesOtherTypesSayingWhy) {
  EXPECT_ERROR(load_npy(fixture("refused_big_endian")),
               "refused_big_endian.npy: its elements are big-endian, '>f4'; linnet reads little-endian ones; "
               "in NumPy, "
               "array.astype('<f4') converts them");
  EXPECT_ERROR(load_npy(fixture("refused_int16")),
               "it has dtype '<i2'; linnet reads f4, f8, i4, i8, u1, b1 and f2");
  EXPECT_ERROR(load_npy(fixture("refused_complex")), "it has dtype '<c8'");
  EXPECT_ERROR(load_npy(fixture("refused_text")), "it has dtype '<U3'");
  EXPECT_ERROR(load_npy(fixture("refused_raw")), "its elements are records or raw bytes, '|V5'");
  EXPECT_ERROR(load_npy(fixture("refused_records")),
               "its elements are records with fields; linnet reads arrays of one");
  EXPECT_ERROR(load_npy(fixture("refused_objects")),
               "it holds Python objects, '|O': reading them would run code that is in the file");
  EXPECT_ERROR(load_npy(fixture("refused_nine_dimensions")), "it has more than 8 dimensions");
  EXPECT_ERROR(load_npy(with_descr("''")), "it has dtype ''");
  EXPECT_ERROR(load_npy(with_descr("'<'")), "it has dtype '<'");
  EXPECT_ERROR(load_npy(with_descr("'<f4\x1b[2J'")), "it has dtype '<f4\\x1b[2J'");
}

TEST_F(NpyFile, RefusesWhatIsNoFileAndNoNpy) {
  EXPECT_ERROR(load_npy(folder_ / "none.npy"), "none.npy: there is no such file");
  EXPECT_ERROR(load_npy(folder_.path()), "that is not a file");
  EXPECT_ERROR(load_npy(file({})), "it is no .npy file: it begins ''");
  EXPECT_ERROR(load_npy(file(bytes_of("hello!"))), "it is no .npy file: it begins 'hello!'");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\1"))), "it is cut short: 7 bytes");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\1") + Bytes{1, 0, 0})),
               "it has version 1.1; linnet reads 1.0, 2.0 and");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\4") + Bytes{0, 0, 0})), "it has version 4.0");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\2") + Bytes{0, 0, 0})), "it is cut short: 10 bytes");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\1") + Bytes{0, 9, 0})),
               "it is cut short: the header claims 9 bytes and 0 are there");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\2") + Bytes{0, 1, 0, 1, 0})),
               "the header claims 65537 bytes; at most 65536 are read");
  EXPECT_ERROR(load_npy(file(bytes_of("\x93NUMPY\3") + Bytes{0, 255, 255, 255, 255})),
               "the header claims 4294967295");
}

TEST_F(NpyFile, RefusesHeadersThatNumPyDoesNotWrite) {
  const std::string odd = "the header is not what NumPy writes: ";
  EXPECT_ERROR(load_npy(with_header("")), odd + "its end at its byte 0; expected '{'");
  EXPECT_ERROR(load_npy(with_header("[]")), odd + "'[]' at its byte 0; expected '{'");
  EXPECT_ERROR(load_npy(with_header("{}")), "the header has no 'descr'");
  EXPECT_ERROR(load_npy(with_header("{'descr': '<f4'}")), "the header has no 'fortran_order'");
  EXPECT_ERROR(load_npy(with_header("{'descr': '<f4', 'fortran_order': False}")),
               "the header has no 'shape'");
  EXPECT_ERROR(load_npy(with_header("{'descr': '<f4', 'descr': '<f4'}")), "the header has 'descr' twice");
  EXPECT_ERROR(load_npy(with_header("{'shape': (), 'shape': ()}")), "the header has 'shape' twice");
  EXPECT_ERROR(load_npy(with_header("{'fortran_order': True, 'fortran_order': True}")),
               "'fortran_order' twice");
  EXPECT_ERROR(load_npy(with_header("{'size': 3}")),
               "the header has an unknown 'size'; expected descr, fortran_order");
  EXPECT_ERROR(load_npy(with_header("{'descr' '<f4'}")), "; expected ':'");
  EXPECT_ERROR(load_npy(with_header("{'descr': <f4}")), "expected a text in quotes");
  EXPECT_ERROR(load_npy(with_header("{'descr': '<f4}\n")), "expected a text in quotes, without escapes");
  EXPECT_ERROR(load_npy(with_header("{'desc\\x72': '<f4'}\n")), "expected a text in quotes, without escapes");
  EXPECT_ERROR(load_npy(with_header("{'fortran_order': 0}")), "expected True or False");
  EXPECT_ERROR(load_npy(with_header("{'fortran_order': Falsely}")), "expected '}'");
  EXPECT_ERROR(load_npy(with_header("{'descr': '<f4' 'shape': ()}")), "expected '}'");
  EXPECT_ERROR(load_npy(with_shape("(1,), } {")), "expected nothing more");
  EXPECT_ERROR(load_npy(with_shape("(1)")), "expected ','");
  EXPECT_ERROR(load_npy(with_shape("1")), "expected '('");
  EXPECT_ERROR(load_npy(with_shape("(1, -2)")), "expected a whole number, not negative");
  EXPECT_ERROR(load_npy(with_shape("(1, 2.5)")), "expected ','");
  EXPECT_ERROR(load_npy(with_shape("(,)")), "expected a whole number");
  EXPECT_ERROR(load_npy(with_shape("(1, (2, 3))")), "expected a whole number");
  EXPECT_ERROR(load_npy(with_shape("(" + std::string(3000, '('))), "expected a whole number");
  EXPECT_ERROR(load_npy(with_shape("__import__('os')")), odd);
}

TEST_F(NpyFile, RefusesSizesThatLie) {
  EXPECT_ERROR(load_npy(with_shape("(3,)", 2)),
               "it is cut short: 2 bytes of elements; uint8 of shape (3,) has 3");
  EXPECT_ERROR(load_npy(with_shape("(3,)", 5)), "2 bytes come after its elements; uint8 of shape (3,) has 3");
  EXPECT_ERROR(load_npy(with_shape("(1000000000000,)", 5)), "it is cut short: 5 bytes of elements");
  EXPECT_ERROR(load_npy(with_shape("(9223372036854775807,)")), "more elements than any memory holds");
  EXPECT_ERROR(load_npy(with_shape("(9223372036854775808,)")),
               "shape has 9223372036854775808,), }\\x0a, which is no possible size");
  EXPECT_ERROR(load_npy(with_shape("(4294967296, 4294967296)")),
               "it has shape (4294967296, 4294967296), more elements");
  EXPECT_ERROR(load_npy(with_shape("(0, 4294967296, 4294967296)")), "more elements than any memory holds");
}

TEST_F(NpyFile, DamagedFilesLoadOrThrowError) {
  for (const char* name : {"f4", "i8_columns_first", "f2_special", "refused_records"}) {
    const Bytes whole = read_bytes(fixture(name));
    const auto read = [&](const Bytes& bytes) { parse_npy(bytes, "a file"); };
    EXPECT_EQ(read_prefixes(whole, "[npy]", read).loaded, 0) << name;
    const Verdicts flipped = read_flipped(whole, "[npy]", read);
    EXPECT_GT(flipped.refused, 200) << name;
    if (std::string(name) != "refused_records") {
      EXPECT_GE(flipped.loaded, (static_cast<int>(whole.size()) - 128) * 9)
          << name;  // elements may be anything
    }
  }
}

TEST_F(NpyFile, SaysWhyAFileCannotBeWritten) {
  EXPECT_ERROR(save_npy(NDArray(), path_), "x.npy: the array is undefined");
  EXPECT_ERROR(save_npy(NDArray::zeros({1}), folder_ / "no/such.npy"), "such.npy: No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace linnet
