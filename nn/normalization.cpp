#include <linnet/nn/normalization.h>

#include <linnet/autograd/ops.h>
#include <linnet/nn/clone.h>

#include "core/fail.h"

namespace linnet::nn {
namespace {

Tensor ones_parameter(const Shape& shape, const Module& layer) {
  return parameter(NDArray::ones(shape), "weight of " + layer.describe());
}
Tensor zeros_parameter(const Shape& shape, const Module& layer) {
  return parameter(NDArray::zeros(shape), "bias of " + layer.describe());
}

std::string describe_eps(double eps) {
  return eps == 1e-5 ? "" : format_text(", eps={}", eps);
}

/// A copy of a layer that was made anew with the same options.
template <class Layer>
Layer with_state_of(const Layer& layer, Layer copy) {
  detail::copy_state(layer, copy);
  return copy;
}

void check_probability(double p, const Module& layer, const char* where) {
  check(p >= 0 && p <= 1, where, "p must be a probability; got {}", layer.describe());
}

}  // namespace

BatchNorm2d::BatchNorm2d(int64_t channels, const BatchNormLayerOptions& options)
    : channels_(channels), options_(options) {
  check(channels >= 1 && options.eps >= 0, "BatchNorm2d",
        "expected at least 1 channel and eps of at least 0; got {}", describe());
  if (options.affine) {
    weight = ones_parameter({channels}, *this);
    bias = zeros_parameter({channels}, *this);
  }
  if (options.track_running_stats) {
    running_mean = NDArray::zeros({channels});
    running_var = NDArray::ones({channels});
    num_batches_tracked = NDArray::zeros({}, DType::Int64);
  }
}

Tensor BatchNorm2d::forward(const Tensor& x) const {
  check(x.rank() == 4 && x.size(1) == channels_, "BatchNorm2d", "input {}; expected (N, {}, H, W)", x.shape(),
        channels_);
  const bool tracked = running_mean.defined();
  const bool batch = is_training() || !tracked;
  if (batch && tracked) num_batches_tracked.data().add_(NDArray::ones({}, DType::Int64, x.device()));
  return batch_norm(x, running_mean, running_var, weight, bias,
                    {.training = batch, .momentum = options_.momentum, .eps = options_.eps});
}

void BatchNorm2d::fields(Fields& f) {
  f("weight", weight)("bias", bias);
  f.buffer("running_mean", running_mean);
  f.buffer("running_var", running_var);
  f.buffer("num_batches_tracked", num_batches_tracked);
}

std::string BatchNorm2d::describe() const {
  std::string text = format_text("BatchNorm2d({}", channels_) + describe_eps(options_.eps);
  if (options_.momentum != 0.1) text += format_text(", momentum={}", options_.momentum);
  if (!options_.affine) text += ", no affine";
  if (!options_.track_running_stats) text += ", no running statistics";
  return text + ")";
}

BatchNorm2d BatchNorm2d::clone() const {
  return with_state_of(*this, BatchNorm2d(channels_, options_));
}

LayerNorm::LayerNorm(const Shape& shape, const NormLayerOptions& options) : shape_(shape), options_(options) {
  check(shape.rank() >= 1 && shape.product() >= 1 && options.eps >= 0, "LayerNorm",
        "expected a shape with elements and eps of at least 0; got {}", describe());
  if (!options.affine) return;
  weight = ones_parameter(shape, *this);
  bias = zeros_parameter(shape, *this);
}

Tensor LayerNorm::forward(const Tensor& x) const {
  return layer_norm(x, shape_, weight, bias, options_.eps);
}

void LayerNorm::fields(Fields& f) {
  f("weight", weight)("bias", bias);
}

std::string LayerNorm::describe() const {
  return format_text("LayerNorm({}", shape_) + describe_eps(options_.eps) +
         (options_.affine ? "" : ", no affine") + ")";
}

LayerNorm LayerNorm::clone() const {
  return with_state_of(*this, LayerNorm(shape_, options_));
}

GroupNorm::GroupNorm(int64_t groups, int64_t channels, const NormLayerOptions& options)
    : groups_(groups), channels_(channels), options_(options) {
  check(groups >= 1 && channels >= 1 && channels % groups == 0 && options.eps >= 0, "GroupNorm",
        "expected groups that divide the channels, and eps of at least 0; got {}", describe());
  if (!options.affine) return;
  weight = ones_parameter({channels}, *this);
  bias = zeros_parameter({channels}, *this);
}

Tensor GroupNorm::forward(const Tensor& x) const {
  check(x.rank() >= 2 && x.size(1) == channels_, "GroupNorm", "input {}; expected (N, {}, ...)", x.shape(),
        channels_);
  return group_norm(x, groups_, weight, bias, options_.eps);
}

void GroupNorm::fields(Fields& f) {
  f("weight", weight)("bias", bias);
}

std::string GroupNorm::describe() const {
  return format_text("GroupNorm({}, {}", groups_, channels_) + describe_eps(options_.eps) +
         (options_.affine ? "" : ", no affine") + ")";
}

GroupNorm GroupNorm::clone() const {
  return with_state_of(*this, GroupNorm(groups_, channels_, options_));
}

Dropout::Dropout(double p) : p_(p) {
  check_probability(p, *this, "Dropout");
}
Tensor Dropout::forward(const Tensor& x) const {
  return dropout(x, p_, is_training());
}
std::string Dropout::describe() const {
  return format_text("Dropout({})", p_);
}
Dropout Dropout::clone() const {
  return with_state_of(*this, Dropout(p_));
}

Dropout2d::Dropout2d(double p) : p_(p) {
  check_probability(p, *this, "Dropout2d");
}
Tensor Dropout2d::forward(const Tensor& x) const {
  return dropout2d(x, p_, is_training());
}
std::string Dropout2d::describe() const {
  return format_text("Dropout2d({})", p_);
}
Dropout2d Dropout2d::clone() const {
  return with_state_of(*this, Dropout2d(p_));
}

}  // namespace linnet::nn
