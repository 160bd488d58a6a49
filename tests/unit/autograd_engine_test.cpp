// The backward pass: accumulation, gradients as values, freeing, detection of changes in place, long chains,
// what is skipped, errors.
#include <gtest/gtest.h>

#include <thread>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "autograd/parameter.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using autograd::grad;
using autograd::Keep;
using autograd::record;
using autograd::Saved;
using Values = std::vector<double>;

Tensor leaf(std::initializer_list<double> values) {
  return Tensor(NDArray::from_data(values, {static_cast<int64_t>(values.size())})).requires_grad_();
}

Values values(const Tensor& x) {
  return x.to_vector<double>();
}

TEST(Backward, AddsUpOverUsesAndPasses) {
  const Tensor x = leaf({1, 2, 3});
  const Tensor y = x * x + x;  // three uses
  sum(y).backward();
  EXPECT_EQ(values(x.grad()), (Values{3, 5, 7}));
  const Tensor before = x.grad();
  sum(x * 10).backward();
  EXPECT_EQ(values(x.grad()), (Values{13, 15, 17}));
  EXPECT_EQ(before.impl(), x.grad().impl());  // added in place
}

TEST(Backward, ADiamondVisitsEachNodeOnce) {
  const Tensor x = leaf({2});
  int calls = 0;
  const Tensor a = record("counted", {x}, x.data() * 3, [&calls](const Saved&, const Tensor& gy) -> Tensors {
    ++calls;
    return {gy * 3};
  });
  (a * a + a + exp(a - a)).backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(values(x.grad()), (Values{3 * (2 * 6 + 1)}));
}

TEST(Backward, FromALeafAndWithAGivenGradient) {
  const Tensor x = leaf({5});
  x.backward();
  EXPECT_EQ(values(x.grad()), (Values{1}));
  const Tensor z = leaf({1, 2});
  const NDArray gy = NDArray::from_data({10.0, 20.0}, {2});
  (z * 1).backward(gy);
  z.backward(gy);
  EXPECT_EQ(values(z.grad()), (Values{20, 40}));
  EXPECT_EQ(gy.to_vector<double>(), (Values{10, 20}));  // not taken over, not written to
}

TEST(Backward, LeavesNeverShareTheirGradient) {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4});
  sum(a + b).backward();
  a.grad().data().mul_(5);
  EXPECT_EQ(values(a.grad()), (Values{5, 5}));
  EXPECT_EQ(values(b.grad()), (Values{1, 1}));
}

TEST(Backward, GradientsLieInMemoryAsTheirLeavesDo) {
  const NDArray image = NDArray::ones({2, 3, 4, 5}, DType::Float64);
  const Tensor x = Tensor(image.to(MemoryOrder::ChannelsLast)).requires_grad_();
  const Tensor y = Tensor(image).requires_grad_();
  sum(x * y).backward();
  EXPECT_TRUE(x.grad().data().is_channels_last());
  EXPECT_TRUE(y.grad().data().is_contiguous());
  const Tensor broadcast = Tensor(NDArray::ones({1}, DType::Float64).broadcast_to({3})).requires_grad_();
  sum(broadcast * 2).backward();
  sum(broadcast * 2).backward();
  EXPECT_EQ(values(broadcast.grad()), (Values{4, 4, 4}));
}

TEST(Backward, GradientsOfCopiesLieInMemoryAsWhatWasCopied) {
  const auto order_of_gradient = [](const NDArray& image, auto function) {
    bool channels_last = false;
    const Tensor x = Tensor(image).requires_grad_();
    const Tensor watched = autograd::record(
        "watch", {x}, image.clone(),
        [&](const autograd::Saved&, const Tensor& gy) -> Tensors {
          channels_last = gy.data().is_channels_last() && !gy.data().is_contiguous();
          return {gy};
        },
        autograd::Keep::Nothing);
    sum(square(function(watched))).backward();
    return channels_last;
  };
  const NDArray image = NDArray::ones({2, 3, 4, 5}, DType::Float64),
                last = image.to(MemoryOrder::ChannelsLast);
  const auto flatten = [](const Tensor& x) { return x.flatten(1); };
  const auto contiguous = [](const Tensor& x) { return x.contiguous(); };
  EXPECT_TRUE(order_of_gradient(last, flatten));
  EXPECT_TRUE(order_of_gradient(last, contiguous));
  EXPECT_FALSE(order_of_gradient(image, flatten));
  EXPECT_FALSE(order_of_gradient(image, contiguous));
}

TEST(Backward, RefusesWhatHasNoGradient) {
  const Tensor x = leaf({1, 2});
  EXPECT_ERROR((x * 2).backward(),
               "[backward] the tensor has shape (2,), 2 elements; without a gradient by it");
  EXPECT_ERROR(sum(x.detach()).backward(), "[backward] the tensor of shape () has no graph");
  NoGrad guard;
  EXPECT_ERROR(sum(x * 2).backward(), "[backward] the tensor of shape () has no graph");
}

TEST(Backward, RefusesAGradientThatDoesNotFit) {
  const Tensor x = leaf({1, 2});
  EXPECT_ERROR((x * 2).backward(NDArray::ones({3}, DType::Float64)),
               "[backward] gy is float64 (3,) on cpu; the tensor is float64 (2,) on cpu; they must agree");
  EXPECT_ERROR((x * 2).backward(NDArray::ones({2})), "[backward] gy is float32 (2,) on cpu");
}

TEST(Backward, FreesTheGraphUnlessAskedNotTo) {
  const Tensor x = leaf({1, 2});
  NDArray held = NDArray::ones({2}, DType::Float64);
  const Tensor y = sum(x * held * 2);
  EXPECT_GT(held.use_count(), 1);
  autograd::backward(y, {.retain_graph = true});
  EXPECT_GT(held.use_count(), 1);
  y.backward();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(values(x.grad()), (Values{4, 4}));
  EXPECT_ERROR(y.backward(), "[backward] the graph behind sum -> () was freed by an earlier backward pass");
}

TEST(Backward, TheGraphGoesWithItsTensors) {
  const Tensor x = leaf({1, 2});
  NDArray held = NDArray::ones({2}, DType::Float64);
  {
    const Tensor y = exp(x * held);
    EXPECT_GT(held.use_count(), 1);
    EXPECT_GT(y.data().use_count(), 1);  // exp keeps its output, as an array: no cycle
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Backward, FindsChangesInPlace) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  const Tensor y = sum(x * w);
  x.data().mul_(2);
  x.data().mul_(2);
  EXPECT_ERROR(
      y.backward(),
      "[backward] input 0 of mul (2,) was changed in place after it was saved: version 2, saved at 0; "
      "clone() it before changing it");
  const Tensor e = exp(w);
  e.data().fill_(0);
  EXPECT_ERROR(sum(e).backward(), "[backward] output of exp (2,) was changed in place after it was saved");
  const Tensor free = w + 1;  // keeps nothing
  free.data().fill_(0);
  sum(free).backward();
  EXPECT_EQ(values(w.grad()), (Values{1, 1}));
  const Tensor view = w.slice(0, 0, 1);
  const Tensor z = sum(square(w));
  view.data().fill_(7);
  EXPECT_ERROR(z.backward(), "[backward] input 0 of square (2,) was changed in place");
}

TEST(Backward, FindsChangedIndicesAndConditions) {
  const Tensor x = leaf({1, 2});
  const NDArray index = NDArray::from_data<int64_t>({1, 0}, {2});
  const NDArray condition = x.data() > 1;
  const Tensor g = sum(gather(x, 0, index)), w = sum(where(condition, x, 0));
  index.fill_(0);
  condition.fill_(false);
  EXPECT_ERROR(g.backward(), "[backward] the index of gather (2,) was changed in place");
  EXPECT_ERROR(w.backward(), "[backward] the condition of where (2,) was changed in place");
}

TEST(Backward, FindsReplacedLeaves) {
  Tensor x = leaf({1, 2});
  const Tensor y = sum(square(x));
  x.set_data(x.data().clone());
  EXPECT_ERROR(y.backward(),
               "[backward] input 0 of square (2,) was replaced by set_data() after it was saved");
}

TEST(Backward, ChecksWhatRulesReturn) {
  const Tensor x = leaf({1, 2}), w = leaf({1, 2});
  const auto with_rule = [&](autograd::Rule rule) {
    return sum(record("mine", {x, w}, x.data() + w.data(), std::move(rule)));
  };
  EXPECT_ERROR(with_rule([](const Saved&, const Tensor& gy) -> Tensors { return {gy}; }).backward(),
               "[backward] the rule of mine gave 1 gradients; expected one for each of its 2 inputs");
  EXPECT_ERROR(with_rule([](const Saved&, const Tensor& gy) -> Tensors {
                 return {gy, gy.expand_dims(0)};
               }).backward(),
               "[backward] the rule of mine gave input 1 a gradient of float64 (1, 2) on cpu; expected "
               "float64 (2,) on cpu");
  EXPECT_ERROR(with_rule([](const Saved&, const Tensor& gy) -> Tensors {
                 return {gy.to(DType::Float32), gy};
               }).backward(),
               "gave input 0 a gradient of float32 (2,) on cpu; expected float64 (2,)");
  EXPECT_ERROR(with_rule([](const Saved&, const Tensor& gy) -> Tensors {
                 return {gy * NDArray::ones({3}, DType::Float64), gy};
               }).backward(),
               "; in the backward rule of mine");
}

TEST(Backward, UndefinedGradientsAreZero) {
  const Tensor x = leaf({1, 2}), w = leaf({1, 2});
  const Tensor y = record("mine", {x, w}, x.data() + w.data(), [](const Saved&, const Tensor& gy) -> Tensors {
    return {gy, {}};
  });
  const Tensors gradients = grad(sum(y), {x, w});
  EXPECT_EQ(values(gradients[0]), (Values{1, 1}));
  EXPECT_EQ(values(gradients[1]), (Values{0, 0}));
}

TEST(Backward, RefusesParametersThatNoFieldsLists) {
  Tensor w = leaf({1, 2});
  autograd::mark_parameter(w, "fc.weight");
  EXPECT_ERROR(sum(w * 2).backward(),
               "[backward] parameter 'fc.weight' of shape (2,) was reached, but no fields() lists it");
  autograd::mark_listed(w);
  sum(w * 2).backward();
  EXPECT_EQ(values(w.grad()), (Values{2, 2}));
}

TEST(Grad, GivesValuesAndTouchesNoLeaf) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4}), other = leaf({1});
  const Tensor h = x * w;
  const Tensors g = grad(sum(square(h)), {x, h, other, x});
  EXPECT_EQ(values(g[0]), (Values{18, 64}));
  EXPECT_EQ(values(g[1]), (Values{6, 16}));
  EXPECT_EQ(values(g[2]), (Values{0}));  // does not depend on it
  EXPECT_EQ(values(g[3]), (Values{18, 64}));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_EQ(values(grad(x, {x}, {.gy = w})[0]), (Values{3, 4}));
  EXPECT_EQ(values(grad(sum(w.detach()), {x})[0]), (Values{0, 0}));
}

TEST(Grad, NeedsWhatItCanDifferentiate) {
  const Tensor x = leaf({1, 2});
  const Tensor constant = x.detach();
  EXPECT_ERROR(grad(sum(x * constant), {x, constant}),
               "[grad] x 1 of shape (2,) does not require a gradient; call requires_grad_()");
  EXPECT_ERROR(grad(sum(x), {Tensor()}), "[grad] x 0 is undefined");
  EXPECT_ERROR(grad(x * 2, {x}), "[grad] the tensor has shape (2,), 2 elements");
  EXPECT_ERROR(grad(Tensor(), {x}), "[grad] the tensor is undefined");
  EXPECT_ERROR(grad(x * 2, {x}, {.gy = NDArray::ones({1}, DType::Float64)}), "[grad] gy is float64 (1,)");
}

TEST(Grad, OfGradients) {
  const Tensor x = leaf({1, 2, 3});
  const Tensor y = sum(square(x) * x);
  const Tensor first = grad(y, {x}, {.create_graph = true})[0];
  EXPECT_EQ(values(first), (Values{3, 12, 27}));
  const Tensor second = grad(sum(first), {x}, {.create_graph = true})[0];
  EXPECT_EQ(values(second), (Values{6, 12, 18}));
  EXPECT_EQ(values(grad(sum(second), {x})[0]), (Values{6, 6, 6}));
}

TEST(Grad, BackwardCanRecordItself) {
  const Tensor x = leaf({1, 2});
  const Tensor y = sum(square(x) * x);
  autograd::backward(y, {.create_graph = true});
  Tensor g = x.grad();
  EXPECT_TRUE(g.requires_grad());
  Tensor(x).zero_grad();
  sum(g).backward();
  EXPECT_EQ(values(x.grad()), (Values{6, 12}));
  Tensor(x).zero_grad();
}

TEST(Grad, AccumulatesWithAGraphToo) {
  const Tensor x = leaf({1, 2});
  autograd::backward(sum(square(x)), {.create_graph = true});
  autograd::backward(sum(square(x) * x), {.create_graph = true});
  const Tensor g = x.grad();
  EXPECT_EQ(values(g), (Values{5, 16}));
  Tensor(x).zero_grad();
  EXPECT_EQ(values(grad(sum(g), {x})[0]), (Values{8, 14}));
}

TEST(Engine, SkipsWhatNobodyNeeds) {
  std::vector<std::pair<bool, bool>> asked;
  const auto product = [&asked](const Tensor& a, const Tensor& b) {
    return record("product", {a, b}, a.data() * b.data(),
                  [&asked](const Saved& saved, const Tensor& gy) -> Tensors {
                    asked.emplace_back(saved.needs(0), saved.needs(1));
                    return {gy * saved.input(1), gy * saved.input(0)};
                  });
  };
  const Tensor image = leaf({1, 2}).detach(), w1 = leaf({3, 4}), w2 = leaf({5, 6});
  const Tensor y = sum(product(product(image, w1), w2));
  autograd::backward(y, {.retain_graph = true});
  EXPECT_EQ(asked, (std::vector<std::pair<bool, bool>>{{true, true}, {false, true}}));
  asked.clear();
  grad(y, {w2});  // the first product is not called, and the second need not give its gradient
  EXPECT_EQ(asked, (std::vector<std::pair<bool, bool>>{{false, true}}));
}

TEST(Engine, NeverComputesTheFirstLayersInputGradient) {
  const Tensor x = NDArray::ones({1, 1, 3, 3}, DType::Float64);
  const Tensor w = Tensor(NDArray::ones({1, 1, 2, 2}, DType::Float64)).requires_grad_();
  const Tensor g = grad(sum(square(conv2d(x, w))), {w}, {.create_graph = true})[0];
  EXPECT_EQ(values(g), (Values{32, 32, 32, 32}));
  EXPECT_NE(print_tape(g).find("conv2d_grad_weight"), std::string::npos) << print_tape(g);
  EXPECT_EQ(print_tape(g).find("conv2d_grad_input"), std::string::npos) << print_tape(g);
}

TEST(Engine, LongChainsNeedNoStack) {
  const Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = y + 1;
  y.backward();
  EXPECT_EQ(values(x.grad()), (Values{1}));
  Tensor z = x;
  for (int i = 0; i < 200000; ++i) z = exp(z * 0);  // never run: destroyed with all it keeps
}

TEST(Engine, LongChainsPrintAndGiveGradients) {
  const Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = y + 1;
  EXPECT_EQ(values(grad(y, {x}, {.retain_graph = true})[0]), (Values{1}));
  EXPECT_GT(print_tape(y).size(), 200000u);
}

TEST(Engine, IndependentGraphsRunAtOnce) {
  const auto work = [](double scale, Values* result) {
    const Tensor x = leaf({1, 2, 3});
    for (int i = 0; i < 500; ++i) {
      const Tensor y = sum(exp(x * 0.1) * scale + square(x));
      const Tensor g = grad(y, {x}, {.create_graph = true})[0];
      sum(g).backward();
    }
    *result = values(x.grad());
  };
  Values expected1, expected2, got1, got2;
  work(1, &expected1);
  work(2, &expected2);
  std::thread other(work, 2, &got2);
  work(1, &got1);
  other.join();
  EXPECT_EQ(got1, expected1);
  EXPECT_EQ(got2, expected2);
}

TEST(Engine, NoGradIsOfOneThread) {
  NoGrad guard;
  bool other = false;
  std::thread([&other] { other = grad_enabled(); }).join();
  EXPECT_TRUE(other);
}

}  // namespace
}  // namespace linnet
