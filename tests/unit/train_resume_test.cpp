// Trainings that stop and go on: the same bits as one that never stopped, wherever it was stopped.
#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/core/random.h>
#include <linnet/io/checkpoint.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/sequential.h>
#include <linnet/train/train.h>
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/small_training.h"

namespace linnet::train {
namespace {

namespace fs = std::filesystem;

struct Result {
  std::vector<std::vector<float>> weights;
  std::vector<double> losses;
  bool operator==(const Result&) const = default;
};

Result result_of(const nn::Module& trained, const History& history) {
  Result result;
  for (const auto& [name, array] : trained.state_dict()) {
    result.weights.push_back(array.to(DType::Float32).to_vector<float>());
  }
  for (const EpochRecord& each : history.epochs) {
    result.losses.insert(result.losses.end(), {each.train_loss, each.test_loss, each.test_accuracy});
  }
  return result;
}

/// A crash after some steps: the exception leaves everything as it is.
struct Crash : std::runtime_error {
  Crash() : std::runtime_error("crash") {}
};
struct CrashAfter : Progress {
  explicit CrashAfter(int64_t steps) : left(steps) {}
  void on_step(const StepReport&) override {
    if (--left == 0) throw Crash();
  }
  int64_t left;
};

class TrainResume : public testing::Test {
 protected:
  RunFolder begin(const FitOptions& fit) {
    RunConfig config;
    config.model = "test";
    config.fit = fit;
    return RunFolder::create(temp_ / "run", config, {.overwrite = true});
  }

  Result train(const FitOptions& fit, FitHooks hooks = {}) {
    manual_seed(0);
    nn::Sequential trained = small_model();
    const History history = train::fit(trained, small_train_set(), small_test_set(), fit, hooks);
    return result_of(trained, history);
  }

  /// In a process that has drawn other numbers and other weights, unless there is nothing to go on with.
  Result resume(const FitOptions& fit, const RunFolder& run, FitHooks hooks = {}) {
    manual_seed(fs::exists(run.checkpoints()) ? 77 : 0);
    nn::Sequential trained = small_model();
    hooks.run = &run;
    hooks.resume = true;
    hooks.warn = [this](const std::string& text) { warnings_.push_back(text); };
    return result_of(trained, train::fit(trained, small_train_set(), small_test_set(), fit, hooks));
  }

  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(temp_ / "run/checkpoints")) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempFolder temp_;
  std::vector<std::string> warnings_;
};

TEST_F(TrainResume, GoesOnToTheSameBitsFromEveryStep) {
  const Result whole = train(small_options());
  for (int64_t stop = 1; stop <= 3 * kSmallEpoch; ++stop) {
    const RunFolder run = begin(small_options());
    int64_t steps = 0;
    train(small_options(), {.stop = [&] { return ++steps == stop; }, .run = &run});
    EXPECT_EQ(resume(small_options(), run), whole) << "stopped after step " << stop;
  }
}

TEST_F(TrainResume, GoesOnWhereItCrashedBetweenCheckpoints) {
  for (const char* optimizer : {"sgd", "rmsprop", "adam"}) {
    FitOptions fit = small_options();
    fit.optimizer = optimizer;
    fit.ema = 0;
    const Result whole = train(fit);
    fit.checkpoint_steps = 3;
    for (const int64_t crash : {2, 4, 5, 9, 14}) {
      const RunFolder run = begin(fit);
      CrashAfter progress(crash);
      EXPECT_THROW(train(fit, {.progress = &progress, .run = &run}), Crash);
      EXPECT_EQ(resume(fit, run), whole) << optimizer << ", crashed at step " << crash;
    }
  }
}

TEST_F(TrainResume, ManyCrashesInARowChangeNothing) {
  FitOptions fit = small_options();
  const Result whole = train(fit);
  fit.checkpoint_steps = 1;
  const RunFolder run = begin(fit);
  for (int i = 0; i < 6; ++i) {
    CrashAfter progress(2 + i % 2);
    EXPECT_THROW(resume(fit, run, {.progress = &progress}), Crash);
  }
  EXPECT_EQ(resume(fit, run), whole);
  EXPECT_EQ(resume(fit, run), whole) << "a run that is done is read again";
}

TEST_F(TrainResume, WithoutCheckpointItBeginsAtTheBeginning) {
  const Result whole = train(small_options());
  const RunFolder run = begin(small_options());
  manual_seed(0);
  nn::Sequential trained = small_model();
  const History history = train::fit(trained, small_train_set(), small_test_set(), small_options(),
                                     {.run = &run, .resume = true});
  EXPECT_EQ(result_of(trained, history), whole);
}

TEST_F(TrainResume, TakesTheOneBeforeADamagedCheckpoint) {
  const Result whole = train(small_options());
  FitOptions fit = small_options();
  fit.checkpoint_steps = 1;
  const RunFolder run = begin(fit);
  CrashAfter progress(8);
  EXPECT_THROW(train(fit, {.progress = &progress, .run = &run}), Crash);
  ASSERT_EQ(checkpoints().back(), "step-000000007.safetensors");
  const std::string newest = (run.checkpoints() / checkpoints().back()).string();
  Bytes bytes = read_bytes(newest);
  bytes.back() ^= 16;
  write_bytes(newest, bytes);
  EXPECT_EQ(resume(fit, run), whole);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("step-000000007.safetensors: the file is damaged"), std::string::npos);
  EXPECT_NE(warnings_[0].find("the checkpoint before it is taken"), std::string::npos);

  for (const std::string& name : checkpoints()) write_bytes((run.checkpoints() / name).string(), {1, 2, 3});
  EXPECT_ERROR(resume(fit, run), "no checkpoint of the run can be read");
}

TEST_F(TrainResume, RefusesAnotherConfigurationOrModel) {
  FitOptions fit = small_options();
  fit.schedule = "constant";
  const FitOptions same_fit = fit;
  const RunFolder run = begin(fit);
  train(fit, {.run = &run});
  fit.lr = 0.5;
  fit.ema = 0;
  EXPECT_ERROR(
      resume(fit, run),
      "the checkpoint of step 15 is of another configuration: training.ema is 0.9 there and 0.0 here; "
      "training.lr is 0.01 there and 0.5 here");
  nn::Sequential other{nn::Flatten(), nn::Linear(9, 3)};
  EXPECT_ERROR(
      train::fit(other, small_train_set(), small_test_set(), same_fit, {.run = &run, .resume = true}),
      "the checkpoint of step 15: the state does not fit Sequential");
  nn::Sequential same = small_model();
  EXPECT_ERROR(train::fit(same, small_train_set().subset(20), small_test_set(), same_fit,
                          {.run = &run, .resume = true}),
               "the training has 3 epochs of 2 steps");
  EXPECT_ERROR(train::fit(same, small_train_set(), small_test_set(), small_options(), {.resume = true}),
               "there is no run folder");
}

TEST_F(TrainResume, KeepsTheNewestAndTheBest) {
  FitOptions fit = small_options();
  fit.epochs = 6;
  fit.checkpoint_steps = 2;
  fit.keep_checkpoints = 3;
  const RunFolder run = begin(fit);
  manual_seed(0);
  nn::Sequential trained = small_model();
  const History history = train::fit(trained, small_train_set(), small_test_set(), fit, {.run = &run});
  const auto best = std::max_element(
      history.epochs.begin(), history.epochs.end(),
      [](const EpochRecord& a, const EpochRecord& b) { return a.test_accuracy < b.test_accuracy; });
  std::vector<int64_t> expected{26, 28, 30};
  if (best->epoch < 6) expected.insert(expected.begin(), best->epoch * kSmallEpoch);
  std::vector<std::string> names;
  for (const int64_t step : expected) {
    names.push_back((step < 10 ? "step-00000000" : "step-0000000") + std::to_string(step) + ".safetensors");
  }
  EXPECT_EQ(checkpoints(), names);
}

TEST_F(TrainResume, MinutesMakeCheckpointsToo) {
  FitOptions fit = small_options();
  fit.checkpoint_minutes = 1e-12;
  fit.keep_checkpoints = 100;
  const RunFolder run = begin(fit);
  train(fit, {.run = &run});
  EXPECT_EQ(checkpoints().size(), static_cast<size_t>(3 * kSmallEpoch));
}

TEST_F(TrainResume, SavingThatFailsEndsTheTrainingUnlessItIsToKeepGoing) {
  FitOptions fit = small_options();
  const Result whole = train(fit);
  const RunFolder blocked = begin(fit);
  write_bytes(temp_ / "run/checkpoints", {0});  // a file where the folder should be
  EXPECT_ERROR(train(fit, {.run = &blocked}), "cannot make the folder");

  struct Unblock : Progress {
    explicit Unblock(std::string path) : file(std::move(path)) {}
    void on_epoch(const EpochRecord& record, int64_t) override {
      if (record.epoch == 2) fs::remove(file);
    }
    std::string file;
  } progress(temp_ / "run/checkpoints");
  const auto warn = [this](const std::string& text) { warnings_.push_back(text); };
  EXPECT_EQ(train(fit, {.progress = &progress, .run = &blocked, .keep_going = true, .warn = warn}), whole);
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_NE(warnings_[0].find("cannot make the folder"), std::string::npos);
  EXPECT_NE(warnings_[0].find("; training goes on"), std::string::npos);
  EXPECT_EQ(checkpoints(), std::vector<std::string>{"step-000000015.safetensors"});

  const RunFolder full = begin(fit);
  write_bytes(temp_ / "run/checkpoints", {0});
  EXPECT_ERROR(train(fit, {.run = &full, .keep_going = true, .warn = warn}), "cannot make the folder");
}

TEST_F(TrainResume, RefusesOptionsThatMakeNoSense) {
  const auto with = [&](auto change) {
    FitOptions fit = small_options();
    change(fit);
    return train(fit);
  };
  EXPECT_ERROR(with([](FitOptions& fit) { fit.ema = 1.5; }), "ema is 1.5; expected a decay from 0 to 1");
  EXPECT_ERROR(with([](FitOptions& fit) { fit.checkpoint_steps = -1; }), "checkpoint_steps is -1");
  EXPECT_ERROR(with([](FitOptions& fit) { fit.checkpoint_minutes = -1; }), "checkpoint_minutes is -1");
  EXPECT_ERROR(with([](FitOptions& fit) { fit.keep_checkpoints = 0; }), "keep_checkpoints is 0");
}

}  // namespace
}  // namespace linnet::train
