#include <linnet/nn/pooling.h>

#include <linnet/autograd/ops.h>

#include "core/fail.h"
#include "nn/in_mode_of.h"

namespace linnet::nn {
namespace {

/// Of options that are not the default.
std::string describe_options(const Pool2dOptions& o) {
  std::string text = format_text("kernel={}x{}", o.kernel.h, o.kernel.w);
  const auto add = [&](const char* what, Size2 size) {
    text += format_text(", {}={}x{}", what, size.h, size.w);
  };
  if (o.stride != Size2(0)) add("stride", o.stride);
  if (o.padding != Size2(0)) add("padding", o.padding);
  if (o.dilation != Size2(1)) add("dilation", o.dilation);
  if (o.ceil_mode) text += ", ceil_mode";
  return text;
}

void check_layout(const char* where, Layout layout) {
  check(layout == Layout::NCHW, where,
        "layers have Layout::NCHW; got Layout::NHWC; for channels last in memory call "
        "to(MemoryOrder::ChannelsLast)");
}

void check_output(const char* where, Size2 output) {
  check(output.h >= 1 && output.w >= 1, where, "output size {}x{}; expected at least 1x1", output.h,
        output.w);
}

}  // namespace

MaxPool2d::MaxPool2d(const Pool2dOptions& options) : options_(options) {
  check_layout("MaxPool2d", options.layout);
  check_options("MaxPool2d", PoolKind::Max, options);
}
Tensor MaxPool2d::forward(const Tensor& x) const {
  return max_pool2d(x, options_);
}
std::string MaxPool2d::describe() const {
  return format_text("MaxPool2d({})", describe_options(options_));
}
MaxPool2d MaxPool2d::clone() const {
  return in_mode_of(*this, MaxPool2d(options_));
}

AvgPool2d::AvgPool2d(const Pool2dOptions& options) : options_(options) {
  check_layout("AvgPool2d", options.layout);
  check_options("AvgPool2d", PoolKind::Average, options);
}
Tensor AvgPool2d::forward(const Tensor& x) const {
  return avg_pool2d(x, options_);
}
std::string AvgPool2d::describe() const {
  std::string text = "AvgPool2d(" + describe_options(options_);
  if (!options_.count_include_pad) text += ", padding not counted";
  if (options_.divisor_override != 0) text += format_text(", divisor={}", options_.divisor_override);
  return text + ")";
}
AvgPool2d AvgPool2d::clone() const {
  return in_mode_of(*this, AvgPool2d(options_));
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Size2 output) : output_(output) {
  check_output("AdaptiveAvgPool2d", output);
}
Tensor AdaptiveAvgPool2d::forward(const Tensor& x) const {
  return adaptive_avg_pool2d(x, output_);
}
std::string AdaptiveAvgPool2d::describe() const {
  return format_text("AdaptiveAvgPool2d({}x{})", output_.h, output_.w);
}
AdaptiveAvgPool2d AdaptiveAvgPool2d::clone() const {
  return in_mode_of(*this, AdaptiveAvgPool2d(output_));
}

AdaptiveMaxPool2d::AdaptiveMaxPool2d(Size2 output) : output_(output) {
  check_output("AdaptiveMaxPool2d", output);
}
Tensor AdaptiveMaxPool2d::forward(const Tensor& x) const {
  return adaptive_max_pool2d(x, output_);
}
std::string AdaptiveMaxPool2d::describe() const {
  return format_text("AdaptiveMaxPool2d({}x{})", output_.h, output_.w);
}
AdaptiveMaxPool2d AdaptiveMaxPool2d::clone() const {
  return in_mode_of(*this, AdaptiveMaxPool2d(output_));
}

Upsample::Upsample(const UpsampleOptions& options) : options_(options) {
  check_layout("Upsample", options.layout);
  check_options("Upsample", options);
}
Tensor Upsample::forward(const Tensor& x) const {
  return upsample(x, options_);
}
std::string Upsample::describe() const {
  const UpsampleOptions& o = options_;
  const std::string how = o.size != Size2(0)
                              ? format_text("size={}x{}", o.size.h, o.size.w)
                              : format_text("scale_factor={}x{}", o.scale_factor.h, o.scale_factor.w);
  return format_text("Upsample({}, {}{})", how, name(o.mode), o.align_corners ? ", align_corners" : "");
}
Upsample Upsample::clone() const {
  return in_mode_of(*this, Upsample(options_));
}

}  // namespace linnet::nn
