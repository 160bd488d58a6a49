// Batch normalisation in backends: the CPU's own functions and the defaults composed of primitives, each
// compared with plain loops in double; and what the operator on tensors promises beyond its cases.
#include <cmath>
#include <optional>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

// ---- backends

/// The CPU with batch normalisation left to the defaults.
struct Composed {
  static void moments(const View& x, const View& mean, const View& variance) {
    cpu_backend().Backend::batch_moments(x, mean, variance);
  }
  static void normalize(const BatchNormSpec& spec, const View& x, const View& y) {
    cpu_backend().Backend::batch_norm(spec, x, y);
  }
  static void gradients(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                        const BatchNormGrads& grads) {
    cpu_backend().Backend::batch_norm_grad(spec, training, x, gy, grads);
  }
};
struct Fused {
  static void moments(const View& x, const View& mean, const View& variance) {
    cpu_backend().batch_moments(x, mean, variance);
  }
  static void normalize(const BatchNormSpec& spec, const View& x, const View& y) {
    cpu_backend().batch_norm(spec, x, y);
  }
  static void gradients(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                        const BatchNormGrads& grads) {
    cpu_backend().batch_norm_grad(spec, training, x, gy, grads);
  }
};

template <class T>
class BatchNormOfBackends : public ::testing::Test {};
using Implementations = ::testing::Types<Composed, Fused>;
TYPED_TEST_SUITE(BatchNormOfBackends, Implementations);

/// (N, C, ...) in memory as `order` says, or with channels innermost.
struct Images {
  Images(DType type, const Shape& shape_, std::optional<Order> order, const std::function<double(int64_t)>& f)
      : last(!order), shape(shape_), array(type, stored(shape_), order.value_or(Order::Dense)) {
    for (int64_t i = 0; i < array.numel(); ++i) array.set(i, f(i));
  }
  View view() {
    View v = array.view();
    if (!last) return v;
    const int64_t step = v.strides.back();
    for (int d = shape.rank() - 1; d > 1; --d) v.strides[d] = v.strides[d - 1];
    v.strides[1] = step;
    v.shape = shape;
    return v;
  }
  Shape stored(Shape from) const {
    if (!last) return from;
    const int64_t C = from[1];
    from.erase(1);
    from.push_back(C);
    return from;
  }
  /// Element number i, and its channel: in the order of `array`.
  double get(int64_t i) const { return array.get(i); }
  size_t channel(int64_t i) const {
    const Dims at = array.index(i);
    return static_cast<size_t>(last ? at.back() : at[1]);
  }

  bool last;
  Shape shape;
  TestArray array;
};

/// Everything by the definition, in double.
struct Expected {
  std::vector<double> mean, variance, y, gx, gw, gb;
};

struct Numbers {
  TestArray &mean, &variance, &weight, &bias;
  bool affine;
  double eps;
};

void add_gradients(Expected& e, const Images& x, const Images& gy, const Numbers& by, bool training) {
  const size_t C = e.mean.size();
  const double count = static_cast<double>(x.array.numel()) / static_cast<double>(C);
  const auto normal = [&](int64_t i) {
    const size_t c = x.channel(i);
    const auto at = static_cast<int64_t>(c);
    return (x.get(i) - by.mean.get(at)) / std::sqrt(by.variance.get(at) + by.eps);
  };
  e.gw.assign(C, 0);
  e.gb.assign(C, 0);
  for (int64_t i = 0; i < x.array.numel(); ++i) {
    e.gw[x.channel(i)] += gy.get(i) * normal(i);
    e.gb[x.channel(i)] += gy.get(i);
  }
  for (int64_t i = 0; i < x.array.numel(); ++i) {
    const size_t c = x.channel(i);
    const auto at = static_cast<int64_t>(c);
    const double factor = (by.affine ? by.weight.get(at) : 1) / std::sqrt(by.variance.get(at) + by.eps);
    const double through = training ? e.gb[c] / count + normal(i) * e.gw[c] / count : 0;
    e.gx.push_back(factor * (gy.get(i) - through));
    e.y.push_back(normal(i) * (by.affine ? by.weight.get(at) : 1) + (by.affine ? by.bias.get(at) : 0));
  }
}

void add_moments(Expected& e, const Images& x) {
  const auto C = static_cast<size_t>(x.shape[1]);
  const double count = static_cast<double>(x.array.numel()) / static_cast<double>(C);
  e.mean.assign(C, 0);
  e.variance.assign(C, 0);
  for (int64_t i = 0; i < x.array.numel(); ++i) e.mean[x.channel(i)] += x.get(i) / count;
  for (int64_t i = 0; i < x.array.numel(); ++i) {
    e.variance[x.channel(i)] += std::pow(x.get(i) - e.mean[x.channel(i)], 2) / count;
  }
}

void expect_near(const TestArray& found, const std::vector<double>& expected, double tolerance) {
  for (int64_t i = 0; i < found.numel(); ++i) {
    const double e = expected[static_cast<size_t>(i)];
    ASSERT_NEAR(found.get(i), e, tolerance * (1 + std::fabs(e))) << "element " << i;
  }
  EXPECT_TRUE(found.clean_around());
}

template <class Implementation>
void check_all(DType type, const Shape& shape, std::optional<Order> order, bool affine, bool training) {
  SCOPED_TRACE(::testing::Message() << name(type) << " " << to_string(shape) << " order "
                                    << (order ? static_cast<int>(*order) : -1) << (affine ? " affine" : "")
                                    << (training ? " training" : ""));
  const double tolerance = type == DType::Float32 ? 4e-6 : 1e-13;
  const std::optional<Order> writable = order == Order::Broadcast ? Order::Dense : order;
  Images x(type, shape, order, fractions()), gy(type, shape, order, fractions(5));
  Images y(type, shape, writable, fractions()), gx(type, shape, writable, fractions());
  const Shape channels{shape[1]};
  const Order sparse = Order::Sliced;  // channels' numbers have strides, too
  TestArray mean(type, channels, sparse, fractions(1)), weight(type, channels, sparse, fractions(3)),
      variance(type, channels, sparse, [](int64_t i) { return 0.5 + std::fabs(fractions(2)(i)); }),
      bias(type, channels, sparse, fractions(4)), gw(type, channels, sparse), gb(type, channels, sparse);
  Expected e;
  add_moments(e, x);
  if (training) {
    Implementation::moments(x.view(), mean.view(), variance.view());
    expect_near(mean, e.mean, tolerance);
    expect_near(variance, e.variance, tolerance);
  }
  const double eps = 0.01;
  add_gradients(e, x, gy, {mean, variance, weight, bias, affine, eps}, training);
  const BatchNormSpec spec{mean.view(), variance.view(), affine ? weight.view() : View(),
                           affine ? bias.view() : View(), eps};
  Implementation::normalize(spec, x.view(), y.view());
  expect_near(y.array, e.y, tolerance);
  const double count = static_cast<double>(x.array.numel()) / static_cast<double>(shape[1]);
  Implementation::gradients(spec, training, x.view(), gy.view(), {gx.view(), gw.view(), gb.view()});
  expect_near(gx.array, e.gx, 4 * tolerance);
  expect_near(gw, e.gw, tolerance * std::sqrt(count));
  expect_near(gb, e.gb, tolerance * std::sqrt(count));

  // Any of them alone is the same.
  TestArray alone(type, channels);
  Implementation::gradients(spec, training, x.view(), gy.view(), {{}, alone.view(), {}});
  EXPECT_EQ(alone.values(), gw.values());
  Implementation::gradients(spec, training, x.view(), gy.view(), {{}, {}, alone.view()});
  EXPECT_EQ(alone.values(), gb.values());
  const std::vector<double> with_others = gx.array.values();
  Implementation::gradients(spec, training, x.view(), gy.view(), {gx.view(), {}, {}});
  EXPECT_EQ(gx.array.values(), with_others);
}

TYPED_TEST(BatchNormOfBackends, FollowTheDefinition) {
  for (const DType type : kFloatTypes) {
    for (const std::optional<Order> order :
         {std::optional<Order>(), std::optional(Order::Dense), std::optional(Order::Reversed),
          std::optional(Order::Sliced), std::optional(Order::Broadcast)}) {
      for (const Shape& shape : {Shape{5, 3}, Shape{2, 3, 2, 3}, Shape{2, 17, 3, 5}, Shape{2, 1, 7, 1, 3}}) {
        for (const bool affine : {false, true}) {
          for (const bool training : {false, true}) {
            check_all<TypeParam>(type, shape, order, affine, training);
          }
        }
      }
    }
  }
}

TYPED_TEST(BatchNormOfBackends, CutLargeArraysAnywhere) {
  for (const std::optional<Order> order : {std::optional<Order>(), std::optional(Order::Dense)}) {
    // More channels than a block has; planes longer than a tile, and no multiple of one; several parts.
    for (const Shape& shape :
         {Shape{3, 300, 5}, Shape{3, 2, 35, 43}, Shape{5, 1, 121, 120}, Shape{20, 48, 9, 8}}) {
      check_all<TypeParam>(DType::Float32, shape, order, true, true);
    }
  }
}

TYPED_TEST(BatchNormOfBackends, OfNoElements) {
  TestArray x(DType::Float32, {0, 2, 3}), y(x), gw(DType::Float32, {2}), gb(DType::Float32, {2}),
      ones(DType::Float32, {2}, Order::Dense, [](int64_t) { return 1.0; });
  const BatchNormSpec spec{ones.view(), ones.view(), {}, {}, 0.1};
  TypeParam::normalize(spec, x.view(), y.view());
  TypeParam::gradients(spec, false, x.view(), x.view(), {y.view(), gw.view(), gb.view()});
  EXPECT_EQ(gw.values(), std::vector<double>(2, 0));
  EXPECT_EQ(gb.values(), std::vector<double>(2, 0));
}

TYPED_TEST(BatchNormOfBackends, VarianceFarFromZero) {
  for (const std::optional<Order> order : {std::optional<Order>(), std::optional(Order::Dense)}) {
    const auto values = [](int64_t i) { return 1e3 + fractions()(i) / std::sqrt(2.0); };
    Images x(DType::Float32, {8, 3, 40, 40}, order, values);
    TestArray mean(DType::Float32, {3}), variance(DType::Float32, {3});
    Expected e;
    add_moments(e, x);
    TypeParam::moments(x.view(), mean.view(), variance.view());
    for (int64_t c = 0; c < 3; ++c) {
      const auto at = static_cast<size_t>(c);
      EXPECT_NEAR(e.variance[at], 1, 0.05);
      EXPECT_NEAR(variance.get(c), e.variance[at], 1e-6 * e.variance[at]);
      EXPECT_NEAR(mean.get(c), e.mean[at], 1e-4);
    }
  }
}

TEST(BatchNormOnThreads, DoNotMatter) {
  for (const bool last : {false, true}) {
    Images x(DType::Float32, {16, 20, 30, 31}, last ? std::nullopt : std::optional(Order::Dense),
             fractions());
    expect_same_for_any_threads([&] {
      TestArray mean(DType::Float32, {20}), variance(mean), gw(mean), gb(mean);
      Images gx(x), y(x);
      cpu_backend().batch_moments(x.view(), mean.view(), variance.view());
      const BatchNormSpec spec{mean.view(), variance.view(), {}, {}, 1e-5};
      cpu_backend().batch_norm(spec, x.view(), y.view());
      cpu_backend().batch_norm_grad(spec, true, x.view(), y.view(), {gx.view(), gw.view(), gb.view()});
      std::vector<unsigned char> bytes = gx.array.bytes();
      for (const TestArray* more : {&y.array, &mean, &variance, &gw, &gb}) {
        bytes.insert(bytes.end(), more->bytes().begin(), more->bytes().end());
      }
      return bytes;
    });
  }
}

// ---- the operator

struct Operands {
  explicit Operands(MemoryOrder order = MemoryOrder::Contiguous, DType dtype = DType::Float64) {
    x = Tensor(random_normal({3, 5, 4, 2}, dtype)).to(order).detach();
    weight = random_normal({5}, dtype);
    bias = random_normal({5}, dtype);
    mean = random_normal({5}, dtype);
    variance = random_uniform({5}, dtype) + 0.5;
    gy = Tensor(random_normal({3, 5, 4, 2}, dtype)).to(order).detach();
  }
  Tensor run(bool training) const {
    return batch_norm(x, training ? Tensor() : mean, training ? Tensor() : variance, weight, bias,
                      {.training = training});
  }
  Tensor x, weight, bias, mean, variance, gy;
};

TEST(BatchNormOperator, GivesOnlyTheGradientsThatAreWanted) {
  for (const bool training : {false, true}) {
    Operands all;
    for (Tensor* t : {&all.x, &all.weight, &all.bias}) t->requires_grad_();
    all.run(training).backward(all.gy);
    for (int i = 0; i < 3; ++i) {
      Operands one(all);
      Tensor* const leaves[] = {&one.x, &one.weight, &one.bias};
      const Tensor* const expected[] = {&all.x, &all.weight, &all.bias};
      for (Tensor* t : leaves) *t = t->detach();
      leaves[i]->requires_grad_();
      one.run(training).backward(one.gy);
      EXPECT_EQ(leaves[i]->grad().to_vector<double>(), expected[i]->grad().to_vector<double>());
    }
  }
}

TEST(BatchNormOperator, HasSecondGradients) {
  for (const bool training : {false, true}) {
    for (const MemoryOrder order : {MemoryOrder::Contiguous, MemoryOrder::ChannelsLast}) {
      const Operands o(order);
      const auto f = [&](const Tensors& in) {
        return batch_norm(in[0], o.mean.detach(), o.variance.detach(), in[1], in[2],
                          {.training = training, .momentum = 0});
      };
      autograd::gradcheck(f, {o.x, o.weight, o.bias});
      autograd::gradgradcheck(f, {o.x, o.weight, o.bias});
    }
  }
}

TEST(BatchNormOperator, KeepsTheOrderOfMemoryAndCopiesNothing) {
  for (const MemoryOrder order : {MemoryOrder::Contiguous, MemoryOrder::ChannelsLast}) {
    for (const bool training : {false, true}) {
      Operands o(order, DType::Float32);
      o.x.requires_grad_();
      const int64_t before = copies_made();
      const Tensor y = o.run(training);
      y.backward(o.gy);
      EXPECT_EQ(copies_made(), before);
      EXPECT_EQ(y.data().is_channels_last(), order == MemoryOrder::ChannelsLast);
      EXPECT_EQ(o.x.grad().data().is_channels_last(), order == MemoryOrder::ChannelsLast);
    }
  }
}

TEST(BatchNormOperator, NoticesStatisticsThatChangedMeanwhile) {
  Operands o;
  o.x.requires_grad_();
  const Tensor y = o.run(false);
  o.mean.data().fill_(0);
  EXPECT_ERROR(y.backward(o.gy),
               "[backward] input 3 of batch_norm (5,) was changed in place after it was saved");
}

TEST(BatchNormOperator, GivesGradientsByRunningStatistics) {
  const Operands o;
  autograd::gradcheck([&](const Tensors& in) { return batch_norm(o.x, in[0], in[1], o.weight, o.bias); },
                      {o.mean, o.variance});
}

TEST(BatchNormOperator, RefusesMixtures) {
  const Operands o;
  EXPECT_ERROR(batch_norm(o.x, o.mean.to(DType::Float32), o.variance), "[batch_norm] operands are float64");
  EXPECT_ERROR(batch_norm(o.x, {}, {}, o.weight.to(DType::Float32), {}, {.training = true}),
               "[batch_norm] operands are float64 (3, 5, 4, 2) and float32 (5,); expected one dtype");
}

}  // namespace
}  // namespace linnet
