// The one place that says how far a result may be from what is expected.
#include <linnet/check/outcome.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/fail.h"

namespace linnet::checks {
namespace {

/// NaN and infinities have to be the same; only finite elements have a distance.
bool same_kind(double actual, double expected) {
  if (std::isfinite(expected)) return std::isfinite(actual);
  return std::isnan(expected) ? std::isnan(actual) : actual == expected;
}

std::string place(size_t flat, const Shape& shape) {
  Dims index = shape;
  auto rest = static_cast<int64_t>(flat);
  for (int i = shape.rank() - 1; i >= 0; --i) {
    index[i] = rest % shape[i];
    rest /= shape[i];
  }
  return to_string(index);
}

double epsilon_of(DType dtype) {
  return dtype == DType::Float32 ? std::numeric_limits<float>::epsilon()
                                 : std::numeric_limits<double>::epsilon();
}

/// The distance from `size` (> 0) to the next number of the dtype.
double spacing(double size, DType dtype) {
  const double smallest = dtype == DType::Float32 ? std::numeric_limits<float>::denorm_min()
                                                  : std::numeric_limits<double>::denorm_min();
  return std::max(std::ldexp(epsilon_of(dtype), std::ilogb(size)), smallest);
}

}  // namespace

double tolerance(DType dtype, int64_t terms) {
  if (!is_floating(dtype)) return 0;
  return epsilon_of(dtype) * (6 + std::sqrt(static_cast<double>(terms)));
}

Values values_of(const NDArray& array) {
  return {array.shape(), array.to_vector<double>()};
}

double norm(const Values& values) {
  double squares = 0;
  for (const double value : values.at) squares += std::isfinite(value) ? value * value : 0;
  return std::sqrt(squares);
}

Outcome compare(const Values& actual, const Values& expected, double tolerance, double least) {
  Outcome outcome;
  outcome.tolerance = tolerance;
  if (actual.shape != expected.shape) {
    outcome.failure = format_text("the shape is {}; expected {}", actual.shape, expected.shape);
    return outcome;
  }
  double difference = 0;
  double worst = -1;
  size_t at = 0;
  for (size_t i = 0; i < expected.at.size(); ++i) {
    if (!same_kind(actual.at[i], expected.at[i])) {
      outcome.error = std::numeric_limits<double>::infinity();
      outcome.failure = format_text("element {} of {} is {}; expected {}", place(i, expected.shape),
                                    expected.shape, actual.at[i], expected.at[i]);
      return outcome;
    }
    if (!std::isfinite(expected.at[i])) continue;
    const double distance = std::abs(actual.at[i] - expected.at[i]);
    difference += distance * distance;
    if (distance > worst) {
      worst = distance;
      at = i;
    }
  }
  if (worst <= 0) return outcome;
  // Where all that is expected is 0, the error is infinite.
  const double scale = std::max(norm(expected), least);
  outcome.error = scale > 0 ? std::sqrt(difference) / scale : std::numeric_limits<double>::infinity();
  if (outcome.error > tolerance) {
    outcome.failure = format_text(
        "relative error {:.3g}, tolerance {:.3g}; the worst of the elements of {} is {}: {:.9g}, expected "
        "{:.9g}",
        outcome.error, tolerance, expected.shape, place(at, expected.shape), actual.at[at], expected.at[at]);
  }
  return outcome;
}

Outcome compare(const NDArray& actual, const NDArray& expected, int64_t terms, double least) {
  if (actual.dtype() != expected.dtype()) {
    Outcome outcome;
    outcome.failure = format_text("the dtype is {}; expected {}", actual.dtype(), expected.dtype());
    return outcome;
  }
  const Values found = values_of(actual);
  const Values wanted = values_of(expected);
  Outcome outcome = compare(found, wanted, tolerance(expected.dtype(), terms), least);
  outcome.ulp = ulps(found, wanted, expected.dtype(), least);
  return outcome;
}

double ulps(const Values& actual, const Values& expected, DType dtype, double least) {
  if (!is_floating(dtype) || actual.shape != expected.shape || expected.at.empty()) return 0;
  const auto count =
      std::count_if(expected.at.begin(), expected.at.end(), [](double v) { return std::isfinite(v); });
  const double typical =
      std::max(norm(expected), least) / std::sqrt(std::max(static_cast<double>(count), 1.0));
  double worst = 0;
  for (size_t i = 0; i < expected.at.size(); ++i) {
    const double distance = std::abs(actual.at[i] - expected.at[i]);
    if (!std::isfinite(distance) || distance == 0) continue;
    const double size = std::max(std::abs(expected.at[i]), typical);
    worst =
        std::max(worst, size > 0 ? distance / spacing(size, dtype) : std::numeric_limits<double>::infinity());
  }
  return worst;
}

void keep_worse(Outcome& worst, Outcome next, const std::string& what) {
  if (!next.ok() && !what.empty()) next.failure = what + ": " + next.failure;
  const double ulp = std::max(worst.ulp, next.ulp);
  const bool nearer = next.error * std::max(worst.tolerance, 1e-300) > worst.error * next.tolerance;
  const bool unset = worst.error == 0 && worst.tolerance == 0;
  if (worst.ok() && (!next.ok() || nearer || unset)) worst = std::move(next);
  worst.ulp = ulp;
}

}  // namespace linnet::checks
