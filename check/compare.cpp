// The one place that says how far a result may be from what is expected.
#include <cmath>
#include <limits>

#include <linnet/check/modes.h>
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

}  // namespace

double tolerance(DType dtype, int64_t terms) {
  if (!is_floating(dtype)) return 0;
  const double epsilon = dtype == DType::Float32 ? std::numeric_limits<float>::epsilon()
                                                 : std::numeric_limits<double>::epsilon();
  return epsilon * (6 + std::sqrt(static_cast<double>(terms)));
}

Values values_of(const NDArray& array) {
  return {array.shape(), array.to_vector<double>()};
}

Outcome compare(const Values& actual, const Values& expected, double tolerance) {
  Outcome outcome;
  outcome.tolerance = tolerance;
  if (actual.shape != expected.shape) {
    outcome.failure = format_text("the shape is {}; expected {}", actual.shape, expected.shape);
    return outcome;
  }
  double difference = 0;
  double norm = 0;
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
    norm += expected.at[i] * expected.at[i];
    if (distance > worst) {
      worst = distance;
      at = i;
    }
  }
  if (worst <= 0) return outcome;
  // Where all that is expected is 0, the error is infinite.
  outcome.error = norm > 0 ? std::sqrt(difference / norm) : std::numeric_limits<double>::infinity();
  if (outcome.error > tolerance) {
    outcome.failure = format_text(
        "relative error {:.3g}, tolerance {:.3g}; the worst of the elements of {} is {}: {:.9g}, expected "
        "{:.9g}",
        outcome.error, tolerance, expected.shape, place(at, expected.shape), actual.at[at], expected.at[at]);
  }
  return outcome;
}

}  // namespace linnet::checks
