// summary(): rows, totals, and that the model stays as it is.
#include <gtest/gtest.h>

#include <sstream>

#include <linnet/autograd/ops.h>
#include <linnet/nn/models.h>
#include <linnet/nn/sequential.h>
#include <linnet/nn/summary.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

TEST(Summary, SimpleCnnHasItsPublishedShapes) {
  const nn::SimpleCNN model;
  const nn::Summary s = nn::summary(model, {2, 1, 28, 28});
  ASSERT_EQ(s.rows.size(), 6U);
  EXPECT_EQ(s.rows[0].path, "");
  EXPECT_EQ(s.rows[0].description, "SimpleCNN");
  EXPECT_EQ(s.rows[0].output, (Shape{2, 10}));
  EXPECT_EQ(s.rows[0].parameters, 0);
  const Shape outputs[] = {{2, 32, 14, 14}, {2, 64, 8, 8}, {2, 128, 4, 4}, {2, 250}, {2, 10}};
  const int64_t parameters[] = {160, 8256, 32896, 512250, 2510};
  const int64_t multiply_adds[] = {2 * 14 * 14 * 32 * 4, 2 * 8 * 8 * 64 * 32 * 4, 2 * 4 * 4 * 128 * 64 * 4,
                                   2 * 2048 * 250, 2 * 250 * 10};
  const char* paths[] = {"conv1", "conv2", "conv3", "fc1", "fc2"};
  int64_t total = 0;
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(s.rows[i + 1].path, paths[i]);
    EXPECT_EQ(s.rows[i + 1].depth, 1);
    EXPECT_EQ(s.rows[i + 1].output, outputs[i]) << paths[i];
    EXPECT_EQ(s.rows[i + 1].parameters, parameters[i]) << paths[i];
    EXPECT_EQ(s.rows[i + 1].multiply_adds, multiply_adds[i]) << paths[i];
    total += multiply_adds[i];
  }
  EXPECT_EQ(s.parameters, 556072);
  EXPECT_EQ(s.parameter_bytes, 4 * 556072);
  EXPECT_EQ(s.multiply_adds, total);
}

TEST(Summary, LeavesTheModelAlone) {
  nn::SimpleCNN model;
  model.to(DType::Float64);
  const std::vector<double> before = model.conv1.weight.to_vector<double>();
  EXPECT_EQ(nn::summary(model, {1, 1, 28, 28}).parameter_bytes, 8 * 556072);
  EXPECT_EQ(model.conv1.weight.device().name(), "cpu");
  EXPECT_EQ(model.conv1.weight.to_vector<double>(), before);
  EXPECT_EQ(model(Tensor(NDArray::zeros({1, 1, 28, 28}, DType::Float64))).device().name(), "cpu");
  EXPECT_EQ(default_device().name(), "cpu");
}

// A parameter of the model's own, a layer called twice, and one that no fields() lists.
struct Odd : nn::Module {
  Tensor scale = nn::parameter(NDArray::ones({4, 4}), "scale");
  nn::Linear twice{4, 4, {.bias = false}};
  nn::Linear unused{4, 1};
  nn::Linear hidden{4, 2};
  void fields(nn::Fields& f) override { f("scale", scale)("twice", twice)("unused", unused); }
  Tensor forward(const Tensor& x) const override { return hidden(twice(matmul(twice(x), scale))); }
};

TEST(Summary, CountsWhatEachCallDoes) {
  const Odd model;
  const nn::Summary s = nn::summary(model, {3, 4});
  ASSERT_EQ(s.rows.size(), 4U);
  EXPECT_EQ(s.rows[0].parameters, 16);
  EXPECT_EQ(s.rows[0].multiply_adds, 3 * 4 * 4);
  EXPECT_EQ(s.rows[1].parameters, 16);
  EXPECT_EQ(s.rows[2].parameters, 0);
  EXPECT_EQ(s.rows[2].multiply_adds, 3 * 4 * 4);
  EXPECT_EQ(s.rows[3].path, "?");
  EXPECT_EQ(s.rows[3].multiply_adds, 3 * 4 * 2);
  EXPECT_EQ(s.parameters, 16 + 16 + 5);
  EXPECT_EQ(s.multiply_adds, 3 * (3 * 4 * 4) + 3 * 4 * 2);
}

TEST(Summary, PrintsATable) {
  const nn::Sequential model{nn::Conv2d(1, 8, {.kernel = 3}),
                             nn::Sequential{nn::Flatten(), nn::Linear(5408, 2)}};
  std::ostringstream out;
  out << nn::summary(model, {1, 1, 28, 28});
  EXPECT_EQ(out.str(),
            "path     module                    output          parameters  multiply-adds\n"
            "----------------------------------------------------------------------------\n"
            "         Sequential                (1, 2)                   0              0\n"
            "  0      Conv2d(1, 8, kernel=3x3)  (1, 8, 26, 26)          80         48,672\n"
            "  1      Sequential                (1, 2)                   0              0\n"
            "    1.0  Flatten(1, -1)            (1, 5408)                0              0\n"
            "    1.1  Linear(5408, 2)           (1, 2)              10,818         10,816\n"
            "----------------------------------------------------------------------------\n"
            "total                                                  10,898         59,488\n"
            "parameters take 0.04 MB\n");
}

TEST(Summary, SaysWhereAnInputDoesNotFit) {
  EXPECT_ERROR(nn::summary(nn::SimpleCNN(), {1, 3, 28, 28}),
               "(in conv1: Conv2d(1, 32, kernel=2x2, stride=2x2) of SimpleCNN)");
}

}  // namespace
}  // namespace linnet
