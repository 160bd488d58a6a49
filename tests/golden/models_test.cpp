// The models that torchvision has, too, have its names and shapes in its order, so its weights load as they
// are.
#include <linnet/nn/models.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

void expect_state(const nlohmann::json& row, const nn::Module& model) {
  const nn::StateDict state = model.state_dict();
  ASSERT_EQ(state.size(), row["state"].size()) << row["model"];
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(state[i].name, row["state"][i][0]) << row["model"] << " " << i;
    EXPECT_EQ(state[i].array.shape(), shape_of(row["state"][i][1])) << row["model"] << " " << state[i].name;
  }
}

TEST(GoldenModels, HaveTorchvisionsNames) {
  const File file("models.safetensors");
  set_default_device(device("meta"));  // names and shapes need no memory
  ASSERT_EQ(file.cases.size(), 2U);
  expect_state(file.cases[0], *nn::make_model("vgg-11"));
  expect_state(file.cases[1], *nn::make_model("resnet-18"));
  set_default_device(device("cpu"));
}

}  // namespace
}  // namespace linnet::golden
