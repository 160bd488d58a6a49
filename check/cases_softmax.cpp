// Cases of softmax, log-softmax and the NDArray operators for their gradients.
#include <cmath>
#include <limits>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// Calls f(the indices of one line along `dim`) for each line.
template <class F>
void for_each_line(const Shape& shape, int dim, const F& f) {
  Shape starts = shape;
  starts[dim] = shape[dim] == 0 ? 0 : 1;
  for_each_index(starts, [&](Dims index) {
    std::vector<size_t> line;
    for (int64_t i = 0; i < shape[dim]; ++i) {
      index[dim] = i;
      line.push_back(position(shape, index));
    }
    f(line);
  });
}

Values softmax_reference(const Values& x, int dim, bool logarithm) {
  Values y = filled(x.shape);
  for_each_line(x.shape, dim, [&](const std::vector<size_t>& line) {
    long double largest = -kInf;
    for (const size_t i : line) largest = x.at[i] > largest ? x.at[i] : largest;
    long double total = 0;
    for (const size_t i : line) total += std::exp(x.at[i] - largest);
    for (const size_t i : line) {
      const long double shifted = x.at[i] - largest;
      y.at[i] = static_cast<double>(logarithm ? shifted - std::log(total) : std::exp(shifted) / total);
    }
  });
  return y;
}

Values grad_reference(const Values& y, const Values& gy, int dim, bool logarithm) {
  Values gx = filled(y.shape);
  for_each_line(y.shape, dim, [&](const std::vector<size_t>& line) {
    long double total = 0;
    for (const size_t i : line) total += logarithm ? gy.at[i] : static_cast<long double>(gy.at[i]) * y.at[i];
    for (const size_t i : line) {
      const long double value = logarithm ? gy.at[i] - std::exp(static_cast<long double>(y.at[i])) * total
                                          : y.at[i] * (gy.at[i] - total);
      gx.at[i] = static_cast<double>(value);
    }
  });
  return gx;
}

struct Row {
  const char* about;
  Shape shape;
  int dim;
  Draw draw;
};

std::vector<Row> table() {
  return {
      {"1-d", {7}, 0, uniform(-3, 3)},
      {"rows", {4, 9}, 1, uniform(-3, 3)},
      {"columns", {5, 3}, 0, uniform(-3, 3)},
      {"middle dimension", {2, 5, 3}, 1, uniform(-3, 3)},
      {"far from 0", {3, 5}, 1, whole(900, 910)},
      {"far below 0", {3, 5}, 1, whole(-910, -900)},
      {"far apart", {3, 5}, 1, numbers({-700, 0, 900, 20, 10})},
      {"one class", {4, 1}, 1, uniform()},
      {"no rows", {0, 4}, 1, uniform()},
      {"no classes", {3, 0}, 1, uniform()},
      {"large", {331, 129}, 1, uniform(-8, 8)},
      {"large columns", {13, 5003}, 0, uniform(-8, 8)},
  };
}

}  // namespace

OpCases softmax_cases() {
  OpCases cases;
  for (const bool logarithm : {false, true}) {
    for (const Row& row : table()) {
      const int dim = row.dim;
      cases.push_back({logarithm ? "log_softmax" : "softmax",
                       row.about,
                       {input(row.shape, row.draw)},
                       [dim, logarithm](const Tensors& in) {
                         const int from_the_end = dim - in[0].rank();
                         return logarithm ? log_softmax(in[0], dim) : softmax(in[0], from_the_end);
                       },
                       [dim, logarithm](const std::vector<Values>& in) {
                         return softmax_reference(in[0], dim, logarithm);
                       },
                       row.shape[dim]});
      // y need not be a softmax of anything for the formula to be checked, but log_softmax's has to be small.
      cases.push_back(
          {logarithm ? "log_softmax_grad" : "softmax_grad",
           row.about,
           {constant(row.shape, logarithm ? uniform(-4, -1) : uniform(0, 1)), constant(row.shape)},
           [dim, logarithm](const Tensors& in) -> Tensor {
             return logarithm ? log_softmax_grad(in[0].data(), in[1].data(), dim)
                              : softmax_grad(in[0].data(), in[1].data(), dim);
           },
           [dim, logarithm](const std::vector<Values>& in) {
             return grad_reference(in[0], in[1], dim, logarithm);
           },
           row.shape[dim]});
    }
    cases.push_back(
        {logarithm ? "log_softmax" : "softmax",
         "minus infinity",
         {constant({3, 4}, numbers({1, -kInf, 2, 0, -1, 3, -kInf, 1, -kInf, -kInf, -kInf, -kInf}))},
         [logarithm](const Tensors& in) { return logarithm ? log_softmax(in[0], 1) : softmax(in[0], 1); },
         [logarithm](const std::vector<Values>& in) { return softmax_reference(in[0], 1, logarithm); },
         4});
  }
  return cases;
}

}  // namespace linnet::checks
