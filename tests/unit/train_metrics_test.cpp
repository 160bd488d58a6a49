// evaluate() and accuracy() against counts and losses made by hand.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/sequential.h>
#include <linnet/train/metrics.h>
#include "tests/unit/expect_error.h"

namespace linnet::train {
namespace {

/// Logits are the image's own three pixels.
struct Pixels : nn::Module {
  Tensor forward(const Tensor& x) const override { return x.flatten(1); }
};

/// Five images of three pixels; the brightest is at 0, 1, 2, 1, and 0 before its equal at 2.
data::Dataset five_images() {
  const std::vector<float> pixels{3, 1, 0, 0, 2, 1, 1, 0, 4, 0, 5, 1, 2, 0, 2};
  const std::vector<int64_t> labels{0, 1, 1, 1, 2};
  return data::Dataset(NDArray::from_data(pixels, {5, 1, 1, 3}), NDArray::from_data(labels, {5}),
                       {"a", "b", "c"});
}

double loss_by_hand() {
  const std::vector<std::vector<double>> logits{{3, 1, 0}, {0, 2, 1}, {1, 0, 4}, {0, 5, 1}, {2, 0, 2}};
  const std::vector<size_t> labels{0, 1, 1, 1, 2};
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    double total = 0;
    for (double logit : logits[i]) total += std::exp(logit);
    sum += std::log(total) - logits[i][labels[i]];
  }
  return sum / 5;
}

TEST(TrainMetrics, CountsByLabelAndPrediction) {
  Pixels model;
  for (int64_t batch : {1, 2, 5, 100}) {
    const Evaluation result = evaluate(model, five_images(), {.batch = batch});
    EXPECT_EQ(result.images, 5);
    EXPECT_DOUBLE_EQ(result.accuracy, 3.0 / 5);
    EXPECT_NEAR(result.loss, loss_by_hand(), 1e-6);
    EXPECT_EQ(result.confusion, (std::vector<int64_t>{1, 0, 0, 0, 2, 1, 1, 0, 0}));
    EXPECT_EQ(result.count(1, 2), 1);
    EXPECT_EQ(result.class_names, (std::vector<std::string>{"a", "b", "c"}));
  }
  EXPECT_DOUBLE_EQ(accuracy(model, five_images()), 3.0 / 5);
}

TEST(TrainMetrics, ScoresClasses) {
  Pixels model;
  const Evaluation result = evaluate(model, five_images());
  const ClassScore b = result.score(1);
  EXPECT_EQ(b.images, 3);
  EXPECT_EQ(b.predicted, 2);
  EXPECT_EQ(b.correct, 2);
  EXPECT_DOUBLE_EQ(b.recall(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(b.precision(), 1);
  const ClassScore c = result.score(2);
  EXPECT_DOUBLE_EQ(c.recall(), 0);
  EXPECT_DOUBLE_EQ(c.precision(), 0);
  EXPECT_DOUBLE_EQ(ClassScore{}.recall(), 0);
  EXPECT_DOUBLE_EQ(ClassScore{}.precision(), 0);
}

TEST(TrainMetrics, RunsInEvaluationModeAndPutsModesBack) {
  struct Watcher : nn::Module {
    nn::Flatten frozen;
    mutable bool saw_training = false, saw_grad = false;
    Tensor forward(const Tensor& x) const override {
      saw_training = is_training() || frozen.is_training();
      saw_grad = grad_enabled();
      return frozen(x);
    }
    void fields(nn::Fields& f) override { f("frozen", frozen); }
  };
  Watcher model;
  model.train();
  model.frozen.eval();
  evaluate(model, five_images());
  EXPECT_FALSE(model.saw_training);
  EXPECT_FALSE(model.saw_grad);
  EXPECT_TRUE(model.is_training());
  EXPECT_FALSE(model.frozen.is_training());
  EXPECT_TRUE(grad_enabled());
}

TEST(TrainMetrics, PutsModesBackAfterAnError) {
  nn::Linear model(7, 3);
  EXPECT_ERROR(evaluate(model, five_images()), "linear");
  EXPECT_TRUE(model.is_training());
}

TEST(TrainMetrics, RefusesWhatCannotBeMeasured) {
  Pixels model;
  EXPECT_ERROR(evaluate(model, data::Dataset()), "the set has no images");
  EXPECT_ERROR(evaluate(model, five_images(), {.batch = 0}), "batch is 0; expected at least 1");
  nn::Sequential two{nn::Flatten(), nn::Linear(3, 2)};
  EXPECT_ERROR(evaluate(two, five_images()),
               "the model gives (5, 2) for images (5, 1, 1, 3); expected (N, 3), a number for each");
}

}  // namespace
}  // namespace linnet::train
