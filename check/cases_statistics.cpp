// Cases of var, stddev and norm.
#include <cmath>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

/// Added to variances: in some layouts all elements are the same, and an error relative to 0 says nothing.
constexpr double kOffset = 0.25;

struct Row {
  const char* about;
  Shape shape;
  Dims dims;  ///< counted from the front; all where empty
  bool keepdims;
};

std::vector<Row> table() {
  return {{"everything", {3, 4}, {}, false},
          {"first, kept", {3, 4}, {0}, true},
          {"last", {2, 3, 4}, {2}, false},
          {"first and last", {2, 3, 4}, {0, 2}, false},
          {"large", {173, 311}, {1}, false}};
}

/// f(the elements that share a result) for every result.
template <class F>
Values by_group(const Values& x, const Dims& dims, bool keepdims, const F& f) {
  const Shape kept = kept_shape(x.shape, dims);
  std::vector<std::vector<double>> groups(static_cast<size_t>(kept.product()));
  for_each_reduced(x, dims, [&](size_t place, double value) { groups[place].push_back(value); });
  Values result{keepdims ? kept : dropped_shape(x.shape, dims), {}};
  for (const std::vector<double>& group : groups) result.at.push_back(static_cast<double>(f(group)));
  return result;
}

long double variance(const std::vector<double>& group, double correction) {
  long double mean = 0, total = 0;
  for (const double x : group) mean += x;
  mean /= static_cast<long double>(group.size());
  for (const double x : group) total += (x - mean) * (x - mean);
  return total / (static_cast<long double>(group.size()) - correction);
}

long double power_norm(const std::vector<double>& group, double p) {
  long double total = 0;
  for (const double x : group) {
    const long double size = std::abs(static_cast<long double>(x));
    total = std::isinf(p) ? std::max(total, size) : total + std::pow(size, static_cast<long double>(p));
  }
  return std::isinf(p) ? total : std::pow(total, 1 / static_cast<long double>(p));
}

void add_variance(OpCases& cases, const Row& row, double correction) {
  const std::string about = std::string(row.about) + (correction == 1 ? "" : ", no correction");
  for (const bool root : {false, true}) {
    cases.push_back({root ? "stddev" : "var",
                     about,
                     {input(row.shape)},
                     [=](const Tensors& in) {
                       const VarOptions options{.correction = correction, .keepdims = row.keepdims};
                       return kOffset +
                              (root ? stddev(in[0], row.dims, options) : var(in[0], row.dims, options));
                     },
                     [=](const std::vector<Values>& in) {
                       return by_group(in[0], row.dims, row.keepdims, [&](const std::vector<double>& group) {
                         const long double v = variance(group, correction);
                         return kOffset + (root ? std::sqrt(v) : v);
                       });
                     },
                     row.shape.product()});
  }
}

void add_norm(OpCases& cases, const Row& row, double p, const std::string& by, const OpInput& in) {
  cases.push_back({"norm",
                   std::string(row.about) + ", p " + by,
                   {in},
                   [=](const Tensors& x) { return norm(x[0], p, row.dims, row.keepdims); },
                   [=](const std::vector<Values>& x) {
                     return by_group(x[0], row.dims, row.keepdims,
                                     [&](const std::vector<double>& group) { return power_norm(group, p); });
                   },
                   row.shape.product()});
}

}  // namespace

OpCases statistics_cases() {
  OpCases cases;
  for (const Row& row : table()) {
    add_variance(cases, row, 1);
    add_norm(cases, row, 2, "2", input(row.shape));
  }
  add_variance(cases, table()[2], 0);
  const Row kept = table()[1];
  add_norm(cases, kept, 1, "1", input(kept.shape, away_from_zero()));
  add_norm(cases, kept, 3, "3", input(kept.shape, away_from_zero()));
  add_norm(cases, kept, 0.5, "0.5", input(kept.shape, away_from_zero()));
  add_norm(cases, kept, INFINITY, "infinity", input(kept.shape, distinct(0.03125)));
  add_norm(cases, kept, 2, "2, zeros", constant(kept.shape, numbers({0, 3, 0, -4, 0})));
  return cases;
}

}  // namespace linnet::checks
