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

/// What Conv2d and ConvTranspose2d ask of their options.
template <class Options>
void check_options(const char* where, const std::string& given, int64_t in, int64_t out,
                   const Options& options) {
  check(in >= 1 && out >= 1, where, "channels must be at least 1; got {}", given);
  check(options.kernel.h >= 1 && options.kernel.w >= 1, where,
        "the kernel must be at least 1x1; got {}; give it as in {{.kernel = 3}}", given);
  check(options.stride.h >= 1 && options.stride.w >= 1, where, "strides must be at least 1; got {}", given);
  check(options.dilation.h >= 1 && options.dilation.w >= 1, where, "dilations must be at least 1; got {}",
        given);
  const Padding& p = options.padding;
  check(p.top >= 0 && p.bottom >= 0 && p.left >= 0 && p.right >= 0, where,
        "padding must not be negative; got {}", given);
  check(options.groups >= 1 && in % options.groups == 0 && out % options.groups == 0, where,
        "groups must divide both numbers of channels; got {}", given);
}

/// What of the options Conv2d and ConvTranspose2d describe alike: those that are not the default.
template <class Options>
std::string describe_options(const Options& options) {
  std::string text;
  if (options.stride != Size2(1)) text += format_text(", stride={}x{}", options.stride.h, options.stride.w);
  if (options.padding != Padding(0)) text += ", padding=" + describe_padding(options.padding);
  if (options.dilation != Size2(1)) {
    text += format_text(", dilation={}x{}", options.dilation.h, options.dilation.w);
  }
  if (options.groups != 1) text += format_text(", groups={}", options.groups);
  if (!options.bias) text += ", no bias";
  return text;
}

Tensor empty_parameter(const Shape& shape, const char* name, const Module& layer) {
  return parameter(NDArray::empty(shape), format_text("{} of {}", name, layer.describe()));
}

}  // namespace

Conv2d::Conv2d(int64_t in, int64_t out, const Conv2dOptions& options)
    : in_(in), out_(out), options_(options) {
  check_options("Conv2d", describe(), in, out, options);
  check(options.layout == Layout::NCHW, "Conv2d",
        "layers have Layout::NCHW; got Layout::NHWC for {}; for channels last in memory call "
        "to(MemoryOrder::ChannelsLast)",
        describe());
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
      format_text("Conv2d({}, {}, kernel={}x{}", in_, out_, options_.kernel.h, options_.kernel.w) +
      describe_options(options_);
  if (options_.padding_mode != PaddingMode::Zeros) {
    text += format_text(", padding_mode={}", name(options_.padding_mode));
  }
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

ConvTranspose2d::ConvTranspose2d(int64_t in, int64_t out, const ConvTranspose2dOptions& options)
    : in_(in), out_(out), options_(options) {
  check_options("ConvTranspose2d", describe(), in, out, options);
  check(!options.padding.same, "ConvTranspose2d", "the padding must be numbers; got {}", describe());
  weight = empty_parameter({in, out / options.groups, options.kernel.h, options.kernel.w}, "weight", *this);
  if (options.bias) bias = empty_parameter({out}, "bias", *this);
  default_init_(weight, bias);
}

Tensor ConvTranspose2d::forward(const Tensor& x) const {
  return conv_transpose2d(x, weight, bias, options_);
}

void ConvTranspose2d::fields(Fields& f) {
  f("weight", weight)("bias", bias);
}

std::string ConvTranspose2d::describe() const {
  std::string text =
      format_text("ConvTranspose2d({}, {}, kernel={}x{}", in_, out_, options_.kernel.h, options_.kernel.w) +
      describe_options(options_);
  if (options_.output_padding != Size2(0)) {
    text += format_text(", output_padding={}x{}", options_.output_padding.h, options_.output_padding.w);
  }
  return text + ")";
}

ConvTranspose2d ConvTranspose2d::clone() const {
  const detail::KeepDefaultGenerator keep;
  ConvTranspose2d copy(in_, out_, options_);
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
