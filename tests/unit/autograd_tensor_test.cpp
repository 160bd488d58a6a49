// Tensor as a handle: leaves, gradients set by hand, detach, NoGrad, printing.
#include <sstream>
#include <type_traits>

#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor leaf(std::initializer_list<double> values) {
  return Tensor(NDArray::from_data(values, {static_cast<int64_t>(values.size())})).requires_grad_();
}

TEST(Tensor, IsAHandle) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x;
  EXPECT_EQ(x.impl(), y.impl());
  EXPECT_EQ(x.shape(), Shape{2});
  EXPECT_EQ(x.dtype(), DType::Float64);
  EXPECT_EQ(x.to_vector<double>(), (std::vector<double>{1, 2}));
  sum(y).backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{1, 1}));
}

TEST(Tensor, UndefinedOnes) {
  const Tensor none;
  EXPECT_FALSE(none.defined());
  EXPECT_FALSE(Tensor(NDArray()).defined());
  EXPECT_FALSE(none.requires_grad());
  EXPECT_TRUE(none.is_leaf());
  EXPECT_ERROR(none.shape(), "[data] the tensor is undefined");
  EXPECT_ERROR(none.grad(), "[grad] the tensor is undefined");
  EXPECT_ERROR(none.backward(), "[backward] the tensor is undefined");
}

TEST(Tensor, OnlyFloatingLeavesRequireGradients) {
  Tensor labels(NDArray::arange(3, DType::Int64));
  EXPECT_ERROR(labels.requires_grad_(),
               "[requires_grad_] the tensor of shape (3,) has dtype int64; gradients need");
  labels.requires_grad_(false);
  Tensor y = leaf({1, 2}) * 2;
  EXPECT_TRUE(y.requires_grad());
  EXPECT_FALSE(y.is_leaf());
  EXPECT_ERROR(y.requires_grad_(false),
               "[requires_grad_] the tensor of shape (2,) is the result of mul; only");
}

TEST(Tensor, GradientsSetByHandMustFit) {
  Tensor x = leaf({1, 2});
  EXPECT_FALSE(x.grad().defined());
  x.set_grad(NDArray::ones({2}, DType::Float64));
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{1, 1}));
  EXPECT_ERROR(x.set_grad(NDArray::ones({3}, DType::Float64)),
               "[set_grad] the gradient is float64 (3,) on cpu; the tensor is float64 (2,) on cpu");
  EXPECT_ERROR(x.set_grad(NDArray::ones({2})), "[set_grad] the gradient is float32 (2,)");
  x.zero_grad();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Tensor, SetDataKeepsIdentityAndGradient) {
  Tensor x = leaf({1, 2});
  sum(x).backward();
  const auto impl = x.impl();
  x.set_data(NDArray::arange(3, DType::Float64));
  EXPECT_EQ(x.impl(), impl);
  EXPECT_EQ(x.shape(), Shape{3});
  EXPECT_TRUE(x.grad().defined());
  EXPECT_TRUE(x.requires_grad());
  EXPECT_ERROR(x.set_data(NDArray::arange(3, DType::Int64)), "[set_data] an array of int64 cannot replace");
  EXPECT_ERROR(x.set_data(NDArray()), "[set_data] the new array is undefined");
  Tensor y = x * 2;
  EXPECT_ERROR(y.set_data(NDArray::ones({2}, DType::Float64)),
               "[set_data] an array of shape (2,) cannot replace the result of mul, of shape (3,)");
}

TEST(Tensor, DetachSharesTheArrayOnly) {
  const Tensor y = leaf({1, 2}) * 2;
  const Tensor d = y.detach();
  EXPECT_FALSE(d.requires_grad());
  EXPECT_TRUE(d.data().shares_storage(y.data()));
}

TEST(Tensor, NoGradNests) {
  const Tensor x = leaf({1, 2});
  EXPECT_TRUE(grad_enabled());
  {
    NoGrad outer;
    { NoGrad inner; }
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE((x * 2).requires_grad());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE((x * 2).requires_grad());
}

TEST(Tensor, PrintsTheOperatorThatMadeIt) {
  const auto text = [](const Tensor& t) {
    std::ostringstream out;
    out << t;
    return out.str();
  };
  const Tensor x = leaf({1, 2});
  std::ostringstream array;
  array << x.data();
  EXPECT_EQ(text(x.detach()), array.str());
  EXPECT_EQ(text(x), array.str() + "\nleaf that requires a gradient");
  EXPECT_NE(text(x * 2).find("\nmade by mul"), std::string::npos);
  EXPECT_EQ(text(Tensor()), "undefined");
}

TEST(Tensor, ViewsThatChangeNothingRecordNothing) {
  const Tensor x = leaf({1, 2});
  EXPECT_EQ(x.contiguous().impl(), x.impl());
  EXPECT_EQ(x.reshape({2}).impl(), x.impl());
  EXPECT_EQ(x.broadcast_to({2}).impl(), x.impl());
  EXPECT_EQ(x.to(DType::Float64).impl(), x.impl());
  EXPECT_EQ(x.to(device("cpu")).impl(), x.impl());
  EXPECT_EQ(sum_to(x, {2}).impl(), x.impl());
  EXPECT_TRUE(x.expand_dims(0).data().shares_storage(x.data()));
}

TEST(Tensor, IntegersGetNoGraph) {
  const Tensor x = leaf({1.5, 2.5});
  EXPECT_FALSE(x.to(DType::Int64).requires_grad());
  EXPECT_FALSE((x > 2).requires_grad());
  EXPECT_FALSE(argmax(x, 0).requires_grad());
}

}  // namespace
}  // namespace linnet
