// How good a classifier is on a labelled set: loss, accuracy, and where it errs.
// Measuring runs without gradients in evaluation mode, and puts every module's mode back afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linnet/data/dataset.h>
#include <linnet/nn/module.h>

namespace linnet::train {

/// One row of the per-class table.
struct ClassScore {
  int64_t images = 0;     ///< with this label
  int64_t predicted = 0;  ///< images the model gave this label
  int64_t correct = 0;
  double recall() const;     ///< correct / images, 0 where there are none
  double precision() const;  ///< correct / predicted, 0 where there are none
};

struct Evaluation {
  int64_t images = 0;
  double loss = 0;      ///< Mean cross-entropy, in nats.
  double accuracy = 0;  ///< 0 to 1.
  std::vector<std::string> class_names;
  std::vector<int64_t> confusion;  ///< Images by label (row) and prediction (column), row-major.

  int64_t classes() const { return static_cast<int64_t>(class_names.size()); }
  /// Images with that label that were given that prediction. Both in [0, classes()).
  int64_t count(int64_t label, int64_t prediction) const;
  ClassScore score(int64_t label) const;
};

struct EvaluateOptions {
  int64_t batch = 256;
};

/// Runs the model on every image of the set, on the device of the model's first parameter. The prediction is
/// the class with the largest logit, the first of equals. Throws Error for an empty set, and where the model
/// does not give one number (N, classes) for each class of the set.
Evaluation evaluate(nn::Module& model, const data::Dataset& set, const EvaluateOptions& options = {});

/// The fraction of images, 0 to 1, whose prediction is their label.
double accuracy(nn::Module& model, const data::Dataset& set, const EvaluateOptions& options = {});

}  // namespace linnet::train
