// Optimisers by name.
#include <array>
#include <utility>

#include <linnet/train/fit.h>
#include "core/fail.h"

namespace linnet::train {
namespace {

using Made = std::unique_ptr<optim::Optimizer>;

Made make_adam(const Tensors& parameters, double lr, double) {
  return std::make_unique<optim::Adam>(parameters, optim::AdamOptions{.lr = lr});
}
Made make_adamw(const Tensors& parameters, double lr, double) {
  return std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions{.lr = lr});
}
Made make_sgd(const Tensors& parameters, double lr, double momentum) {
  return std::make_unique<optim::SGD>(parameters, optim::SGDOptions{.lr = lr, .momentum = momentum});
}

using Maker = Made (*)(const Tensors&, double, double);
constexpr std::array<std::pair<std::string_view, Maker>, 3> kMakers{
    {{"adam", make_adam}, {"adamw", make_adamw}, {"sgd", make_sgd}}};

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : kMakers) names.emplace_back(name);
  return names;
}

std::unique_ptr<optim::Optimizer> make_optimizer(std::string_view name, const Tensors& parameters, double lr,
                                                 double momentum) {
  for (const auto& [known, maker] : kMakers) {
    if (name == known) return maker(parameters, lr, momentum);
  }
  fail("make_optimizer", "there is no optimizer '{}'; the names are {}", name, join(optimizer_names(), ", "));
}

}  // namespace linnet::train
