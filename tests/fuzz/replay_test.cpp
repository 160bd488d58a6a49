// The fuzzers' targets without a fuzzer: every seed does what its name says, and so does no damage to one. A
// seed whose name begins with "refused" is one that linnet refuses; every other one loads.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/data/image.h>
#include "core/format.h"
#include "tests/fuzz/checks.h"
#include "tests/unit/data_files.h"

namespace linnet::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kSeeds = fs::path(LINNET_SOURCE_DIR) / "tests/fuzz/seeds";

std::vector<fs::path> seeds_of(const Target& target) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kSeeds / target.name)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_refused(const fs::path& seed) {
  return seed.filename().string().starts_with("refused");
}

class FuzzTarget : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam().name) == "jpeg" && !data::reads_jpeg()) GTEST_SKIP() << "no libjpeg here";
  }
};

TEST_P(FuzzTarget, DoesWithSeedsWhatTheirNamesSay) {
  int loaded = 0, refused = 0;
  for (const fs::path& seed : seeds_of(GetParam())) {
    const Bytes bytes = read_bytes(seed.string());
    Verdict verdict{};
    ASSERT_NO_THROW(verdict = GetParam().run(bytes)) << seed;
    EXPECT_EQ(verdict, is_refused(seed) ? Verdict::Refused : Verdict::Loaded) << seed;
    ++(verdict == Verdict::Loaded ? loaded : refused);
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

/// About `count` of the numbers below `size`, as far apart as can be; all of them where they are fewer.
std::vector<size_t> some_of(size_t size, size_t count) {
  std::vector<size_t> some;
  for (size_t i = 0; i < std::min(size, count); ++i) some.push_back(i * size / std::min(size, count));
  return some;
}

TEST_P(FuzzTarget, LoadsOrRefusesDamagedSeeds) {
  constexpr size_t kPrefixes = 128, kPlaces = 256;
  for (const fs::path& seed : seeds_of(GetParam())) {
    Bytes bytes = read_bytes(seed.string());
    const auto run = [&](const Bytes& damaged, const std::string& how) {
      try {
        GetParam().run(damaged);
      } catch (const std::exception& error) {
        ADD_FAILURE() << seed << " " << how << ": " << error.what();
      }
    };
    for (const size_t length : some_of(bytes.size(), kPrefixes)) {
      run(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)),
          format_text("cut to {}", length));
    }
    for (const size_t at : some_of(bytes.size(), kPlaces)) {
      const uint8_t before = bytes[at];
      for (const int change : {1 << at % 8, 0xFF}) {
        bytes[at] = static_cast<uint8_t>(before ^ change);
        run(bytes, format_text("with byte {} changed by {:#x}", at, change));
      }
      bytes[at] = before;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, FuzzTarget, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& tested) {
                           std::string name = tested.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(FuzzTargets, AreTheFoldersOfSeeds) {
  std::set<std::string> folders, names;
  for (const auto& entry : fs::directory_iterator(kSeeds)) folders.insert(entry.path().filename().string());
  for (const Target& target : targets()) {
    names.insert(target.name);
    EXPECT_EQ(find_target(target.name), &target);
  }
  EXPECT_EQ(folders, names);
  EXPECT_EQ(find_target("zi"), nullptr);
}

TEST(FuzzTargets, KnowAFinding) {
  EXPECT_THROW(must(false, "why"), Finding);
  EXPECT_NO_THROW(must(true, "why"));
  EXPECT_NO_THROW(check_error(Error("npy", "é: 'a\\x1b'")));
  EXPECT_THROW(check_error(Error("npy", "\x1b[31m")), Finding);
  EXPECT_THROW(check_error(Error("npy", "two\nlines")), Finding);
  EXPECT_FALSE(load([]() -> int { throw Error("npy", "no"); }).has_value());
  EXPECT_THROW(load([]() -> int { throw std::bad_alloc(); }), std::bad_alloc);

  const NDArray one = NDArray::from_data<float>({1, 2}, {2}), other = NDArray::from_data<float>({1, 3}, {2});
  EXPECT_TRUE(same_tensors({{"a", one}}, {{"a", one.clone()}}));
  EXPECT_FALSE(same_tensors({{"a", one}}, {{"b", one}}));
  EXPECT_FALSE(same_tensors({{"a", one}}, {{"a", other}}));
  EXPECT_FALSE(same_tensors({{"a", one}}, {{"a", one}, {"b", one}}));
  EXPECT_FALSE(same_array(one, one.expand_dims(0)));
  EXPECT_FALSE(same_array(one, one.to(DType::Float64)));
}

}  // namespace
}  // namespace linnet::fuzz
