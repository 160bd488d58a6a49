// Cases of the elementwise operators but comparisons and `where`.
#include <cmath>
#include <limits>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kLarge = 40003;  // more than one chunk of any loop, and no multiple of a vector

double sign_of(double x) {
  return std::isnan(x) ? 0 : (x > 0) - (x < 0);
}
double relu_of(double x) {
  return x < 0 ? 0 : x;
}
double larger(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kNan : a > b ? a : b;
}
double smaller(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kNan : a < b ? a : b;
}

struct UnaryRow {
  const char* op;
  Tensor (*run)(const Tensor&);
  double (*reference)(double);
  Draw draw;
};

std::vector<UnaryRow> unary_table() {
  return {
      {"neg", neg, [](double x) { return -x; }, uniform()},
      {"abs", abs, [](double x) { return std::fabs(x); }, away_from_zero()},
      {"sign", sign, sign_of, away_from_zero()},
      {"square", square, [](double x) { return x * x; }, uniform()},
      {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, uniform(0.25, 4)},
      {"reciprocal", reciprocal, [](double x) { return 1 / x; }, away_from_zero()},
      {"exp", exp, [](double x) { return std::exp(x); }, uniform(-3, 3)},
      {"log", log, [](double x) { return std::log(x); }, uniform(0.25, 4)},
      {"erf", erf, [](double x) { return std::erf(x); }, uniform(-2, 2)},
      {"tanh", tanh, [](double x) { return std::tanh(x); }, uniform(-3, 3)},
      {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, uniform(-4, 4)},
      {"relu", relu, relu_of, away_from_zero()},
      {"operator-", [](const Tensor& x) { return -x; }, [](double x) { return -x; }, uniform()},
  };
}

OpCase unary_case(const UnaryRow& row, const std::string& about, const Shape& shape, const Draw& draw) {
  return {row.op,
          about,
          {input(shape, draw)},
          [run = row.run](const Tensors& in) { return run(in[0]); },
          [f = row.reference](const std::vector<Values>& in) { return map(in[0], f); }};
}

void add_unary(OpCases& cases) {
  for (const UnaryRow& row : unary_table()) {
    cases.push_back(unary_case(row, "2-d", {3, 5}, row.draw));
    cases.push_back(unary_case(row, "4-d", {2, 3, 5, 4}, row.draw));
    cases.push_back(unary_case(row, "0-d", {}, row.draw));
    cases.push_back(unary_case(row, "empty", {3, 0, 2}, row.draw));
    cases.push_back(unary_case(row, "large", {kLarge}, row.draw));
    const std::string op = row.op;
    const bool has_domain = op == "sqrt" || op == "log";
    OpCase special = unary_case(row, has_domain ? "outside its domain" : "special values", {7},
                                has_domain ? numbers({-1, 0, kInf, kNan, -kInf, 2, -0.0})
                                           : numbers({0, kInf, kNan, -kInf, -2, 2, 88}));
    special.inputs[0].differentiable = false;
    cases.push_back(special);
    if (op == "neg" || op == "abs" || op == "sign" || op == "square" || op == "relu") {
      OpCase integers = unary_case(row, "integers", {4, 7}, whole(-9, 9));
      integers.dtypes = {DType::Int32, DType::Int64};
      cases.push_back(integers);
    }
  }
}

struct BinaryRow {
  const char* op;
  Tensor (*run)(const Tensor&, const Tensor&);
  double (*reference)(double, double);
  Draw a, b;
};

double product(double a, double b) {
  return a * b;
}
double power(double a, double b) {
  return std::pow(a, b);
}

std::vector<BinaryRow> binary_table() {
  const auto plus = [](double a, double b) { return a + b; };
  const auto minus = [](double a, double b) { return a - b; };
  const auto over = [](double a, double b) { return a / b; };
  return {
      {"add", add, plus, uniform(), uniform()},
      {"sub", sub, minus, uniform(), uniform()},
      {"mul", mul, product, uniform(), uniform()},
      {"div", div, over, uniform(), away_from_zero()},
      {"pow", pow, power, uniform(0.25, 2), uniform(-2, 2)},
      {"maximum", maximum, larger, distinct(), distinct(1.0 / 16)},
      {"minimum", minimum, smaller, distinct(), distinct(1.0 / 16)},
      {"mask_positive", mask_positive, [](double a, double b) { return b > 0 ? a : 0; }, uniform(),
       away_from_zero()},
      {"operator+", [](const Tensor& a, const Tensor& b) { return a + b; }, plus, uniform(), uniform()},
      {"operator-", [](const Tensor& a, const Tensor& b) { return a - b; }, minus, uniform(), uniform()},
      {"operator*", [](const Tensor& a, const Tensor& b) { return a * b; }, product, uniform(), uniform()},
      {"operator/", [](const Tensor& a, const Tensor& b) { return a / b; }, over, uniform(),
       away_from_zero()},
  };
}

OpCase binary_case(const BinaryRow& row, const std::string& about, const Shape& a, const Shape& b) {
  return {row.op,
          about,
          {input(a, row.a), input(b, row.b)},
          [run = row.run](const Tensors& in) { return run(in[0], in[1]); },
          [f = row.reference](const std::vector<Values>& in) { return zip(in[0], in[1], f); }};
}

void add_binary(OpCases& cases) {
  for (const BinaryRow& row : binary_table()) {
    cases.push_back(binary_case(row, "equal shapes", {3, 5}, {3, 5}));
    cases.push_back(binary_case(row, "both broadcast", {2, 1, 5}, {4, 1}));
    cases.push_back(binary_case(row, "0-d on the right", {3, 4}, {}));
    cases.push_back(binary_case(row, "channels", {2, 3, 5, 4}, {3, 1, 1}));
    cases.push_back(binary_case(row, "1-d on the left", {5}, {2, 3, 5}));
    cases.push_back(binary_case(row, "an empty operand", {0, 3}, {1, 3}));
    const std::string op = row.op;
    if (op.rfind("operator", 0) == 0) continue;
    cases.push_back(binary_case(row, "large", {131, 307}, {307}));
    if (op != "div" && op != "pow") {
      OpCase integers = binary_case(row, "integers", {4, 7}, {7});
      integers.inputs[0].draw = whole(5, 9);
      integers.inputs[1].draw = whole(0, 5);
      integers.dtypes = {DType::Int32, DType::Int64, DType::UInt8};
      cases.push_back(integers);
    }
    if (op == "maximum" || op == "minimum" || op == "mask_positive") {
      OpCase nans = binary_case(row, "NaN", {4, 5}, {5});
      nans.inputs = {constant({4, 5}, with_nan(whole(-2, 2))), constant({5}, with_nan(whole(-2, 2)))};
      if (op == "mask_positive") nans.inputs[1].draw = whole(-1, 1);
      cases.push_back(nans);
    }
  }
}

struct NumberRow {
  const char* op;
  const char* about;
  Tensor (*run)(const Tensor&);
  double (*reference)(double);
  Draw draw;
};

std::vector<NumberRow> number_table() {
  return {
      {"add", "a number", [](const Tensor& x) { return add(x, 1.5); }, [](double x) { return x + 1.5; },
       uniform()},
      {"sub", "a number", [](const Tensor& x) { return sub(x, 1.5); }, [](double x) { return x - 1.5; },
       uniform()},
      {"sub", "from a number", [](const Tensor& x) { return sub(1.5, x); }, [](double x) { return 1.5 - x; },
       uniform()},
      {"mul", "a number", [](const Tensor& x) { return mul(x, -2.5); }, [](double x) { return x * -2.5; },
       uniform()},
      {"div", "a number", [](const Tensor& x) { return div(x, -4); }, [](double x) { return x / -4; },
       uniform()},
      {"div", "of a number", [](const Tensor& x) { return div(3, x); }, [](double x) { return 3 / x; },
       away_from_zero()},
      {"pow", "2", [](const Tensor& x) { return pow(x, 2); }, [](double x) { return x * x; }, whole(-2, 2)},
      {"pow", "3", [](const Tensor& x) { return pow(x, 3); }, [](double x) { return x * x * x; },
       away_from_zero()},
      {"pow", "0", [](const Tensor& x) { return pow(x, 0); }, [](double) { return 1.0; }, away_from_zero()},
      {"pow", "0.5", [](const Tensor& x) { return pow(x, 0.5); }, [](double x) { return std::sqrt(x); },
       uniform(0.25, 4)},
      {"pow", "-1.5", [](const Tensor& x) { return pow(x, -1.5); },
       [](double x) { return std::pow(x, -1.5); }, uniform(0.25, 4)},
      {"maximum", "a number", [](const Tensor& x) { return maximum(x, 0.0625); },
       [](double x) { return larger(x, 0.0625); }, distinct()},
      {"minimum", "a number", [](const Tensor& x) { return minimum(x, 0.0625); },
       [](double x) { return smaller(x, 0.0625); }, distinct()},
      {"operator+", "a number", [](const Tensor& x) { return x + 2; }, [](double x) { return x + 2; },
       uniform()},
      {"operator+", "to a number", [](const Tensor& x) { return 2 + x; }, [](double x) { return 2 + x; },
       uniform()},
      {"operator-", "a number", [](const Tensor& x) { return x - 2; }, [](double x) { return x - 2; },
       uniform()},
      {"operator-", "from a number", [](const Tensor& x) { return 2 - x; }, [](double x) { return 2 - x; },
       uniform()},
      {"operator*", "a number", [](const Tensor& x) { return x * 3; }, [](double x) { return x * 3; },
       uniform()},
      {"operator*", "with a number", [](const Tensor& x) { return 3 * x; }, [](double x) { return 3 * x; },
       uniform()},
      {"operator/", "a number", [](const Tensor& x) { return x / 4; }, [](double x) { return x / 4; },
       uniform()},
      {"operator/", "of a number", [](const Tensor& x) { return 4 / x; }, [](double x) { return 4 / x; },
       away_from_zero()},
  };
}

}  // namespace

OpCases elementwise_cases() {
  OpCases cases;
  add_unary(cases);
  add_binary(cases);
  for (const NumberRow& row : number_table()) {
    cases.push_back({row.op,
                     row.about,
                     {input({3, 7}, row.draw)},
                     [run = row.run](const Tensors& in) { return run(in[0]); },
                     [f = row.reference](const std::vector<Values>& in) { return map(in[0], f); }});
  }
  return cases;
}

}  // namespace linnet::checks
