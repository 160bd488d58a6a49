// exp, log, tanh and what is made of them on the CPU, over many arguments: their errors in units in the last
// place against long double, special values, and that an element's bits do not depend on where it lies.
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

struct Function {
  UnaryKind kind;
  long double (*reference)(long double);
  double ulp;        ///< the largest error that is promised
  double low, high;  ///< arguments to try, by value
};

const Function kFunctions[] = {
    {UnaryKind::Exp, [](long double x) { return std::exp(x); }, 1.0, -110, 90},
    {UnaryKind::Exp, [](long double x) { return std::exp(x); }, 1.0, -750, 711},
    {UnaryKind::Exp, [](long double x) { return std::exp(x); }, 1.0, -1, 1},
    {UnaryKind::Log, [](long double x) { return std::log(x); }, 1.0, 0.4, 2.1},
    {UnaryKind::Log, [](long double x) { return std::log(x); }, 1.0, 0, 1000},
    {UnaryKind::Tanh, [](long double x) { return std::tanh(x); }, 3.0, -25, 25},
    {UnaryKind::Tanh, [](long double x) { return std::tanh(x); }, 3.0, -1, 1},
    {UnaryKind::Sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, 2.5, -87, 100},
    {UnaryKind::Silu, [](long double x) { return x / (1 + std::exp(-x)); }, 3.0, -80, 80},
    {UnaryKind::Elu, [](long double x) { return x > 0 ? x : std::expm1(x); }, 2.5, -50, 1},
};

/// |actual - expected| in units in the last place of T at `expected`.
template <class T>
double ulps(T actual, long double expected) {
  const T rounded = static_cast<T>(expected);
  if (std::isnan(rounded) || std::isinf(rounded)) {
    const bool same = std::isnan(rounded) ? std::isnan(actual) : actual == rounded;
    return same ? 0 : std::numeric_limits<double>::infinity();
  }
  const T size = std::max(std::fabs(rounded), std::numeric_limits<T>::min());
  const int exponent = std::ilogb(size) - (std::numeric_limits<T>::digits - 1);
  return static_cast<double>(std::fabs(static_cast<long double>(actual) - expected) /
                             std::ldexp(1.0L, exponent));
}

template <class T>
double worst(const Function& f, DType type, const std::vector<double>& arguments) {
  const auto n = static_cast<int64_t>(arguments.size());
  TestArray x(type, {n}, Order::Dense, [&](int64_t i) { return arguments[static_cast<size_t>(i)]; });
  TestArray y(type, {n});
  cpu_backend().unary({f.kind, 1.0}, x.view(), y.view());
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T argument = x.view().as<T>()[i];
    const double error = ulps(y.view().as<T>()[i], f.reference(static_cast<long double>(argument)));
    if (error > f.ulp && largest <= f.ulp) {
      ADD_FAILURE() << name(f.kind) << "(" << argument << ") of " << linnet::name(type) << " is "
                    << y.view().as<T>()[i] << ", " << error << " ulp from the reference";
    }
    largest = std::max(largest, error);
  }
  return largest;
}

void expect_within_promise(const Function& f, const std::vector<double>& arguments) {
  const double single = worst<float>(f, DType::Float32, arguments);
  const double twice = worst<double>(f, DType::Float64, arguments);
  testing::Test::RecordProperty(std::string(name(f.kind)) + "_ulp", std::to_string(std::max(single, twice)));
  EXPECT_LE(single, f.ulp) << name(f.kind);
  EXPECT_LE(twice, f.ulp) << name(f.kind);
}

TEST(CpuSimdMath, ErrorsOverAnInterval) {
  constexpr int kPoints = 100001;
  for (const Function& f : kFunctions) {
    std::vector<double> arguments;
    for (int i = 0; i < kPoints; ++i) arguments.push_back(f.low + (f.high - f.low) * i / (kPoints - 1));
    expect_within_promise(f, arguments);
  }
}

TEST(CpuSimdMath, ErrorsOverAllExponents) {
  std::vector<double> arguments;
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    for (int i = 0; i < 32; ++i) {
      const double size = std::ldexp(1 + i / 32.0 + 1e-4, exponent);
      arguments.push_back(size);
      arguments.push_back(-size);
    }
  }
  for (const Function& f : kFunctions) {
    // 1 / (1 + exp(-x)) is 0 where exp(-x) is infinite
    if (f.kind == UnaryKind::Silu || f.kind == UnaryKind::Sigmoid) continue;
    expect_within_promise(f, arguments);
  }
}

TEST(CpuSimdMath, SpecialNumbers) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::vector<double> arguments = {kNan, kInf, -kInf, 0.0, -0.0, 1, -1};
  // The last finite power and the first infinite one, the last that is not 0, and what lies around them.
  for (const double edge : {88.72283172607422, 88.72283935546875, -87.33654, -103.27893, -103.97208,
                            709.782712893384, 709.7827128933841, -708.3964185322641, -745.1332191019411,
                            -745.1332191019412, 9.0, 9.1, 19.0, 19.1}) {
    for (const double step : {-1e-6, 0.0, 1e-6}) arguments.push_back(edge * (1 + step));
  }
  for (const Function& f : kFunctions) {
    if (f.kind == UnaryKind::Silu) continue;  // of -inf it is NaN, as the formula has it
    expect_within_promise(f, arguments);
  }
  for (const DType type : kFloatTypes) {
    TestArray zeros(type, {2}, Order::Dense, [](int64_t i) { return i == 0 ? 0.0 : -0.0; }), out(type, {2});
    for (const UnaryKind kind : {UnaryKind::Tanh, UnaryKind::Relu, UnaryKind::Abs, UnaryKind::Neg}) {
      cpu_backend().unary(kind, zeros.view(), out.view());
      EXPECT_EQ(std::signbit(out.get(0)), kind == UnaryKind::Neg) << name(kind);
      EXPECT_EQ(std::signbit(out.get(1)), kind == UnaryKind::Tanh || kind == UnaryKind::Relu) << name(kind);
    }
  }
}

TEST(CpuSimdMath, BitsDoNotDependOnThePlaceOfAnElement) {
  for (const DType type : kFloatTypes) {
    for (int k = 0; k <= static_cast<int>(UnaryKind::Hardswish); ++k) {
      const UnaryOp op(static_cast<UnaryKind>(k), 0.5, 20);
      for (const int64_t n : {1, 7, 16, 33, 1000}) {
        TestArray dense(type, {n}, Order::Dense, fractions()), dense_out(type, {n});
        TestArray sliced(type, {n}, Order::Sliced, fractions()), sliced_out(type, {n}, Order::Sliced);
        cpu_backend().unary(op, dense.view(), dense_out.view());
        cpu_backend().unary(op, sliced.view(), sliced_out.view());
        for (int64_t i = 0; i < n; ++i) {
          TestArray one(type, {1}, Order::Dense, [&](int64_t) { return dense.get(i); });
          cpu_backend().unary(op, one.view(), one.view());
          const double alone = one.get(0), within = dense_out.get(i), strided = sliced_out.get(i);
          ASSERT_TRUE(std::memcmp(&alone, &within, sizeof alone) == 0 || std::isnan(alone)) << name(op.kind);
          ASSERT_TRUE(std::memcmp(&alone, &strided, sizeof alone) == 0 || std::isnan(alone)) << name(op.kind);
        }
      }
    }
  }
}

TEST(CpuElementwiseKernel, ResultsThatGoPastTheCaches) {
  const int64_t n = (int64_t{32} << 20) / 4 + 37;
  std::vector<float> x(static_cast<size_t>(n)), y(x.size() + 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i % 1000) - 500);
  for (const int64_t shift : {0, 3}) {  // elements from an aligned address
    const View from{x.data(), DType::Float32, {n}, {1}};
    const View to{y.data() + shift, DType::Float32, {n}, {1}};
    cpu_backend().unary(UnaryKind::Relu, from, to);
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(to.as<float>()[i], std::max(x[static_cast<size_t>(i)], 0.0F));
    cpu_backend().binary(BinaryKind::Add, from, Scalar(1), to);
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(to.as<float>()[i], x[static_cast<size_t>(i)] + 1);
    cpu_backend().binary(BinaryKind::Mul, to, from, to);  // in place
    for (int64_t i = 0; i < n; ++i) {
      const float v = x[static_cast<size_t>(i)];
      ASSERT_EQ(to.as<float>()[i], (v + 1) * v);
    }
  }
}

TEST(CpuElementwiseKernel, HasTheBitsOfTheFunctors) {
  // Rows of fewer than eight elements are walked by the functors.
  const std::vector<double> values = {0.0,
                                      -0.0,
                                      1.5,
                                      -2.25,
                                      1e-40,
                                      3e38,
                                      -1e-310,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN()};
  const auto n = static_cast<int64_t>(values.size());
  for (const DType type : kFloatTypes) {
    TestArray a(type, {n * n}, Order::Dense, [&](int64_t i) { return values[static_cast<size_t>(i / n)]; });
    TestArray b(type, {n * n}, Order::Dense, [&](int64_t i) { return values[static_cast<size_t>(i % n)]; });
    for (int k = 0; k <= static_cast<int>(BinaryKind::AddRelu); ++k) {
      const auto kind = static_cast<BinaryKind>(k);
      TestArray out(type, {n * n}), by_number(type, {n}), with_number(type, {n});
      cpu_backend().binary(kind, a.view(), b.view(), out.view());
      for (int64_t i = 0; i < n * n; ++i) {
        TestArray p(type, {1}, Order::Dense, [&](int64_t) { return a.get(i); });
        TestArray q(type, {1}, Order::Dense, [&](int64_t) { return b.get(i); });
        TestArray one(type, {1});
        cpu_backend().binary(kind, p.view(), q.view(), one.view());
        const double expected = one.get(0), actual = out.get(i);
        ASSERT_TRUE(std::isnan(expected) ? std::isnan(actual)
                                         : std::memcmp(&expected, &actual, sizeof actual) == 0)
            << name(kind) << "(" << p.get(0) << ", " << q.get(0) << ") is " << actual << ", not " << expected;
      }
      for (int64_t i = 0; i < n; ++i) {
        TestArray row(type, {n}, Order::Dense, [&](int64_t j) { return values[static_cast<size_t>(j)]; });
        cpu_backend().binary(kind, Scalar(values[static_cast<size_t>(i)]), row.view(), by_number.view());
        cpu_backend().binary(kind, row.view(), Scalar(values[static_cast<size_t>(i)]), with_number.view());
        for (int64_t j = 0; j < n; ++j) {
          const double left = by_number.get(j), right = with_number.get(j);
          const double left_expected = out.get(i * n + j), right_expected = out.get(j * n + i);
          ASSERT_TRUE(left == left_expected || std::isnan(left_expected)) << name(kind);
          ASSERT_TRUE(right == right_expected || std::isnan(right_expected)) << name(kind);
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet
