// The golden files say where they come from.
#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

TEST(GoldenFiles, NameTheirScriptAndTorch) {
  for (const char* name : {"simple_cnn", "optimizers", "losses", "conv2d"}) {
    const File file(std::string(name) + ".safetensors");
    EXPECT_EQ(file.metadata.at("script"), "tests/golden/generate.py") << name;
    EXPECT_FALSE(file.metadata.at("torch").empty()) << name;
    EXPECT_FALSE(file.cases.empty()) << name;
  }
}

TEST(GoldenFiles, DrawIsExactInFloat32) {
  const std::vector<double> values = draw_values(1, 4000, 0.0625);
  for (const double value : values) ASSERT_EQ(static_cast<double>(static_cast<float>(value)), value);
}

}  // namespace
}  // namespace linnet::golden
