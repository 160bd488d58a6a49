// One forward and backward pass of a model on one device, cut into segments at every input and output of a
// module: what is computed from one cut to the next. Given the trace of another device, each segment starts
// from what that device computed, so its results show the segment's own error.
#pragma once

#include <string>
#include <vector>

#include <linnet/autograd/tensor.h>
#include <linnet/nn/module.h>

namespace linnet::checks {

/// A gradient that a segment computed.
struct TracedGradient {
  std::string of;  ///< "conv1.weight", "output of conv1"
  NDArray value;
  bool of_parameter;
};

struct Segment {
  std::string layer;   ///< Who computed it: a module's path, the model's type, "cross_entropy".
  std::string module;  ///< Module::describe()
  std::string what;    ///< "output", "input of conv2", "loss"
  NDArray value;
  int64_t read = 0;  ///< Elements of the module's input.
  double least = 0;  ///< Size of what `value` is the difference of, where it is known to be one; else 0.
  std::vector<TracedGradient> gradients;

  /// What one element of the value, or of a gradient by something with a batch of images, may sum: the
  /// elements that the segment read and gave, of one image of `batch`.
  int64_t terms(int64_t batch) const;
};

struct Trace {
  std::vector<Segment> segments;   ///< In the order of computing; the loss is the last.
  std::vector<NDArray> gradients;  ///< By the value of each segment, summed over those that read it.
  std::vector<nn::NamedArray> parameter_gradients;  ///< Of all parameters that have one, summed.
};

/// Runs the model, which is on `device` without gradients, and leaves it without them. With a `teacher`,
/// throws Error where the model calls other modules than there.
Trace trace(const nn::Module& model, const NDArray& images, const NDArray& labels, Device device,
            const Trace* teacher);

}  // namespace linnet::checks
