#include "check/draw.h"

#include <cmath>
#include <limits>
#include <utility>

namespace linnet::checks {
namespace {

double between(Generator& generator, double low, double high) {
  return static_cast<float>(low + (high - low) * generator.next_uniform());
}

/// A draw of independent elements.
template <class F>
Draw each(const F& f) {
  return [f](Generator& generator, int64_t count) {
    std::vector<double> values(static_cast<size_t>(count));
    for (double& value : values) value = f(generator);
    return values;
  };
}

}  // namespace

Draw uniform(double low, double high) {
  return each([low, high](Generator& generator) { return between(generator, low, high); });
}

Draw away_from_zero(double low, double high) {
  return each([low, high](Generator& generator) {
    const double magnitude = between(generator, low, high);
    return generator.next_below(2) == 0 ? magnitude : -magnitude;
  });
}

Draw distinct(double shift) {
  return [shift](Generator& generator, int64_t count) {
    std::vector<double> values;
    const int64_t middle = count / 2;
    for (const int64_t rank : generator.permutation(count)) {
      values.push_back(static_cast<double>(rank - middle) / 8 + shift);
    }
    return values;
  };
}

Draw whole(int64_t low, int64_t high) {
  return each([low, high](Generator& generator) {
    return static_cast<double>(
        low + static_cast<int64_t>(generator.next_below(static_cast<uint64_t>(high - low + 1))));
  });
}

Draw with_nan(const Draw& draw) {
  return [draw](Generator& generator, int64_t count) {
    std::vector<double> values = draw(generator, count);
    for (size_t i = 1; i < values.size(); i += 3) values[i] = std::numeric_limits<double>::quiet_NaN();
    return values;
  };
}

Draw numbers(std::vector<double> values) {
  return [values = std::move(values)](Generator&, int64_t count) {
    std::vector<double> result;
    for (int64_t i = 0; i < count; ++i) result.push_back(values[static_cast<size_t>(i) % values.size()]);
    return result;
  };
}

OpInput input(const Shape& shape, Draw draw) {
  return {shape, std::move(draw), true, {}};
}

OpInput constant(const Shape& shape, Draw draw, std::optional<DType> dtype) {
  return {shape, std::move(draw), false, dtype};
}

}  // namespace linnet::checks
