// Operators of one's own, gradcheck's judgement of them, and the tape as text.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>

#include <iostream>

#include "autograd/parameter.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using autograd::gradcheck;
using autograd::gradgradcheck;
using autograd::Keep;
using autograd::record;
using autograd::Saved;

// As a user writes it.
Tensor clipped_square(const Tensor& x, double limit) {
  NDArray y = minimum(square(x.data()), limit);
  return autograd::record("clipped_square", {x}, y,
                          [limit](const autograd::Saved& saved, const Tensor& gy) -> Tensors {
                            const Tensor& in = saved.input(0);
                            return {gy * where(square(in) < limit, 2 * in, 0)};
                          });
}

TEST(OwnOperator, CompilesAsDocumented) {
  manual_seed(1);
  autograd::gradcheck([](const Tensors& in) { return clipped_square(in[0], 4.0); },
                      {random_normal({3, 5}, DType::Float64)});
  gradgradcheck([](const Tensors& in) { return clipped_square(in[0], 4.0); },
                {random_normal({3, 5}, DType::Float64)});
}

TEST(OwnOperator, GradientsAsDocumented) {
  Tensor x = Tensor(random_normal({3, 5})).requires_grad_();
  Tensor y = sum(square(x) * x);
  Tensors g = autograd::grad(y, {x}, {.create_graph = true});
  sum(g[0]).backward();  // x.grad() is 6x
  const auto expected = (x * 6).to_vector<float>(), got = x.grad().to_vector<float>();
  for (size_t i = 0; i < got.size(); ++i) EXPECT_FLOAT_EQ(got[i], expected[i]);
  EXPECT_EQ(print_tape(y),
            "%0: leaf float32 (3, 5)\n"
            "%1 = square(%0) -> float32 (3, 5)\n"
            "%2 = mul(%1, %0) -> float32 (3, 5)\n"
            "%3 = sum(%2) -> float32 ()\n");
}

TEST(OwnOperator, ReadsOnlyWhatItKeeps) {
  const Tensor x = Tensor(NDArray::ones({2})).requires_grad_();
  const auto run = [&x](Keep keep, autograd::Rule rule) {
    sum(record("mine", {x}, x.data() * 2, std::move(rule), keep)).backward();
    return true;
  };
  const auto reads_input = [](const Saved& saved, const Tensor&) -> Tensors { return {saved.input(0)}; };
  const auto reads_output = [](const Saved& saved, const Tensor&) -> Tensors { return {saved.output()}; };
  EXPECT_TRUE(run(Keep::Inputs, reads_input));
  EXPECT_TRUE(run(Keep::Output, reads_output));
  EXPECT_TRUE(run(Keep::Both, reads_output));
  EXPECT_ERROR(run(Keep::Output, reads_input),
               "[mine] the rule reads input 0, but the operator does not keep");
  EXPECT_ERROR(run(Keep::Inputs, reads_output),
               "[mine] the rule reads the output, but the operator does not");
  EXPECT_ERROR(run(Keep::Both, [](const Saved& saved, const Tensor&) -> Tensors { return {saved.input(1)}; }),
               "[mine] the rule reads input 1, but the operator has 1");
  EXPECT_ERROR(
      run(Keep::Both,
          [](const Saved& saved, const Tensor& gy) -> Tensors { return {saved.needs(-1) ? gy : Tensor()}; }),
      "[mine] the rule asks for input -1, but the operator has 1");
}

TEST(Gradcheck, FindsAWrongRule) {
  const autograd::Function wrong = [](const Tensors& in) {
    return record("cube", {in[0]}, square(in[0].data()) * in[0].data(),
                  [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy * saved.input(0) * 3}; });
  };
  EXPECT_ERROR((gradcheck(wrong, {NDArray::from_data({1.0, 2.0}, {1, 2})}), 0),
               "[gradcheck] the gradient by input 0 of shape (1, 2) is wrong: element (0, 1) is ");
}

TEST(Gradcheck, FindsAWrongSecondGradient) {
  const autograd::Function wrong = [](const Tensors& in) {  // right at first, detached afterwards
    return record(
        "square", {in[0]}, square(in[0].data()),
        [](const Saved& saved, const Tensor& gy) -> Tensors { return {gy * saved.input(0).detach() * 2}; });
  };
  gradcheck(wrong, {NDArray::from_data({1.0, 2.0}, {2})});
  EXPECT_ERROR((gradgradcheck(wrong, {NDArray::from_data({1.0, 2.0}, {2})}), 0),
               "[gradgradcheck] the gradient by input 0 of shape (2,) is wrong");
}

TEST(Gradcheck, FindsAForgottenGradient) {
  const autograd::Function cut = [](const Tensors& in) { return square(in[0].detach()); };
  EXPECT_ERROR((gradcheck(cut, {NDArray::from_data({1.0, 2.0}, {2})}), 0), "is 0 analytically");
}

TEST(Gradcheck, FindsNaN) {
  const autograd::Function nan = [](const Tensors& in) { return log(in[0]); };
  EXPECT_ERROR((gradcheck(nan, {NDArray::from_data({1.0, -2.0}, {2})}), 0), "element (1,) is");
}

TEST(Gradcheck, NeedsFloat64AndLeavesItsInputsAlone) {
  const autograd::Function f = [](const Tensors& in) { return square(in[0]); };
  EXPECT_ERROR((gradcheck(f, {NDArray::ones({2})}), 0), "[gradcheck] input 0 is float32; expected float64");
  EXPECT_ERROR((gradgradcheck(f, {Tensor()}), 0), "[gradgradcheck] input 0 is undefined; expected float64");
  const autograd::Function narrow = [](const Tensors& in) { return in[0].to(DType::Float32); };
  EXPECT_ERROR((gradcheck(narrow, {NDArray::ones({2}, DType::Float64)}), 0),
               "[gradcheck] the function's result is float32; expected float64");
  EXPECT_ERROR((gradgradcheck(narrow, {NDArray::ones({2}, DType::Float64)}), 0),
               "[gradgradcheck] the function's result is float32; expected float64");
  const NDArray x = NDArray::from_data({1.0, 2.0}, {2});
  gradcheck(f, {x});
  gradgradcheck(f, {x});
  EXPECT_EQ(x.version(), 0u);
}

TEST(Tape, NamesLeavesFirstAndOperatorsInOrder) {
  Tensor w = Tensor(NDArray::ones({1, 1, 2, 2})).requires_grad_();
  autograd::mark_parameter(w, "conv1.weight");
  autograd::mark_listed(w);
  const Tensor image = NDArray::ones({1, 1, 3, 3});
  const Tensor y = sum(relu(conv2d(image, w)));
  EXPECT_EQ(print_tape(y),
            "%0: constant float32 (1, 1, 3, 3)\n"
            "%1: parameter \"conv1.weight\" float32 (1, 1, 2, 2)\n"
            "%2 = conv2d_relu(%0, %1, none) -> float32 (1, 1, 2, 2)\n"
            "%3 = sum(%2) -> float32 ()\n");
  const Tensor held = conv2d(image, w);
  EXPECT_EQ(print_tape(relu(held)),
            "%0: constant float32 (1, 1, 3, 3)\n"
            "%1: parameter \"conv1.weight\" float32 (1, 1, 2, 2)\n"
            "%2 = conv2d(%0, %1, none) -> float32 (1, 1, 2, 2)\n"
            "%3 = relu(%2) -> float32 (1, 1, 2, 2)\n");
  EXPECT_EQ(print_tape(w), "%0: parameter \"conv1.weight\" float32 (1, 1, 2, 2)\n");
  EXPECT_EQ(print_tape(image), "%0: constant float32 (1, 1, 3, 3)\n");
  EXPECT_ERROR(print_tape(Tensor()), "[print_tape] the tensor is undefined");
}

}  // namespace
}  // namespace linnet
