// optimize_for_inference(): a model for inference alone, as a plan. The model runs once without computing
// anything, and the calls it makes of its device are recorded, fused and planned: batch norms become part of
// the convolutions before them, ReLU is done as results are written, weights are reordered once as the device
// reads them fastest, temporaries share one block of memory.
//
//   model.eval();
//   const auto fast = nn::optimize_for_inference(model, {1, 3, 32, 32});
//   NDArray scores = fast.predict(images);   // any batch, from any thread
#pragma once

#include <memory>
#include <string>

#include <linnet/nn/module.h>

namespace linnet {
class Executable;
}

namespace linnet::nn {

/// Made by optimize_for_inference. It has no parameters and no gradients, stays in evaluation, and cannot be
/// changed: threads may share one and call it at once, and the result for an input has the same bits whatever
/// the others do.
class InferenceModel final : public Module {
 public:
  /// The result for one input, of the shape it was planned for; where the model allows it, with any batch.
  /// Throws for other shapes, dtypes and devices. An input in another order of memory than planned for is
  /// copied.
  NDArray predict(const NDArray& x) const;
  /// The same, for what takes modules. Throws where a gradient is asked for: in training mode, and for an
  /// input that requires one while gradients are recorded.
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;

  /// Whether the first dimension may have any extent.
  bool any_batch() const;
  /// What a call does, a line for each of the device's functions with the shapes it reads and writes.
  std::string plan() const;

 private:
  friend InferenceModel optimize_for_inference(const Module& model, const NDArray& example);
  explicit InferenceModel(std::shared_ptr<const Executable> executable);

  std::shared_ptr<const Executable> executable_;
};

/// The model as it is now, made for inputs like the example: of its shape (but for the batch, the first
/// dimension, where the model takes any), dtype, device and order of memory. Weights are copied: what becomes
/// of the model later changes nothing.
///
/// Results have the bits of the model's, but where a batch norm was folded into the weights before it (in
/// float64, rounded once): there they agree to some 1e-6 of their norm in float32, 1e-14 in float64.
///
/// What the model does besides calling operators happens once, here: control flow that depends on shapes is
/// that of the example. Throws Error for a model in training mode, and for one whose forward pass reads
/// values (control flow may depend on them), draws random numbers, or changes its own arrays.
InferenceModel optimize_for_inference(const Module& model, const NDArray& example);
/// For contiguous inputs of that shape, with dtype and device of the model's first parameter.
InferenceModel optimize_for_inference(const Module& model, const Shape& input);

}  // namespace linnet::nn
