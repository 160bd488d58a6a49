// ResNet-20 from given weights on CIFAR-10's own pictures, ten steps of SGD: losses and final state against
// PyTorch, float64 to 1e-9, float32 to 2e-3, five times the distance between PyTorch's own float32 and
// float64 runs. And one epoch over a part of the pictures lowers the loss. Skipped where LINNET_DATA holds no
// cifar10/, and under the sanitizers.
#include <cstdlib>
#include <numeric>

#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/data/image.h>
#include <linnet/data/image_folder.h>
#include <linnet/data/loader.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>

#include "core/sanitized.h"
#include "tests/golden/golden.h"
#include "tests/support/cifar10.h"
#include "tests/unit/data_files.h"

namespace linnet::golden {
namespace {

constexpr int64_t kPerClass = 100;  // pictures that are unpacked: 0000.jpg to 0099.jpg of each class

class GoldenResNet20 : public testing::Test {
 protected:
  void SetUp() override {
    if (kAddressSanitizer)
      GTEST_SKIP() << "takes minutes under the sanitizers, which watch smaller tests of the same code";
    const std::optional<std::string> archive = cifar10_archive();
    if (!archive) GTEST_SKIP() << kNoCifar10;
    if (!data::reads_jpeg()) GTEST_SKIP() << "this library was built without JPEG";
    const std::string command =
        "tar xJf '" + *archive + "' -C '" + folder_.path() + "' --wildcards 'train/*/00??.jpg'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    set_ = data::image_folder(folder_ / "train");
    ASSERT_EQ(set_.size(), 10 * kPerClass);
  }

  /// `count` pictures of each class from number `first` on, class by class.
  data::Batch batch(int64_t first, int64_t count) const {
    std::vector<int64_t> positions;
    for (int64_t c = 0; c < 10; ++c) {
      for (int64_t i = first; i < first + count; ++i) positions.push_back(c * kPerClass + i);
    }
    return set_.batch(positions, device("cpu"));
  }

  void expect_run(size_t index, DType dtype, double loss_tolerance, double state_tolerance) const {
    const File file("resnet20.safetensors");
    const nlohmann::json& row = file.cases[index];
    EXPECT_EQ(set_.class_names(), row["classes"].get<std::vector<std::string>>());
    nn::ResNet model = nn::resnet20();
    model.to(dtype);
    const std::vector<nn::NamedTensor> parameters = model.named_parameters();
    ASSERT_EQ(parameters.size(), row["parameters"].size());
    for (size_t i = 0; i < parameters.size(); ++i) {
      const nlohmann::json& from = row["parameters"][i];
      ASSERT_EQ(parameters[i].name, from["name"]);
      const Tensor& to = parameters[i].tensor;
      to.data().copy_(draw(from["seed"], to.shape(), dtype, from["scale"]) + from["offset"].get<double>());
    }
    optim::SGD optimizer(model.parameters(),
                         {.lr = row["lr"], .momentum = row["momentum"], .weight_decay = row["weight_decay"]});
    const std::string prefix = row["dtype"].get<std::string>() + "/";
    const std::vector<double> losses = file.at(prefix + "losses").to_vector<double>();
    for (size_t step = 0; step < losses.size(); ++step) {
      const data::Batch pictures = batch(static_cast<int64_t>(step) * 5, 5);
      optimizer.zero_grad();
      const Tensor loss = cross_entropy(model(pictures.images.to(dtype)), pictures.labels);
      EXPECT_NEAR(loss.item<double>(), losses[step], loss_tolerance * losses[step]) << "step " << step;
      loss.backward();
      optimizer.step();
    }
    for (const nn::NamedArray& named : model.state_dict()) {
      const std::string name = prefix + named.name;
      if (file.arrays.count(name) != 0) {
        expect_close(named.array, file.at(name), state_tolerance, name);
      } else {
        expect_sample(file, name, named.array, state_tolerance);
      }
    }
  }

  TempFolder folder_;
  data::Dataset set_;
};

TEST_F(GoldenResNet20, Float64) {
  expect_run(0, DType::Float64, 1e-9, 1e-9);
}

TEST_F(GoldenResNet20, Float32) {
  expect_run(1, DType::Float32, 1e-3, 2e-3);
}

TEST_F(GoldenResNet20, AnEpochLowersTheLoss) {
  manual_seed(0);
  nn::ResNet model = nn::resnet20();
  optim::SGD optimizer(model.parameters(), {.lr = 0.02, .momentum = 0.9, .weight_decay = 1e-4});
  data::Loader loader(set_, {.batch = 25, .shuffle = true});
  std::vector<double> losses;
  for (auto [images, labels] : loader) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(images), labels);
    losses.push_back(loss.item<double>());
    loss.backward();
    optimizer.step();
  }
  ASSERT_EQ(losses.size(), 40U);
  const double first = std::accumulate(losses.begin(), losses.begin() + 10, 0.0) / 10;
  const double last = std::accumulate(losses.end() - 10, losses.end(), 0.0) / 10;
  EXPECT_LT(last, first - 0.1);
  EXPECT_LT(last, std::log(10.0));  // what knowing nothing costs
}

}  // namespace
}  // namespace linnet::golden
