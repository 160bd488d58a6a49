// Ready-made models.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/nn/layers.h>
#include <linnet/nn/module.h>

namespace linnet::nn {

/// Ten classes from 28x28 images: (N, 1, 28, 28) -> 32x14x14 -> 64x8x8 -> 128x4x4 -> 2048 -> 250 -> (N, 10).
struct SimpleCNN : Module {
  Conv2d conv1{1, 32, {.kernel = 2, .stride = 2}};
  Conv2d conv2{32, 64, {.kernel = 2, .stride = 2, .padding = 1}};
  Conv2d conv3{64, 128, {.kernel = 2, .stride = 2}};
  Linear fc1{128 * 4 * 4, 250};
  Linear fc2{250, 10};

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
};

/// Names that make_model knows: "simple-cnn".
std::vector<std::string> model_names();
/// A new model of that name. Throws Error listing the names there are.
std::unique_ptr<Module> make_model(std::string_view name);

}  // namespace linnet::nn
