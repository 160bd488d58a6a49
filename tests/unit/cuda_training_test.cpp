// Training on the GPU beside the same training on the CPU, and moving between them.
#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/data/digits.h>
#include <linnet/data/loader.h>
#include <linnet/io/save.h>
#include <linnet/nn/clip_grad.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>
#include "tests/unit/cuda_device.h"
#include "tests/unit/data_files.h"

namespace linnet {
namespace {

class CudaTraining : public test::CudaTest {
 protected:
  /// Losses of `steps` steps on batches of 8 out of 24 digits; every device gets the same batches.
  static std::vector<float> losses(Device device, int steps, nn::Module& model, optim::Optimizer& optimizer) {
    const data::Dataset set = data::synthetic_digits(24, 3);
    data::Loader loader(set, {.batch = 8, .shuffle = true, .seed = 5, .device = device});
    std::vector<float> all;
    while (all.size() < static_cast<size_t>(steps)) {
      for (const auto& [images, labels] : loader) {
        if (all.size() == static_cast<size_t>(steps)) break;
        optimizer.zero_grad();
        const Tensor loss = cross_entropy(model(images), labels);
        loss.backward();
        optimizer.step();
        all.push_back(loss.item<float>());
      }
    }
    return all;
  }
  static std::unique_ptr<nn::Module> model() {
    manual_seed(1);
    return nn::make_model("simple-cnn");
  }
};

TEST_F(CudaTraining, TwentyStepsHaveTheLossesOfTheCpu) {
  const auto on_cpu = model();
  optim::Adam cpu_optimizer(on_cpu->parameters(), {.lr = 1e-3});
  const auto expected = losses(device("cpu"), 20, *on_cpu, cpu_optimizer);

  const auto on_cuda = model();
  on_cuda->to(cuda_);
  optim::Adam cuda_optimizer(on_cuda->parameters(), {.lr = 1e-3});
  const auto actual = losses(cuda_, 20, *on_cuda, cuda_optimizer);

  ASSERT_EQ(actual.size(), expected.size());
  // Float32 rounding grows by the step; Adam's first steps turn a sign of noise into a whole learning rate.
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 2e-3 * expected[i]) << i;
  EXPECT_NEAR(actual[0], expected[0], 1e-6 * expected[0]);
  EXPECT_LT(actual.back(), 0.9F * actual.front());
}

TEST_F(CudaTraining, InitialisationAndBatchesAreTheSameBits) {
  const auto on_cpu = model();
  set_default_device(cuda_);
  const auto made_there = model();
  set_default_device(device("cpu"));
  const Tensors here = on_cpu->parameters(), there = made_there->parameters();
  for (size_t i = 0; i < here.size(); ++i) EXPECT_EQ(here[i].to_vector<float>(), there[i].to_vector<float>());

  const data::Dataset set = data::synthetic_digits(40, 3);
  data::Loader cpu_loader(set, {.batch = 7, .shuffle = true, .seed = 5});
  data::Loader cuda_loader(set, {.batch = 7, .shuffle = true, .seed = 5, .device = cuda_});
  auto other = cuda_loader.begin();
  for (const auto& [images, labels] : cpu_loader) {
    const auto [cuda_images, cuda_labels] = *other;
    ++other;
    EXPECT_EQ(cuda_images.device(), cuda_);
    EXPECT_EQ(images.to_vector<float>(), cuda_images.to_vector<float>());
    EXPECT_EQ(labels.to_vector<int64_t>(), cuda_labels.to_vector<int64_t>());
  }
}

TEST_F(CudaTraining, GoesOnWhereItIsMovedTo) {
  const auto stays = model();
  optim::Adam stays_optimizer(stays->parameters(), {.lr = 1e-3});
  losses(device("cpu"), 3, *stays, stays_optimizer);
  const auto expected = losses(device("cpu"), 3, *stays, stays_optimizer);

  const auto moves = model();
  optim::Adam moves_optimizer(moves->parameters(), {.lr = 1e-3});
  losses(device("cpu"), 3, *moves, moves_optimizer);
  moves->to(cuda_);
  const auto actual = losses(cuda_, 3, *moves, moves_optimizer);
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-3 * expected[i]) << i;
  moves->to(device("cpu"));
  EXPECT_EQ(moves->parameters()[0].device(), device("cpu"));
  EXPECT_NO_THROW(losses(device("cpu"), 1, *moves, moves_optimizer));
}

TEST_F(CudaTraining, GroupsClippingSchedulesAndAveragesDoWhatTheyDoOnTheCpu) {
  const auto train = [&](Device device) {
    nn::Linear body(6, 5), head(5, 3);
    for (const nn::Linear* layer : {&body, &head}) {
      layer->weight.data().copy_(NDArray::arange(layer->weight.numel()).view(layer->weight.shape()) * 0.02 -
                                 0.2);
      layer->bias.data().fill_(0.1);
    }
    body.to(device);
    head.to(device);
    optim::RMSprop optimizer(body.parameters(), {.lr = 0.01, .momentum = 0.9, .centered = true});
    optimizer.add_group(head.parameters(), {.lr = 0.02, .weight_decay = 0.1});
    optim::Schedule schedule(optimizer, optim::linear_lr({.total_iters = 4}));
    optim::EMA average(body, {.decay = 0.5});
    const Tensor x = (NDArray::arange(24).view({4, 6}) * 0.1 - 1.2).to(device);
    std::vector<std::vector<float>> found;
    for (int step = 0; step < 6; ++step) {
      optimizer.zero_grad();
      mean(square(head(tanh(body(x))) - 1)).backward();
      optim::clip_grad_value_(optimizer.parameters(), 0.3);
      const NDArray norm = optim::clip_grad_norm_(optimizer.parameters(), 0.5);
      EXPECT_EQ(norm.device(), device);
      found.push_back(norm.to_vector<float>());
      optimizer.step();
      schedule.step();
      average.update();
    }
    found.push_back(head.weight.to_vector<float>());
    const optim::UseAverages averages(average);
    found.push_back(body.weight.to_vector<float>());
    return found;
  };
  const auto expected = train(device("cpu")), actual = train(cuda_);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size());
    for (size_t j = 0; j < expected[i].size(); ++j) EXPECT_NEAR(actual[i][j], expected[i][j], 1e-5) << i;
  }
}

TEST_F(CudaTraining, WeightsSavedOnOneLoadOnTheOther) {
  const TempFolder folder;
  const auto first = model();
  first->to(cuda_);
  save(*first, folder / "weights.safetensors");
  manual_seed(99);
  const auto second = nn::make_model("simple-cnn");
  load(*second, folder / "weights.safetensors");
  const Tensors a = first->parameters(), b = second->parameters();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].to_vector<float>(), b[i].to_vector<float>());

  save(*second, folder / "again.safetensors");
  manual_seed(98);
  const auto third = nn::make_model("simple-cnn");
  third->to(cuda_);
  load(*third, folder / "again.safetensors");
  EXPECT_EQ(third->parameters()[0].device(), cuda_);
  EXPECT_EQ(third->parameters()[0].to_vector<float>(), a[0].to_vector<float>());
}

}  // namespace
}  // namespace linnet
