// Every loss with its options against PyTorch: result and gradient.
#include <linnet/autograd/ops.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

Reduction reduction_of(const nlohmann::json& row) {
  const std::string name = row["reduction"];
  return name == "mean" ? Reduction::Mean : name == "sum" ? Reduction::Sum : Reduction::None;
}

/// draw_probabilities() of generate.py: multiples of 2^-10, the last class takes what is left of 1.
NDArray draw_probabilities(const Shape& shape, DType dtype) {
  const int dim = shape.rank() > 1 ? 1 : 0;
  const int64_t classes = shape[dim];
  int64_t inner = 1;
  for (int i = dim + 1; i < shape.rank(); ++i) inner *= shape[i];
  std::vector<double> values = draw_values(3, shape.product());
  std::map<int64_t, double> rest;  // by position without the class
  for (size_t i = 0; i < values.size(); ++i) {
    const auto flat = static_cast<int64_t>(i);
    const int64_t place = flat / (inner * classes) * inner + flat % inner;
    double& left = rest.try_emplace(place, 1024).first->second;
    const bool last = flat / inner % classes == classes - 1;
    const double k = last ? left : std::floor((values[i] + 1) * static_cast<double>(512 / classes));
    left -= k;
    values[i] = k / 1024;
  }
  return NDArray::from_data(values, shape).to(dtype);
}

Tensor loss_of(const File& file, size_t index, const Tensor& x) {
  const nlohmann::json& row = file.cases[index];
  const Shape shape = shape_of(row["shape"]);
  const std::string loss = row["loss"];
  const Reduction reduction = reduction_of(row);
  if (loss == "mse_loss") return mse_loss(x, draw(6, shape, x.dtype()), {.reduction = reduction});
  Tensor weight;
  if (row["weighted"].get<bool>()) {
    weight = draw(4, {shape[shape.rank() > 1 ? 1 : 0]}, x.dtype()) / 2 + 1;
  }
  const bool labels = row["labels"];
  const Tensor target =
      labels ? file.at(std::to_string(index) + "/labels") : draw_probabilities(shape, x.dtype());
  const int64_t ignore = row.value("ignore_index", int64_t{-100});
  if (loss == "nll_loss") {
    return nll_loss(x, target, {.weight = weight, .ignore_index = ignore, .reduction = reduction});
  }
  return cross_entropy(x, target,
                       {.weight = weight,
                        .ignore_index = ignore,
                        .reduction = reduction,
                        .label_smoothing = row["label_smoothing"]});
}

void expect_losses(DType dtype, double tolerance) {
  const File file("losses.safetensors");
  ASSERT_GT(file.cases.size(), 400U);
  for (size_t i = 0; i < file.cases.size(); ++i) {
    const nlohmann::json& row = file.cases[i];
    const Tensor x = Tensor(draw(1, shape_of(row["shape"]), dtype, 4)).requires_grad_();
    const Tensor y = loss_of(file, i, x);
    y.backward(y.rank() > 0 ? draw(5, y.shape(), dtype) : NDArray::ones({}, dtype));
    const std::string name = std::to_string(i) + "/";
    expect_close(y.data(), file.at(name + "y"), tolerance, row.dump() + " result");
    expect_close(x.grad().data(), file.at(name + "gx"), tolerance, row.dump() + " gradient");
  }
}

TEST(GoldenLosses, Float64) {
  expect_losses(DType::Float64, 1e-14);
}
TEST(GoldenLosses, Float32) {
  expect_losses(DType::Float32, 2e-6);
}

}  // namespace
}  // namespace linnet::golden
