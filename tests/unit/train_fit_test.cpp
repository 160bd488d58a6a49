// The training loop on a small problem: what it learns, reports, and refuses.
#include <cstring>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/core/random.h>
#include <linnet/cpu/threads.h>
#include <linnet/io/save.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/sequential.h>
#include <linnet/train/train.h>
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet::train {
namespace {

/// Images of 2 x 2 whose brightest pixel is the label.
data::Dataset bright_pixels(int64_t n, uint64_t seed) {
  Generator random(seed);
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const auto label = static_cast<int64_t>(random.next_below(4));
    for (int64_t p = 0; p < 4; ++p) {
      pixels.push_back(static_cast<uint8_t>((p == label ? 180 : 0) + random.next_below(70)));
    }
    labels.push_back(label);
  }
  return data::Dataset(NDArray::from_data(pixels, {n, 1, 2, 2}), NDArray::from_data(labels, {n}),
                       {"nw", "ne", "sw", "se"}, data::kUnitInterval);
}

nn::Sequential small_model() {
  manual_seed(0);
  return nn::Sequential{nn::Conv2d(1, 6, {.kernel = 2, .padding = 1}), nn::ReLU(), nn::Flatten(),
                        nn::Linear(6 * 9, 4)};
}

std::vector<float> weights_of(const nn::Module& model) {
  std::vector<float> all;
  for (const Tensor& parameter : model.parameters()) {
    const auto values = parameter.to_vector<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

struct Recorder : Progress {
  std::vector<StepReport> steps;
  std::vector<EpochRecord> epochs;
  void on_step(const StepReport& report) override { steps.push_back(report); }
  void on_epoch(const EpochRecord& record, int64_t) override { epochs.push_back(record); }
};

const data::Dataset& training() {
  static const data::Dataset set = bright_pixels(100, 1);
  return set;
}
const data::Dataset& test() {
  static const data::Dataset set = bright_pixels(40, 2);
  return set;
}

TEST(TrainFit, Learns) {
  for (const std::string& optimizer : optimizer_names()) {
    nn::Sequential model = small_model();
    const History history = fit(model, training(), test(),
                                {.epochs = 15, .batch = 10, .optimizer = optimizer, .lr = 1e-2, .seed = 0});
    ASSERT_EQ(history.epochs.size(), 15U);
    EXPECT_LT(history.epochs.back().train_loss, 0.5 * history.epochs.front().train_loss) << optimizer;
    EXPECT_GE(history.epochs.back().test_accuracy, 0.95) << optimizer;
    EXPECT_DOUBLE_EQ(history.epochs.back().test_accuracy, accuracy(model, test())) << optimizer;
    EXPECT_FALSE(history.interrupted.has_value());
    EXPECT_FALSE(history.train_accuracy.has_value());
  }
}

TEST(TrainFit, LeavesTheModelReadyForUse) {
  nn::Sequential model = small_model();
  fit(model, training(), test(), {.epochs = 1});
  EXPECT_FALSE(model.is_training());
  for (const Tensor& parameter : model.parameters()) EXPECT_FALSE(parameter.grad().defined());
}

TEST(TrainFit, SameSeedSameBitsForAnyThreads) {
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (int threads : {1, 1, 2, 3}) {
    set_num_threads(threads);
    nn::Sequential model = small_model();
    fit(model, training(), test(), {.epochs = 2, .batch = 32, .seed = 5});
    results.push_back(weights_of(model));
  }
  set_num_threads(before);
  for (const auto& weights : results) {
    EXPECT_EQ(std::memcmp(weights.data(), results[0].data(), weights.size() * sizeof(float)), 0);
  }
  nn::Sequential other = small_model();
  fit(other, training(), test(), {.epochs = 2, .batch = 32, .seed = 6});
  EXPECT_NE(weights_of(other), results[0]);
}

TEST(TrainFit, ReportsStepsAndEpochs) {
  nn::Sequential model = small_model();
  Recorder recorder;
  const History history = fit(model, training(), test(), {.epochs = 2, .batch = 30}, {.progress = &recorder});
  ASSERT_EQ(recorder.steps.size(), 8U);  // 30 + 30 + 30 + 10 images, twice
  EXPECT_EQ(recorder.steps[5].epoch, 2);
  EXPECT_EQ(recorder.steps[5].epochs, 2);
  EXPECT_EQ(recorder.steps[5].step, 2);
  EXPECT_EQ(recorder.steps[5].steps, 4);
  for (const StepReport& report : recorder.steps) {
    EXPECT_GT(report.loss, 0);
    EXPECT_GT(report.images_per_second, 0);
    EXPECT_GT(report.forward_seconds, 0);
    EXPECT_GT(report.backward_seconds, 0);
    EXPECT_GE(report.seconds_left, 0);
  }
  ASSERT_EQ(recorder.epochs.size(), 2U);
  EXPECT_EQ(recorder.epochs[1].epoch, 2);
  const EpochRecord& record = history.epochs[1];
  EXPECT_DOUBLE_EQ(record.train_loss, recorder.steps[7].loss);
  EXPECT_DOUBLE_EQ(record.seconds, record.load_seconds + record.forward_seconds + record.backward_seconds +
                                       record.update_seconds);
  EXPECT_GT(record.evaluate_seconds, 0);
}

TEST(TrainFit, TrainLossIsTheMeanOverImages) {
  // Without learning the mean over unequal batches is the loss of the whole set.
  nn::Sequential model = small_model();
  const double before = evaluate(model, training()).loss;
  const History history =
      fit(model, training(), test(), {.epochs = 1, .batch = 30, .optimizer = "sgd", .lr = 0});
  EXPECT_NEAR(history.epochs[0].train_loss, before, 1e-6);
}

TEST(TrainFit, StopsAfterTheStepThatIsAsked) {
  nn::Sequential model = small_model();
  Recorder recorder;
  const History history = fit(model, training(), test(), {.epochs = 3, .batch = 30, .train_accuracy = true},
                              {.progress = &recorder, .stop = [&] { return recorder.steps.size() == 6; }});
  EXPECT_EQ(recorder.steps.size(), 6U);
  EXPECT_EQ(history.epochs.size(), 1U);
  ASSERT_TRUE(history.interrupted.has_value());
  EXPECT_EQ(history.interrupted->epoch, 2);
  EXPECT_EQ(history.interrupted->step, 2);
  EXPECT_FALSE(history.train_accuracy.has_value());
  EXPECT_FALSE(model.is_training());
}

TEST(TrainFit, SavesIntoTheRunAfterEachEpochAndWhereItStops) {
  TempFolder temp;
  RunConfig config;
  const RunFolder run = RunFolder::create(temp / "run", config);
  nn::Sequential model = small_model();
  Recorder recorder;
  fit(model, training(), test(), {.epochs = 3, .batch = 30},
      {.progress = &recorder,
       .stop =
           [&] {
             EXPECT_EQ(std::filesystem::exists(run.weights()), recorder.steps.size() > 4);
             return recorder.steps.size() == 6;
           },
       .run = &run});
  nn::Sequential loaded = small_model();
  load(loaded, run.weights());
  EXPECT_EQ(weights_of(loaded), weights_of(model));
}

TEST(TrainFit, MeasuresTrainAccuracyWhereAsked) {
  nn::Sequential model = small_model();
  const data::Dataset one = training().subset(1);
  const History history = fit(model, one, test(), {.epochs = 30, .lr = 1e-2, .train_accuracy = true});
  ASSERT_TRUE(history.train_accuracy.has_value());
  EXPECT_DOUBLE_EQ(*history.train_accuracy, 1);
}

TEST(TrainFit, SchedulesMoveTheRateStepByStep) {
  const auto rate = [](const char* name, int64_t step) {
    return make_schedule(name, 100, 0.4)({.step = step, .base_lr = 0.4}).lr;
  };
  EXPECT_EQ(schedule_names(), (std::vector<std::string>{"constant", "cosine", "one-cycle", "step"}));
  EXPECT_DOUBLE_EQ(rate("constant", 99), 0.4);
  EXPECT_DOUBLE_EQ(rate("cosine", 50), 0.2);
  EXPECT_NEAR(rate("cosine", 100), 0, 1e-15);
  EXPECT_DOUBLE_EQ(rate("step", 49), 0.4);
  EXPECT_DOUBLE_EQ(rate("step", 50), 0.04);
  EXPECT_DOUBLE_EQ(rate("step", 75), 0.004);
  EXPECT_DOUBLE_EQ(rate("one-cycle", 0), 0.4 / 25);
  EXPECT_NEAR(rate("one-cycle", 29), 0.4, 1e-3);
  EXPECT_NEAR(rate("one-cycle", 100), 0.4 / 25 / 1e4, 1e-9);
  for (const std::string& schedule : schedule_names()) {  // also where there is only one step
    nn::Sequential model = small_model();
    fit(model, training().subset(1), test(), {.epochs = 1, .schedule = schedule});
  }
}

TEST(TrainFit, TransformsAndDecayAreTaken) {
  const auto trained = [](const FitOptions& options) {
    nn::Sequential model = small_model();
    fit(model, training(), test(), options);
    return weights_of(model);
  };
  const std::vector<float> plain = trained({.epochs = 1, .batch = 10, .seed = 1});
  EXPECT_NE(trained({.epochs = 1, .batch = 10, .seed = 1, .weight_decay = 0.1}), plain);
  const std::vector<float> flipped =
      trained({.epochs = 1, .batch = 10, .seed = 1, .transforms = {data::random_horizontal_flip()}});
  EXPECT_NE(flipped, plain);
  EXPECT_EQ(trained({.epochs = 1,
                     .batch = 10,
                     .seed = 1,
                     .transforms = {data::random_horizontal_flip()},
                     .workers = 2}),
            flipped);
}

TEST(TrainFit, RefusesOptionsThatFitNoTraining) {
  nn::Sequential model = small_model();
  EXPECT_ERROR(fit(model, training(), test(), {.epochs = 0}), "epochs is 0; expected at least 1");
  EXPECT_ERROR(fit(model, training(), test(), {.batch = 0}), "batch");
  EXPECT_ERROR(fit(model, training(), test(), {.optimizer = "adamax"}),
               "there is no optimizer 'adamax'; the names are adam, adamw, rmsprop, sgd");
  EXPECT_ERROR(fit(model, training(), test(), {.lr = -1}), "lr");
  EXPECT_ERROR(fit(model, training(), test(), {.schedule = "sine"}),
               "there is no schedule 'sine'; the names are constant, cosine, one-cycle, step");
  EXPECT_ERROR(fit(model, training(), data::Dataset()), "100 training and 0 test images");
  const data::Dataset other(NDArray::zeros({3, 1, 5, 5}, DType::UInt8), NDArray::zeros({3}, DType::Int64),
                            training().class_names(), data::kUnitInterval);
  EXPECT_ERROR(fit(model, training(), other),
               "training images (1, 2, 2) of 4 classes and test images "
               "(1, 5, 5) of 4");
  const data::Dataset raw(test().images(), test().labels(), test().class_names());
  EXPECT_ERROR(fit(model, training(), raw), "expected the same shape, classes and scaling");
}

TEST(TrainFit, EndsWhereTheLossIsNotFinite) {
  nn::Sequential model = small_model();
  EXPECT_ERROR(
      fit(model, training(), test(), {.epochs = 9, .batch = 10, .optimizer = "sgd", .lr = 1e20, .seed = 0}),
      "expected a finite number (lr is 1e+20: a smaller one may help)");
}

}  // namespace
}  // namespace linnet::train
