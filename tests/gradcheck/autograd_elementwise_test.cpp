// Elementwise operators, with every way of broadcasting, on strided operands.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

void check_unary(Unary f, double low, double high) {
  check_both([f](const Tensors& in) { return f(in[0]); }, {randoms({2, 3}, 1, low, high)});
  check_both(
      [f](const Tensors& in) {
        return f(in[0].permute({1, 0}).slice(0, 0, 3, 2));
      },
      {randoms({2, 3}, 2, low, high)});
  check_both([f](const Tensors& in) { return f(in[0]); }, {randoms({}, 3, low, high)});
  check_both([f](const Tensors& in) { return f(in[0]); }, {randoms({0, 3}, 4, low, high)});
}

TEST(ElementwiseGradcheck, OneOperand) {
  check_unary(neg, -1, 1);
  check_unary(abs, 0.2, 1);
  check_unary(abs, -1, -0.2);
  check_unary(sign, 0.2, 1);
  check_unary(square, -1, 1);
  check_unary(sqrt, 0.5, 2);
  check_unary(reciprocal, 0.5, 2);
  check_unary(exp, -1, 1);
  check_unary(log, 0.5, 2);
  check_unary(tanh, -1, 1);
  check_unary(sigmoid, -2, 2);
  check_unary(relu, 0.2, 1);
  check_unary(relu, -1, -0.2);
}

void check_binary(Binary f, double low, double high) {
  const auto on = [f](const Tensors& in) { return f(in[0], in[1]); };
  check_both(on, {randoms({2, 3}, 1, low, high), randoms({2, 3}, 2, low, high)});
  check_both(on, {randoms({2, 3}, 3, low, high), randoms({3}, 4, low, high)});
  check_both(on, {randoms({2, 1}, 5, low, high), randoms({3, 1, 4}, 6, low, high)});
  check_both(on, {randoms({}, 7, low, high), randoms({2, 2}, 8, low, high)});
  check_both(
      [f](const Tensors& in) {
        return f(in[0].transpose(0, 1), in[1].broadcast_to({3, 2}));
      },
      {randoms({2, 3}, 9, low, high), randoms({2}, 10, low, high)});
  check_both([f](const Tensors& in) { return f(in[0], in[0] * 1.5 + 0.1); }, {randoms({3}, 11, low, high)});
}

TEST(ElementwiseGradcheck, TwoOperands) {
  check_binary(add, -1, 1);
  check_binary(sub, -1, 1);
  check_binary(mul, -1, 1);
  check_binary(div, 0.5, 2);
  check_binary(pow, 0.5, 2);
  check_binary(maximum, -1, 1);
  check_binary(minimum, -1, 1);
  check_binary(mask_positive, 0.2, 1);
}

TEST(ElementwiseGradcheck, ANumberAndATensor) {
  const NDArray x = randoms({2, 3}, 12, 0.5, 2);
  const std::vector<autograd::Function> functions = {
      [](const Tensors& in) { return in[0] + 2; },
      [](const Tensors& in) { return 2 + in[0]; },
      [](const Tensors& in) { return in[0] - 2; },
      [](const Tensors& in) { return 2 - in[0]; },
      [](const Tensors& in) { return in[0] * 2; },
      [](const Tensors& in) { return 2 * in[0]; },
      [](const Tensors& in) { return in[0] / 2; },
      [](const Tensors& in) { return 2 / in[0]; },
      [](const Tensors& in) { return pow(in[0], 2.5); },
      [](const Tensors& in) { return pow(in[0], -1); },
      [](const Tensors& in) { return pow(in[0], 2); },
      [](const Tensors& in) { return pow(in[0], 1); },
      [](const Tensors& in) { return pow(in[0], 0); },
      [](const Tensors& in) { return maximum(in[0], 1); },
      [](const Tensors& in) { return minimum(in[0], 1); },
  };
  for (const autograd::Function& f : functions) check_both(f, {x});
}

TEST(ElementwiseGradcheck, PowerOfNegativeBases) {
  const NDArray exponents = NDArray::from_data<double>({0, 1, 2, 3}, {4});
  check_both([&](const Tensors& in) { return pow(in[0], exponents); }, {randoms({4}, 13, -2, -1)});
}

TEST(ElementwiseGradcheck, MaskPositiveByAMixedMask) {
  const NDArray mask = NDArray::from_data<double>({-1, 2, 0, 3}, {4});
  check_both([&](const Tensors& in) { return mask_positive(in[0], mask); }, {randoms({3, 4}, 14)});
}

TEST(ElementwiseGradcheck, Where) {
  const NDArray condition = randoms({2, 3}, 15) > 0;
  check_both([&](const Tensors& in) { return where(condition, in[0], in[1]); },
             {randoms({2, 3}, 16), randoms({3}, 17)});
  check_both([&](const Tensors& in) { return where(condition, in[0], 5); }, {randoms({2, 1}, 18)});
  check_both([&](const Tensors& in) { return where(condition, 5, in[0]); }, {randoms({4, 2, 3}, 19)});
  check_both([&](const Tensors& in) { return where(condition, square(in[0]), exp(in[0])); },
             {randoms({2, 3}, 20)});
}

TEST(ElementwiseGradcheck, Compositions) {
  check_both([](const Tensors& in) { return tanh(in[0] * in[1]) / (1 + exp(-in[0])); },
             {randoms({2, 3}, 21), randoms({3}, 22)});
}

}  // namespace
}  // namespace linnet
