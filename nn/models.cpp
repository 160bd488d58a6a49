#include <linnet/nn/models.h>

#include <linnet/autograd/ops.h>
#include <linnet/nn/init.h>

#include "core/fail.h"

namespace linnet::nn {
namespace {

struct Entry {
  const char* name;
  PublishedModel published;
  std::unique_ptr<Module> (*make)(const ModelOptions&);
};

std::unique_ptr<Module> make_simple_cnn(const ModelOptions& options) {
  check(options.classes_or(10) == 10 && options.channels_or(1) == 1, "make_model",
        "simple-cnn has 10 classes and 1 channel; asked for {} and {}", options.classes_or(10),
        options.channels_or(1));
  return std::make_unique<SimpleCNN>();
}

template <class M>
std::unique_ptr<Module> make(const ModelOptions& options) {
  return std::make_unique<M>(options);
}

template <ResNet (*network)(const ModelOptions&)>
std::unique_ptr<Module> make_resnet(const ModelOptions& options) {
  return std::make_unique<ResNet>(network(options));
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {{"simple-cnn", {{1, 28, 28}, 10}, &make_simple_cnn},
                                         {"lenet-5", {{1, 28, 28}, 10}, &make<LeNet5>},
                                         {"vgg-11", {{3, 224, 224}, 1000}, &make<VGG11>},
                                         {"resnet-18", {{3, 224, 224}, 1000}, &make_resnet<resnet18>},
                                         {"resnet-20", {{3, 32, 32}, 10}, &make_resnet<resnet20>}};
  return all;
}

const Entry& entry_of(std::string_view name) {
  for (const Entry& entry : entries()) {
    if (name == entry.name) return entry;
  }
  fail("make_model", "there is no model \"{}\"; there are: {}", name, join(model_names(), ", "));
}

int64_t given_or(const char* what, int64_t given, int64_t published) {
  check(given >= 0, "make_model", "{} is {}; expected at least 1, or 0 for as published", what, given);
  return given == 0 ? published : given;
}

/// Convolutions of 3x3, each with ReLU; M stands for a maximum of 2x2. Configuration A.
Sequential vgg11_features(int64_t channels) {
  constexpr int64_t kMaximum = 0;
  Sequential features;
  for (const int64_t width :
       {int64_t{64}, kMaximum, int64_t{128}, kMaximum, int64_t{256}, int64_t{256}, kMaximum, int64_t{512},
        int64_t{512}, kMaximum, int64_t{512}, int64_t{512}, kMaximum}) {
    if (width == kMaximum) {
      features.add(MaxPool2d({.kernel = 2}));
      continue;
    }
    Conv2d conv(channels, width, {.kernel = 3, .padding = 1});
    kaiming_normal_(conv.weight, {.fan = Fan::Out});
    conv.bias.data().zero_();
    features.add(std::move(conv)).add(ReLU());
    channels = width;
  }
  return features;
}

Linear vgg_linear(int64_t in, int64_t out) {
  Linear layer(in, out);
  normal_(layer.weight, 0, 0.01);
  layer.bias.data().zero_();
  return layer;
}

}  // namespace

int64_t ModelOptions::classes_or(int64_t published) const {
  return given_or("classes", classes, published);
}

int64_t ModelOptions::channels_or(int64_t published) const {
  return given_or("channels", channels, published);
}

Tensor SimpleCNN::forward(const Tensor& x) const {
  Tensor h = relu(conv1(x));
  h = relu(conv2(h));
  h = relu(conv3(h));
  h = relu(fc1(h.flatten(1)));
  return fc2(h);
}

void SimpleCNN::fields(Fields& f) {
  f("conv1", conv1)("conv2", conv2)("conv3", conv3)("fc1", fc1)("fc2", fc2);
}

LeNet5::LeNet5(const ModelOptions& options)
    : conv1(options.channels_or(1), 6, {.kernel = 5, .padding = 2}),
      conv2(6, 16, {.kernel = 5}),
      fc1(16 * 5 * 5, 120),
      fc2(120, 84),
      fc3(84, options.classes_or(10)) {}

Tensor LeNet5::forward(const Tensor& x) const {
  Tensor h = avg_pool2d(tanh(conv1(x)), {.kernel = 2});
  h = avg_pool2d(tanh(conv2(h)), {.kernel = 2});
  h = tanh(fc1(h.flatten(1)));
  return fc3(tanh(fc2(h)));
}

void LeNet5::fields(Fields& f) {
  f("conv1", conv1)("conv2", conv2)("fc1", fc1)("fc2", fc2)("fc3", fc3);
}

VGG11::VGG11(const ModelOptions& options) : features(vgg11_features(options.channels_or(3))) {
  classifier.add(vgg_linear(512 * 7 * 7, 4096)).add(ReLU()).add(Dropout());
  classifier.add(vgg_linear(4096, 4096)).add(ReLU()).add(Dropout());
  classifier.add(vgg_linear(4096, options.classes_or(1000)));
}

Tensor VGG11::forward(const Tensor& x) const {
  return classifier(avgpool(features(x)).flatten(1));
}

void VGG11::fields(Fields& f) {
  f("features", features)("avgpool", avgpool)("classifier", classifier);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) names.emplace_back(entry.name);
  return names;
}

PublishedModel published_model(std::string_view name) {
  return entry_of(name).published;
}

std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options) {
  return entry_of(name).make(options);
}

}  // namespace linnet::nn
