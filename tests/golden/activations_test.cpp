// Every activation function with its options against PyTorch: result, gradient, and the gradient's gradient.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

Tensor activate(const nlohmann::json& row, const Tensor& x) {
  const std::string name = row["activation"];
  if (name == "relu") return relu(x);
  if (name == "leaky_relu") return row.contains("slope") ? leaky_relu(x, row["slope"]) : leaky_relu(x);
  if (name == "elu") return row.contains("alpha") ? elu(x, row["alpha"]) : elu(x);
  if (name == "gelu") return row.contains("tanh") ? gelu(x, GeluApproximation::Tanh) : gelu(x);
  if (name == "silu") return silu(x);
  if (name == "sigmoid") return sigmoid(x);
  if (name == "tanh") return tanh(x);
  if (name == "softplus")
    return row.contains("beta") ? softplus(x, row["beta"], row["threshold"]) : softplus(x);
  if (name == "hardsigmoid") return hardsigmoid(x);
  if (name == "hardswish") return hardswish(x);
  throw Error("golden", "no activation '" + name + "'");
}

void expect_activations(DType dtype, double tolerance) {
  const File file("activations.safetensors");
  ASSERT_EQ(file.cases.size(), 14U);
  for (size_t i = 0; i < file.cases.size(); ++i) {
    const nlohmann::json& row = file.cases[i];
    const Shape shape = shape_of(row["shape"]);
    const Tensor x = Tensor(draw(1, shape, dtype, 16)).requires_grad_();
    const Tensor y = activate(row, x);
    const Tensor weighted = sum(y * Tensor(draw(2, shape, dtype)));
    const Tensor gx = autograd::grad(weighted, {x}, {.create_graph = true})[0];
    const std::string name = std::to_string(i) + "/";
    expect_close(y.data(), file.at(name + "y"), tolerance, row.dump() + " result");
    expect_close(gx.data(), file.at(name + "gx"), tolerance, row.dump() + " gradient");
    const std::string op = row["activation"];
    if (op == "relu" || op == "leaky_relu" || op == "hardsigmoid") continue;  // straight, piece by piece
    const Tensor ggx = autograd::grad(sum(gx * Tensor(draw(3, shape, dtype))), {x})[0];
    expect_close(ggx.data(), file.at(name + "ggx"), tolerance, row.dump() + " second gradient");
  }
}

TEST(GoldenActivations, Float64) {
  expect_activations(DType::Float64, 1e-14);
}
TEST(GoldenActivations, Float32) {
  expect_activations(DType::Float32, 2e-6);
}

}  // namespace
}  // namespace linnet::golden
