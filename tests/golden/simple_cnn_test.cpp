// SimpleCNN from given weights, 10 fixed batches, Adam: losses and final weights against PyTorch. Float64 to
// 1e-9. Float32 norm-wise per tensor to 1e-5, about ten times the distance between PyTorch's own float32 and
// float64 runs; losses to 1e-6.
#include <linnet/autograd/ops.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

/// (noise + pattern of the label) / 2, scaled to [0, 1); 16 bits each, so the sum is exact in float32.
NDArray batch_images(int step, const std::vector<int64_t>& labels, DType dtype) {
  constexpr int64_t kPixels = 28 * 28;
  const auto count = static_cast<int64_t>(labels.size());
  const std::vector<double> noise = draw_values(100 + static_cast<uint64_t>(step), count * kPixels);
  const std::vector<double> patterns = draw_values(300, 10 * kPixels);
  std::vector<double> images(noise.size());
  for (size_t i = 0; i < images.size(); ++i) {
    const auto label = static_cast<size_t>(labels[i / kPixels]);
    const double pattern = patterns[label * kPixels + i % kPixels];
    images[i] = (std::floor(noise[i] * 32768) + std::floor(pattern * 32768)) / 131072 + 0.5;
  }
  return NDArray::from_data(images, {count, 1, 28, 28}).to(dtype);
}

struct Precision {
  DType dtype;
  double losses;
  double weights;
};

void expect_run(const nlohmann::json& row, const File& file, const Precision& precision) {
  nn::SimpleCNN model;
  model.to(precision.dtype);
  const std::vector<nn::NamedTensor> parameters = model.named_parameters();
  ASSERT_EQ(parameters.size(), row["parameters"].size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const nlohmann::json& parameter = row["parameters"][i];
    ASSERT_EQ(parameters[i].name, parameter["name"]);
    const Tensor& tensor = parameters[i].tensor;
    tensor.data().copy_(draw(parameter["seed"], tensor.shape(), precision.dtype, parameter["scale"]));
  }
  optim::Adam optimizer(model.parameters(), {.lr = row["lr"]});
  std::vector<double> losses;
  for (int step = 0; step < row["steps"]; ++step) {
    const std::vector<int64_t> labels = draw_labels(200 + static_cast<uint64_t>(step), row["batch"], 10);
    const NDArray images = batch_images(step, labels, precision.dtype);
    optimizer.zero_grad();
    const Tensor loss =
        cross_entropy(model(images), NDArray::from_data(labels, {static_cast<int64_t>(labels.size())}));
    losses.push_back(loss.item<double>());
    loss.backward();
    optimizer.step();
  }
  const std::string prefix = row["dtype"].get<std::string>() + "/";
  const std::vector<double> expected = file.at(prefix + "losses").to_vector<double>();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(losses[i], expected[i], precision.losses * expected[i]) << prefix << " step " << i;
  }
  for (const nn::NamedTensor& parameter : parameters) {
    const std::string name = prefix + parameter.name;
    if (file.arrays.count(name) != 0) {
      expect_close(parameter.tensor.data(), file.at(name), precision.weights, name);
    } else {
      expect_sample(file, name, parameter.tensor.data(), precision.weights);
    }
  }
}

TEST(GoldenSimpleCNN, Float64) {
  const File file("simple_cnn.safetensors");
  ASSERT_EQ(file.cases[0]["dtype"], "float64");
  expect_run(file.cases[0], file, {DType::Float64, 1e-9, 1e-9});
}

TEST(GoldenSimpleCNN, Float32) {
  const File file("simple_cnn.safetensors");
  ASSERT_EQ(file.cases[1]["dtype"], "float32");
  expect_run(file.cases[1], file, {DType::Float32, 1e-6, 1e-5});
}

}  // namespace
}  // namespace linnet::golden
