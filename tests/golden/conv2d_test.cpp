// conv2d and its gradients against PyTorch, for every algorithm.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

struct Precision {
  DType dtype;
  double tolerance;
};

void expect_case(const File& file, size_t index, ConvAlgorithm algorithm, const Precision& precision) {
  const nlohmann::json& row = file.cases[index];
  const Shape input = shape_of(row["input"]);
  const Shape filters = shape_of(row["filters"]);
  const auto& padding = row["padding"];
  const Conv2dOptions options{.stride = {row["stride"][0], row["stride"][1]},
                              .padding = {padding[0], padding[1], padding[2], padding[3]},
                              .dilation = {row["dilation"][0], row["dilation"][1]},
                              .groups = row["groups"],
                              .algorithm = algorithm};
  const Tensor x = Tensor(draw(1, input, precision.dtype)).requires_grad_();
  const Tensor w = Tensor(draw(2, filters, precision.dtype)).requires_grad_();
  const Tensor b = Tensor(draw(3, {filters[0]}, precision.dtype)).requires_grad_();
  const Tensor y = conv2d(x, w, b, options);
  y.backward(draw(4, y.shape(), precision.dtype));
  const std::string name = std::to_string(index) + "/";
  const std::string what = row.dump() + " " + linnet::name(algorithm) + " ";
  expect_close(y.data(), file.at(name + "y"), precision.tolerance, what + "result");
  expect_close(conv2d_relu(x, w, b, options).data(), relu(file.at(name + "y")), precision.tolerance,
               what + "result of conv2d_relu");
  expect_close(x.grad().data(), file.at(name + "gx"), precision.tolerance, what + "gradient by x");
  expect_close(w.grad().data(), file.at(name + "gw"), precision.tolerance, what + "gradient by w");
  expect_close(b.grad().data(), file.at(name + "gb"), precision.tolerance, what + "gradient by bias");
}

class GoldenConv2d : public testing::TestWithParam<ConvAlgorithm> {};

TEST_P(GoldenConv2d, Float64) {
  const File file("conv2d.safetensors");
  for (size_t i = 0; i < file.cases.size(); ++i) expect_case(file, i, GetParam(), {DType::Float64, 1e-14});
}
TEST_P(GoldenConv2d, Float32) {
  const File file("conv2d.safetensors");
  for (size_t i = 0; i < file.cases.size(); ++i) expect_case(file, i, GetParam(), {DType::Float32, 2e-6});
}

INSTANTIATE_TEST_SUITE_P(Algorithms, GoldenConv2d, testing::ValuesIn(conv_algorithms()));

}  // namespace
}  // namespace linnet::golden
