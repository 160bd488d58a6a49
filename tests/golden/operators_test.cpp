// Operators with their options against PyTorch: result, gradients by every input, and the gradients of those.
#include <functional>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

using Call = std::function<Tensor(const Tensors& in)>;

Tensor linspace(double first, double last, int64_t count, DType dtype) {
  return NDArray::arange(count).to(DType::Float64).to(dtype) *
             ((last - first) / static_cast<double>(count - 1)) +
         first;
}

void add_mode(std::map<std::string, Call>& table, const std::string& name, PaddingMode mode) {
  table["pad " + name] = [mode](const Tensors& in) { return pad(in[0], {1, 2, 0, 3}, {.mode = mode}); };
  table["conv2d " + name] = [mode](const Tensors& in) {
    return conv2d(in[0], in[1], in[2],
                  {.stride = {2, 1}, .padding = {1, 2, 0, 3}, .groups = 2, .padding_mode = mode});
  };
}

std::map<std::string, Call> shaping() {
  std::map<std::string, Call> table;
  add_mode(table, "reflect", PaddingMode::Reflect);
  add_mode(table, "replicate", PaddingMode::Replicate);
  add_mode(table, "circular", PaddingMode::Circular);
  table["pad value"] = [](const Tensors& in) { return pad(in[0], 1, 1, 2, {.value = 0.5}); };
  table["conv_transpose2d"] = [](const Tensors& in) { return conv_transpose2d(in[0], in[1], in[2]); };
  table["conv_transpose2d stride"] = [](const Tensors& in) {
    return conv_transpose2d(in[0], in[1], in[2],
                            {.stride = {3, 2}, .padding = {1, 0}, .output_padding = {2, 1}});
  };
  table["conv_transpose2d groups, dilation"] = [](const Tensors& in) {
    return conv_transpose2d(
        in[0], in[1], in[2],
        {.stride = 2, .padding = 3, .output_padding = 1, .dilation = {2, 3}, .groups = 2});
  };
  table["concat, split, stack, flip"] = [](const Tensors& in) {
    return stack(split(flip(concat({in[0], in[1]}, 1), {1}).slice(1, 0, 6), 2, 1), 1);
  };
  return table;
}

std::map<std::string, Call> statistics() {
  std::map<std::string, Call> table;
  table["batch_norm training"] = [](const Tensors& in) {
    return batch_norm(in[0], {}, {}, in[1], in[2], {.training = true});
  };
  table["batch_norm"] = [](const Tensors& in) {
    const DType dtype = in[0].dtype();
    return batch_norm(in[0], linspace(-1, 1, 4, dtype), linspace(0.5, 2, 4, dtype), in[1], in[2]);
  };
  table["layer_norm"] = [](const Tensors& in) { return layer_norm(in[0], {5, 6}, in[1], in[2]); };
  table["layer_norm plain"] = [](const Tensors& in) { return layer_norm(in[0], {7}, {}, {}, 0.01); };
  table["group_norm"] = [](const Tensors& in) { return group_norm(in[0], 2, in[1], in[2]); };
  table["var"] = [](const Tensors& in) { return var(in[0], {0, 2}); };
  table["var plain"] = [](const Tensors& in) { return var(in[0], {}, {.correction = 0}); };
  table["stddev"] = [](const Tensors& in) { return stddev(in[0], {1}, {.keepdims = true}); };
  table["norm"] = [](const Tensors& in) { return norm(in[0], 2, {1, 2}); };
  table["norm 3"] = [](const Tensors& in) { return norm(in[0], 3); };
  table["norm infinity"] = [](const Tensors& in) { return norm(in[0], INFINITY, {3}); };
  table["max"] = [](const Tensors& in) { return max(in[0], 2).values; };
  table["clamp"] = [](const Tensors& in) { return clamp(in[0], -0.5, 0.75); };
  return table;
}

std::map<std::string, Call> losses() {
  std::map<std::string, Call> table;
  table["l1_loss"] = [](const Tensors& in) { return l1_loss(in[0], in[1]); };
  table["smooth_l1_loss"] = [](const Tensors& in) {
    return smooth_l1_loss(in[0], in[1], {.beta = 0.7, .reduction = Reduction::Sum});
  };
  table["binary_cross_entropy"] = [](const Tensors& in) {
    return binary_cross_entropy(sigmoid(in[0]), sigmoid(in[1]), {.weight = square(in[2])});
  };
  table["binary_cross_entropy_with_logits"] = [](const Tensors& in) {
    return binary_cross_entropy_with_logits(in[0], sigmoid(in[1]),
                                            {.pos_weight = square(in[2]), .reduction = Reduction::None});
  };
  table["kl_div"] = [](const Tensors& in) {
    return kl_div(log_softmax(in[0], 1), softmax(in[1], 1), {.batch_mean = true});
  };
  table["kl_div logarithms"] = [](const Tensors& in) {
    return kl_div(log_softmax(in[0], 1), log_softmax(in[1], 1),
                  {.log_target = true, .reduction = Reduction::Sum});
  };
  return table;
}

void expect_operators(DType dtype, double tolerance) {
  std::map<std::string, Call> table = shaping();
  table.merge(statistics());
  table.merge(losses());
  const File file("operators.safetensors");
  ASSERT_EQ(file.cases.size(), table.size());
  for (size_t index = 0; index < file.cases.size(); ++index) {
    const std::string name = file.cases[index]["name"], key = std::to_string(index) + "/";
    SCOPED_TRACE(name);
    ASSERT_EQ(table.count(name), 1U);
    Tensors inputs;
    for (const auto& shape : file.cases[index]["shapes"]) {
      inputs.push_back(Tensor(draw(1 + inputs.size(), shape_of(shape), dtype, 2)).requires_grad_());
    }
    const Tensor y = table.at(name)(inputs);
    expect_close(y.data(), file.at(key + "y"), tolerance, "result");
    const Tensors grads = autograd::grad(y, inputs, {.create_graph = true, .gy = draw(9, y.shape(), dtype)});
    Tensor total;
    for (size_t i = 0; i < grads.size(); ++i) {
      const std::string grad = key + "g" + std::to_string(i);
      if (file.arrays.count(grad) == 0) continue;
      expect_close(grads[i].data(), file.at(grad), tolerance, "gradient " + std::to_string(i));
      const Tensor part = sum(grads[i] * draw(20 + i, inputs[i].shape(), dtype));
      total = total.defined() ? total + part : part;
    }
    if (file.arrays.count(key + "gg") == 0) continue;
    expect_close(autograd::grad(total, {inputs[0]})[0].data(), file.at(key + "gg"), tolerance,
                 "second gradient");
  }
}

TEST(GoldenOperators, Float64) {
  expect_operators(DType::Float64, 1e-12);
}
TEST(GoldenOperators, Float32) {
  expect_operators(DType::Float32, 1e-5);
}

}  // namespace
}  // namespace linnet::golden
