#include <linnet/nn/layers.h>

#include <linnet/autograd/ops.h>
#include <linnet/nn/clone.h>
#include <linnet/nn/init.h>

#include "core/fail.h"

namespace linnet::nn {
namespace {

std::string describe_padding(const Padding& padding) {
  if (padding.same) return "same";
  if (padding == Padding(padding.top)) return format_text("{}", padding.top);
  if (padding == Padding(padding.top, padding.left)) return format_text("{}x{}", padding.top, padding.left);
  return format_text("{{{}, {}, {}, {}}}", padding.top, padding.bottom, padding.left, padding.right);
}

void check_conv2d(const Conv2d& layer, int64_t in, int64_t out, const Conv2dOptions& options) {
  constexpr const char* kWhere = "Conv2d";
  const std::string given = layer.describe();
  check(in >= 1 && out >= 1, kWhere, "channels must be at least 1; got {}", given);
  check(options.kernel.h >= 1 && options.kernel.w >= 1, kWhere,
        "the kernel must be at least 1x1; got {}; give it as in {{.kernel = 3}}", given);
  check(options.stride.h >= 1 && options.stride.w >= 1, kWhere, "strides must be at least 1; got {}", given);
  check(options.dilation.h >= 1 && options.dilation.w >= 1, kWhere, "dilations must be at least 1; got {}",
        given);
  const Padding& p = options.padding;
  check(p.top >= 0 && p.bottom >= 0 && p.left >= 0 && p.right >= 0, kWhere,
        "padding must not be negative; got {}", given);
  check(options.groups >= 1 && in % options.groups == 0 && out % options.groups == 0, kWhere,
        "groups must divide both numbers of channels; got {}", given);
  check(options.layout == Layout::NCHW, kWhere,
        "layers have Layout::NCHW; got Layout::NHWC for {}; for channels last in memory call "
        "to(MemoryOrder::ChannelsLast)",
        given);
}

Tensor empty_parameter(const Shape& shape, const char* name, const Module& layer) {
  return parameter(NDArray::empty(shape), format_text("{} of {}", name, layer.describe()));
}

}  // namespace

Conv2d::Conv2d(int64_t in, int64_t out, const Conv2dOptions& options)
    : in_(in), out_(out), options_(options) {
  check_conv2d(*this, in, out, options);
  weight = empty_parameter({out, in / options.groups, options.kernel.h, options.kernel.w}, "weight", *this);
  if (options.bias) bias = empty_parameter({out}, "bias", *this);
  default_init_(weight, bias);
}

Tensor Conv2d::forward(const Tensor& x) const {
  return conv2d(x, weight, bias, options_);
}

void Conv2d::fields(Fields& f) {
  f("weight", weight)("bias", bias);
}

std::string Conv2d::describe() const {
  std::string text =
      format_text("Conv2d({}, {}, kernel={}x{}", in_, out_, options_.kernel.h, options_.kernel.w);
  if (options_.stride != Size2(1))
    text += format_text(", stride={}x{}", options_.stride.h, options_.stride.w);
  if (options_.padding != Padding(0)) text += ", padding=" + describe_padding(options_.padding);
  if (options_.dilation != Size2(1)) {
    text += format_text(", dilation={}x{}", options_.dilation.h, options_.dilation.w);
  }
  if (options_.groups != 1) text += format_text(", groups={}", options_.groups);
  if (!options_.bias) text += ", no bias";
  return text + ")";
}

Conv2d Conv2d::clone() const {
  const detail::KeepDefaultGenerator keep;
  Conv2dOptions options = options_;
  options.bias = bias.defined();
  Conv2d copy(in_, out_, options);
  detail::copy_state(*this, copy);
  return copy;
}

Linear::Linear(int64_t in, int64_t out, const LinearOptions& options) : in_(in), out_(out) {
  check(in >= 1 && out >= 1, "Linear", "features must be at least 1; got Linear({}, {})", in, out);
  weight = empty_parameter({out, in}, "weight", *this);
  if (options.bias) bias = empty_parameter({out}, "bias", *this);
  default_init_(weight, bias);
}

Tensor Linear::forward(const Tensor& x) const {
  return linear(x, weight, bias);
}

void Linear::fields(Fields& f) {
  f("weight", weight)("bias", bias);
}

std::string Linear::describe() const {
  // The constructor describes the layer before there is a bias to see.
  return format_text("Linear({}, {}{})", in_, out_, weight.defined() && !bias.defined() ? ", no bias" : "");
}

Linear Linear::clone() const {
  const detail::KeepDefaultGenerator keep;
  Linear copy(in_, out_, {.bias = bias.defined()});
  detail::copy_state(*this, copy);
  return copy;
}

Tensor Flatten::forward(const Tensor& x) const {
  return x.flatten(start_, stop_);
}

std::string Flatten::describe() const {
  return format_text("Flatten({}, {})", start_, stop_);
}

Flatten Flatten::clone() const {
  Flatten copy(start_, stop_);
  copy.train(is_training());
  return copy;
}

}  // namespace linnet::nn
