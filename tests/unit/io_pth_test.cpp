// .pth files: round trips, and files that are damaged, hostile or something else. What PyTorch writes is read
// in tests/golden/pth_test.cpp.
#include <gtest/gtest.h>

#include <linnet/io/pth.h>

#include "io/pth_read.h"
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/io_pickle_bytes.h"

namespace linnet {
namespace {

using pickles::dict;
using pickles::global;
using pickles::integer;
using pickles::tensor;
using pickles::TensorBytes;
using pickles::text;
using pickles::whole;

class Pth : public FolderTest {};

PthContent read_bytes(const std::string& bytes) {
  return read_pth({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.pth");
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

const std::string kSix = floats({0, 1, 2, 3, 4, 5});

/// An archive around a pickle of those operations, with one storage.
std::string archive(const std::string& operations, const std::string& storage = kSix) {
  return zip_bytes({{.name = "archive/data.pkl", .data = whole(operations)},
                    {.name = "archive/byteorder", .data = "little"},
                    {.name = "archive/data/0", .data = storage},
                    {.name = "archive/version", .data = "3\n"}});
}
PthContent read_operations(const std::string& operations, const std::string& storage = kSix) {
  return read_bytes(archive(operations, storage));
}

const std::string kMagic = whole("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
const std::string kVersion = whole("M\xe9\x03");
const std::string kLittle = whole(dict({text("little_endian"), "\x88"}));

struct LegacyStorage {
  std::string key = "0";
  uint64_t count = 6;
  std::string data = kSix;
};
std::string legacy(const std::string& operations, const std::vector<LegacyStorage>& storages = {{}}) {
  std::string keys = "](", data;
  for (const LegacyStorage& storage : storages) {
    keys += text(storage.key);
    data += little_endian(storage.count, 8) + storage.data;
  }
  return kMagic + kVersion + kLittle + whole(operations) + whole(keys + "e") + data;
}

nn::StateDict some_tensors() {
  return {{"z.weight", NDArray::arange(6).reshape({2, 3})},
          {"a", NDArray::from_data<double>({0.1, -1e300}, {2, 1})},
          {"step", NDArray::from_data<int64_t>({INT64_MIN}, {})},
          {"int32", NDArray::from_data<int32_t>({-7, INT32_MAX}, {2})},
          {"bytes \u00e9", NDArray::from_data<uint8_t>({0, 255}, {2})},
          {"flags", NDArray::from_data<bool>({true, false, true}, {3})},
          {"empty", NDArray::zeros({0, 4})},
          {"wide", NDArray::zeros({0, int64_t{1} << 33})}};
}

void expect_equal(const nn::StateDict& actual, const nn::StateDict& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].name, expected[i].name);
    EXPECT_EQ(actual[i].array.dtype(), expected[i].array.dtype());
    EXPECT_EQ(actual[i].array.shape(), expected[i].array.shape());
    if (expected[i].array.dtype() == DType::Int64) {
      EXPECT_EQ(actual[i].array.to_vector<int64_t>(), expected[i].array.to_vector<int64_t>());
    } else {
      EXPECT_EQ(actual[i].array.to_vector<double>(), expected[i].array.to_vector<double>());
    }
  }
}

// ---- writing

TEST_F(Pth, RoundTrip) {
  save_pth(some_tensors(), path("x.pth"));
  expect_equal(load_pth(path("x.pth")), some_tensors());
  save_pth(some_tensors(), path("y.pt"));
  EXPECT_EQ(read_text(path("x.pth")), read_text(path("y.pt"))) << "the same content gives the same bytes";
  save_pth({}, path("x.pth"));
  EXPECT_TRUE(load_pth(path("x.pth")).empty());
}

TEST_F(Pth, ManyTensorsAndLongShapes) {
  nn::StateDict state;
  for (int i = 0; i < 300; ++i) state.push_back({"t" + std::to_string(i), NDArray::full({i % 7, 300, 1}, i)});
  save_pth(state, path("x.pth"));
  expect_equal(load_pth(path("x.pth")), state);
}

TEST_F(Pth, WritesViewsAsTheyAppear) {
  const NDArray x = NDArray::arange(6).reshape({2, 3});
  save_pth({{"t", x.transpose(0, 1)}, {"b", x.slice(0, 0, 1).broadcast_to({2, 3})}}, path("x.pth"));
  const nn::StateDict state = load_pth(path("x.pth"));
  EXPECT_EQ(state[0].array.to_vector<float>(), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(state[1].array.to_vector<float>(), (std::vector<float>{0, 1, 2, 0, 1, 2}));
}

TEST_F(Pth, RefusesToWriteWhatTheFormatCannotHold) {
  const NDArray x = NDArray::zeros({1});
  EXPECT_ERROR(save_pth({{"a", x}, {"a", x}}, path("x.pth")),
               "the name \"a\" is there twice; names must differ");
  EXPECT_ERROR(save_pth({{"a\xff", x}}, path("x.pth")), "the name \"a\\xff\" is not valid UTF-8");
  EXPECT_ERROR(save_pth({{"a", NDArray()}}, path("x.pth")), "\"a\" is undefined; expected an array");
  EXPECT_ERROR(save_pth({{"a", x}}, path("no/such/x.pth")), "x.pth: No such file or directory");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// ---- what a file holds

TEST_F(Pth, ReadsAnArchive) {
  const nn::StateDict state = read_operations(dict({text("w"), tensor()})).tensors;
  ASSERT_EQ(state.size(), 1U);
  EXPECT_EQ(state[0].name, "w");
  EXPECT_EQ(state[0].array.shape(), (Shape{2, 3}));
  EXPECT_EQ(state[0].array.to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST_F(Pth, TheArchivesFolderHasAnyName) {
  const auto named = [](const std::string& folder) {
    return read_bytes(zip_bytes({{.name = folder + "/data.pkl", .data = whole(tensor())},
                                 {.name = folder + "/data/0", .data = kSix},
                                 {.name = folder + "/version", .data = "3\n"}}));
  };
  EXPECT_EQ(named("my model (1)").tensors[0].name, "tensor");
  EXPECT_ERROR(named("a/b"),
               "this zip archive is no .pth file: it has no folder with a data.pkl; its first entry is "
               "a/b/data.pkl");
  EXPECT_ERROR(read_bytes(zip_bytes({})),
               "this zip archive is no .pth file: it has no folder with a data.pkl");
  EXPECT_ERROR(read_bytes(zip_bytes({{.name = "a/data.pkl"}, {.name = "b/data.pkl"}})),
               "it has data.pkl in two folders, a/ and b/data.pkl");
}

TEST_F(Pth, ReadsDeflatedArchives) {
  const std::string bytes = zip_bytes({deflated_entry("a/data.pkl", whole(tensor())),
                                       deflated_entry("a/data/0", kSix), deflated_entry("a/version", "3\n")});
  EXPECT_EQ(read_bytes(bytes).tensors[0].array.numel(), 6);
}

TEST_F(Pth, SaysWhichOtherFileItIs) {
  const auto with = [](const std::string& name, const std::string& data) {
    return read_bytes(zip_bytes({{.name = "a/data.pkl", .data = whole(tensor())},
                                 {.name = "a/data/0", .data = kSix},
                                 {.name = name, .data = data}}));
  };
  EXPECT_EQ(with("a/version", "10").tensors.size(), 1U);
  EXPECT_ERROR(with("a/version", "11"), "it has version \"11\"; linnet reads 1 to 10");
  EXPECT_ERROR(with("a/version", "x"), "it has version \"x\"; linnet reads 1 to 10");
  EXPECT_ERROR(with("a/version", std::string(200, '3')), "\"a/version\" has 200 bytes; expected a word");
  EXPECT_ERROR(with("a/other", "3"), "it has no entry \"a/version\", as torch.save writes");
  EXPECT_ERROR(
      with("a/byteorder", "big"),
      "x.pth: its numbers are in the byte order \"big\"; linnet reads \"little\" only; load and save it on a "
      "little-endian machine");
  EXPECT_ERROR(with("a/constants.pkl", ""),
               "this is a TorchScript archive (torch.jit.save), a program and not weights");
  EXPECT_ERROR(with("a/code/x.py", ""), "this is a TorchScript archive");

  EXPECT_ERROR(load_pth(path("none.pth")), "none.pth");
  EXPECT_ERROR(read_bytes(""), "[load_pth] x.pth: this is no .pth file: it begins \"\"");
  EXPECT_ERROR(read_bytes("\x93NUMPY\x01"),
               "this is no .pth file: it begins \"\\x93NUMPY\\x01\", as neither a zip "
               "archive nor a pickle does");
  EXPECT_ERROR(read_bytes(std::string(257, '\0') + "ustar" + std::string(300, '\0')),
               "this is a tar archive, as PyTorch 0.1 wrote them, which linnet does not read; load it with "
               "PyTorch and "
               "save it again");
  EXPECT_ERROR(read_bytes(whole(tensor())), "this is a pickle, but none that torch.save wrote");
}

TEST_F(Pth, RefusesWhatIsNoTensor) {
  EXPECT_ERROR(read_operations("K\1"), "the file holds no tensor but a single value; expected a state dict");
  EXPECT_TRUE(read_operations("}").tensors.empty());
  EXPECT_ERROR(read_operations(global("os", "system") + text("true") + "\x85R"),
               "[load_pth] x.pth: the pickle asks for \"os.system\", which no tensor needs; it was refused "
               "and nothing "
               "was executed");
}

TEST_F(Pth, StoragesAreWhatTensorsSay) {
  EXPECT_ERROR(read_operations(tensor({.key = "7"})),
               "it has no entry \"archive/data/7\", where a tensor has its");
  EXPECT_ERROR(read_operations(tensor({.key = "../version"})), "it has no entry \"archive/data/../version\"");
  EXPECT_ERROR(read_operations(tensor({.count = 7})),
               "\"archive/data/0\" has 24 bytes; 7 elements of float32 take 28");
  EXPECT_ERROR(read_operations(tensor({.storage_type = "DoubleStorage"})), "6 elements of float64 take 48");
  EXPECT_ERROR(read_operations(tensor({.storage_type = "ShortStorage"})),
               "\"tensor\" has dtype int16; linnet reads");
  EXPECT_ERROR(read_operations(tensor({.storage_type = "OtherStorage"})),
               "a storage has the type OtherStorage, which linnet does not know");
  EXPECT_ERROR(read_operations(tensor({.count = -1})), "its size is no whole number, negative or too large");
  EXPECT_ERROR(read_operations(tensor({.count = INT64_MAX})),
               "its size is no whole number, negative or too large");
  EXPECT_ERROR(read_operations(pickles::call(global("torch._utils", "_rebuild_tensor_v2"),
                                             {")Q", "N", "N", "N", "N", "N"})),
               "a storage is described wrongly: expected \"storage\", type, key, place and size");
  EXPECT_ERROR(read_operations(pickles::call(global("torch._utils", "_rebuild_tensor_v2"), {"N"})),
               "\"tensor\" is described wrongly: it has no storage, place, size and stride");
  // What no tensor uses is not read.
  EXPECT_EQ(read_operations(tensor({.key = "7", .size = {0, 3}})).tensors[0].array.shape(), (Shape{0, 3}));
}

TEST_F(Pth, StridesStayInTheirStorage) {
  const auto with = [](int64_t offset, const std::vector<int64_t>& size, const std::vector<int64_t>& stride) {
    return read_operations(tensor({.offset = offset, .size = size, .stride = stride})).tensors[0].array;
  };
  EXPECT_EQ(with(1, {2}, {4}).to_vector<float>(), (std::vector<float>{1, 5}));
  EXPECT_EQ(with(5, {}, {}).item<float>(), 5);
  EXPECT_EQ(with(5, {1, 1}, {INT64_MAX, INT64_MAX}).item<float>(), 5);
  EXPECT_EQ(with(5, {0, 7}, {INT64_MAX, 3}).shape(), (Shape{0, 7}));
  EXPECT_EQ(with(2, {3, 2}, {0, 3}).to_vector<float>(), (std::vector<float>{2, 5, 2, 5, 2, 5}));
  EXPECT_ERROR(with(6, {}, {}),
               "\"tensor\" of size (), stride () and offset 6 reaches beyond its storage of 6 elements");
  EXPECT_ERROR(with(2, {2}, {4}),
               "\"tensor\" of size (2,), stride (4,) and offset 2 reaches beyond its storage of 6");
  EXPECT_ERROR(with(0, {2, 4}, {3, 1}), "reaches beyond its storage");
  EXPECT_ERROR(with(0, {3}, {INT64_MAX}), "reaches beyond its storage");
  EXPECT_ERROR(with(1, {2, 2}, {INT64_MAX, INT64_MAX}), "reaches beyond its storage");
  EXPECT_ERROR(with(-1, {1}, {1}), "\"tensor\" has a place in its storage that is no whole number, negative");
  EXPECT_ERROR(with(INT64_MAX, {2}, {INT64_MAX}), "\"tensor\" has a place in its storage");
  EXPECT_ERROR(with(0, {-1}, {1}), "\"tensor\" has a size that is no whole number, or negative");
  EXPECT_ERROR(with(0, {2}, {-1}), "\"tensor\" has a stride that is no whole number, or negative");
  EXPECT_ERROR(with(0, {2}, {1, 1}), "\"tensor\" has size (2,) and stride (1, 1), which differ in rank");
  EXPECT_ERROR(with(0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1)),
               "\"tensor\" has 9 dimensions; linnet has at most 8");
  EXPECT_ERROR(with(0, {int64_t{1} << 40, int64_t{1} << 40}, {0, 0}), "more elements than any memory holds");
  EXPECT_ERROR(
      with(0, {int64_t{1} << 40}, {0}),
      "\"tensor\" has size (1099511627776,) and the tensors together much more elements than their storages");
}

TEST_F(Pth, NamesOfNestedContainers) {
  const auto names = [](const std::string& operations) {
    std::string all;
    for (const nn::NamedArray& named : read_operations(operations).tensors) all += named.name + " ";
    return all;
  };
  EXPECT_EQ(names(tensor()), "tensor ");
  EXPECT_EQ(names("](" + tensor() + "N" + tensor() + "e"), "0 2 ");
  EXPECT_EQ(names(dict({text("a"), dict({integer(-1), tensor(), "\x88", tensor()})})), "a.-1 a.True ");
  EXPECT_EQ(names(dict({"K\1K\2\x86", "N", text("b"), tensor()})), "b ");
  EXPECT_ERROR(names(dict({"K\1K\2\x86", dict({text("x"), tensor()})})),
               "the tensor \"?.x\" has no name: a key above it is no text and no number");
  EXPECT_ERROR(names(dict({text("a.b"), tensor(), text("a"), dict({text("b"), tensor()})})),
               "the name \"a.b\" is there twice");
  EXPECT_ERROR(names(dict({text("1"), tensor(), integer(1), tensor()})), "the name \"1\" is there twice");
  EXPECT_ERROR(names(dict({text(std::string(2000, 'x')), tensor()})), "has more than 1024 bytes");
}

TEST_F(Pth, KeepsSmallValuesAsMetadata) {
  const Metadata metadata =
      read_operations(dict({text("epoch"), integer(3), text("on"), "\x88", text("none"), "N", text("c"),
                            dict({text("lr"), text("x"), text("deep"), dict({text("er"), integer(1)})}),
                            text("long"), text(std::string(2000, 'x')), text("w"), tensor()}))
          .metadata;
  EXPECT_EQ(metadata, (Metadata{{"epoch", "3"}, {"on", "true"}, {"c.lr", "x"}}));
}

TEST_F(Pth, DescribingMuchInAFewBytesIsRefused) {
  // d0 = {}, d1 = {a: d0, b: d0}, d2 = {a: d1, b: d1}, ...: 2^60 values.
  std::string doubling = "}q" + std::string(1, '\0');
  for (char i = 1; i <= 60; ++i) {
    const std::string before = "h" + std::string(1, static_cast<char>(i - 1));
    doubling += dict({text("a"), before, text("b"), before}) + "q" + std::string(1, i);
  }
  EXPECT_ERROR(read_operations("](" + doubling + "e"), "describes its values over and over");
  const std::string zero(1, '\0');
  EXPECT_ERROR(read_operations("]q" + zero + "h" + zero + "a"), "is nested deeper than 64 containers");
  // One tensor under many names, all of them long.
  std::string names = dict({text(std::string(1000, 'x')), tensor()}) + "q" + zero;
  names = "](" + names;
  for (int i = 0; i < 100'000; ++i) names += "h" + zero;
  EXPECT_ERROR(read_operations(names + "e"), "describes its values over and over");
  // Expanded tensors, each allowed alone.
  std::string expanded = "](";
  for (int i = 0; i < 20; ++i) {
    expanded += tensor({.size = {1 << 20}, .stride = {0}});
  }
  EXPECT_ERROR(read_operations(expanded + "e"),
               "\"16\" has size (1048576,) and the tensors together much more elements");
}

TEST_F(Pth, EveryWayTensorsAreDescribed) {
  const std::string storage = pickles::storage({});
  const std::vector<std::string> place = {storage, integer(1), pickles::integers({2}),
                                          pickles::integers({3})};
  const auto described = [&](const std::string& function, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = place;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return read_operations(pickles::call(global("torch._utils", function), arguments)).tensors[0].array;
  };
  const std::vector<float> expected{1, 4};
  EXPECT_EQ(described("_rebuild_tensor", {}).to_vector<float>(), expected);
  EXPECT_EQ(described("_rebuild_tensor_v2", {"\x88", "}"}).to_vector<float>(), expected);
  EXPECT_EQ(described("_rebuild_tensor_v2", {"\x88", "}", "}"}).to_vector<float>(), expected);
  EXPECT_ERROR(described("_rebuild_tensor_v2", {"\x88", "}", dict({text("neg"), "\x88"})}),
               "\"tensor\" is a negated or conjugated view");
  EXPECT_ERROR(described("_rebuild_tensor_v2", {"\x88"}), "\"tensor\" is described wrongly");
  EXPECT_ERROR(described("_rebuild_tensor_v3", {"\x88", "}", global("torch", "uint16")}),
               "\"tensor\" has dtype uint16; linnet reads");
  EXPECT_ERROR(described("_rebuild_tensor_v3", {"\x88", "}"}), "\"tensor\" is described wrongly");
}

TEST_F(Pth, ASharedStorageIsReadOnce) {
  const std::string one = tensor(), other = tensor({.offset = 2, .size = {2}, .stride = {1}});
  const nn::StateDict state = read_operations("](" + one + other + "e").tensors;
  EXPECT_TRUE(state[0].array.shares_storage(state[1].array));
  EXPECT_EQ(state[1].array.to_vector<float>(), (std::vector<float>{2, 3}));
}

// ---- the older form

TEST_F(Pth, ReadsTheLegacyForm) {
  const nn::StateDict state = read_bytes(legacy(dict({text("w"), tensor()}))).tensors;
  ASSERT_EQ(state.size(), 1U);
  EXPECT_EQ(state[0].array.to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  write_text(path("x.pth"), legacy(dict({text("w"), tensor()})));
  EXPECT_EQ(load_pth(path("x.pth"))[0].array.shape(), (Shape{2, 3}));
  // A part of a storage that counts as one, as the oldest files have.
  const std::string view = pickles::tuple({text("view"), integer(2), integer(3)});
  const auto part = [&](int64_t offset, int64_t count) {
    return read_bytes(legacy(tensor({.offset = offset, .size = {count}, .stride = {1}, .view = view})))
        .tensors[0]
        .array;
  };
  EXPECT_EQ(part(1, 2).to_vector<float>(), (std::vector<float>{3, 4}));
  EXPECT_ERROR(part(1, 3), "reaches beyond its storage of 3 elements");
  EXPECT_ERROR(read_bytes(legacy(tensor({.view = pickles::tuple({text("v"), integer(4), integer(3)})}))),
               "a storage is described wrongly: it is a wrong part of another");
}

TEST_F(Pth, RefusesWrongLegacyFiles) {
  const std::string object = whole(tensor()), keys = whole("](" + text("0") + "e");
  const std::string data = little_endian(6, 8) + kSix;
  EXPECT_EQ(read_bytes(kMagic + kVersion + kLittle + object + keys + data).tensors.size(), 1U);
  EXPECT_ERROR(read_bytes(whole("K\1") + kVersion), "this is a pickle, but none that torch.save wrote");
  EXPECT_ERROR(read_bytes(kMagic + whole("K\1") + kLittle + object + keys + data),
               "the version of its format is not 1001");
  EXPECT_ERROR(
      read_bytes(kMagic + kVersion + whole(dict({text("little_endian"), "\x89"})) + object + keys + data),
      "x.pth: its numbers are in big-endian byte order; linnet reads little-endian only");
  EXPECT_ERROR(read_bytes(kMagic + kVersion + whole("}") + object + keys + data),
               "it does not say in which byte order its numbers are");
  EXPECT_ERROR(read_bytes(kMagic + kVersion + whole("N") + object + keys + data),
               "it does not say in which byte order its numbers are");
  EXPECT_ERROR(read_bytes(kMagic + kVersion + kLittle + object + whole("N") + data),
               "it has no list of storages");
  EXPECT_ERROR(read_bytes(legacy(tensor(), {})), "the storage \"0\" of a tensor is not in the file");
  EXPECT_ERROR(read_bytes(legacy(tensor(), {{.key = "1"}})), "the storage \"1\" belongs to no tensor");
  EXPECT_ERROR(read_bytes(legacy(tensor(), {{}, {}})), "the storage \"0\" is there twice");
  EXPECT_ERROR(read_bytes(legacy(tensor(), {{.count = 5}})),
               "the storage \"0\" has 5 elements; its tensors expect 6");
  EXPECT_ERROR(read_bytes(legacy(tensor(), {{.data = "1234"}})),
               "the storage \"0\" has 24 bytes and the file only 4 more; it is cut short");
  EXPECT_ERROR(read_bytes(legacy(tensor({.count = int64_t{1} << 50}), {{.count = uint64_t{1} << 50}})),
               "the storage \"0\" has 4503599627370496 bytes and the file only 24 more");
  EXPECT_ERROR(read_bytes(legacy("](" + tensor() + tensor({.count = 5}) + "e")),
               "the storage \"0\" has 24 bytes and also 20");
  EXPECT_ERROR(read_bytes(legacy(global("os", "system"))), "the pickle asks for \"os.system\"");
}

// ---- damage

/// Reads it; whatever is wrong must be said by an Error. Any other exception fails the test that calls this.
bool loads_equal(const std::string& bytes, const nn::StateDict& expected) {
  try {
    expect_equal(read_bytes(bytes).tensors, expected);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST_F(Pth, EveryPrefixOfAnArchiveIsRefusedAndEveryFlippedBitSeen) {
  save_pth(some_tensors(), path("x.pth"));
  const std::string bytes = read_text(path("x.pth"));
  ASSERT_TRUE(loads_equal(bytes, some_tensors()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(loads_equal(bytes.substr(0, i), some_tensors())) << "prefix of " << i << " bytes";
  }
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] ^= static_cast<char>(1 << bit);
      refused += loads_equal(damaged, some_tensors()) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 4000);
}

TEST_F(Pth, DamagedLegacyFilesLoadOrAreRefused) {
  const std::string bytes =
      legacy(dict({text("w"), tensor(), text("v"), tensor({.size = {6}, .stride = {1}})}));
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_THROW(read_bytes(bytes.substr(0, i)), Error) << "prefix of " << i << " bytes";
  }
  // There are no checksums: what is damaged may load as something else, but is never more than an Error.
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(value);
      try {
        for (const nn::NamedArray& named : read_bytes(damaged).tensors) (void)named.array.to_vector<double>();
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace linnet
