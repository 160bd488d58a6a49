// Cases of matmul and linear.
#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

Values matmul_reference(Values a, Values b) {
  const bool row = a.shape.rank() == 1;
  const bool column = b.shape.rank() == 1;
  if (row) a.shape.insert(0, 1);
  if (column) b.shape.push_back(1);
  const int ra = a.shape.rank();
  const int rb = b.shape.rank();
  Shape batch_a;
  Shape batch_b;
  for (int i = 0; i + 2 < ra; ++i) batch_a.push_back(a.shape[i]);
  for (int i = 0; i + 2 < rb; ++i) batch_b.push_back(b.shape[i]);
  Shape shape = broadcast_shape(batch_a, batch_b);
  const int batch_rank = shape.rank();
  shape.push_back(a.shape[ra - 2]);
  shape.push_back(b.shape[rb - 1]);
  Values c = build(shape, [&](const Dims& index) {
    Dims at_a = index;
    Dims at_b = index;
    long double total = 0;
    for (int64_t k = 0; k < a.shape[ra - 1]; ++k) {
      at_a[batch_rank + 1] = k;
      at_b[batch_rank] = k;
      total += static_cast<long double>(broadcast_element(a, at_a)) * broadcast_element(b, at_b);
    }
    return total;
  });
  if (column) c.shape.erase(c.shape.rank() - 1);
  if (row) c.shape.erase(c.shape.rank() - (column ? 1 : 2));
  return c;
}

void add_matmul(OpCases& cases, const std::string& about, const Shape& a, const Shape& b) {
  cases.push_back({"matmul",
                   about,
                   {input(a), input(b)},
                   [](const Tensors& in) { return matmul(in[0], in[1]); },
                   [](const std::vector<Values>& in) { return matmul_reference(in[0], in[1]); },
                   a.back()});
}

void add_linear(OpCases& cases, const std::string& about, const Shape& x, int64_t out, bool bias) {
  std::vector<OpInput> inputs = {input(x), input({out, x.back()})};
  if (bias) inputs.push_back(input({out}));
  cases.push_back({"linear", about, inputs,
                   [bias](const Tensors& in) { return linear(in[0], in[1], bias ? in[2] : Tensor()); },
                   [bias](const std::vector<Values>& in) {
                     Shape shape = in[0].shape;
                     shape[shape.rank() - 1] = in[1].shape[0];
                     return build(shape, [&](const Dims& index) {
                       const int64_t k = index.back();
                       long double total = bias ? in[2].at[static_cast<size_t>(k)] : 0;
                       Dims at = index;
                       for (int64_t c = 0; c < in[1].shape[1]; ++c) {
                         at[at.rank() - 1] = c;
                         total += static_cast<long double>(element(in[0], at)) * element(in[1], Dims{k, c});
                       }
                       return total;
                     });
                   },
                   x.back() + 1});
}

}  // namespace

OpCases linalg_cases() {
  OpCases cases;
  add_matmul(cases, "2-d", {3, 4}, {4, 5});
  add_matmul(cases, "row by matrix", {4}, {4, 5});
  add_matmul(cases, "matrix by column", {3, 4}, {4});
  add_matmul(cases, "row by column", {7}, {7});
  add_matmul(cases, "batches by matrix", {2, 3, 4}, {4, 5});
  add_matmul(cases, "batches by column", {2, 3, 4}, {4});
  add_matmul(cases, "row by batches", {4}, {2, 4, 3});
  add_matmul(cases, "batches broadcast", {2, 1, 3, 4}, {3, 4, 2});
  add_matmul(cases, "matrix by batches", {3, 4}, {2, 4, 2});
  add_matmul(cases, "outer product", {5, 1}, {1, 6});
  add_matmul(cases, "nothing to sum", {3, 0}, {0, 2});
  add_matmul(cases, "no rows", {0, 4}, {4, 3});
  add_matmul(cases, "no batches", {0, 2, 3}, {3, 2});
  add_matmul(cases, "no multiple of any block", {67, 129}, {129, 35});
  add_matmul(cases, "long sums", {5, 1031}, {1031, 9});
  add_matmul(cases, "tall", {517, 9}, {9, 17});
  add_matmul(cases, "wide batches", {3, 17, 19}, {3, 19, 131});
  add_linear(cases, "bias", {3, 4}, 5, true);
  add_linear(cases, "no bias", {3, 4}, 5, false);
  add_linear(cases, "1-d", {4}, 3, true);
  add_linear(cases, "3-d", {2, 3, 4}, 5, true);
  add_linear(cases, "no rows", {0, 4}, 5, true);
  add_linear(cases, "no inputs", {2, 0}, 3, true);
  add_linear(cases, "large", {33, 257}, 65, true);
  return cases;
}

}  // namespace linnet::checks
