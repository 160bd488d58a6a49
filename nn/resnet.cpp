// Residual networks of basic blocks.
#include <linnet/autograd/ops.h>
#include <linnet/nn/clone.h>
#include <linnet/nn/init.h>
#include <linnet/nn/models.h>

#include "core/fail.h"

namespace linnet::nn {
namespace {

Conv2d conv(int64_t in, int64_t out, const Conv2dOptions& shape) {
  Conv2dOptions options = shape;
  options.bias = false;
  Conv2d layer(in, out, options);
  kaiming_normal_(layer.weight, {.fan = Fan::Out});
  return layer;
}

Sequential projection(int64_t in, int64_t out, int64_t stride) {
  Sequential path;
  path.add(conv(in, out, {.kernel = 1, .stride = stride})).add(BatchNorm2d(out));
  return path;
}

Sequential stage(int64_t in, int64_t out, int64_t stride, const ResNet::Plan& plan) {
  Sequential blocks;
  blocks.add(BasicBlock(in, out, stride, plan.shortcut));
  for (int64_t i = 1; i < plan.blocks; ++i) blocks.add(BasicBlock(out, out, 1, plan.shortcut));
  return blocks;
}

Conv2d stem(bool photographs, int64_t channels, int64_t width) {
  if (photographs) return conv(channels, width, {.kernel = 7, .stride = 2, .padding = 3});
  return conv(channels, width, {.kernel = 3, .padding = 1});
}

}  // namespace

BasicBlock::BasicBlock(int64_t in, int64_t out, int64_t stride, Shortcut shortcut)
    : conv1(conv(in, out, {.kernel = 3, .stride = stride, .padding = 1})),
      bn1(out),
      conv2(conv(out, out, {.kernel = 3, .padding = 1})),
      bn2(out),
      in_(in),
      out_(out),
      stride_(stride),
      shortcut_(shortcut) {
  check(out >= in || shortcut == Shortcut::Projection, "BasicBlock",
        "a padded shortcut from {} to {} channels; expected no fewer than before", in, out);
  if (shortcut == Shortcut::Projection && (stride != 1 || in != out))
    downsample = projection(in, out, stride);
}

Tensor BasicBlock::passed_by(const Tensor& x) const {
  if (downsample.size() > 0) return downsample(x);
  const Tensor seen = stride_ == 1 ? x : x.slice(2, 0, x.size(2), stride_).slice(3, 0, x.size(3), stride_);
  const int64_t more = out_ - in_;
  return more == 0 ? seen : pad(seen, 1, more / 2, more - more / 2);
}

Tensor BasicBlock::forward(const Tensor& x) const {
  const Tensor h = relu(bn1(conv1(x)));
  return relu(bn2(conv2(h)) + passed_by(x));
}

void BasicBlock::fields(Fields& f) {
  f("conv1", conv1)("bn1", bn1)("conv2", conv2)("bn2", bn2);
  if (downsample.size() > 0) f("downsample", downsample);
}

std::string BasicBlock::describe() const {
  return format_text("BasicBlock({}, {}{}{})", in_, out_,
                     stride_ == 1 ? std::string() : format_text(", stride={}", stride_),
                     shortcut_ == Shortcut::Padded ? ", padded" : "");
}

BasicBlock BasicBlock::clone() const {
  const detail::KeepDefaultGenerator keep;
  BasicBlock copy(in_, out_, stride_, shortcut_);
  detail::copy_state(*this, copy);
  return copy;
}

ResNet::ResNet(const Plan& plan, const ModelOptions& options)
    : conv1(stem(plan.photographs, options.channels_or(3), plan.widths.at(0))),
      bn1(plan.widths.at(0)),
      fc(plan.widths.back(), options.classes_or(plan.classes)),
      photographs_(plan.photographs) {
  int64_t in = plan.widths[0];
  for (const int64_t width : plan.widths) {
    layers.push_back(stage(in, width, layers.empty() ? 1 : 2, plan));
    in = width;
  }
}

Tensor ResNet::forward(const Tensor& x) const {
  Tensor h = relu(bn1(conv1(x)));
  if (photographs_) h = max_pool2d(h, {.kernel = 3, .stride = 2, .padding = 1});
  for (const Sequential& layer : layers) h = layer(h);
  return fc(adaptive_avg_pool2d(h, 1).flatten(1));
}

void ResNet::fields(Fields& f) {
  f("conv1", conv1)("bn1", bn1);
  for (size_t i = 0; i < layers.size(); ++i) f("layer" + std::to_string(i + 1), layers[i]);
  f("fc", fc);
}

ResNet resnet18(const ModelOptions& options) {
  return ResNet({.photographs = true,
                 .widths = {64, 128, 256, 512},
                 .blocks = 2,
                 .shortcut = Shortcut::Projection,
                 .classes = 1000},
                options);
}

ResNet resnet20(const ModelOptions& options) {
  return ResNet({.photographs = false,
                 .widths = {16, 32, 64},
                 .blocks = 3,
                 .shortcut = Shortcut::Padded,
                 .classes = 10},
                options);
}

}  // namespace linnet::nn
