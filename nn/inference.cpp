#include <linnet/nn/inference.h>

#include <utility>

#include "core/executable.h"
#include "core/fail.h"
#include "core/program_passes.h"
#include "core/recorder.h"
#include "nn/walk.h"

namespace linnet::nn {
namespace {

constexpr const char* kWhere = "optimize_for_inference";

void check_evaluating(const Module& model) {
  for (const Located& at : walk(model)) {
    if (!at.module->is_training()) continue;
    fail(kWhere, "{}{} is in training mode; call eval() on the model first",
         at.path.empty() ? "" : at.path + ": ", at.module->describe());
  }
}

}  // namespace

InferenceModel::InferenceModel(std::shared_ptr<const Executable> executable)
    : executable_(std::move(executable)) {
  eval();
}

NDArray InferenceModel::predict(const NDArray& x) const {
  return executable_->run("InferenceModel", x);
}

Tensor InferenceModel::forward(const Tensor& x) const {
  check(!is_training() && !(grad_enabled() && x.defined() && x.requires_grad()), "InferenceModel",
        "an optimised model has no gradients ({}); train the model it was made of",
        is_training() ? "it is in training mode" : "the input requires one");
  return predict(x.data());
}

std::string InferenceModel::describe() const {
  const Program& program = executable_->program();
  return format_text("InferenceModel({}{}, {} calls)", program.input.at.shape,
                     any_batch() ? ", any batch" : "", program.calls.size());
}

bool InferenceModel::any_batch() const {
  return executable_->program().any_batch;
}

std::string InferenceModel::plan() const {
  return to_string(executable_->program());
}

InferenceModel optimize_for_inference(const Module& model, const NDArray& example) {
  check_evaluating(model);
  const NoGrad no_grad;
  Program program = record_program(example, [&](const NDArray& x) { return model(x).data(); });
  optimize(program);
  return InferenceModel(std::make_shared<const Executable>(std::move(program)));
}

InferenceModel optimize_for_inference(const Module& model, const Shape& input) {
  const std::vector<Tensor> parameters = model.parameters();
  const DType dtype = parameters.empty() ? DType::Float32 : parameters.front().dtype();
  const Device device = parameters.empty() ? default_device() : parameters.front().device();
  return optimize_for_inference(model, NDArray::empty(input, dtype, device));
}

}  // namespace linnet::nn
