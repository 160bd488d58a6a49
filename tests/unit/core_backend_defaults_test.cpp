// The fused operators: softmax, cross-entropy, ReLU behind a convolution, the gradients of these, SGD and
// Adam. The CPU's own functions and the defaults composed of primitives are each compared with plain loops in
// double.
#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// The CPU with the fused operators left to their defaults.
struct Composed {
  static void softmax(SoftmaxKind kind, const View& x, int dim, const View& y) {
    cpu_backend().Backend::softmax(kind, x, dim, y);
  }
  static void softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
    cpu_backend().Backend::softmax_grad(kind, y, gy, dim, gx);
  }
  static void log_normalizer(const View& x, int dim, const LogNormalizer& to) {
    cpu_backend().Backend::log_normalizer(x, dim, to);
  }
  static void cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels, const View& gy,
                                 int dim, const View& gx) {
    cpu_backend().Backend::cross_entropy_grad(x, by, labels, gy, dim, gx);
  }
  static void conv2d_relu(const Conv2dGeometry& g, const View& x, const View& w, const View& bias,
                          const View& y) {
    cpu_backend().Backend::conv2d_relu(g, x, w, bias, y);
  }
  static void relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums) {
    cpu_backend().Backend::relu_grad_sums(y, gy, gx, sums);
  }
  static void sgd(const SgdSpec& spec, const SgdSlot& slot) { cpu_backend().Backend::sgd(spec, {&slot, 1}); }
  static void adam(const AdamSpec& spec, const AdamSlot& slot) {
    cpu_backend().Backend::adam(spec, {&slot, 1});
  }
};
struct Fused {
  static void softmax(SoftmaxKind kind, const View& x, int dim, const View& y) {
    cpu_backend().softmax(kind, x, dim, y);
  }
  static void softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
    cpu_backend().softmax_grad(kind, y, gy, dim, gx);
  }
  static void log_normalizer(const View& x, int dim, const LogNormalizer& to) {
    cpu_backend().log_normalizer(x, dim, to);
  }
  static void cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels, const View& gy,
                                 int dim, const View& gx) {
    cpu_backend().cross_entropy_grad(x, by, labels, gy, dim, gx);
  }
  static void conv2d_relu(const Conv2dGeometry& g, const View& x, const View& w, const View& bias,
                          const View& y) {
    cpu_backend().conv2d_relu(g, x, w, bias, y);
  }
  static void relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums) {
    cpu_backend().relu_grad_sums(y, gy, gx, sums);
  }
  static void sgd(const SgdSpec& spec, const SgdSlot& slot) { cpu_backend().sgd(spec, {&slot, 1}); }
  static void adam(const AdamSpec& spec, const AdamSlot& slot) { cpu_backend().adam(spec, {&slot, 1}); }
};

template <class T>
class FusedOperators : public ::testing::Test {};
using Implementations = ::testing::Types<Composed, Fused>;
TYPED_TEST_SUITE(FusedOperators, Implementations);

double tolerance(DType type) {
  return type == DType::Float32 ? 1e-6 : 1e-14;
}

/// Calls f(indices of a line of x along dim), for every line.
template <class F>
void for_each_line(const TestArray& x, int dim, F&& f) {
  for (int64_t i = 0; i < x.numel(); ++i) {
    Dims place = x.index(i);
    if (place[dim] != 0) continue;
    std::vector<int64_t> line;
    for (; place[dim] < x.shape()[dim]; ++place[dim]) line.push_back(x.linear(place));
    f(line);
  }
}

std::vector<double> softmax_of(const TestArray& x, int dim, SoftmaxKind kind) {
  std::vector<double> y(static_cast<size_t>(x.numel()));
  for_each_line(x, dim, [&](const std::vector<int64_t>& line) {
    double largest = -kInf, sum = 0;
    for (const int64_t i : line) largest = std::max(largest, x.get(i));
    for (const int64_t i : line) sum += std::exp(x.get(i) - largest);
    for (const int64_t i : line) {
      const double log_p = x.get(i) - largest - std::log(sum);
      y[static_cast<size_t>(i)] = kind == SoftmaxKind::Softmax ? std::exp(log_p) : log_p;
    }
  });
  return y;
}

TYPED_TEST(FusedOperators, SoftmaxAndItsGradient) {
  for (const SoftmaxKind kind : {SoftmaxKind::Softmax, SoftmaxKind::LogSoftmax}) {
    for (const DType type : kFloatTypes) {
      for (const Order order : kReadable) {
        for (const Shape& shape : {Shape{9}, Shape{4, 10}, Shape{3, 5, 2}, Shape{2, 0, 3}, Shape{0, 4},
                                   Shape{2, 700}, Shape{18, 3}}) {
          for (int dim = 0; dim < shape.rank(); ++dim) {
            const Order out_order = order == Order::Broadcast ? Order::Dense : order;
            TestArray x(type, shape, order, [](int64_t i) { return 30 * fractions()(i); });
            TestArray gy(type, shape, order, fractions(5)), y(type, shape, out_order),
                gx(type, shape, out_order);
            TypeParam::softmax(kind, x.view(), dim, y.view());
            const std::vector<double> expected = softmax_of(x, dim, kind);
            for (int64_t i = 0; i < y.numel(); ++i) {
              const double e = expected[static_cast<size_t>(i)];
              ASSERT_NEAR(y.get(i), e, tolerance(type) * (1 + std::fabs(e)));
            }
            TypeParam::softmax_grad(kind, y.view(), gy.view(), dim, gx.view());
            for_each_line(y, dim, [&](const std::vector<int64_t>& line) {
              const bool logs = kind == SoftmaxKind::LogSoftmax;
              double sum = 0;
              for (const int64_t i : line) sum += logs ? gy.get(i) : gy.get(i) * y.get(i);
              for (const int64_t i : line) {
                const double e = logs ? gy.get(i) - std::exp(y.get(i)) * sum : y.get(i) * (gy.get(i) - sum);
                ASSERT_NEAR(gx.get(i), e, 10 * tolerance(type));
              }
            });
            ASSERT_TRUE(y.clean_around() && gx.clean_around());
          }
        }
      }
    }
  }
}

TYPED_TEST(FusedOperators, LogNormalizerAndTheGradientOfCrossEntropy) {
  for (const DType type : kFloatTypes) {
    for (const Order order : kReadable) {
      for (const Shape& shape :
           {Shape{9}, Shape{4, 10}, Shape{3, 5, 2}, Shape{0, 4}, Shape{2, 700}, Shape{18, 3}}) {
        for (int dim = 0; dim < shape.rank(); ++dim) {
          const Order out_order = order == Order::Broadcast ? Order::Dense : order;
          const int64_t classes = shape[dim];
          if (classes == 0) continue;  // no label is a class
          Shape lines = shape;
          lines[dim] = 1;
          TestArray x(type, shape, order, [](int64_t i) { return 30 * fractions()(i); });
          TestArray largest(type, lines, out_order), log_sum(type, lines, out_order);
          TypeParam::log_normalizer(x.view(), dim, {largest.view(), log_sum.view()});
          const std::vector<double> log_p = softmax_of(x, dim, SoftmaxKind::LogSoftmax);
          TestArray labels(DType::Int64, lines, order, [&](int64_t i) { return double(i * 7 % classes); });
          TestArray gy(type, lines, order, fractions(5)), gx(type, shape, out_order);
          TypeParam::cross_entropy_grad(x.view(), {largest.view(), log_sum.view()}, labels.view(), gy.view(),
                                        dim, gx.view());
          for_each_line(x, dim, [&](const std::vector<int64_t>& line) {
            Dims place = x.index(line[0]);
            const int64_t at = largest.linear(place);
            const double normalizer = x.get(line[0]) - log_p[static_cast<size_t>(line[0])];
            ASSERT_NEAR(largest.get(at) + log_sum.get(at), normalizer,
                        2 * tolerance(type) * (1 + std::fabs(normalizer)));
            for (int64_t c = 0; c < classes; ++c) {
              const auto i = static_cast<size_t>(line[static_cast<size_t>(c)]);
              const double expected = gy.get(at) * (std::exp(log_p[i]) - (c == labels.get(at) ? 1 : 0));
              ASSERT_NEAR(gx.get(line[static_cast<size_t>(c)]), expected, 10 * tolerance(type));
            }
          });
          ASSERT_TRUE(largest.clean_around() && log_sum.clean_around() && gx.clean_around());
        }
      }
    }
  }
}

TYPED_TEST(FusedOperators, SoftmaxOfExtremeRows) {
  for (const SoftmaxKind kind : {SoftmaxKind::Softmax, SoftmaxKind::LogSoftmax}) {
    for (const DType type : kFloatTypes) {
      const bool logs = kind == SoftmaxKind::LogSoftmax;
      const std::vector<double> rows = {-kInf, -kInf, -kInf, -kInf, 0,   -kInf, kInf, 0,
                                        1,     kNan,  0,     1,     1e4, 1e4,   -1e4};
      TestArray x(type, {5, 3}, Order::Dense, [&](int64_t i) { return rows[static_cast<size_t>(i)]; });
      TestArray y(type, {5, 3});
      TypeParam::softmax(kind, x.view(), 1, y.view());
      for (int64_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(std::isnan(y.get(i))) << "nothing but -inf";
        EXPECT_EQ(y.get(3 + i), logs ? (i == 1 ? 0 : -kInf) : (i == 1 ? 1 : 0));
        EXPECT_TRUE(std::isnan(y.get(9 + i))) << "NaN spreads over its row";
      }
      EXPECT_TRUE(std::isnan(y.get(6))) << "inf - inf";
      EXPECT_NEAR(y.get(12), logs ? std::log(0.5) : 0.5, 1e-6);
    }
  }
}

/// (N, C, ...) with channels innermost where that is asked for.
View seen_by_channels(TestArray& x, bool channels_last) {
  View view = x.view();
  if (!channels_last) return view;
  const auto turn = [](auto& numbers) {
    const auto channels = numbers.back();
    for (int d = numbers.rank() - 1; d > 1; --d) numbers[d] = numbers[d - 1];
    numbers[1] = channels;
  };
  turn(view.shape);
  turn(view.strides);
  return view;
}

TYPED_TEST(FusedOperators, GradientOfReluAndItsSums) {
  for (const DType type : kFloatTypes) {
    for (const Order order : kReadable) {
      for (const bool channels_last : {false, true}) {
        for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 4, 5}, Shape{1, 2, 3, 300}, Shape{0, 3, 2},
                                   Shape{3, 0, 2}, Shape{300, 1, 1, 1}, Shape{2, 20, 40, 3}}) {
          const Order written = order == Order::Broadcast ? Order::Dense : order;
          const auto signs = [](int64_t i) { return i % 7 == 0 ? kNan : static_cast<double>(i % 3 - 1); };
          TestArray y(type, shape, order, signs), gy(type, shape, order, fractions(4)),
              gx(type, shape, written);
          const View y_view = seen_by_channels(y, channels_last),
                     gx_view = seen_by_channels(gx, channels_last);
          const View gy_view = seen_by_channels(gy, channels_last);
          TestArray sums(type, {gx_view.shape[1]}, Order::Sliced);
          TypeParam::relu_grad_sums(y_view, gy_view, gx_view, sums.view());
          const int channels = channels_last ? shape.rank() - 1 : 1;
          std::vector<double> expected(static_cast<size_t>(sums.numel())), magnitude = expected;
          for (int64_t i = 0; i < gx.numel(); ++i) {
            const double masked = y.get(i) > 0 ? gy.get(i) : 0;
            ASSERT_EQ(gx.get(i), masked) << to_string(shape) << " element " << i;
            const auto c = static_cast<size_t>(gx.index(i)[channels]);
            expected[c] += masked;
            magnitude[c] += std::fabs(masked);
          }
          for (size_t c = 0; c < expected.size(); ++c) {
            ASSERT_NEAR(sums.get(static_cast<int64_t>(c)), expected[c], tolerance(type) * (1 + magnitude[c]))
                << to_string(shape);
          }
          ASSERT_TRUE(gx.clean_around() && sums.clean_around());
          if (order == Order::Broadcast) continue;
          TestArray again(type, {gx_view.shape[1]});
          TypeParam::relu_grad_sums(y_view, gy_view, gy_view, again.view());  // in place
          ASSERT_EQ(gy.values(), gx.values());
          ASSERT_EQ(again.values(), sums.values());
        }
      }
    }
  }
}

TYPED_TEST(FusedOperators, ReluBehindAConvolution) {
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Auto, ConvAlgorithm::Direct, ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    for (const DType type : kFloatTypes) {
      for (const Order order : kWritable) {
        const Conv2dGeometry g = Conv2dGeometry::make({2, 3, 4, 5}, {7, 3, 2, 3}, {.algorithm = algorithm});
        TestArray x(type, g.input_shape(), order, fractions(1)),
            w(type, g.filter_shape(), order, fractions(2));
        TestArray bias(type, {g.K}, Order::Sliced, fractions(3)), y(type, g.output_shape(), order);
        TypeParam::conv2d_relu(g, x.view(), w.view(), bias.view(), y.view());
        int64_t masked = 0;
        for (int64_t i = 0; i < y.numel(); ++i) {
          const Dims at = y.index(i);
          double sum = bias.get(at[1]);
          for (int64_t e = 0; e < g.C * g.R * g.S; ++e) {
            const int64_t c = e / (g.R * g.S), r = e / g.S % g.R, s = e % g.S;
            sum += x.get(x.linear({at[0], c, at[2] + r, at[3] + s})) * w.get(w.linear({at[1], c, r, s}));
          }
          masked += sum < 0 ? 1 : 0;
          ASSERT_NEAR(y.get(i), sum < 0 ? 0 : sum, 20 * tolerance(type));
        }
        ASSERT_TRUE(masked > 0 && masked < y.numel());
        ASSERT_TRUE(y.clean_around());
      }
    }
  }
}

/// A 0-d number on the device.
template <class T>
View number(T& value) {
  return {&value, dtype_of<T>, {}, {}};
}

TYPED_TEST(FusedOperators, Sgd) {
  struct Case {
    double momentum, dampening, weight_decay;
    bool nesterov;
  };
  for (const Case& c : {Case{0, 0, 0, false}, Case{0, 0, 0.1, false}, Case{0.9, 0, 0, false},
                        Case{0.9, 0.5, 0.01, false}, Case{0.8, 0, 0.01, true}}) {
    for (const DType type : kFloatTypes) {
      for (const Order order : kWritable) {
        const Shape shape = {7, 5};
        TestArray p(type, shape, order, fractions(1)), g(type, shape, Order::Broadcast),
            buffer(type, shape, order);
        for (int64_t i = 0; i < 35; ++i) buffer.set(i, kNan);  // never read before the first step
        std::vector<double> rp = p.values(), rb(35, 0.0);
        for (int64_t step = 1; step <= 4; ++step) {
          double lr = 0.1 / static_cast<double>(step);
          for (int64_t i = 0; i < 35; ++i) g.set(i, fractions(step)(i));
          const SgdSpec spec = {c.momentum, c.dampening, c.weight_decay,
                                c.nesterov, number(lr),  number(step)};
          TypeParam::sgd(spec, {p.view(), g.view(), c.momentum != 0 ? buffer.view() : View()});
          for (size_t i = 0; i < 35; ++i) {
            double d = g.get(static_cast<int64_t>(i)) + c.weight_decay * rp[i];
            if (c.momentum != 0) {
              rb[i] = step == 1 ? d : c.momentum * rb[i] + (1 - c.dampening) * d;
              d = c.nesterov ? d + c.momentum * rb[i] : rb[i];
            }
            rp[i] -= lr * d;
            ASSERT_NEAR(p.get(static_cast<int64_t>(i)), rp[i], 4 * tolerance(type));
          }
        }
        ASSERT_TRUE(p.clean_around() && buffer.clean_around());
      }
    }
  }
}

TYPED_TEST(FusedOperators, Adam) {
  for (const double weight_decay : {0.0, 0.1}) {
    for (const bool decoupled : {false, true}) {
      for (const DType type : kFloatTypes) {
        for (const Order order : kWritable) {
          const Shape shape = {7, 5};
          const auto zero = [](int64_t) { return 0.0; };
          TestArray p(type, shape, order, fractions(1)), g(type, shape, Order::Broadcast);
          TestArray mean(type, shape, order, zero), square(type, shape, Order::Dense, zero);
          std::vector<double> rp = p.values(), rm(35, 0.0), rv(35, 0.0);
          for (int64_t step = 1; step <= 4; ++step) {
            double lr = 0.01;
            for (int64_t i = 0; i < 35; ++i) g.set(i, fractions(step)(i));
            const AdamSpec spec = {0.9, 0.99, 1e-8, weight_decay, decoupled, number(lr), number(step)};
            TypeParam::adam(spec, {p.view(), g.view(), mean.view(), square.view()});
            for (size_t i = 0; i < 35; ++i) {
              double d = g.get(static_cast<int64_t>(i));
              if (decoupled)
                rp[i] *= 1 - lr * weight_decay;
              else
                d += weight_decay * rp[i];
              rm[i] = 0.9 * rm[i] + 0.1 * d;
              rv[i] = 0.99 * rv[i] + 0.01 * d * d;
              const double m = rm[i] / (1 - std::pow(0.9, step)), v = rv[i] / (1 - std::pow(0.99, step));
              rp[i] -= lr * m / (std::sqrt(v) + 1e-8);
              ASSERT_NEAR(p.get(static_cast<int64_t>(i)), rp[i], 4 * tolerance(type));
            }
          }
          ASSERT_TRUE(p.clean_around() && mean.clean_around() && square.clean_around());
        }
      }
    }
  }
}

/// The arrays of a slot, whose sizes cut across chunks of work.
struct AdamArrays {
  AdamArrays(DType type, const Shape& shape, Order order)
      : p(type, shape, order, fractions(1)),
        g(type, shape, Order::Dense, fractions(2)),
        m(type, shape, Order::Dense, fractions(3)),
        v(type, shape, order, [](int64_t i) { return std::fabs(fractions(4)(i)); }) {}
  AdamSlot slot() { return {p.view(), g.view(), m.view(), v.view()}; }
  TestArray p, g, m, v;
};

TEST(FusedOptimisers, AllSlotsTogetherAsOneByOne) {
  int64_t step = 2;
  double lr = 0.1;
  const AdamSpec adam = {0.9, 0.99, 1e-8, 0.1, true, number(lr), number(step)};
  const SgdSpec momentum = {0.9, 0, 0.1, true, number(lr), number(step)};
  const SgdSpec plain = {0, 0, 0.1, false, number(lr), number(step)};
  std::vector<AdamArrays> together, apart;
  for (auto* arrays : {&together, &apart}) {
    for (const auto& [type, shape, order] : {std::tuple{DType::Float32, Shape{70001}, Order::Dense},
                                             std::tuple{DType::Float64, Shape{7}, Order::Dense},
                                             std::tuple{DType::Float32, Shape{0}, Order::Dense},
                                             std::tuple{DType::Float32, Shape{130, 150}, Order::Reversed},
                                             std::tuple{DType::Float64, Shape{40, 1001}, Order::Sliced},
                                             std::tuple{DType::Float32, Shape{}, Order::Dense},
                                             std::tuple{DType::Float32, Shape{1, 33}, Order::Dense}}) {
      arrays->emplace_back(type, shape, order);
    }
  }
  std::vector<AdamSlot> slots;
  std::vector<SgdSlot> momentum_slots, plain_slots;
  for (AdamArrays& a : together) {
    slots.push_back(a.slot());
    momentum_slots.push_back({a.p.view(), a.g.view(), a.m.view()});
    plain_slots.push_back({a.p.view(), a.g.view(), {}});
  }
  cpu_backend().adam(adam, slots);
  cpu_backend().sgd(momentum, momentum_slots);
  cpu_backend().sgd(plain, plain_slots);
  for (size_t i = 0; i < apart.size(); ++i) {
    const AdamSlot slot = apart[i].slot();
    const SgdSlot with = {slot.parameter, slot.gradient, slot.mean},
                  without = {slot.parameter, slot.gradient, {}};
    cpu_backend().adam(adam, {&slot, 1});
    cpu_backend().sgd(momentum, {&with, 1});
    cpu_backend().sgd(plain, {&without, 1});
    for (const auto member : {&AdamArrays::p, &AdamArrays::g, &AdamArrays::m, &AdamArrays::v}) {
      EXPECT_EQ((together[i].*member).values(), (apart[i].*member).values()) << i;
      EXPECT_TRUE((together[i].*member).clean_around()) << i;
    }
  }
}

TEST(FusedOperatorsOnThreads, DoNotMatter) {
  TestArray x(DType::Float32, {3000, 50}, Order::Dense, fractions());
  int64_t step = 2;
  double lr = 0.1;
  expect_same_for_any_threads([&] {
    TestArray y(DType::Float32, {3000, 50}), gx(DType::Float32, {3000, 50}), m(x), v(x), p(x), b(x);
    cpu_backend().softmax(SoftmaxKind::LogSoftmax, x.view(), 1, y.view());
    cpu_backend().softmax_grad(SoftmaxKind::LogSoftmax, y.view(), x.view(), 0, gx.view());
    const AdamSlot slot = {p.view(), gx.view(), m.view(), v.view()};
    cpu_backend().unary(UnaryKind::Square, v.view(), v.view());
    cpu_backend().adam({0.9, 0.99, 1e-8, 0, false, number(lr), number(step)}, {&slot, 1});
    const SgdSlot sgd_slot = {p.view(), gx.view(), b.view()};
    cpu_backend().sgd({0.9, 0, 0, false, number(lr), number(step)}, {&sgd_slot, 1});
    return p.bytes();
  });
}

}  // namespace
}  // namespace linnet
