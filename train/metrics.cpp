// Runs a model over a labelled set and counts.
#include <linnet/train/metrics.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include <linnet/autograd/ops.h>
#include "core/fail.h"

namespace linnet::train {
namespace {

constexpr const char* kWhere = "evaluate";

/// Puts a model into evaluation mode, and each of its modules back into the mode it was in.
class EvaluationMode {
 public:
  explicit EvaluationMode(nn::Module& model) {
    for (const auto& [path, module] : model.modules()) before_.emplace_back(module, module->is_training());
    model.eval();
  }
  ~EvaluationMode() {
    // Parents come first: setting one sets what is below it, whose turn is later.
    for (const auto& [module, training] : before_) module->train(training);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<nn::Module*, bool>> before_;
};

Device device_of(const nn::Module& model) {
  const Tensors parameters = model.parameters();
  return parameters.empty() ? default_device() : parameters.front().device();
}

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Adds one batch to the counts and gives the sum of its losses.
double add_batch(const nn::Module& model, const data::Batch& batch, Evaluation& into) {
  const Tensor logits = model(batch.images);
  const int64_t classes = into.classes();
  check(logits.rank() == 2 && logits.size(0) == batch.labels.size(0) && logits.size(1) == classes, kWhere,
        "the model gives {} for images {}; expected (N, {}), a number for each of the set's {} classes",
        logits.shape(), batch.images.shape(), classes, classes);
  const auto labels = batch.labels.to_vector<int64_t>();
  const auto predictions = argmax(logits, 1).to_vector<int64_t>();
  for (size_t i = 0; i < labels.size(); ++i) {
    ++into.confusion[static_cast<size_t>(labels[i] * classes + predictions[i])];
  }
  return cross_entropy(logits, batch.labels, {.reduction = Reduction::Sum}).item<double>();
}

}  // namespace

double ClassScore::recall() const {
  return ratio(correct, images);
}
double ClassScore::precision() const {
  return ratio(correct, predicted);
}

int64_t Evaluation::count(int64_t label, int64_t prediction) const {
  return confusion[static_cast<size_t>(label * classes() + prediction)];
}

ClassScore Evaluation::score(int64_t label) const {
  ClassScore score;
  for (int64_t other = 0; other < classes(); ++other) {
    score.images += count(label, other);
    score.predicted += count(other, label);
  }
  score.correct = count(label, label);
  return score;
}

Evaluation evaluate(nn::Module& model, const data::Dataset& set, const EvaluateOptions& options) {
  check(set.size() > 0, kWhere, "the set has no images; expected at least 1");
  check(options.batch >= 1, kWhere, "batch is {}; expected at least 1", options.batch);
  const EvaluationMode mode(model);
  const NoGrad no_grad;
  const Device device = device_of(model);

  Evaluation result;
  result.images = set.size();
  result.class_names = set.class_names();
  result.confusion.assign(static_cast<size_t>(set.classes() * set.classes()), 0);
  std::vector<int64_t> positions;
  for (int64_t first = 0; first < set.size(); first += options.batch) {
    positions.resize(static_cast<size_t>(std::min(options.batch, set.size() - first)));
    std::iota(positions.begin(), positions.end(), first);
    result.loss += add_batch(model, set.batch(positions, device), result);
  }
  int64_t correct = 0;
  for (int64_t label = 0; label < result.classes(); ++label) correct += result.count(label, label);
  result.loss /= static_cast<double>(result.images);
  result.accuracy = ratio(correct, result.images);
  return result;
}

double accuracy(nn::Module& model, const data::Dataset& set, const EvaluateOptions& options) {
  return evaluate(model, set, options).accuracy;
}

}  // namespace linnet::train
