// The golden files say where they come from.
#include <filesystem>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

TEST(GoldenFiles, NameTheirScriptAndTorch) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LINNET_SOURCE_DIR "/tests/golden")) {
    if (entry.path().extension() != ".safetensors") continue;
    ++files;
    const std::string name = entry.path().filename();
    const File file(name);
    EXPECT_EQ(file.metadata.at("script"), "tests/golden/generate.py") << name;
    EXPECT_FALSE(file.metadata.at("torch").empty()) << name;
    EXPECT_FALSE(file.cases.empty()) << name;
  }
  EXPECT_GE(files, 6);
}

TEST(GoldenFiles, DrawIsExactInFloat32) {
  const std::vector<double> values = draw_values(1, 4000, 0.0625);
  for (const double value : values) ASSERT_EQ(static_cast<double>(static_cast<float>(value)), value);
}

}  // namespace
}  // namespace linnet::golden
