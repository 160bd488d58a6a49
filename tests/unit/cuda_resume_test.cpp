// A training that goes on on another device than it began on: the weights of the one that stayed, but for
// rounding. docs/numerics.md states the tolerance.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <linnet/check/outcome.h>
#include <linnet/core/random.h>
#include <linnet/train/train.h>
#include "core/format.h"
#include "tests/unit/cuda_device.h"
#include "tests/unit/data_files.h"
#include "tests/unit/small_training.h"

namespace linnet::train {
namespace {

constexpr double kTolerance = 1e-5;

class CudaResume : public test::CudaTest {
 protected:
  struct Result {
    nn::StateDict weights;
    History history;
  };

  Result train(const FitOptions& fit, const FitHooks& hooks) {
    nn::Sequential trained = small_model();
    const History history = train::fit(trained, small_train_set(), small_test_set(), fit, hooks);
    Result result{{}, history};
    for (const auto& [name, array] : trained.state_dict()) {
      EXPECT_EQ(array.device(), fit.device);
      result.weights.push_back({name, array.to(device("cpu")).clone()});
    }
    return result;
  }

  Result stay(FitOptions fit, Device where) {
    manual_seed(0);
    fit.device = where;
    return train(fit, {});
  }

  /// Stopped after some steps; what goes on has drawn other numbers and other weights.
  Result move(FitOptions fit, Device from, int64_t steps, Device to) {
    RunConfig config;
    config.model = "test";
    config.fit = fit;
    const RunFolder run = RunFolder::create(temp_ / "run", config, {.overwrite = true});
    manual_seed(0);
    fit.device = from;
    int64_t done = 0;
    const Result first = train(fit, {.stop = [&] { return ++done == steps; }, .run = &run});
    EXPECT_TRUE(first.history.interrupted.has_value());
    manual_seed(77);
    fit.device = to;
    return train(fit, {.run = &run, .resume = true});
  }

  /// The largest of the tensors' errors.
  static double expect_close(const Result& actual, const Result& expected, const std::string& what) {
    double worst = 0;
    EXPECT_EQ(actual.weights.size(), expected.weights.size());
    for (size_t i = 0; i < expected.weights.size(); ++i) {
      const checks::Outcome outcome =
          checks::compare(checks::values_of(actual.weights[i].array),
                          checks::values_of(expected.weights[i].array), kTolerance);
      EXPECT_TRUE(outcome.ok()) << what << ", " << expected.weights[i].name << ": " << outcome.failure;
      worst = std::max(worst, outcome.error);
    }
    EXPECT_EQ(actual.history.epochs.size(), expected.history.epochs.size());
    for (size_t i = 0; i < expected.history.epochs.size(); ++i) {
      const EpochRecord &a = actual.history.epochs[i], &e = expected.history.epochs[i];
      EXPECT_NEAR(a.train_loss, e.train_loss, kTolerance * e.train_loss) << what << ", epoch " << e.epoch;
      EXPECT_NEAR(a.test_loss, e.test_loss, kTolerance * e.test_loss) << what << ", epoch " << e.epoch;
    }
    return worst;
  }

  TempFolder temp_;
};

TEST_F(CudaResume, GoesOnOnTheOtherDeviceFromTheMiddleOfAnEpoch) {
  double worst = 0;
  for (const char* optimizer : {"sgd", "adamw"}) {
    FitOptions fit = small_options();
    fit.optimizer = optimizer;
    const Device cpu = device("cpu");
    for (const auto& [from, to] : {std::pair{cpu, cuda_}, std::pair{cuda_, cpu}}) {
      const Result stayed = stay(fit, from);
      for (const int64_t steps : {kSmallEpoch - 2, kSmallEpoch + 2, 3 * kSmallEpoch - 2}) {
        const std::string what = std::string(optimizer) + " from " + from.name() + " to " + to.name() +
                                 " after step " + std::to_string(steps);
        worst = std::max(worst, expect_close(move(fit, from, steps, to), stayed, what));
      }
    }
  }
  RecordProperty("worst_error", format_text("{:.2g}", worst));
}

}  // namespace
}  // namespace linnet::train
