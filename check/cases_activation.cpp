// Cases of the activation functions but relu, sigmoid and tanh, which are with the elementwise operators.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kLarge = 40003;  // more than one chunk of any loop, and no multiple of a vector

struct Row {
  const char* op;
  const char* about;
  Tensor (*run)(const Tensor&);
  double (*reference)(double);
  Draw draw;
};

double leaky(double x, double slope) {
  return x > 0 ? x : slope * x;
}
double exponential(double x, double alpha) {
  return x > 0 ? x : alpha * std::expm1(x);
}
double by_erfc(double x) {
  return x * (0.5 * std::erfc(-x / std::numbers::sqrt2));
}
double by_tanh(double x) {
  return x / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}
double plus(double x, double beta, double threshold) {
  return beta * x > threshold ? x : std::log1p(std::exp(beta * x)) / beta;
}
double line(double x) {
  return std::isnan(x) ? kNan : std::clamp(x + 3, 0.0, 6.0) / 6;
}

/// On all pieces of the hard functions, and not where they meet.
Draw between_kinks() {
  return numbers({-5, -3.5, -2.75, -1, -0.25, 0.5, 1.25, 2.5, 3.25, 6});
}

std::vector<Row> table() {
  return {
      {"leaky_relu", "", [](const Tensor& x) { return leaky_relu(x); },
       [](double x) { return leaky(x, 0.01); }, away_from_zero()},
      {"leaky_relu", "slope -0.5", [](const Tensor& x) { return leaky_relu(x, -0.5); },
       [](double x) { return leaky(x, -0.5); }, away_from_zero()},
      {"elu", "", [](const Tensor& x) { return elu(x); }, [](double x) { return exponential(x, 1); },
       away_from_zero()},
      {"elu", "alpha 2.5", [](const Tensor& x) { return elu(x, 2.5); },
       [](double x) { return exponential(x, 2.5); }, away_from_zero()},
      {"gelu", "", [](const Tensor& x) { return gelu(x); }, by_erfc, uniform(-3, 3)},
      {"gelu", "by tanh", [](const Tensor& x) { return gelu(x, GeluApproximation::Tanh); }, by_tanh,
       uniform(-3, 3)},
      {"silu", "", silu, [](double x) { return x / (1 + std::exp(-x)); }, uniform(-4, 4)},
      {"softplus", "", [](const Tensor& x) { return softplus(x); }, [](double x) { return plus(x, 1, 20); },
       uniform(-4, 4)},
      {"softplus", "beta 2, threshold 3", [](const Tensor& x) { return softplus(x, 2, 3); },
       [](double x) { return plus(x, 2, 3); }, numbers({-3, -1, 0.5, 1.25, 1.75, 4})},
      {"hardsigmoid", "", hardsigmoid, line, between_kinks()},
      {"hardswish", "", hardswish,
       [](double x) { return std::isnan(x) ? kNan : x * std::clamp(x + 3, 0.0, 6.0) / 6; }, between_kinks()},
  };
}

OpCase case_of(const Row& row, const std::string& about, const Shape& shape, const Draw& draw) {
  const std::string options = row.about;
  return {row.op,
          options.empty() ? about : options + ", " + about,
          {input(shape, draw)},
          [run = row.run](const Tensors& in) { return run(in[0]); },
          [f = row.reference](const std::vector<Values>& in) { return map(in[0], f); }};
}

}  // namespace

OpCases activation_cases() {
  OpCases cases;
  for (const Row& row : table()) {
    cases.push_back(case_of(row, "2-d", {3, 5}, row.draw));
    cases.push_back(case_of(row, "4-d", {2, 3, 5, 4}, row.draw));
    cases.push_back(case_of(row, "empty", {3, 0, 2}, row.draw));
    cases.push_back(case_of(row, "large", {kLarge}, row.draw));
    OpCase special = case_of(row, "special values", {8}, numbers({0, kInf, kNan, -kInf, -2, 2, 88, -0.0}));
    special.inputs[0].differentiable = false;
    cases.push_back(special);
  }
  return cases;
}

}  // namespace linnet::checks
