// .npz files: those NumPy wrote, round trips, and what is wrong with others.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <linnet/io/npy.h>
#include "io/npy_bytes.h"
#include "io/zip.h"
#include "tests/unit/damaged.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

std::string fixture(const std::string& name) {
  return LINNET_SOURCE_DIR "/tests/fixtures/numpy/" + name;
}

/// As tests/fixtures/numpy_files.py makes the arrays of stored.npz and deflated.npz.
void expect_fixture(const nn::StateDict& tensors) {
  ASSERT_EQ(tensors.size(), 6U);
  const auto expect = [&](size_t i, const char* name, const NDArray& expected) {
    EXPECT_EQ(tensors[i].name, name);
    EXPECT_EQ(tensors[i].array.shape(), expected.shape()) << name;
    EXPECT_EQ(tensors[i].array.dtype(), expected.dtype()) << name;
    EXPECT_EQ(tensors[i].array.to_vector<double>(), expected.to_vector<double>()) << name;
  };
  std::vector<float> halves;
  std::vector<bool> mask;
  for (int i = 0; i < 24; ++i) {
    halves.push_back(static_cast<float>(i) / 2 - 3);
    mask.push_back(i % 3 == 0);
  }
  const NDArray weight = NDArray::from_data(halves, {2, 3, 4});
  expect(0, "conv1.weight", weight);
  expect(1, "conv1.bias", NDArray::from_data<float>({-3, -2.5F}, {2}));
  expect(2, "steps", NDArray::from_data<int64_t>({-3}, {}));
  expect(3, "columns/first", weight.to(DType::Float64));
  expect(4, "mask", NDArray::from_data<float>({mask.begin(), mask.end()}, {2, 3, 4}).to(DType::Bool));
  expect(5, "none", NDArray::zeros({0, 3}, DType::UInt8));
}

class Npz : public FileTest {
 protected:
  Npz() : FileTest("x.npz") {}

  /// An archive of one entry.
  std::string archive(const std::string& name, const Bytes& bytes) {
    ZipWriter out(path_, "test");
    out.add(name, bytes);
    out.commit();
    return path_;
  }
};

TEST_F(Npz, ReadsWhatNumPyWrote) {
  expect_fixture(load_npz(fixture("stored.npz")));
  expect_fixture(load_npz(fixture("deflated.npz")));
  const nn::StateDict savez = load_npz(fixture("savez.npz"));
  ASSERT_EQ(savez.size(), 2U);
  EXPECT_EQ(savez[0].name, "conv1.weight");
  EXPECT_EQ(savez[0].array.shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(savez[1].array.item<int64_t>(), -3);
  EXPECT_TRUE(load_npz(fixture("nothing.npz")).empty());
}

TEST_F(Npz, RoundTripsAreExact) {
  const nn::StateDict state = load_npz(fixture("deflated.npz"));
  save_npz(state, path_);
  expect_fixture(load_npz(path_));
  const Bytes first = read_bytes(path_);
  save_npz(state, path_);
  EXPECT_EQ(read_bytes(path_), first);
  save_npz({}, path_);
  EXPECT_TRUE(load_npz(path_).empty());
  const NDArray nan = NDArray::from_data<double>({std::nan("7"), -0.0, 5e-324}, {3});
  save_npz({{"t", NDArray::arange(6).reshape({2, 3}).transpose(0, 1)}, {"", nan}}, path_);
  const nn::StateDict back = load_npz(path_);
  EXPECT_EQ(back[0].array.to_vector<float>(), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(back[1].name, "");
  const auto a = nan.to_vector<double>(), b = back[1].array.to_vector<double>();
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0);
}

TEST_F(Npz, HoldsTheBytesOfNpyFiles) {
  save_npz({{"x", load_npy(fixture("i8.npy"))}}, path_);
  const ZipReader reader(path_, "test");
  ASSERT_EQ(reader.entries().size(), 1U);
  EXPECT_EQ(reader.entries()[0].name, "x.npy");
  EXPECT_EQ(reader.read(0), read_bytes(fixture("i8.npy")));
}

TEST_F(Npz, NamesTheEntryThatIsWrong) {
  EXPECT_ERROR(load_npz(folder_ / "none.npz"), "none.npz: there is no such file");
  EXPECT_ERROR(load_npz(file({'h', 'e', 'l', 'l', 'o'})), "[npz] " + path_ + ": this is no zip archive");
  EXPECT_ERROR(load_npz(archive("read\u009bme.txt", {1})),
               "x.npz: \"read\\xc2\\x9bme.txt\" is no .npy file; expected an archive of those alone");
  EXPECT_ERROR(load_npz(archive("w.npy", {1, 2})),
               "[npy] " + path_ + ": \"w.npy\": it is no .npy file: it begins");
  EXPECT_ERROR(load_npz(archive("w.npy", read_bytes(fixture("refused_objects.npy")))),
               "x.npz: \"w.npy\": it holds Python objects");
}

TEST_F(Npz, RefusesToWriteWhatTheFormatCannotHold) {
  const NDArray x = NDArray::zeros({1});
  EXPECT_ERROR(save_npz({{"a", x}, {"a", x}}, path_), "the name \"a.npy\" is there twice");
  EXPECT_ERROR(save_npz({{"a", NDArray()}}, path_), "x.npz: \"a\" is undefined; expected an array");
  EXPECT_ERROR(save_npz({{"../a", x}}, path_), "the name \"../a.npy\"");
  EXPECT_ERROR(save_npz({{"a\x01", x}}, path_), "[npz] " + path_ + ": the name \"a\\x01.npy\" has control");
  EXPECT_ERROR(save_npz({{"a", x}}, folder_ / "no/such.npz"), "such.npz: No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Npz, DamagedFilesLoadOrThrowError) {
  for (const char* name : {"savez.npz", "deflated.npz"}) {
    const Bytes whole = read_bytes(fixture(name));
    const auto read = [](const Bytes& bytes) { parse_npz(bytes, "a file"); };
    EXPECT_EQ(read_prefixes(whole, "[npz][npy]", read).loaded, 0) << name;
    EXPECT_GT(read_flipped(whole, "[npz][npy]", read).refused, 1000) << name;
  }
}

}  // namespace
}  // namespace linnet
