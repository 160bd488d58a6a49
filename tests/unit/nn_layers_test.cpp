// Layers, Sequential, clone() and the ready-made models.
#include <gtest/gtest.h>

#include <linnet/autograd/ops.h>
#include <linnet/core/error.h>
#include <linnet/core/random.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/sequential.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor range(int64_t first, int64_t last, const Shape& shape) {
  return NDArray::arange(first, last + 1).reshape(shape);
}

TEST(Conv2dLayer, ComputesThePublishedExample) {
  nn::Conv2d conv(1, 2, {.kernel = 2, .stride = 2, .padding = 1});
  conv.weight.data().copy_(range(1, 8, {2, 1, 2, 2}).data());
  conv.bias.data().copy_(range(1, 2, {2}).data());
  const Tensor y = nn::ReLU()(conv(range(1, 12, {1, 1, 3, 4})));
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 3}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{5, 19, 13, 47, 95, 45, 10, 40, 30, 104, 232, 126}));
}

TEST(Conv2dLayer, TakesAnotherAlgorithmWhileItLives) {
  manual_seed(0);
  nn::Conv2d conv(3, 4, {.kernel = 3, .padding = 1});
  const NDArray x = random_normal({2, 3, 6, 5});
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    conv.set_algorithm(algorithm);
    EXPECT_EQ(conv.options().algorithm, algorithm);
    EXPECT_EQ(conv.options().padding, Padding(1));
    const NDArray expected =
        conv2d(x, conv.weight.data(), conv.bias.data(), {.padding = 1, .algorithm = algorithm});
    EXPECT_EQ(conv(x).data().to_vector<float>(), expected.to_vector<float>()) << name(algorithm);
  }
}

TEST(Conv2dLayer, HasPyTorchsShapesAndNames) {
  const nn::Conv2d conv(6, 9, {.kernel = {3, 2}, .groups = 3});
  ASSERT_EQ(conv.named_parameters().size(), 2U);
  EXPECT_EQ(conv.named_parameters()[0].name, "weight");
  EXPECT_EQ(conv.weight.shape(), (Shape{9, 2, 3, 2}));
  EXPECT_EQ(conv.bias.shape(), (Shape{9}));
  const nn::Conv2d plain(6, 9, {.kernel = 3, .bias = false});
  EXPECT_FALSE(plain.bias.defined());
  EXPECT_EQ(plain.parameters().size(), 1U);
  EXPECT_EQ(plain(Tensor(NDArray::zeros({1, 6, 5, 5}))).shape(), (Shape{1, 9, 3, 3}));
}

TEST(Conv2dLayer, DescribesItself) {
  EXPECT_EQ(nn::Conv2d(1, 2, {.kernel = 3}).describe(), "Conv2d(1, 2, kernel=3x3)");
  EXPECT_EQ(
      nn::Conv2d(
          4, 8, {.kernel = {3, 1}, .stride = {2, 1}, .padding = 1, .dilation = 2, .groups = 4, .bias = false})
          .describe(),
      "Conv2d(4, 8, kernel=3x1, stride=2x1, padding=1, dilation=2x2, groups=4, no bias)");
  EXPECT_EQ(nn::Conv2d(1, 1, {.kernel = 3, .padding = {1, 2}}).describe(),
            "Conv2d(1, 1, kernel=3x3, padding=1x2)");
  EXPECT_EQ(nn::Conv2d(1, 1, {.kernel = 3, .padding = {1, 0, 2, 3}}).describe(),
            "Conv2d(1, 1, kernel=3x3, padding={1, 0, 2, 3})");
  EXPECT_EQ(nn::Conv2d(1, 1, {.kernel = 3, .padding = Padding::Same}).describe(),
            "Conv2d(1, 1, kernel=3x3, padding=same)");
}

TEST(Conv2dLayer, RefusesOptionsThatFitNoLayer) {
  EXPECT_ERROR(nn::Conv2d(0, 2, {.kernel = 3}),
               "[Conv2d] channels must be at least 1; got Conv2d(0, 2, kernel=3x3)");
  EXPECT_ERROR(
      nn::Conv2d(1, 2, {}),
      "[Conv2d] the kernel must be at least 1x1; got Conv2d(1, 2, kernel=0x0); give it as in {.kernel = 3}");
  EXPECT_ERROR(nn::Conv2d(1, 2, {.kernel = 3, .stride = 0}),
               "[Conv2d] strides must be at least 1; got Conv2d(1, 2, kernel=3x3, stride=0x0)");
  EXPECT_ERROR(nn::Conv2d(1, 2, {.kernel = 3, .dilation = {1, 0}}),
               "[Conv2d] dilations must be at least 1; got Conv2d(1, 2, kernel=3x3, dilation=1x0)");
  EXPECT_ERROR(nn::Conv2d(1, 2, {.kernel = 3, .padding = -1}),
               "[Conv2d] padding must not be negative; got Conv2d(1, 2, kernel=3x3, padding=-1)");
  EXPECT_ERROR(
      nn::Conv2d(4, 6, {.kernel = 3, .groups = 4}),
      "[Conv2d] groups must divide both numbers of channels; got Conv2d(4, 6, kernel=3x3, groups=4)");
  EXPECT_ERROR(nn::Conv2d(4, 6, {.kernel = 3, .layout = Layout::NHWC}),
               "[Conv2d] layers have Layout::NCHW; got Layout::NHWC for Conv2d(4, 6, kernel=3x3)");
}

TEST(LinearLayer, ComputesXTimesTransposedWeightPlusBias) {
  nn::Linear fc(3, 2);
  EXPECT_EQ(fc.weight.shape(), (Shape{2, 3}));
  fc.weight.data().copy_(range(1, 6, {2, 3}).data());
  fc.bias.data().copy_(range(1, 2, {2}).data());
  EXPECT_EQ(fc(range(1, 6, {2, 3})).to_vector<float>(), (std::vector<float>{15, 34, 33, 79}));
  EXPECT_EQ(fc.describe(), "Linear(3, 2)");
  EXPECT_EQ(nn::Linear(3, 2, {.bias = false}).describe(), "Linear(3, 2, no bias)");
  EXPECT_ERROR(nn::Linear(3, 0), "[Linear] features must be at least 1; got Linear(3, 0)");
}

TEST(FlattenLayer, JoinsDimensions) {
  const Tensor x = NDArray::zeros({2, 3, 4, 5});
  EXPECT_EQ(nn::Flatten()(x).shape(), (Shape{2, 60}));
  EXPECT_EQ(nn::Flatten(0, 1)(x).shape(), (Shape{6, 4, 5}));
  EXPECT_EQ(nn::Flatten(0, 1).describe(), "Flatten(0, 1)");
}

TEST(Sequential, CallsItsModulesInOrder) {
  nn::Sequential model{nn::Linear(3, 4), nn::ReLU(), nn::Linear(4, 2)};
  ASSERT_EQ(model.size(), 3U);
  EXPECT_EQ(model[1].describe(), "ReLU");
  const Tensor x = range(1, 6, {2, 3});
  EXPECT_EQ(model(x).to_vector<float>(), model[2](relu(model[0](x))).to_vector<float>());
  EXPECT_EQ(model.named_parameters()[2].name, "2.weight");
  EXPECT_ERROR(model[3], "[Sequential] there is no module 3; there are 3, counted from 0");
}

#ifndef __clang__  // older clangs move the inner one into the place of the outer
TEST(Sequential, KeepsASequentialThatIsItsOnlyChild) {
  nn::Sequential model{nn::Sequential{nn::ReLU(), nn::Linear(2, 1)}};
  ASSERT_EQ(model.size(), 1U);
  EXPECT_EQ(model.named_parameters()[0].name, "0.1.weight");
}
#endif

TEST(Sequential, GrowsByAdd) {
  nn::Sequential model;
  EXPECT_EQ(model(range(1, 2, {2})).to_vector<float>(), (std::vector<float>{1, 2}));
  model.add(nn::Linear(2, 3)).add(nn::ReLU());
  EXPECT_EQ(model.size(), 2U);
  nn::Sequential moved = std::move(model);
  EXPECT_EQ(moved(range(1, 2, {1, 2})).shape(), (Shape{1, 3}));
}

TEST(Clone, HasTheSameValuesInMemoryOfItsOwn) {
  nn::SimpleCNN model;
  model.to(DType::Float64);
  model.conv2.eval();
  model.fc1.bias.requires_grad_(false);
  const Generator before = default_generator();
  nn::SimpleCNN copy = nn::clone(model);
  EXPECT_EQ(default_generator().position(), before.position());
  EXPECT_EQ(default_generator().seed(), before.seed());

  const auto a = model.named_parameters();
  const auto b = copy.named_parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(b[i].tensor.dtype(), DType::Float64);
    EXPECT_EQ(a[i].tensor.to_vector<double>(), b[i].tensor.to_vector<double>());
    EXPECT_EQ(a[i].tensor.requires_grad(), b[i].tensor.requires_grad());
    EXPECT_FALSE(a[i].tensor.data().shares_storage(b[i].tensor.data()));
  }
  EXPECT_TRUE(copy.is_training());
  EXPECT_FALSE(copy.conv2.is_training());
  EXPECT_TRUE(copy.conv3.is_training());
}

TEST(Clone, CopiesEveryLayerAndNestedSequentials) {
  nn::Sequential model{nn::Conv2d(1, 2, {.kernel = 2, .bias = false}), nn::ReLU(),
                       nn::Sequential{nn::Flatten(1, 3), nn::Linear(8, 3, {.bias = false})}, nn::SimpleCNN()};
  model[2].eval();
  const nn::Sequential copy = nn::clone(model);
  ASSERT_EQ(copy.size(), 4U);
  for (size_t i = 0; i < model.modules().size(); ++i) {
    EXPECT_EQ(copy.modules()[i].second->describe(), model.modules()[i].second->describe());
    EXPECT_EQ(copy.modules()[i].second->is_training(), model.modules()[i].second->is_training());
    EXPECT_NE(copy.modules()[i].second, model.modules()[i].second);
  }
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    EXPECT_EQ(copy.parameters()[i].to_vector<float>(), model.parameters()[i].to_vector<float>());
  }
}

struct Sized : nn::Module {
  explicit Sized(int64_t width = 2) : fc(width, 1) {}
  nn::Linear fc;
  nn::Sequential body;
  void fields(nn::Fields& f) override { f("fc", fc)("body", body); }
};
struct Fixed : nn::Module {
  explicit Fixed(int64_t width) : fc(width, 1) {}
  nn::Linear fc;
  void fields(nn::Fields& f) override { f("fc", fc); }
};

TEST(Clone, TakesShapesFromTheOriginal) {
  const Sized model(5);
  EXPECT_EQ(nn::clone(model).fc.weight.shape(), (Shape{1, 5}));
}

TEST(Clone, RefusesStructuresThatDiffer) {
  Sized model;
  model.body.add(nn::ReLU());
  EXPECT_ERROR(nn::clone(model),
               "[clone] a default-constructed Sized differs from the one to copy: body.0 in the original is "
               "nothing in "
               "the copy; give it a member `clone() const`");
  const nn::Sequential holder{Fixed(3)};
  EXPECT_ERROR(nn::clone(holder),
               "[clone] Fixed has neither a default constructor nor a member `Fixed clone() const`; give it "
               "one to copy "
               "the Sequential that holds it");
}

TEST(Models, SimpleCnnHasItsPublishedShapes) {
  const nn::SimpleCNN model;
  EXPECT_EQ(model(Tensor(NDArray::zeros({3, 1, 28, 28}))).shape(), (Shape{3, 10}));
  EXPECT_EQ(model.parameter_count(), 160 + 8256 + 32896 + 512250 + 2510);
  std::vector<std::string> names;
  for (const auto& named : model.state_dict()) names.push_back(named.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                             "conv3.weight", "conv3.bias", "fc1.weight", "fc1.bias",
                                             "fc2.weight", "fc2.bias"}));
}

TEST(Models, AreMadeByName) {
  EXPECT_EQ(nn::make_model("simple-cnn")->describe(), "SimpleCNN");
  EXPECT_ERROR(
      nn::make_model("simple_cnn"),
      "[make_model] there is no model \"simple_cnn\"; there are: simple-cnn, lenet-5, vgg-11, resnet-18, "
      "resnet-20");
  EXPECT_ERROR(nn::make_model("simple-cnn", {.classes = 3}),
               "[make_model] simple-cnn has 10 classes and 1 channel; asked for 3 and 1");
  EXPECT_ERROR(nn::make_model("lenet-5", {.classes = -1}), "[make_model] classes is -1; expected at least 1");
}

TEST(Models, TheSameSeedMakesTheSameWeights) {
  manual_seed(3);
  const nn::SimpleCNN a;
  manual_seed(3);
  const nn::SimpleCNN b;
  const nn::SimpleCNN c;
  EXPECT_EQ(a.fc2.weight.to_vector<float>(), b.fc2.weight.to_vector<float>());
  EXPECT_NE(a.fc2.weight.to_vector<float>(), c.fc2.weight.to_vector<float>());
}

}  // namespace
}  // namespace linnet
