// Gradients where mathematics leaves a choice (ties, kinks, 0^0), as PyTorch makes it; options of operators;
// values of the literature for convolution and its gradients.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/cpu/threads.h>

#include <cmath>
#include <limits>

#include "core/view.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using autograd::grad;
using Values = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor leaf(const Values& values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  return Tensor(NDArray::from_data(values, shape)).requires_grad_();
}

Tensor counted(int64_t first, int64_t last, const Shape& shape) {
  return Tensor(NDArray::arange(first, last + 1, 1, DType::Float64).reshape(shape)).requires_grad_();
}

void expect_values(const Tensor& got, const Values& expected, double tolerance = 0) {
  const Values values = got.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << "element " << i;
    } else {
      EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
    }
  }
}

TEST(OpsGradient, MaximumAndMinimumShareTies) {
  const Tensor a = leaf({1, 2, 3, kNaN}), b = leaf({2, 2, 1, 1});
  Tensors g = grad(sum(maximum(a, b)), {a, b});
  expect_values(g[0], {0, 0.5, 1, 1});
  expect_values(g[1], {1, 0.5, 0, 1});
  g = grad(sum(minimum(a, b)), {a, b});
  expect_values(g[0], {1, 0.5, 0, 1});
  expect_values(g[1], {0, 0.5, 1, 1});
  expect_values(grad(sum(maximum(a, 2)), {a})[0], {0, 0.5, 1, 1});
  expect_values(grad(sum(minimum(a, 2)), {a})[0], {1, 0.5, 0, 1});
}

TEST(OpsGradient, ExtremesShareTies) {
  const Tensor x = leaf({1, 3, 3, 2, 2, 2}, {2, 3});
  expect_values(grad(sum(amax(x, {1})), {x})[0], {0, 0.5, 0.5, 1. / 3, 1. / 3, 1. / 3});
  const Tensor z = leaf({1, 3, 3, 2, 1, 2}, {2, 3});
  expect_values(grad(amin(z), {z})[0], {0.5, 0, 0, 0, 0.5, 0});
  expect_values(grad(sum(amin(z, {-1}, true)), {z})[0], {1, 0, 0, 0, 1, 0});
}

TEST(OpsGradient, Kinks) {
  const Tensor x = leaf({-2, 0, 3});
  expect_values(grad(sum(abs(x)), {x})[0], {-1, 0, 1});
  expect_values(grad(sum(relu(x)), {x})[0], {0, 0, 1});
  expect_values(grad(sum(sign(x)), {x})[0], {0, 0, 0});
}

// In one pass or in two, the same products of the same numbers: the same bits, results and gradients. (Sums
// for the bias are taken in another order where channels are innermost.)
TEST(OpsGradient, ReluBehindAConvolutionIsThatOfItsParts) {
  manual_seed(3);
  const auto draw = [](const Shape& shape) { return Tensor(random_normal(shape)).requires_grad_(); };
  const Tensor x = draw({2, 4, 7, 6}), w = draw({6, 2, 3, 3}), bias = draw({6});
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    SCOPED_TRACE(name(algorithm));
    const Conv2dOptions options = {.stride = {2, 1}, .padding = 1, .groups = 2, .algorithm = algorithm};
    const Tensor fused = conv2d_relu(x, w, bias, options);
    const Tensor sums = conv2d(x, w, bias, options), composed = relu(sums);
    EXPECT_EQ(fused.to_vector<float>(), composed.to_vector<float>());
    const Tensor gy = random_normal(fused.shape());
    const Tensors by_fused = grad(fused, {x, w, bias}, {.gy = gy});
    const Tensors by_parts = grad(composed, {x, w, bias}, {.gy = gy});
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(by_fused[i].to_vector<float>(), by_parts[i].to_vector<float>()) << i;
    }
  }
}

TEST(OpsGradient, ReluBehindAConvolutionAtTheKink) {
  const Tensor x = leaf({-1, 0, 2, kNaN}, {1, 1, 1, 4}), w = leaf({1}, {1, 1, 1, 1});
  expect_values(grad(sum(conv2d_relu(x, w)), {x})[0], {0, 0, 1, 0});
  const Tensor y = conv2d_relu(x.slice(3, 0, 3), w, leaf({1}));
  expect_values(y, {0, 1, 3});
  y.data().fill_(0);
  EXPECT_ERROR(sum(y).backward(), "conv2d_relu");
}

// relu(Tensor&&): whose result nobody else can see is overwritten, a convolution's ReLU becomes part of it.

TEST(ReluOfATemporary, TakesTheMemoryOfAResultThatNobodyHolds) {
  const Tensor x = leaf({-1, 2, -3, 4});
  Tensor doubled = x + x;
  const void* const memory = doubled.data().read_view().data;
  const Tensor y = relu(std::move(doubled));
  EXPECT_EQ(y.data().read_view().data, memory);
  expect_values(y, {0, 4, 0, 8});
  expect_values(grad(sum(y), {x})[0], {0, 2, 0, 2});
}

TEST(ReluOfATemporary, LeavesWhatSomebodyHolds) {
  const Values values = {-1, 2, -3, 4}, positive = {0, 2, 0, 4};
  const NDArray array = NDArray::from_data(values, {4});
  expect_values(relu(Tensor(array)), positive);  // no operator made it
  expect_values(array, values);

  const Tensor x = leaf(values);
  Tensor copy = x;
  expect_values(relu(std::move(copy)), positive);
  expect_values(x, values);

  const Tensor sum_of = x + 0;
  Tensor handle = sum_of;  // the tensor
  expect_values(relu(std::move(handle)), positive);
  expect_values(sum_of, values);

  Tensor taken = x + 0;
  const NDArray elements = taken.data();  // its array
  expect_values(relu(std::move(taken)), positive);
  expect_values(elements, values);

  const Tensor flat = (x + 0).reshape({2, 2});
  expect_values(relu(flat.reshape({4})), positive);  // another view of it
  expect_values(flat, values);

  expect_values(grad(sum(relu(exp(x) - 5)), {x})[0], {0, std::exp(2), 0, std::exp(4)}, 1e-12);
  const Tensor y = relu(tanh(x));  // tanh keeps its result
  expect_values(grad(sum(y), {x})[0], {0, 1 - std::pow(std::tanh(2), 2), 0, 1 - std::pow(std::tanh(4), 2)},
                1e-12);
  const NoGrad guard;
  expect_values(relu(x + 0), positive);
}

TEST(ReluOfATemporary, JoinsTheConvolutionBeforeIt) {
  manual_seed(4);
  const Tensor x = Tensor(random_normal({2, 3, 6, 5})).requires_grad_();
  const Tensor w = Tensor(random_normal({4, 3, 3, 3})).requires_grad_();
  const Tensor bias = Tensor(random_normal({4})).requires_grad_();
  const auto sum_of_squares = [&](const Tensor& y) {
    const Tensor loss = sum(square(y));
    return grad(loss, {x, w, bias});
  };
  const Tensor joined = relu(conv2d(x, w, bias)), fused = conv2d_relu(x, w, bias);
  EXPECT_EQ(print_tape(joined), print_tape(fused));
  const Tensors expected = sum_of_squares(fused), got = sum_of_squares(joined);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(got[i].to_vector<float>(), expected[i].to_vector<float>()) << i;
  const Tensor twice = relu(relu(conv2d(x, w, bias)));  // the second is an operator of its own
  EXPECT_EQ(twice.to_vector<float>(), fused.to_vector<float>());
  EXPECT_NE(print_tape(twice).find("= relu("), std::string::npos);
  joined.data().fill_(0);
  EXPECT_ERROR(sum(joined).backward(), "conv2d_relu");
}

// The graph of another result may lead to a convolution whose tensor is gone: it stays what it was.
TEST(ReluOfATemporary, LeavesAConvolutionThatAnotherGraphReads) {
  const Tensor x = leaf({-1, 2}, {1, 1, 1, 2}), w = leaf({3}, {1, 1, 1, 1}), bias = leaf({0});
  Tensor h = conv2d(x, w, bias);
  const Tensor other = sum(h + 1);
  const Tensor y = sum(relu(std::move(h)));
  expect_values(grad(other, {x}, {.retain_graph = true})[0], {3, 3});
  expect_values(grad(y, {x})[0], {0, 3});
}

/// The gradient that comes in may be somebody's, and may repeat elements.
TEST(ReluOfATemporary, KeepsTheGradientThatIsGiven) {
  const Tensor x = leaf({-1, 2, 3, -4}, {1, 1, 2, 2}), w = leaf({3}, {1, 1, 1, 1}), bias = leaf({0});
  const Tensor given = Tensor(NDArray::from_data(Values{5, 6, 7, 8}, {1, 1, 2, 2}));
  Tensors g = grad(conv2d_relu(x, w, bias), {x, w, bias}, {.gy = given});
  expect_values(given, {5, 6, 7, 8});
  expect_values(g[0], {0, 18, 21, 0});
  expect_values(g[1], {33});
  expect_values(g[2], {13});
  g = grad(sum(conv2d_relu(x, w, bias)), {x, w, bias});  // the sum's gradient is one element, repeated
  expect_values(g[0], {0, 3, 3, 0});
  expect_values(g[1], {5});
  expect_values(g[2], {2});
  const Tensor y = conv2d_relu(x, w, bias), z = y * 2;  // y's gradient is wanted itself
  g = grad(sum(z * 1), {y, x, bias});
  expect_values(g[0], {2, 2, 2, 2});
  expect_values(g[1], {0, 6, 6, 0});
  expect_values(g[2], {4});
}

// Many parts, in both orders of memory; whole numbers, whose sums are exact.
TEST(ReluOfATemporary, HasTheSameGradientsWithAnyNumberOfThreads) {
  const auto numbers = [](const Shape& shape, int64_t past) {
    return Tensor(random_integers(-3, past, shape).to(DType::Float32)).requires_grad_();
  };
  manual_seed(5);
  const Tensor x = numbers({3, 2, 130, 131}, 4), w = numbers({24, 2, 1, 1}, 4), bias = numbers({24}, 4);
  const Tensor gy = numbers({3, 24, 130, 131}, 4).detach();
  const int before = num_threads();
  for (const MemoryOrder order : {MemoryOrder::Contiguous, MemoryOrder::ChannelsLast}) {
    const Tensor image = Tensor(x.data().to(order)).requires_grad_(), by_y(gy.data().to(order));
    const Tensor y = conv2d(image, w, bias);
    const Values expected = sum(mask_positive(by_y, y.detach()), {0, 2, 3}).to_vector<double>();
    for (const int threads : {1, 3}) {
      set_num_threads(threads);
      const Tensors g = grad(relu(conv2d(image, w, bias)), {image, bias}, {.gy = by_y});
      expect_values(g[0], grad(relu(y), {image}, {.retain_graph = true, .gy = by_y})[0].to_vector<double>());
      expect_values(g[1], expected);
    }
    set_num_threads(before);
  }
}

TEST(OpsGradient, PowerAtZero) {
  const Tensor a = leaf({2, 0, 0, -1, 2}), b = leaf({3, 0, 2, 2, 0});
  const Tensors g = grad(sum(pow(a, b)), {a, b});
  expect_values(g[0], {12, 0, 0, -2, 0}, 1e-12);
  expect_values(g[1], {8 * std::log(2.0), 0, 0, kNaN, std::log(2.0)}, 1e-12);
  const Tensor x = leaf({2, 0, -1});
  expect_values(grad(sum(pow(x, 3)), {x})[0], {12, 0, 3}, 1e-12);
  expect_values(grad(sum(pow(x, 0)), {x})[0], {0, 0, 0});
  expect_values(grad(sum(pow(x, 1)), {x})[0], {1, 1, 1});
}

TEST(OpsGradient, WhereHidesInfinities) {
  const Tensor x = leaf({0, 4});
  const Tensor y = sum(where(x > 1, sqrt(x), 0));
  expect_values(grad(y, {x})[0], {kNaN, 0.25});  // 0 * inf: the root is to be guarded, as in PyTorch
  const Tensor safe = where(x > 1, x, 1);
  expect_values(grad(sum(where(x > 1, sqrt(safe), 0)), {x})[0], {0, 0.25});
}

TEST(OpsGradient, RepeatedIndicesAddUp) {
  const Tensor x = leaf({1, 2, 3});
  const NDArray index = NDArray::from_data<int64_t>({2, 0, 2, 2}, {4});
  expect_values(gather(x, 0, index), {3, 1, 3, 3});
  expect_values(grad(gather(x, 0, index), {x}, {.gy = leaf({1, 10, 100, 1000})})[0], {10, 0, 1101});
}

TEST(OpsGradient, ConversionGoesBack) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x.to(DType::Float32);
  EXPECT_EQ(y.dtype(), DType::Float32);
  const Tensor g = grad(sum(y * 3), {x})[0];
  EXPECT_EQ(g.dtype(), DType::Float64);
  expect_values(g, {3, 3});
}

TEST(OpsGradient, MetaInfersGradientShapes) {
  const Device meta = device("meta");
  const Tensor x = Tensor(NDArray::empty({2, 3, 8, 8}, DType::Float32, meta)).requires_grad_();
  const Tensor w = Tensor(NDArray::empty({5, 3, 3, 3}, DType::Float32, meta)).requires_grad_();
  const Tensor labels = NDArray::empty({2, 6, 6}, DType::Int64, meta);
  cross_entropy(relu(conv2d(x, w)), labels).backward();
  EXPECT_EQ(x.grad().shape(), x.shape());
  EXPECT_EQ(w.grad().shape(), w.shape());
  EXPECT_EQ(w.grad().device(), meta);
}

TEST(OpsGradient, MatmulCopiesNoStridedOperand) {
  const Tensor a = counted(1, 6, {2, 3}), b = counted(1, 12, {4, 3});
  const int64_t before = copies_made();
  const Tensor y = matmul(a, b.transpose(0, 1));
  expect_values(y, {14, 32, 50, 68, 32, 77, 122, 167});
  sum(y).backward();
  EXPECT_EQ(copies_made(), before);
  expect_values(a.grad(), {22, 26, 30, 22, 26, 30});
  expect_values(b.grad(), {5, 7, 9, 5, 7, 9, 5, 7, 9, 5, 7, 9});
}

TEST(OpsGradient, ConvolutionOfTheLiterature) {
  const Tensor x = counted(1, 16, {1, 1, 4, 4}), w = counted(1, 8, {2, 1, 2, 2}), b = leaf({1, 1});
  const Tensor y = conv2d(x, w, b);
  y.backward(y.detach() - 2);
  expect_values(w.grad(), {6042, 6879, 9390, 10227, 15018, 17079, 23262, 25323});
  expect_values(b.grad(), {837, 2061});
  expect_values(x.grad(), {538, 1358, 1674, 1032, 1920, 4620, 5396, 3196, 3328, 7724, 8500, 4892, 2518, 5678,
                           6138, 3444});
}

TEST(OpsGradient, ConvolutionOfNhwcIsThatOfNchw) {
  const Tensor x = counted(1, 36, {1, 2, 3, 6}), w = counted(1, 24, {3, 2, 2, 2}), b = leaf({1, 2, 3});
  const Tensor xh = Tensor(x.data().permute({0, 2, 3, 1}).contiguous()).requires_grad_();
  const Tensor wh = Tensor(w.data().permute({2, 3, 1, 0}).contiguous()).requires_grad_();
  const Tensor bh = leaf({1, 2, 3});
  const Conv2dOptions nchw = {.stride = {1, 2}, .padding = 1};
  Conv2dOptions nhwc = nchw;
  nhwc.layout = Layout::NHWC;
  const Tensor y = conv2d(x, w, b, nchw), yh = conv2d(xh, wh, bh, nhwc);
  EXPECT_EQ(yh.shape(), (Shape{1, 4, 4, 3}));
  expect_values(yh.permute({0, 3, 1, 2}), y.to_vector<double>());
  sum(square(y)).backward();
  sum(square(yh)).backward();
  expect_values(xh.grad().permute({0, 3, 1, 2}), x.grad().to_vector<double>());
  expect_values(wh.grad().permute({3, 2, 0, 1}), w.grad().to_vector<double>());
  expect_values(bh.grad(), b.grad().to_vector<double>());
  EXPECT_ERROR(conv2d(xh.select(0, 0), wh, bh, nhwc), "[conv2d] input (3, 6, 2), filters (2, 2, 2, 3)");
}

TEST(OpsGradient, FusedSoftmaxGradientsAgreeWithTheirFormulas) {
  const Tensor x = leaf({0.5, -1, 2, 1.5, 0.25, -0.75, -2, 3}, {2, 4});
  const NDArray gy = NDArray::from_data<double>({1, -2, 3, 0.5, -1, 0.25, 2, -3}, {2, 4});
  for (const int dim : {0, 1, -1}) {
    for (const bool log : {false, true}) {
      const Tensor y = log ? log_softmax(x, dim) : softmax(x, dim);
      const Tensor fused = grad(y, {x}, {.retain_graph = true, .gy = gy})[0];
      const Tensor formula = grad(y, {x}, {.create_graph = true, .gy = gy})[0];
      EXPECT_FALSE(fused.requires_grad());
      EXPECT_TRUE(formula.requires_grad());
      expect_values(fused, formula.to_vector<double>(), 1e-14);
    }
  }
}

TEST(OpsGradient, OperandsMix) {
  const Tensor x = leaf({1, 2});
  const NDArray array = NDArray::from_data({3.0, 4.0}, {2});
  EXPECT_FALSE((Tensor(array) * array).requires_grad());
  expect_values(grad(sum(array * x + array), {x})[0], {3, 4});
  expect_values(grad(sum(2 * x - 1 + (1 - x) / 2 + 1 / x), {x})[0], {0.5, 1.25});
  expect_values(x == array, {0, 0});
  expect_values(x != array, {1, 1});
  expect_values(x <= array, {1, 1});
  expect_values(x >= array, {0, 0});
  expect_values(x > array, {0, 0});
  expect_values(x < array, {1, 1});
  expect_values(x == 1, {1, 0});
  expect_values(x != 1, {0, 1});
  expect_values(x <= 1, {1, 0});
  expect_values(x >= 2, {0, 1});
  expect_values(argmin(x, 0, true), {0});
}

}  // namespace
}  // namespace linnet
