// The ready-made networks: sizes as published, shapes through them, copies, and what they take.
#include <gtest/gtest.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/nn/models.h>
#include <linnet/nn/summary.h>

#include "tests/unit/expect_error.h"

namespace linnet::nn {
namespace {

/// Models made while it lives have shapes and no memory.
class OnMeta {
 public:
  OnMeta() { set_default_device(device("meta")); }
  ~OnMeta() { set_default_device(device("cpu")); }
  OnMeta(const OnMeta&) = delete;
  OnMeta& operator=(const OnMeta&) = delete;
};

struct Row {
  const char* name;
  int64_t parameters;
  Shape input;
  int64_t classes;
};

TEST(ReadyModels, HaveThePublishedSizes) {
  const std::vector<Row> table = {{"simple-cnn", 556072, {2, 1, 28, 28}, 10},
                                  {"lenet-5", 61706, {2, 1, 28, 28}, 10},
                                  {"vgg-11", 132863336, {2, 3, 224, 224}, 1000},
                                  {"resnet-18", 11689512, {2, 3, 224, 224}, 1000},
                                  {"resnet-20", 269722, {2, 3, 32, 32}, 10}};
  std::vector<std::string> names;
  const OnMeta sizes_only;
  for (const Row& row : table) {
    names.emplace_back(row.name);
    const auto model = make_model(row.name);
    EXPECT_EQ(model->parameter_count(), row.parameters) << row.name;
    const PublishedModel published = published_model(row.name);
    EXPECT_EQ(published.input, (Shape{row.input[1], row.input[2], row.input[3]})) << row.name;
    EXPECT_EQ(published.classes, row.classes) << row.name;
    const Summary table_of = summary(*model, row.input);
    EXPECT_EQ(table_of.rows.front().output, (Shape{2, row.classes})) << row.name;
    EXPECT_EQ(table_of.parameters, row.parameters) << row.name;
  }
  EXPECT_EQ(model_names(), names);
}

TEST(ReadyModels, TakeClassesAndChannels) {
  for (const char* name : {"lenet-5", "resnet-18", "resnet-20"}) {
    manual_seed(0);
    const auto model = make_model(name, {.classes = 7, .channels = 2});
    model->eval();
    const int64_t side = std::string(name) == "lenet-5" ? 28 : 32;
    EXPECT_EQ((*model)(random_normal({1, 2, side, side})).shape(), (Shape{1, 7})) << name;
  }
  const OnMeta sizes_only;
  EXPECT_EQ(make_model("vgg-11", {.classes = 3})->parameters().back().shape(), Shape{3});
}

TEST(ReadyModels, LearnThroughEveryParameter) {
  for (const char* name : {"lenet-5", "resnet-18", "resnet-20"}) {
    manual_seed(0);
    const auto model = make_model(name);
    const bool grey = std::string(name) == "lenet-5";
    const Tensor x = random_normal({2, grey ? 1 : 3, grey ? 28 : 32, grey ? 28 : 32});
    sum(square((*model)(x))).backward();
    for (const NamedTensor& parameter : model->named_parameters()) {
      ASSERT_TRUE(parameter.tensor.grad().defined()) << name << " " << parameter.name;
      EXPECT_GT(norm(parameter.tensor.grad()).item<float>(), 0) << name << " " << parameter.name;
    }
  }
}

TEST(ReadyModels, BlocksCopyTheirShortcuts) {
  manual_seed(0);
  const Tensor x = random_normal({2, 4, 5, 6});
  for (const Shortcut shortcut : {Shortcut::Projection, Shortcut::Padded}) {
    const BasicBlock block(4, 9, 2, shortcut);
    const BasicBlock copy = clone(block);
    EXPECT_EQ(copy(x).to_vector<float>(), block(x).to_vector<float>());
    EXPECT_EQ(copy(x).shape(), (Shape{2, 9, 3, 3}));
    EXPECT_EQ(copy.parameter_count(), block.parameter_count());
  }
  EXPECT_EQ(BasicBlock(4, 9, 2, Shortcut::Padded).describe(), "BasicBlock(4, 9, stride=2, padded)");
  EXPECT_EQ(BasicBlock(4, 4, 1, Shortcut::Projection).downsample.size(), 0U);
  EXPECT_ERROR(BasicBlock(9, 4, 1, Shortcut::Padded), "[BasicBlock] a padded shortcut from 9 to 4 channels");
}

}  // namespace
}  // namespace linnet::nn
