// Files that PyTorch wrote (generate_pth.py), in both forms: every value to the last bit, and what is
// refused.
#include <gtest/gtest.h>

#include <linnet/autograd/ops.h>
#include <linnet/io/pth.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>

#include <cmath>

#include "io/pth_read.h"
#include "tests/golden/golden.h"
#include "tests/unit/expect_error.h"

namespace linnet::golden {
namespace {

std::string pth(const std::string& name) {
  return std::string(LINNET_SOURCE_DIR) + "/tests/golden/pth/" + name + ".pth";
}

std::map<std::string, NDArray> arrays_of(const nn::StateDict& state) {
  std::map<std::string, NDArray> arrays;
  for (const auto& [name, array] : state) arrays[name] = array;
  return arrays;
}

std::vector<std::string> names_of(const nn::StateDict& state) {
  std::vector<std::string> names;
  for (const nn::NamedArray& named : state) names.push_back(named.name);
  return names;
}

/// nn::SimpleCNN, an eighth as wide.
struct NarrowCNN : nn::Module {
  nn::Conv2d conv1{1, 4, {.kernel = 2, .stride = 2}};
  nn::Conv2d conv2{4, 8, {.kernel = 2, .stride = 2, .padding = 1}};
  nn::Conv2d conv3{8, 16, {.kernel = 2, .stride = 2}};
  nn::Linear fc1{256, 20};
  nn::Linear fc2{20, 10};

  Tensor forward(const Tensor& x) const override {
    return fc2(relu(fc1(relu(conv3(relu(conv2(relu(conv1(x)))))).flatten(1))));
  }
  void fields(nn::Fields& f) override {
    f("conv1", conv1)("conv2", conv2)("conv3", conv3)("fc1", fc1)("fc2", fc2);
  }
};

nn::ResNet narrow_resnet18() {
  return nn::ResNet({.photographs = true,
                     .widths = {2, 4, 8, 16},
                     .blocks = 2,
                     .shortcut = nn::Shortcut::Projection,
                     .classes = 10},
                    {});
}

/// The values that the script drew are those of the file, bit by bit.
void expect_drawn(const nn::StateDict& state) {
  uint64_t seed = 0;
  for (const auto& [name, array] : state) {
    ++seed;
    const bool counter = array.dtype() == DType::Int64, variance = name.ends_with("running_var");
    std::vector<double> expected = draw_values(seed, array.numel(), variance ? 0.25 : 0.5);
    for (double& value : expected) value = counter ? static_cast<double>(seed) : value + (variance ? 1 : 0);
    if (variance) {
      for (double& value : expected) value = static_cast<float>(value);
    }
    EXPECT_EQ(array.to_vector<double>(), expected) << name;
  }
}

template <class Model>
void expect_output(Model model, const std::string& name, const NDArray& input) {
  const std::map<std::string, NDArray> outputs = arrays_of(load_pth(pth("outputs")));
  for (const std::string& file : {name, name + "_legacy"}) {
    const nn::StateDict state = load_pth(pth(file));
    expect_drawn(state);
    EXPECT_EQ(names_of(state), names_of(model.state_dict())) << file;
    model.load_state_dict(state);
    model.eval();
    expect_close(model(input).data(), outputs.at(name), 1e-5, file);
  }
}

TEST(PyTorchFiles, SimpleCnnGivesPyTorchsOutput) {
  expect_output(NarrowCNN(), "simple_cnn", draw(500, {4, 1, 28, 28}, DType::Float32));
}

TEST(PyTorchFiles, ResNet18GivesPyTorchsOutput) {
  expect_output(narrow_resnet18(), "resnet18", draw(501, {2, 3, 64, 64}, DType::Float32));
}

TEST(PyTorchFiles, CheckpointsHaveDottedNames) {
  const std::vector<std::string> expected = {"model.conv.weight",
                                             "model.conv.bias",
                                             "model.fc.weight",
                                             "model.fc.bias",
                                             "optimizer.state.0.step",
                                             "optimizer.state.0.exp_avg",
                                             "optimizer.state.0.exp_avg_sq",
                                             "optimizer.state.1.step",
                                             "optimizer.state.1.exp_avg",
                                             "optimizer.state.1.exp_avg_sq",
                                             "optimizer.state.2.step",
                                             "optimizer.state.2.exp_avg",
                                             "optimizer.state.2.exp_avg_sq",
                                             "optimizer.state.3.step",
                                             "optimizer.state.3.exp_avg",
                                             "optimizer.state.3.exp_avg_sq"};
  for (const char* file : {"checkpoint", "checkpoint_legacy", "checkpoint_4", "checkpoint_5",
                           "checkpoint_legacy_4", "checkpoint_legacy_5"}) {
    const PthContent content = read_pth(std::filesystem::path(pth(file)));
    EXPECT_EQ(names_of(content.tensors), expected) << file;
    const std::map<std::string, NDArray> arrays = arrays_of(content.tensors);
    EXPECT_EQ(arrays.at("optimizer.state.3.step").item<float>(), 1) << file;
    // The first average of Adam is a tenth of the gradient.
    const std::vector<float> gradient = draw(11, {2, 1, 3, 3}, DType::Float32).to_vector<float>();
    const std::vector<float> average = arrays.at("optimizer.state.0.exp_avg").to_vector<float>();
    for (size_t i = 0; i < average.size(); ++i) EXPECT_NEAR(average[i], gradient[i] / 10, 1e-7) << file;
    const Metadata metadata = {
        {"epoch", "3"},  {"arch", "tiny"}, {"best", "0.5"},   {"finished", "false"}, {"config.lr", "0.001"},
        {"size.0", "2"}, {"size.1", "3"},  {"counts.a", "1"}, {"history.0", "0.5"},  {"history.1", "0.25"}};
    for (const auto& [name, text] : metadata) {
      ASSERT_EQ(content.metadata.count(name), 1U) << file << ": " << name;
      EXPECT_EQ(content.metadata.at(name), text) << file << ": " << name;
    }
    EXPECT_EQ(content.metadata.count("config.deep.deeper"), 0U) << file;
    EXPECT_EQ(content.metadata.count("nothing"), 0U) << file;
  }
}

/// The elements, the dtype and the shape that PyTorch saved.
template <class T>
void expect_array(const NDArray& array, const std::vector<T>& values, const Shape& shape) {
  EXPECT_EQ(array.dtype(), dtype_of<T>);
  EXPECT_EQ(array.shape(), shape);
  EXPECT_EQ(array.to_vector<T>(), values);
}

void expect_special(const NDArray& array, float largest, float smallest) {
  const std::vector<float> values = array.to_vector<float>();
  ASSERT_EQ(values.size(), 9U);
  EXPECT_EQ(values[0], 0.0F);
  EXPECT_TRUE(std::signbit(values[1]) && values[1] == 0);
  EXPECT_EQ(values[2], 1.0F);
  EXPECT_EQ(values[3], -2.5F);
  EXPECT_EQ(values[4], largest);
  EXPECT_EQ(values[5], smallest);
  EXPECT_EQ(values[6], INFINITY);
  EXPECT_EQ(values[7], -INFINITY);
  EXPECT_TRUE(std::isnan(values[8]));
}

TEST(PyTorchFiles, ViewsSharedStorageAndEveryDtype) {
  const NDArray base = draw(1, {4, 6}, DType::Float32);
  for (const char* file : {"views", "views_legacy"}) {
    SCOPED_TRACE(file);
    const std::map<std::string, NDArray> arrays = arrays_of(load_pth(pth(file)));
    const auto expect_same = [&](const std::string& name, const NDArray& expected) {
      expect_array(arrays.at(name), expected.to_vector<float>(), expected.shape());
      EXPECT_EQ(arrays.at(name).strides(), expected.strides()) << name;
      EXPECT_TRUE(arrays.at(name).shares_storage(arrays.at("base"))) << name;
    };
    expect_same("base", base);
    expect_same("again", base);
    expect_same("transposed", base.transpose(0, 1));
    expect_same("column", base.select(1, 2));
    expect_same("part", base.slice(0, 1, 3).slice(1, 1, 6, 2));
    expect_same("element", base.select(0, 3).select(0, 5));
    expect_array<float>(arrays.at("expanded"), std::vector<float>(6, base.to_vector<float>()[0]), {3, 2});
    expect_array<float>(arrays.at("empty"), {}, {0, 6});
    expect_array<float>(arrays.at("empty_of_none"), {}, {0});
    expect_array<float>(arrays.at("scalar"), {2.5F}, {});
    expect_array(arrays.at("channels_last"), draw(3, {2, 3, 4, 5}, DType::Float32).to_vector<float>(),
                 {2, 3, 4, 5});
    EXPECT_TRUE(arrays.at("channels_last").is_channels_last());
    expect_array(arrays.at("parameter"), draw(4, {3}, DType::Float32).to_vector<float>(), {3});
    expect_array(arrays.at("marked"), draw(2, {2, 2}, DType::Float32).to_vector<float>(), {2, 2});
    expect_array(arrays.at("float64"), draw_values(5, 3), {3});
    expect_array<int32_t>(arrays.at("int32"), {-7, INT32_MAX}, {2});
    expect_array<int64_t>(arrays.at("int64"), {INT64_MIN}, {});
    expect_array<uint8_t>(arrays.at("uint8"), {0, 255}, {2});
    expect_array<bool>(arrays.at("bool"), {true, false, false, true}, {2, 2});
    expect_special(arrays.at("half"), 65504, 0x1p-24F);
    expect_special(arrays.at("bfloat16"), 65536, 0x1p-24F);
    EXPECT_EQ(arrays.at("half_column").shape(), Shape{3});
    EXPECT_EQ(arrays.at("half_column").strides(), Strides{2});
    EXPECT_EQ(arrays.at("list.0").item<float>(), 1);
    EXPECT_EQ(arrays.at("list.1.0").item<float>(), 2);
    EXPECT_EQ(arrays.at("list.1.1.x").item<float>(), 3);
    EXPECT_EQ(arrays.at("by_number.0").item<float>(), 4);
    EXPECT_EQ(arrays.at("by_number.-3").item<float>(), 5);
    EXPECT_EQ(arrays.at("default.a").item<float>(), 6);
    EXPECT_EQ(arrays.at("caf\u00e9").item<float>(), 7);
    EXPECT_EQ(arrays.size(), 28U);
  }
}

TEST(PyTorchFiles, WhatIsNoDictionary) {
  for (const char* file : {"tensor", "tensor_legacy"}) {
    const nn::StateDict state = load_pth(pth(file));
    ASSERT_EQ(names_of(state), std::vector<std::string>{"tensor"});
    expect_array(state[0].array, draw(1, {2, 3}, DType::Float32).to_vector<float>(), {2, 3});
  }
  EXPECT_EQ(names_of(load_pth(pth("list"))), (std::vector<std::string>{"0", "1"}));
}

TEST(PyTorchFiles, RefusesWhatItCannotHold) {
  EXPECT_ERROR(
      load_pth(pth("int8")),
      "int8.pth: \"weight\" has dtype int8; linnet reads float32, float64, float16, bfloat16, int32, int64, "
      "uint8 and bool");
  EXPECT_ERROR(load_pth(pth("complex")), "\"weight\" has dtype complex64;");
  EXPECT_ERROR(load_pth(pth("uint16")), "\"weight\" has dtype uint16;");
  EXPECT_ERROR(load_pth(pth("negative")), "\"weight\" is a negated or conjugated view; save a clone() of it");
  for (const char* file : {"module", "module_legacy"}) {
    EXPECT_ERROR(
        load_pth(pth(file)),
        ".pth: the pickle asks for \"torch.nn.modules.linear.Linear\", which no tensor needs; it was refused "
        "and nothing was executed; only weights are read: in Python, torch.save(model.state_dict(), path)");
  }
  EXPECT_ERROR(load_pth(pth("script")),
               "script.pth: this is a TorchScript archive (torch.jit.save), a program and not "
               "weights alone; save those: in Python, torch.save(");
}

}  // namespace
}  // namespace linnet::golden
