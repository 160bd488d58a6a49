// safetensors files: round trips, exact bytes, and every way a file can lie.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <linnet/core/random.h>
#include <linnet/io/safetensors.h>
#include <linnet/io/save.h>
#include <linnet/nn/models.h>

#include "io/half.h"
#include "io/safetensors_header.h"
#include "tests/unit/damaged.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

namespace fs = std::filesystem;

class Safetensors : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / ("linnet_safetensors_" + std::string(info->name()) + "_" +
                                           std::to_string(reinterpret_cast<uintptr_t>(this)));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  fs::path path(const std::string& name = "x.safetensors") const { return folder_ / name; }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path write(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    return path();
  }

  static std::string with_length(uint64_t length, const std::string& rest) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + rest;
  }
  /// A file of that header and `data` zero bytes.
  fs::path write_header(const std::string& header, size_t data = 0) const {
    return write(with_length(header.size(), header + std::string(data, '\0')));
  }

  fs::path folder_;
};

TEST_F(Safetensors, RoundTripKeepsOrderShapesDtypesAndMetadata) {
  const nn::StateDict state{
      {"z.bool", NDArray::from_data<bool>({true, false, true}, {3})},
      {"a.float", NDArray::from_data<float>({1.5F, -2, 3e-30F, 4, 5, 6}, {2, 3})},
      {"double", NDArray::from_data<double>({0.1, -1e300}, {1, 2, 1})},
      {"int32", NDArray::from_data<int32_t>({-7, INT32_MAX}, {2})},
      {"int64", NDArray::from_data<int64_t>({INT64_MIN}, {})},
      {"bytes \"quoted\" \u00e9", NDArray::from_data<uint8_t>({0, 255}, {2})},
      {"empty", NDArray::zeros({0, 4})},
  };
  const Metadata metadata{{"format", "linnet"}, {"about", "two\nlines"}};
  save_safetensors(state, path(), metadata);
  const SafetensorsFile file = load_safetensors(path());
  EXPECT_EQ(file.metadata, metadata);
  ASSERT_EQ(file.tensors.size(), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(file.tensors[i].name, state[i].name);
    EXPECT_EQ(file.tensors[i].array.shape(), state[i].array.shape());
    ASSERT_EQ(file.tensors[i].array.dtype(), state[i].array.dtype());
  }
  EXPECT_EQ(file.tensors[0].array.to_vector<bool>(), state[0].array.to_vector<bool>());
  EXPECT_EQ(file.tensors[1].array.to_vector<float>(), state[1].array.to_vector<float>());
  EXPECT_EQ(file.tensors[2].array.to_vector<double>(), state[2].array.to_vector<double>());
  EXPECT_EQ(file.tensors[3].array.to_vector<int32_t>(), state[3].array.to_vector<int32_t>());
  EXPECT_EQ(file.tensors[4].array.item<int64_t>(), INT64_MIN);
  EXPECT_EQ(file.tensors[5].array.to_vector<uint8_t>(), state[5].array.to_vector<uint8_t>());
}

TEST_F(Safetensors, WritesTheseBytes) {
  save_safetensors({{"b", NDArray::from_data<uint8_t>({7}, {1})}, {"w", NDArray::from_data<float>({1}, {1})}},
                   path(), {{"k", "v"}});
  const std::string header =
      R"({"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},)"
      R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(read(path()), with_length(padded.size(), padded + std::string("\0\0\x80\x3f\7", 5)));
}

TEST_F(Safetensors, TheSameContentGivesTheSameBytes) {
  const nn::SimpleCNN model;
  save(model, path("a.safetensors"));
  const nn::SimpleCNN copy = nn::clone(model);
  save(copy, path("b.safetensors"));
  EXPECT_EQ(read(path("a.safetensors")), read(path("b.safetensors")));
}

TEST_F(Safetensors, WritesViewsAsTheyAppear) {
  const NDArray x = NDArray::arange(6).reshape({2, 3});
  save_safetensors({{"t", x.transpose(0, 1)}, {"s", x.slice(1, 1, 3)}}, path());
  const SafetensorsFile file = load_safetensors(path());
  EXPECT_EQ(file.tensors[0].array.to_vector<float>(), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(file.tensors[1].array.to_vector<float>(), (std::vector<float>{1, 2, 4, 5}));
}

TEST_F(Safetensors, NothingAtAllIsAFileToo) {
  save_safetensors({}, path());
  EXPECT_EQ(read(path()), with_length(8, "{}      "));
  EXPECT_TRUE(load_safetensors(path()).tensors.empty());
}

TEST_F(Safetensors, ReplacesAFileAndLeavesNoOther) {
  write("old");
  save_safetensors({{"x", NDArray::zeros({2})}}, path());
  EXPECT_EQ(load_safetensors(path()).tensors[0].name, "x");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(Safetensors, SavesAndLoadsModels) {
  nn::SimpleCNN model;
  model.to(MemoryOrder::ChannelsLast);
  save(model, path());
  nn::SimpleCNN other;
  other.to(DType::Float64);
  load(other, path());
  EXPECT_EQ(other.conv2.weight.to_vector<double>(), model.conv2.weight.to_vector<double>());
  EXPECT_EQ(load_safetensors(path()).tensors.size(), 10U);
  nn::Linear wrong(2, 2);
  EXPECT_ERROR(load(wrong, path()),
               "[load_state_dict] " + path().string() +
                   ": the state does not fit Linear; missing: weight (2, 2) [fc1.weight?], bias (2,) "
                   "[fc1.bias?]; unexpected: conv1.weight (32, 1, 2, 2),");
}

TEST_F(Safetensors, Float16AndBFloat16BecomeFloat32) {
  const std::string header = R"({"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]},)"
                             R"("b":{"dtype":"BF16","shape":[256,256],"data_offsets":[131072,262144]}})";
  std::string patterns(131072, '\0');
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    std::memcpy(&patterns[2 * bits], &pattern, sizeof pattern);
  }
  const SafetensorsFile file =
      load_safetensors(write(with_length(header.size(), header + patterns + patterns)));
  ASSERT_EQ(file.tensors.size(), 2U);
  EXPECT_EQ(file.tensors[1].array.shape(), (Shape{256, 256}));
  for (const nn::NamedArray& tensor : file.tensors) {
    ASSERT_EQ(tensor.array.dtype(), DType::Float32);
    const auto values = tensor.array.to_vector<float>();
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      const auto pattern = static_cast<uint16_t>(bits);
      const float expected = tensor.name == "h" ? float16_to_float32(pattern) : bfloat16_to_float32(pattern);
      ASSERT_EQ(std::memcmp(&values[bits], &expected, sizeof expected), 0) << tensor.name << ' ' << bits;
    }
  }
}

TEST_F(Safetensors, ReadsElementsAtAnyOffset) {
  // Files of older writers: a header that is not padded, and dtypes in any order.
  const std::string header = R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("w":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}})";
  const double number = 0.1;
  std::string data(9, '\7');
  std::memcpy(&data[1], &number, sizeof number);
  const SafetensorsFile file = load_safetensors(write(with_length(header.size(), header + data)));
  EXPECT_EQ(file.tensors[1].array.item<double>(), number);
}

TEST_F(Safetensors, RefusesToWriteWhatTheFormatCannotHold) {
  const NDArray x = NDArray::zeros({1});
  EXPECT_ERROR(save_safetensors({{"a", x}, {"a", x}}, path()), "the name \"a\" is there twice");
  EXPECT_ERROR(save_safetensors({{"__metadata__", x}}, path()), "no tensor can be named \"__metadata__\"");
  EXPECT_ERROR(save_safetensors({{"a\xff", x}}, path()), "a name or the metadata is not valid UTF-8");
  EXPECT_ERROR(save_safetensors({{"a", x}}, path(), {{"k", "\xc3"}}),
               "a name or the metadata is not valid UTF-8");
  EXPECT_ERROR(save_safetensors({{"a", NDArray()}}, path()), "\"a\" is undefined");
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Safetensors, SaysWhyAFileCannotBeWritten) {
  const nn::StateDict state{{"a", NDArray::zeros({1})}};
  EXPECT_ERROR(save_safetensors(state, path("no/such/folder.safetensors")),
               "folder.safetensors: No such file or directory");
  EXPECT_ERROR(save_safetensors(state, folder_), "it is a folder; expected the name of a file");
  EXPECT_ERROR(save_safetensors({{"a", NDArray::zeros({1}, DType::Float32, device("meta"))}}, path()),
               "meta");
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Safetensors, RefusesWhatIsNoFile) {
  EXPECT_ERROR(load_safetensors(path()), "x.safetensors: there is no such file");
  EXPECT_ERROR(load_safetensors(folder_), "that is not a file");
}

TEST_F(Safetensors, RefusesLengthsThatLie) {
  EXPECT_ERROR(load_safetensors(write("1234567")), "the file has 7 bytes; expected at least 8");
  EXPECT_ERROR(load_safetensors(write("")), "the file has 0 bytes; expected at least 8");
  EXPECT_ERROR(load_safetensors(write(with_length(100, "{}"))),
               "the header claims 100 bytes and the file has 2");
  EXPECT_ERROR(load_safetensors(write(with_length(100'000'001, "{}"))),
               "the header claims 100000001 bytes; at most 100000000 are allowed");
  EXPECT_ERROR(load_safetensors(write(with_length(UINT64_MAX, "{}"))),
               "the header claims 18446744073709551615 bytes");
  EXPECT_ERROR(load_safetensors(write(with_length(0, ""))), "the header is not a JSON object");
}

TEST_F(Safetensors, RefusesHeadersThatAreNoJsonObject) {
  EXPECT_ERROR(load_safetensors(write_header("[1, 2]")),
               "the header is not a JSON object: it does not begin with {");
  EXPECT_ERROR(load_safetensors(write_header(" {}")), "it does not begin with {");
  EXPECT_ERROR(load_safetensors(write_header("{\"a\": ")),
               "the header is not valid JSON in UTF-8, at its byte");
  EXPECT_ERROR(load_safetensors(write_header("{} {}")), "the header is not valid JSON in UTF-8, at its byte");
  EXPECT_ERROR(load_safetensors(write_header("{\"\xff\": {}}")),
               "the header is not valid JSON in UTF-8, at its byte");
  EXPECT_ERROR(load_safetensors(write_header(std::string(1000, '{'))), "the header is not valid JSON");
}

TEST_F(Safetensors, RefusesEntriesOfAnotherForm) {
  const auto entry = [this](const std::string& text) { return write_header("{\"w\":" + text + "}", 4); };
  EXPECT_ERROR(load_safetensors(entry("3")),
               "\"w\" is the number 3; expected an object with dtype, shape and data_offsets");
  EXPECT_ERROR(load_safetensors(entry("null")), "\"w\" is null; expected an object");
  EXPECT_ERROR(load_safetensors(entry("[[[]]]")), "\"w\" is an array; expected an object");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1]})")), "\"w\" has no data_offsets");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","data_offsets":[0,4]})")), "\"w\" has no shape");
  EXPECT_ERROR(load_safetensors(entry(R"({"shape":[1],"data_offsets":[0,4]})")), "\"w\" has no dtype");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,4]})")),
               "\"w\" has dtype F8_E4M3; linnet reads F32, F64, I32, I64, U8, BOOL, F16 and BF16");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})")),
               "dtype of \"w\" has the number 4; expected a text");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})")),
               "shape of \"w\" has the number -1; expected an array of whole numbers, none negative");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})")),
               "has the number 1.5;");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":"1","data_offsets":[0,4]})")),
               "shape of \"w\" has the text \"1\"");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[true],"data_offsets":[0,4]})")),
               "has true or false;");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})")),
               "has an array;");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":{},"data_offsets":[0,4]})")),
               "has an object;");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})")),
               "has the number 1;");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})")),
               "data_offsets of \"w\" has 1 numbers; expected 2, begin and end");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})")),
               "data_offsets of \"w\" has more than 2 numbers");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})")),
               "shape of \"w\" has more than 8 numbers");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1})")),
               "\"w\" has an unknown field \"extra\"");
  EXPECT_ERROR(load_safetensors(entry(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})")),
               "\"w\" has \"dtype\" twice");
  EXPECT_ERROR(load_safetensors(write_header(R"({"__metadata__":{"k":1}})")),
               "k of \"__metadata__\" has the number 1; expected a text");
  EXPECT_ERROR(load_safetensors(write_header(R"({"__metadata__":{"k":"a","k":"b"}})")),
               "\"__metadata__\" has \"k\" twice");
}

TEST_F(Safetensors, RefusesSizesThatLie) {
  const auto w = [this](const std::string& dtype, const std::string& shape, const std::string& offsets,
                        size_t data) {
    return write_header(
        R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
        data);
  };
  EXPECT_EQ(load_safetensors(w("F32", "[2]", "[0,8]", 8)).tensors[0].array.numel(), 2);
  EXPECT_ERROR(load_safetensors(w("F32", "[3]", "[0,8]", 8)),
               "\"w\" has 8 bytes, 0 to 8; F32 of shape (3,) needs 12");
  EXPECT_ERROR(load_safetensors(w("F64", "[]", "[0,4]", 4)),
               "\"w\" has 4 bytes, 0 to 4; F64 of shape () needs 8");
  EXPECT_ERROR(load_safetensors(w("F32", "[1]", "[8,4]", 8)), "\"w\" begins at 8, after its end at 4");
  EXPECT_ERROR(load_safetensors(w("F32", "[2]", "[0,8]", 7)),
               "\"w\" ends at byte 8 of the data, of which there are 7");
  EXPECT_ERROR(load_safetensors(w("F32", "[1000000000]", "[0,4000000000]", 8)),
               "\"w\" ends at byte 4000000000 of the data, of which there are 8");
  EXPECT_ERROR(load_safetensors(w("F32", "[2]", "[0,8]", 9)),
               "the tensors end at byte 8 of the data, of which there are 9");
  EXPECT_ERROR(load_safetensors(w("F32", "[1]", "[4,8]", 8)), "\"w\" begins at byte 4; expected 0");
  EXPECT_ERROR(load_safetensors(w("F32", "[4294967296,4294967296]", "[0,0]", 0)),
               "\"w\" has shape (4294967296, 4294967296), more elements than any memory holds");
  EXPECT_ERROR(load_safetensors(w("F32", "[0,4294967296,4294967296]", "[0,0]", 0)),
               "more elements than any memory holds");
  EXPECT_ERROR(load_safetensors(w("U8", "[18446744073709551615]", "[0,0]", 0)),
               "has 18446744073709551615, which is no possible size");
  EXPECT_ERROR(load_safetensors(w("U8", "[18446744073709551616]", "[0,0]", 0)),
               "shape of \"w\" has the number 18446744073709551616");
}

TEST_F(Safetensors, RefusesTensorsThatOverlapOrLeaveGaps) {
  const auto two = [this](const std::string& a, const std::string& b, size_t data) {
    return write_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + a +
                            R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + b + "}}",
                        data);
  };
  EXPECT_EQ(load_safetensors(two("[4,8]", "[0,4]", 8)).tensors[0].name, "a");
  EXPECT_ERROR(load_safetensors(two("[0,4]", "[2,6]", 6)),
               "\"b\" begins at byte 2; expected 4, where what is before it ends");
  EXPECT_ERROR(load_safetensors(two("[0,4]", "[0,4]", 4)), "\"b\" begins at byte 0; expected 4");
  EXPECT_ERROR(load_safetensors(two("[0,4]", "[8,12]", 12)), "\"b\" begins at byte 8; expected 4");
  EXPECT_ERROR(
      load_safetensors(write_header(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})")),
      "the name \"a\" is there twice");
}

TEST_F(Safetensors, ErrorsShowNamesThatATerminalDoesNotObey) {
  const auto named = [this](const std::string& offsets) {
    return write_header(R"({"\u001b[31m":{"dtype":"U8","shape":[1],"data_offsets":)" + offsets + "}}", 1);
  };
  EXPECT_ERROR(load_safetensors(named("[1,2]")), "\"\\x1b[31m\" ends at byte 2");
  EXPECT_ERROR(
      load_safetensors(write_header(R"({"\u001b[31m":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2)),
      "\"\\x1b[31m\" begins at byte 1");
}

TEST_F(Safetensors, ReadsAnyByteButZeroAsTrue) {
  const std::string header = R"({"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})";
  EXPECT_EQ(load_safetensors(write(with_length(header.size(), header + std::string("\0\1\7", 3))))
                .tensors[0]
                .array.to_vector<bool>(),
            (std::vector<bool>{false, true, true}));
}

TEST_F(Safetensors, NoCutMakesAFileThatLoads) {
  save_safetensors({{"a", NDArray::arange(5)}, {"b", NDArray::arange(3, DType::Int64)}}, path());
  const std::string whole = read(path());
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_ERROR(load_safetensors(write(whole.substr(0, length))), "[safetensors] ");
  }
}

TEST_F(Safetensors, WhateverBitOfTheFileChangesItLoadsOrThrowsError) {
  save_safetensors({{"a", NDArray::arange(5)}, {"b", NDArray::arange(3, DType::Int64)}}, path(),
                   {{"k", "v"}});
  const std::string whole = read(path());
  const Verdicts verdicts = read_flipped({whole.begin(), whole.end()}, "[safetensors]",
                                         [](const Bytes& bytes) { parse_safetensors(bytes, "a file"); });
  EXPECT_GE(verdicts.loaded, (5 * 4 + 3 * 8) * 9);  // elements may be anything
  EXPECT_GT(verdicts.refused, 500);
}

TEST_F(Safetensors, WhateverBytesOfTheHeaderChangeItParsesOrThrowsError) {
  save_safetensors({{"a", NDArray::arange(5)}, {"b", NDArray::arange(3, DType::Int64)}}, path(),
                   {{"k", "v"}});
  const uint64_t data_size = 5 * 4 + 3 * 8;
  const std::string file = read(path());
  const std::string header = file.substr(8, file.size() - 8 - data_size);
  Generator random(7);
  int parsed = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string changed = header;
    for (uint64_t n = 1 + random.next_below(3); n > 0; --n) {
      changed[random.next_below(changed.size())] = static_cast<char>(random.next_below(256));
    }
    try {
      parse_safetensors_header(changed, data_size, "a file");
      ++parsed;
    } catch (const Error& error) {
      EXPECT_EQ(error.where(), "safetensors");
    }
  }
  EXPECT_GT(parsed, 0);  // names may be anything
  EXPECT_LT(parsed, 2000);
}

}  // namespace
}  // namespace linnet
