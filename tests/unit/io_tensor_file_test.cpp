// Files of tensors whatever their format: told by content, written by name, from each format to every other.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include <linnet/data/idx.h>
#include <linnet/io/npy.h>
#include <linnet/io/pth.h>
#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/models.h>
#include "core/view.h"
#include "io/zip.h"
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

class TensorFiles : public FileTest {
 protected:
  static Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
};

/// Zeros, infinities, the smallest and largest numbers of all kinds, and NaN: quiet, signalling, with payload
/// and sign.
const std::vector<uint32_t> kFloats{0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff,
                                    0x7f800000, 0xff800000, 0x7fc00000, 0x7fc00123, 0xffc00000, 0xff812345};
const std::vector<uint64_t> kDoubles{0x0000000000000000, 0x8000000000000000, 0x0000000000000001,
                                     0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
                                     0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                                     0x7ff8000000000123, 0xfff8000000000000, 0xfff0123456789abc};

template <class Float, class Bits>
NDArray of_bits(const std::vector<Bits>& bits, const Shape& shape) {
  std::vector<Float> values(bits.size());
  std::memcpy(values.data(), bits.data(), bits.size() * sizeof(Bits));
  return NDArray::from_data(values, shape);
}

/// Every dtype, with elements, without dimensions and empty; values that arithmetic would not keep.
nn::StateDict sample() {
  nn::StateDict tensors{
      {"conv1.weight", of_bits<float>(kFloats, {1, 4, 3, 1})},
      {"conv1.bias", of_bits<double>(kDoubles, {12})},
      {"steps", NDArray::from_data<int64_t>({INT64_MIN, -1, INT64_MAX}, {3})},
      {"int32", NDArray::from_data<int32_t>({INT32_MIN, INT32_MAX, -7, 0}, {2, 2})},
      {"bytes", NDArray::from_data<uint8_t>({0, 255}, {2, 1})},
      {"mask", NDArray::from_data<bool>({true, false, true}, {3})},
      {"number", of_bits<float, uint32_t>({0xffc00001}, {})},
  };
  for (const DType dtype :
       {DType::Float32, DType::Float64, DType::Int32, DType::Int64, DType::UInt8, DType::Bool}) {
    if (dtype != DType::Float32) {
      tensors.push_back({std::string("number.") + name(dtype), NDArray::full({}, 1, dtype)});
    }
    tensors.push_back({std::string("empty.") + name(dtype), NDArray::zeros({2, 0, 3}, dtype)});
  }
  return tensors;
}

void expect_same(const nn::StateDict& a, const nn::StateDict& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name) << what;
    ASSERT_EQ(a[i].array.shape(), b[i].array.shape()) << what << a[i].name;
    ASSERT_EQ(a[i].array.dtype(), b[i].array.dtype()) << what << a[i].name;
    const NDArray x = a[i].array.contiguous(), y = b[i].array.contiguous();
    if (x.numel() == 0) continue;
    const size_t bytes = static_cast<size_t>(x.numel()) * size_of(x.dtype());
    EXPECT_EQ(std::memcmp(x.read_view().data, y.read_view().data, bytes), 0) << what << a[i].name;
  }
}

TEST_F(TensorFiles, EachFormatGoesToEveryOtherExactly) {
  const std::pair<const char*, FileFormat> formats[] = {{"a.safetensors", FileFormat::Safetensors},
                                                        {"a.pth", FileFormat::Pth},
                                                        {"a.pt", FileFormat::Pth},
                                                        {"a.npz", FileFormat::Npz}};
  for (const auto& [from, from_format] : formats) {
    save_tensors(sample(), folder_ / from);
    const TensorFile read = load_tensors(folder_ / from);
    EXPECT_EQ(read.format, from_format) << from;
    expect_same(read.tensors, sample(), from);
    for (const auto& [to, to_format] : formats) {
      const std::string path = folder_ / (std::string("b-") + to);
      save_tensors(read.tensors, path);
      EXPECT_EQ(load_tensors(path).format, to_format);
      expect_same(load_tensors(path).tensors, sample(), std::string(from) + " to " + to + ": ");
    }
  }
}

TEST_F(TensorFiles, EachArrayAloneGoesFromEachFormatToEveryOtherExactly) {
  for (const nn::NamedArray& each : sample()) {
    for (const char* from : {".safetensors", ".pth", ".npz", ".npy"}) {
      const std::string path = folder_ / (each.name + from);
      save_tensors({each}, path);
      const nn::StateDict read = load_tensors(path).tensors;
      for (const char* to : {".safetensors", ".pth", ".npz", ".npy"}) {
        const std::string other = folder_ / (each.name + to);
        save_tensors(read, other);
        expect_same(load_tensors(other).tensors, {each}, std::string(from) + " to " + to + ": ");
      }
    }
  }
}

TEST_F(TensorFiles, OneArrayGoesToNpyUnderTheNameOfTheFile) {
  const nn::StateDict one{{"weight", NDArray::arange(6).reshape({2, 3})}};
  save_tensors(one, folder_ / "weight.npy");
  expect_same(load_tensors(folder_ / "weight.npy").tensors, one, "npy");
  EXPECT_ERROR(save_tensors(sample(), folder_ / "x.npy"),
               "x.npy: a .npy file holds one array and here are 18; a .npz file holds several");
  EXPECT_ERROR(save_tensors({}, folder_ / "x.npy"), "a .npy file holds one array and here are 0");
}

TEST_F(TensorFiles, MetadataIsKeptOrRefused) {
  const Metadata metadata{{"format", "linnet"}};
  save_tensors(sample(), folder_ / "a.safetensors", metadata);
  EXPECT_EQ(load_tensors(folder_ / "a.safetensors").metadata, metadata);
  EXPECT_ERROR(
      save_tensors(sample(), folder_ / "a.npz", metadata),
      "a.npz: linnet writes no metadata to npz files, and here are 1 entries; safetensors files keep it");
  const TensorFile pth = load_tensors(LINNET_SOURCE_DIR "/tests/golden/pth/checkpoint_legacy.pth");
  EXPECT_EQ(pth.metadata.at("arch"), "tiny");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.npz"));
}

TEST_F(TensorFiles, TheContentTellsTheFormatWhateverTheName) {
  const auto kind = [&](const std::function<void(const std::string&)>& write) {
    const std::string made = folder_ / "made";
    write(made);
    std::filesystem::rename(made, folder_ / "weights.pdf");
    return std::string(name(detect_format(folder_ / "weights.pdf")));
  };
  EXPECT_EQ(kind([](const std::string& path) { save_safetensors(sample(), path); }), "safetensors");
  EXPECT_EQ(kind([](const std::string& path) { save_safetensors({}, path); }), "safetensors");
  EXPECT_EQ(kind([](const std::string& path) { save_pth(sample(), path); }), "pth");
  EXPECT_EQ(kind([](const std::string& path) { save_npz(sample(), path); }), "npz");
  EXPECT_EQ(kind([](const std::string& path) { save_npz({}, path); }), "npz");
  EXPECT_EQ(kind([](const std::string& path) { save_npy(NDArray::zeros({2}), path); }), "npy");
  EXPECT_EQ(kind([](const std::string& path) { data::write_idx(path, NDArray::zeros({2, 3})); }), "idx");
  EXPECT_EQ(kind([](const std::string& path) { write_bytes(path, {0x1F, 0x8B, 8, 0}); }), "idx");
  EXPECT_EQ(kind([](const std::string& path) { write_bytes(path, {0x80, 2, 0x8A, 10}); }), "pth");
}

TEST_F(TensorFiles, WhatIsNoFileOfTensorsIsRefused) {
  EXPECT_ERROR(detect_format(path_), "[load] " + path_ + ": there is no such file");
  EXPECT_ERROR(detect_format(folder_.path()), "that is not a file");
  const std::string none = "its content is of no format that linnet knows: it begins ";
  EXPECT_ERROR(detect_format(file({})), none + "\"\"; expected safetensors, .pth, .npy, .npz or IDX");
  EXPECT_ERROR(load_tensors(file(bytes_of("hello, world; how are you?"))), none + "\"hello, world; ho\"");
  EXPECT_ERROR(detect_format(file({0, 0, 8})), none + "\"\\x00\\x00\\x08\"");
  EXPECT_ERROR(detect_format(file({0, 0, 8, 0, 1})), none);
  EXPECT_ERROR(detect_format(file({0, 0, 8, 9, 1})), none);
  EXPECT_ERROR(detect_format(file({0x80})), none);
  EXPECT_ERROR(detect_format(file({0x80, 6, 1})), none);
  EXPECT_ERROR(detect_format(file(bytes_of("\1\1\1\1\1\1\1\1{}"))), none);
  EXPECT_ERROR(detect_format(file(bytes_of("PK\3\4 and no more"))), "[load] " + path_);
  ZipWriter archive(path_, "test");
  archive.add("x.txt", {});
  archive.commit();
  EXPECT_ERROR(detect_format(path_),
               "it is a zip archive of something else: expected one entry data.pkl, as in .pth");
  data::write_idx(path_, NDArray::zeros({2, 3}));
  EXPECT_ERROR(load_tensors(path_),
               "it is an IDX file, one array of a data set without a name; data::read_idx reads");
}

TEST_F(TensorFiles, AFormatThatIsGivenIsRead) {
  save_npz(sample(), path_);
  EXPECT_EQ(load_tensors(path_, FileFormat::Npz).format, FileFormat::Npz);
  EXPECT_ERROR(load_tensors(path_, FileFormat::Npy), "[npy] ");
  EXPECT_ERROR(load_tensors(path_, FileFormat::Safetensors), "[safetensors] ");
  EXPECT_ERROR(load_tensors(path_, FileFormat::Pth), "[load_pth] ");
}

TEST_F(TensorFiles, TheEndingOfTheNameTellsWhatIsWritten) {
  EXPECT_EQ(format_to_save("a/b.pt"), FileFormat::Pth);
  EXPECT_EQ(format_to_save("b.npy"), FileFormat::Npy);
  EXPECT_ERROR(save_tensors(sample(), folder_ / "w.bin"),
               "files ending in \".bin\" are not supported; tensors are kept in files ending in "
               ".safetensors, .pth, .pt, "
               ".npz, .npy");
  EXPECT_ERROR(save_tensors(sample(), folder_ / "w"), "files ending in \"\" are not supported");
}

TEST_F(TensorFiles, ModelsAreSavedToAndLoadedFromAnyOfThem) {
  const nn::SimpleCNN model;
  for (const char* to : {"w.safetensors", "w.pth", "w.npz"}) {
    save(model, folder_ / to);
    std::filesystem::rename(folder_ / to, path_);
    nn::SimpleCNN other;
    load(other, path_);
    expect_same(other.state_dict(), model.state_dict(), to);
    nn::Linear wrong(2, 2);
    EXPECT_ERROR(load(wrong, path_),
                 "[load_state_dict] " + path_ +
                     ": the state does not fit Linear; missing: weight (2, 2) [fc1.weight?], "
                     "bias (2,) [fc1.bias?];");
    EXPECT_ERROR(load(other, path_, {.prefix = "net."}),
                 "[load_state_dict] " + path_ + ": no name of the state begins with \"net.\"");
    EXPECT_ERROR(load(other, path_, {.rename = {{"fc1.weight", "fc1.bias"}}}),
                 "[load_state_dict] " + path_ + ": \"fc1.weight\" and \"fc1.bias\" of the state both become");
  }
  EXPECT_ERROR(save(model, folder_ / "w.onnx"),
               "files ending in \".onnx\" are not supported; tensors are kept in");
  EXPECT_ERROR(save(model, folder_ / "w.npy"), "a .npy file holds one array and here are 10");
}

}  // namespace
}  // namespace linnet
