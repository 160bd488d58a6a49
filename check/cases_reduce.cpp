// Cases of reductions and arg-functions.
#include <cmath>
#include <limits>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

int64_t count_of(const Shape& shape, const Dims& dims) {
  int64_t count = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (reduces(dims, i, shape.rank())) count *= shape[i];
  }
  return count;
}

/// Folds all elements that go to one place with f(total, element), starting from `start`.
template <class F>
Values fold(const Values& x, const Dims& dims, bool keepdims, long double start, const F& f) {
  const Shape kept = kept_shape(x.shape, dims);
  std::vector<long double> totals(static_cast<size_t>(kept.product()), start);
  for_each_reduced(x, dims, [&](size_t place, double value) {
    totals[place] = f(totals[place], static_cast<long double>(value));
  });
  return {keepdims ? kept : dropped_shape(x.shape, dims), {totals.begin(), totals.end()}};
}

Values sum_reference(const Values& x, const Dims& dims, bool keepdims) {
  return fold(x, dims, keepdims, 0, [](long double a, long double b) { return a + b; });
}

Values mean_reference(const Values& x, const Dims& dims, bool keepdims) {
  Values total = sum_reference(x, dims, keepdims);
  for (double& value : total.at) value /= static_cast<double>(count_of(x.shape, dims));
  return total;
}

Values extreme_reference(const Values& x, const Dims& dims, bool keepdims, double factor) {
  Values result = fold(x, dims, keepdims, -std::numeric_limits<long double>::infinity(),
                       [factor](long double best, long double value) {
                         const long double candidate = factor * value;
                         return std::isnan(best) || best > candidate ? best : candidate;
                       });
  for (double& value : result.at) value *= factor;
  return result;
}

Values amax_reference(const Values& x, const Dims& dims, bool keepdims) {
  return extreme_reference(x, dims, keepdims, 1);
}
Values amin_reference(const Values& x, const Dims& dims, bool keepdims) {
  return extreme_reference(x, dims, keepdims, -1);
}

struct Row {
  const char* op;
  Tensor (*run)(const Tensor&, const Dims&, bool);
  Values (*reference)(const Values&, const Dims&, bool);
  Draw draw;
};

OpCase reduce_case(const Row& row, const std::string& about, const Shape& shape, const Dims& dims,
                   bool keepdims = false) {
  return {
      row.op,
      about,
      {input(shape, row.draw)},
      [run = row.run, dims, keepdims](const Tensors& in) { return run(in[0], dims, keepdims); },
      [f = row.reference, dims, keepdims](const std::vector<Values>& in) { return f(in[0], dims, keepdims); },
      count_of(shape, dims)};
}

void add_reductions(OpCases& cases) {
  const std::vector<Row> table = {{"sum", sum, sum_reference, uniform()},
                                  {"mean", mean, mean_reference, uniform()},
                                  {"amax", amax, amax_reference, distinct()},
                                  {"amin", amin, amin_reference, distinct()}};
  for (const Row& row : table) {
    cases.push_back(reduce_case(row, "everything", {3, 4, 5}, {}));
    cases.push_back(reduce_case(row, "everything, kept", {3, 4, 5}, {}, true));
    cases.push_back(reduce_case(row, "first", {3, 4, 5}, {0}));
    cases.push_back(reduce_case(row, "middle, kept", {3, 4, 5}, {1}, true));
    cases.push_back(reduce_case(row, "last, counted from the end", {3, 4, 5}, {-1}));
    cases.push_back(reduce_case(row, "first and last", {3, 4, 5}, {0, 2}));
    cases.push_back(reduce_case(row, "all but channels", {2, 3, 5, 4}, {0, 2, 3}));
    cases.push_back(reduce_case(row, "0-d", {}, {}));
    cases.push_back(reduce_case(row, "extent 1", {4, 1}, {1}));
    cases.push_back(reduce_case(row, "empty rows", {0, 3}, {1}));
    cases.push_back(reduce_case(row, "large, everything", {173, 311}, {}));
    cases.push_back(reduce_case(row, "large, rows", {173, 311}, {1}));
    cases.push_back(reduce_case(row, "large, columns", {1733, 31}, {0}));
    const std::string op = row.op;
    if (op == "sum" || op == "mean") {
      OpCase nothing = reduce_case(row, "an empty dimension", {0, 3}, {0});
      nothing.inputs[0].differentiable = op == "sum";  // a mean of nothing is NaN
      cases.push_back(nothing);
    }
    if (op == "mean") continue;
    OpCase integers = reduce_case(row, "integers", {5, 7, 3}, {1});
    integers.inputs[0].draw = whole(0, 200);
    integers.dtypes = {DType::Int32, DType::Int64, DType::UInt8};
    cases.push_back(integers);
    if (op == "sum") {
      OpCase flags = reduce_case(row, "bool", {5, 70}, {1});
      flags.inputs[0].draw = whole(0, 1);
      flags.dtypes = {DType::Bool};
      cases.push_back(flags);
    } else {
      OpCase nans = reduce_case(row, "NaN", {4, 8}, {1});
      nans.inputs[0] = constant({4, 8}, numbers({1, 2, 3, -1, 0, std::nan(""), 5, -3, 2, 2}));
      cases.push_back(nans);
    }
  }
}

Values arg_reference(const Values& x, int dim, bool keepdims, bool largest) {
  const int axis = dim < 0 ? dim + x.shape.rank() : dim;
  Values result = build(kept_shape(x.shape, {axis}), [&](Dims index) {
    int64_t best = 0;
    for (int64_t i = 0; i < x.shape[axis]; ++i) {
      index[axis] = best;
      const double kept = element(x, index);
      index[axis] = i;
      const double value = element(x, index);
      const bool better = largest ? value > kept : value < kept;
      if (!std::isnan(kept) && (better || std::isnan(value))) best = i;
    }
    return best;
  });
  if (!keepdims) result.shape = dropped_shape(x.shape, {axis});
  return result;
}

void add_arg(OpCases& cases, const char* op, Tensor (*run)(const Tensor&, int, bool), bool largest) {
  const auto add = [&](const std::string& about, const Shape& shape, int dim, bool keepdims, const Draw& draw,
                       const std::vector<DType>& dtypes) {
    cases.push_back({op,
                     about,
                     {constant(shape, draw)},
                     [run, dim, keepdims](const Tensors& in) { return run(in[0], dim, keepdims); },
                     [dim, keepdims, largest](const std::vector<Values>& in) {
                       return arg_reference(in[0], dim, keepdims, largest);
                     },
                     1,
                     dtypes});
  };
  const std::vector<DType> floating = {DType::Float32, DType::Float64};
  const std::vector<DType> all = {DType::Float32, DType::Float64, DType::Int32, DType::Int64, DType::UInt8};
  add("first", {7, 5}, 0, false, distinct(), floating);
  add("last, kept", {7, 5}, -1, true, distinct(), floating);
  add("ties", {4, 3, 9}, 1, false, whole(0, 1), all);
  add("NaN", {6, 8}, 1, false, numbers({1, 2, 3, -1, 0, std::nan(""), 5}), floating);
  add("empty", {0, 3}, 1, false, distinct(), floating);
  add("large", {501, 103}, 1, false, whole(-99, 99), floating);
}

void add_arg_of_all(OpCases& cases, const char* op, Tensor (*run)(const Tensor&), bool largest) {
  cases.push_back({op,
                   "of all elements",
                   {constant({5, 7}, whole(-9, 9))},
                   [run](const Tensors& in) { return run(in[0]); },
                   [largest](const std::vector<Values>& in) {
                     return arg_reference({{in[0].shape.product()}, in[0].at}, 0, false, largest);
                   }});
}

/// max and min along a dimension, by their values or their indices. `draw` has no ties where gradients are
/// compared with differences.
void add_extremes(OpCases& cases, const char* op, Extremes<Tensor> (*run)(const Tensor&, int, bool),
                  bool largest) {
  const auto add = [&](const std::string& about, const Shape& shape, int dim, bool keepdims, bool indices) {
    const int axis = dim < 0 ? dim + shape.rank() : dim;
    cases.push_back({op,
                     about + (indices ? ", indices" : ""),
                     {indices ? constant(shape, whole(-3, 3)) : input(shape, distinct())},
                     [=](const Tensors& in) {
                       const Extremes<Tensor> found = run(in[0], dim, keepdims);
                       return indices ? found.indices : found.values;
                     },
                     [=](const std::vector<Values>& in) {
                       return indices ? arg_reference(in[0], dim, keepdims, largest)
                                      : extreme_reference(in[0], {axis}, keepdims, largest ? 1 : -1);
                     }});
  };
  for (const bool indices : {false, true}) {
    add("first", {4, 5}, 0, false, indices);
    add("last, kept", {2, 3, 4}, -1, true, indices);
  }
}

void add_sum_to(OpCases& cases) {
  const auto add = [&](const std::string& about, const Shape& from, const Shape& to) {
    Dims dims;
    const int skip = from.rank() - to.rank();
    for (int i = 0; i < from.rank(); ++i) {
      if (i < skip || (to[i - skip] == 1 && from[i] != 1)) dims.push_back(i);
    }
    cases.push_back({"sum_to",
                     about,
                     {input(from)},
                     [to](const Tensors& in) { return sum_to(in[0], to); },
                     [to, dims](const std::vector<Values>& in) {
                       if (dims.empty()) return Values{to, in[0].at};
                       return Values{to, sum_reference(in[0], dims, true).at};
                     },
                     dims.empty() ? 1 : count_of(from, dims)});
  };
  add("the same shape", {3, 4}, {3, 4});
  add("fewer dimensions", {2, 3, 4}, {4});
  add("extents of 1", {2, 3, 4}, {2, 1, 4});
  add("both", {2, 3, 4, 2}, {3, 1, 1});
  add("0-d", {3, 4}, {});
  add("leading ones only", {1, 1, 4}, {4});
}

}  // namespace

OpCases reduce_cases() {
  OpCases cases;
  add_reductions(cases);
  add_arg(cases, "argmax", argmax, true);
  add_arg(cases, "argmin", argmin, false);
  add_arg_of_all(cases, "argmax", argmax, true);
  add_arg_of_all(cases, "argmin", argmin, false);
  add_extremes(cases, "max", max, true);
  add_extremes(cases, "min", min, false);
  add_sum_to(cases);
  return cases;
}

}  // namespace linnet::checks
