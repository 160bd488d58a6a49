// A training that goes on and on uses no more memory after ten thousand steps than after a thousand.
#include <string>

#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/error.h>
#include <linnet/core/random.h>
#include <linnet/data/loader.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/clip_grad.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>
#include <linnet/nn/sequential.h>
#include "tests/faults/faults.h"

namespace linnet::faults {
namespace {

struct Used {
  int64_t host;   ///< Bytes of operator new.
  size_t arrays;  ///< Bytes of arrays on the device.
  bool operator==(const Used&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Used& used) {
  return out << used.host << " bytes, arrays " << used.arrays << " bytes";
}

class Steady : public testing::TestWithParam<std::string> {};

TEST_P(Steady, TenThousandStepsUseWhatAThousandDo) {
  Device device;
  try {
    device = linnet::device(GetParam());
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  manual_seed(1);
  const data::Dataset set(random_integers(0, 256, {20, 1, 3, 3}).to(DType::UInt8),
                          random_integers(0, 3, {20}), {"a", "b", "c"}, data::kUnitInterval);
  data::Loader loader(set, {.batch = 4, .shuffle = true, .seed = 1, .device = device});
  nn::Sequential model{nn::Conv2d(1, 2, {.kernel = 2}),
                       nn::BatchNorm2d(2),
                       nn::ReLU(),
                       nn::Flatten(),
                       nn::Dropout(0.3),
                       nn::Linear(8, 3)};
  model.to(device);
  optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
  optim::Schedule schedule(optimizer, optim::cosine_annealing_lr({.t_max = 10'000}));
  optim::EMA ema(model);
  const auto step = [&](const data::Batch& batch) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(batch.images), batch.labels);
    loss.backward();
    optimizer.step();
    schedule.step();
    ema.update();
    return loss.item<float>();
  };
  const auto used = [&] {
    device.synchronize();
    return Used{live_bytes(), device.memory_stats().used};
  };
  int64_t steps = 0;
  Used after_a_thousand{};
  while (steps < 10'000) {
    for (const data::Batch& batch : loader) step(batch), ++steps;
    if (steps == 1000) after_a_thousand = used();
  }
  EXPECT_EQ(used(), after_a_thousand);
}

INSTANTIATE_TEST_SUITE_P(, Steady, testing::Values("cpu", "cuda"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace linnet::faults
