// Every optimiser for 20 steps on a small problem, against PyTorch: mean((tanh(x w^T + b) - t)^2).
#include <memory>

#include <linnet/autograd/ops.h>
#include <linnet/nn/optim.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

std::unique_ptr<optim::Optimizer> make_optimizer(const nlohmann::json& row, const Tensors& parameters) {
  const std::string kind = row["kind"];
  const nlohmann::json& options = row["options"];
  const double lr = options["lr"];
  if (kind == "sgd") {
    return std::make_unique<optim::SGD>(parameters,
                                        optim::SGDOptions{.lr = lr,
                                                          .momentum = options.value("momentum", 0.0),
                                                          .dampening = options.value("dampening", 0.0),
                                                          .weight_decay = options.value("weight_decay", 0.0),
                                                          .nesterov = options.value("nesterov", false)});
  }
  const std::vector<double> betas = options.value("betas", std::vector<double>{0.9, 0.999});
  const double eps = options.value("eps", 1e-8);
  if (kind == "adam") {
    return std::make_unique<optim::Adam>(
        parameters, optim::AdamOptions{.lr = lr,
                                       .beta1 = betas[0],
                                       .beta2 = betas[1],
                                       .eps = eps,
                                       .weight_decay = options.value("weight_decay", 0.0)});
  }
  return std::make_unique<optim::AdamW>(
      parameters, optim::AdamWOptions{.lr = lr,
                                      .beta1 = betas[0],
                                      .beta2 = betas[1],
                                      .eps = eps,
                                      .weight_decay = options.value("weight_decay", 0.01)});
}

void expect_optimizers(DType dtype, double tolerance) {
  const File file("optimizers.safetensors");
  for (size_t i = 0; i < file.cases.size(); ++i) {
    Tensor w = Tensor(draw(1, {3, 4}, dtype)).requires_grad_();
    Tensor b = Tensor(draw(2, {3}, dtype)).requires_grad_();
    const Tensor x = draw(3, {6, 4}, dtype);
    const Tensor t = draw(4, {6, 3}, dtype);
    const auto optimizer = make_optimizer(file.cases[i], {w, b});
    std::vector<double> losses;
    for (int step = 0; step < 20; ++step) {
      optimizer->zero_grad();
      const Tensor loss = mse_loss(tanh(linear(x, w, b)), t);
      losses.push_back(loss.item<double>());
      loss.backward();
      optimizer->step();
    }
    const std::string name = std::to_string(i) + "/";
    const std::string what = file.cases[i].dump() + " ";
    expect_close(NDArray::from_data(losses, {20}), file.at(name + "losses"), tolerance, what + "losses");
    expect_close(w.data(), file.at(name + "w"), tolerance, what + "w");
    expect_close(b.data(), file.at(name + "b"), tolerance, what + "b");
  }
}

TEST(GoldenOptimizers, Float64) {
  expect_optimizers(DType::Float64, 1e-13);
}
TEST(GoldenOptimizers, Float32) {
  expect_optimizers(DType::Float32, 1e-5);
}

}  // namespace
}  // namespace linnet::golden
