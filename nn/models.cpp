#include <linnet/nn/models.h>

#include <linnet/autograd/ops.h>

#include "core/fail.h"

namespace linnet::nn {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Module> (*make)();
};

template <class M>
std::unique_ptr<Module> make() {
  return std::make_unique<M>();
}

constexpr Entry kModels[] = {{"simple-cnn", &make<SimpleCNN>}};

}  // namespace

Tensor SimpleCNN::forward(const Tensor& x) const {
  Tensor h = relu(conv1(x));
  h = relu(conv2(h));
  h = relu(conv3(h));
  h = relu(fc1(h.flatten(1)));
  return fc2(h);
}

void SimpleCNN::fields(Fields& f) {
  f("conv1", conv1)("conv2", conv2)("conv3", conv3)("fc1", fc1)("fc2", fc2);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kModels) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Module> make_model(std::string_view name) {
  for (const Entry& entry : kModels) {
    if (name == entry.name) return entry.make();
  }
  fail("make_model", "there is no model \"{}\"; there are: {}", name, join(model_names(), ", "));
}

}  // namespace linnet::nn
