// Elementwise operators of the CPU backend, called directly: every kind, dtype and layout against the
// definition in double.
#include <string>

#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

Backend& cpu() {
  return cpu_backend();
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr DType kNumberTypes[] = {DType::Float32, DType::Float64, DType::Int32, DType::Int64, DType::UInt8};

struct Unary {
  UnaryKind kind;
  const char* name;
  double (*reference)(double);
};
const Unary kUnary[] = {
    {UnaryKind::Neg, "neg", [](double x) { return -x; }},
    {UnaryKind::Abs, "abs", [](double x) { return std::fabs(x); }},
    {UnaryKind::Sign, "sign", [](double x) { return x > 0   ? 1.0
                                                    : x < 0 ? -1.0
                                                            : 0.0; }},
    {UnaryKind::Square, "square", [](double x) { return x * x; }},
    {UnaryKind::Sqrt, "sqrt", [](double x) { return std::sqrt(x); }},
    {UnaryKind::Reciprocal, "reciprocal", [](double x) { return 1 / x; }},
    {UnaryKind::Exp, "exp", [](double x) { return std::exp(x); }},
    {UnaryKind::Log, "log", [](double x) { return std::log(x); }},
    {UnaryKind::Tanh, "tanh", [](double x) { return std::tanh(x); }},
    {UnaryKind::Sigmoid, "sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
    {UnaryKind::Relu, "relu", [](double x) { return x < 0 ? 0 : x; }},
};

struct Binary {
  BinaryKind kind;
  const char* name;
  double (*reference)(double, double);
};
const Binary kBinary[] = {
    {BinaryKind::Add, "add", [](double a, double b) { return a + b; }},
    {BinaryKind::Sub, "sub", [](double a, double b) { return a - b; }},
    {BinaryKind::Mul, "mul", [](double a, double b) { return a * b; }},
    {BinaryKind::Div, "div", [](double a, double b) { return a / b; }},
    {BinaryKind::Pow, "pow", [](double a, double b) { return std::pow(a, b); }},
    {BinaryKind::Maximum, "maximum", [](double a, double b) { return a > b ? a : b; }},
    {BinaryKind::Minimum, "minimum", [](double a, double b) { return a < b ? a : b; }},
    {BinaryKind::MaskPositive, "mask_positive", [](double a, double b) { return b > 0 ? a : 0; }},
    {BinaryKind::AddRelu, "add_relu", [](double a, double b) { return a + b < 0 ? 0 : a + b; }},
    {BinaryKind::Equal, "equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {BinaryKind::NotEqual, "not_equal", [](double a, double b) { return a != b ? 1.0 : 0.0; }},
    {BinaryKind::Less, "less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {BinaryKind::LessEqual, "less_equal", [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {BinaryKind::Greater, "greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {BinaryKind::GreaterEqual, "greater_equal", [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
};

bool defined_for(UnaryKind kind, DType type) {
  return is_floating(type) || (type != DType::Bool && works_on_integers(kind));
}
bool defined_for(BinaryKind kind, DType type) {
  return is_floating(type) || (type == DType::Bool ? works_on_bool(kind) : works_on_integers(kind));
}

/// What storing `x` gives: uint8 wraps.
double stored(double x, DType type) {
  return type == DType::UInt8 && x < 0 ? x + 256 : x;
}

/// One part in a few of the last places; the same for NaN and infinities.
void expect_close(double actual, double expected, DType type, const std::string& what) {
  if (std::isnan(expected) || std::isinf(expected) || !is_floating(type)) {
    ASSERT_TRUE(actual == expected || (std::isnan(actual) && std::isnan(expected)))
        << what << ": " << actual << " is not " << expected;
    return;
  }
  ASSERT_NEAR(actual, expected, (std::fabs(expected) + 1e-6) * (type == DType::Float32 ? 4e-7 : 1e-15))
      << what;
}

TEST(CpuElementwise, NamesEveryKind) {
  for (const Unary& op : kUnary) EXPECT_STREQ(name(op.kind), op.name);
  for (const Binary& op : kBinary) EXPECT_STREQ(name(op.kind), op.name);
}

TEST(CpuUnary, EveryKindTypeAndLayout) {
  for (const Unary& op : kUnary) {
    for (const DType type : kNumberTypes) {
      if (!defined_for(op.kind, type)) continue;
      for (const Order order : kReadable) {
        for (const Shape& shape : kShapes) {
          TestArray x(type, shape, order, is_floating(type) ? fractions() : whole_numbers(type));
          TestArray out(type, shape, order == Order::Broadcast ? Order::Dense : order);
          cpu().unary(op.kind, x.view(), out.view());
          for (int64_t i = 0; i < out.numel(); ++i) {
            expect_close(out.get(i), stored(op.reference(x.get(i)), type), type, op.name);
          }
          ASSERT_TRUE(out.clean_around());
        }
      }
    }
  }
}

TEST(CpuUnary, SpecialNumbers) {
  const std::vector<double> values = {0, -0.0, kNan, kInf, -kInf, 1e-30, -87, 88, 700};
  for (const Unary& op : kUnary) {
    for (const DType type : kFloatTypes) {
      TestArray x(type, {9}, Order::Dense, [&](int64_t i) { return values[static_cast<size_t>(i)]; });
      cpu().unary(op.kind, x.view(), x.view());  // in place
      for (size_t i = 0; i < values.size(); ++i) {
        if (op.kind == UnaryKind::Sign && i == 2) continue;  // the sign of NaN is nobody's promise
        const double expected =
            op.reference(type == DType::Float32 ? static_cast<float>(values[i]) : values[i]);
        const double rounded =
            type == DType::Float32 ? static_cast<double>(static_cast<float>(expected)) : expected;
        if (rounded != 0 && std::fabs(rounded) < 1e-37) continue;  // subnormal: no relative precision
        expect_close(x.get(static_cast<int64_t>(i)), rounded, type, op.name);
      }
    }
  }
}

TEST(CpuUnary, IntegersWrap) {
  constexpr double kLow = -2147483648.0;
  TestArray x(DType::Int32, {2}, Order::Dense, [](int64_t i) { return i == 0 ? kLow : 65536; });
  TestArray out(DType::Int32, {2});
  for (const auto& [kind, first, second] :
       {std::tuple{UnaryKind::Neg, kLow, -65536.0}, std::tuple{UnaryKind::Abs, kLow, 65536.0},
        std::tuple{UnaryKind::Square, 0.0, 0.0}}) {
    cpu().unary(kind, x.view(), out.view());
    EXPECT_EQ(out.values(), (std::vector<double>{first, second})) << name(kind);
  }
}

TEST(CpuBinary, EveryKindTypeAndLayout) {
  for (const Binary& op : kBinary) {
    for (const DType type : kAllTypes) {
      if (!defined_for(op.kind, type)) continue;
      for (const Order a_order : kReadable) {
        for (const Order b_order : {Order::Dense, Order::Broadcast}) {
          for (const Shape& shape : kShapes) {
            const bool real = is_floating(type);
            TestArray a(type, shape, a_order, real ? fractions(1) : whole_numbers(type, 1));
            TestArray b(type, shape, b_order, real ? fractions(2) : whole_numbers(type, 2));
            const DType result = is_comparison(op.kind) ? DType::Bool : type;
            TestArray out(result, shape, a_order == Order::Broadcast ? Order::Reversed : a_order);
            cpu().binary(op.kind, a.view(), b.view(), out.view());
            for (int64_t i = 0; i < out.numel(); ++i) {
              expect_close(out.get(i), stored(op.reference(a.get(i), b.get(i)), result), result, op.name);
            }
            ASSERT_TRUE(out.clean_around());
          }
        }
      }
    }
  }
}

TEST(CpuBinary, TakesNumbersOnEitherSide) {
  for (const Binary& op : kBinary) {
    for (const DType type : kAllTypes) {
      if (!defined_for(op.kind, type)) continue;
      const Scalar number = is_floating(type) ? Scalar(1.5) : Scalar(1);
      TestArray x(type, {3, 7}, Order::Dense, is_floating(type) ? fractions() : whole_numbers(type));
      const DType result = is_comparison(op.kind) ? DType::Bool : type;
      TestArray right(result, {3, 7}), left(result, {3, 7}), both(result, {3, 7});
      cpu().binary(op.kind, x.view(), number, right.view());
      cpu().binary(op.kind, number, x.view(), left.view());
      const double n = number.to_double();
      for (int64_t i = 0; i < x.numel(); ++i) {
        expect_close(right.get(i), stored(op.reference(x.get(i), n), result), result, op.name);
        expect_close(left.get(i), stored(op.reference(n, x.get(i)), result), result, op.name);
      }
      if (is_comparison(op.kind)) continue;  // two numbers have no dtype of their own
      cpu().binary(op.kind, number, number, both.view());
      expect_close(both.get(20), stored(op.reference(n, n), result), result, op.name);
    }
  }
}

TEST(CpuBinary, WorksInPlace) {
  TestArray a(DType::Float32, {1000}, Order::Dense, fractions(1)),
      b(DType::Float32, {1000}, Order::Dense, fractions(2));
  const std::vector<double> before = a.values();
  cpu().binary(BinaryKind::Add, a.view(), b.view(), a.view());
  cpu().binary(BinaryKind::Mul, a.view(), a.view(), a.view());
  for (int64_t i = 0; i < 1000; ++i) {
    const float sum = static_cast<float>(before[static_cast<size_t>(i)]) + static_cast<float>(b.get(i));
    ASSERT_EQ(a.get(i), static_cast<double>(sum * sum));
  }
}

TEST(CpuBinary, NanFollowsTheUsualRules) {
  for (const DType type : kFloatTypes) {
    TestArray x(type, {2}, Order::Dense, [](int64_t i) { return i == 0 ? kNan : 1; });
    TestArray y(type, {2}, Order::Dense, [](int64_t i) { return i == 0 ? 1 : kNan; });
    TestArray out(type, {2}), truth(DType::Bool, {2});
    for (const BinaryKind kind : {BinaryKind::Maximum, BinaryKind::Minimum}) {
      cpu().binary(kind, x.view(), y.view(), out.view());
      EXPECT_TRUE(std::isnan(out.get(0)) && std::isnan(out.get(1)));
    }
    cpu().binary(BinaryKind::NotEqual, x.view(), x.view(), truth.view());
    EXPECT_EQ(truth.values(), (std::vector<double>{1, 0}));
    cpu().binary(BinaryKind::LessEqual, x.view(), y.view(), truth.view());
    EXPECT_EQ(truth.values(), (std::vector<double>{0, 0}));
    cpu().binary(BinaryKind::MaskPositive, y.view(), x.view(), out.view());  // b = NaN is not positive
    EXPECT_EQ(out.get(0), 0);
  }
}

TEST(CpuBinary, IntegersWrap) {
  TestArray top(DType::Int64, {1}), out(DType::Int64, {1});
  *top.view().as<int64_t>() = std::numeric_limits<int64_t>::max();
  cpu().binary(BinaryKind::Add, top.view(), Scalar(1), out.view());
  EXPECT_EQ(*out.view().as<int64_t>(), std::numeric_limits<int64_t>::min());
  cpu().binary(BinaryKind::Mul, top.view(), Scalar(2), out.view());
  EXPECT_EQ(*out.view().as<int64_t>(), -2);
  cpu().binary(BinaryKind::Sub, Scalar(-2), top.view(), out.view());
  EXPECT_EQ(*out.view().as<int64_t>(), std::numeric_limits<int64_t>::max());
}

TEST(CpuElementwise, RefusesTypesAKindIsNotDefinedFor) {
  TestArray x(DType::Int32, {1}), b(DType::Bool, {1});
  EXPECT_ERROR(cpu().unary(UnaryKind::Exp, x.view(), x.view()),
               "[exp] not defined for int32; expected float32 or float64");
  EXPECT_ERROR(cpu().unary(UnaryKind::Neg, b.view(), b.view()),
               "[neg] not defined for bool; expected a number");
  EXPECT_ERROR(cpu().binary(BinaryKind::Pow, x.view(), x.view(), x.view()), "[pow] not defined for int32");
  EXPECT_ERROR(cpu().binary(BinaryKind::Add, b.view(), b.view(), b.view()), "[add] not defined for bool");
}

TEST(CpuWhere, EveryTypeAndLayout) {
  for (const DType type : kAllTypes) {
    for (const Order order : kReadable) {
      for (const Order c_order : kReadable) {
        for (const Shape& shape : kShapes) {
          TestArray c(DType::Bool, shape, c_order, whole_numbers(DType::Bool));
          TestArray a(type, shape, order, whole_numbers(type, 1)),
              b(type, shape, Order::Dense, whole_numbers(type, 2));
          TestArray out(type, shape, order == Order::Broadcast ? Order::Sliced : order);
          TestArray numbers(type, shape);
          cpu().where(c.view(), a.view(), b.view(), out.view());
          cpu().where(c.view(), Scalar(1), Scalar(0), numbers.view());
          for (int64_t i = 0; i < out.numel(); ++i) {
            ASSERT_EQ(out.get(i), c.get(i) != 0 ? a.get(i) : b.get(i));
            ASSERT_EQ(numbers.get(i), c.get(i));
          }
          ASSERT_TRUE(out.clean_around());
        }
      }
    }
  }
}

TEST(CpuElementwise, ThreadsDoNotMatter) {
  TestArray a(DType::Float32, {123, 1001}, Order::Reversed, fractions(1));
  TestArray b(DType::Float32, {123, 1001}, Order::Broadcast, fractions(2));
  expect_same_for_any_threads([&] {
    TestArray out(DType::Float32, {123, 1001}), truth(DType::Bool, {123, 1001});
    cpu().unary(UnaryKind::Tanh, a.view(), out.view());
    cpu().binary(BinaryKind::Mul, out.view(), b.view(), out.view());
    cpu().binary(BinaryKind::Less, a.view(), b.view(), truth.view());
    cpu().where(truth.view(), out.view(), a.view(), out.view());
    for (const int64_t i : {0, 5000, 123122}) {
      EXPECT_NEAR(out.get(i), a.get(i) < b.get(i) ? std::tanh(a.get(i)) * b.get(i) : a.get(i), 1e-6);
    }
    return out.bytes();
  });
}

}  // namespace
}  // namespace linnet
