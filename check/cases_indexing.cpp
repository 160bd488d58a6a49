// Cases of gather, scatter_add and unslice.
#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

const std::vector<DType> kFloating = {DType::Float32, DType::Float64};
const std::vector<DType> kIntegers = {DType::Int32, DType::Int64, DType::UInt8};

int axis_of(int dim, const Shape& shape) {
  return dim < 0 ? dim + shape.rank() : dim;
}

/// Where `index` of the index array points in the array it indexes.
Dims pointed(const Values& indices, Dims index, int axis) {
  const auto target = static_cast<int64_t>(element(indices, index));
  index[axis] = target;
  return index;
}

void add_gather(OpCases& cases, const std::string& about, const Shape& x, int dim, int64_t count,
                const std::vector<DType>& dtypes = kFloating) {
  const int axis = axis_of(dim, x);
  Shape index = x;
  index[axis] = count;
  cases.push_back({"gather",
                   about,
                   {input(x, whole(0, 200)), constant(index, whole(0, x[axis] - 1), DType::Int64)},
                   [dim](const Tensors& in) { return gather(in[0], dim, in[1]); },
                   [axis](const std::vector<Values>& in) {
                     return build(in[1].shape,
                                  [&](const Dims& at) { return element(in[0], pointed(in[1], at, axis)); });
                   },
                   1,
                   dtypes});
}

void add_scatter(OpCases& cases, const std::string& about, const Shape& shape, int dim, int64_t count,
                 const std::vector<DType>& dtypes = kFloating) {
  const int axis = axis_of(dim, shape);
  Shape index = shape;
  index[axis] = count;
  const bool integers = !is_floating(dtypes[0]);
  cases.push_back({"scatter_add",
                   about,
                   {constant(index, whole(0, shape[axis] - 1), DType::Int64),
                    input(index, integers ? whole(0, 9) : uniform())},
                   [shape, dim](const Tensors& in) { return scatter_add(shape, dim, in[0], in[1]); },
                   [shape, axis](const std::vector<Values>& in) {
                     Values out = filled(shape);
                     for_each_index(in[0].shape, [&](const Dims& at) {
                       element(out, pointed(in[0], at, axis)) += element(in[1], at);
                     });
                     return out;
                   },
                   count,
                   dtypes});
}

void add_unslice(OpCases& cases, const std::string& about, const Shape& shape, int dim, int64_t start,
                 int64_t extent, int64_t stop, int64_t step, const std::vector<DType>& dtypes = kFloating) {
  const int axis = axis_of(dim, shape);
  const int64_t first = start < 0 ? start + shape[axis] : start;
  Shape x = shape;
  x[axis] = extent;
  cases.push_back({"unslice",
                   about,
                   {input(x, whole(0, 99))},
                   [=](const Tensors& in) { return unslice(in[0], shape, dim, start, stop, step); },
                   [=](const std::vector<Values>& in) {
                     Values out = filled(shape);
                     for_each_index(in[0].shape, [&](const Dims& at) {
                       Dims target = at;
                       target[axis] = first + step * at[axis];
                       element(out, target) = element(in[0], at);
                     });
                     return out;
                   },
                   1,
                   dtypes});
}

}  // namespace

OpCases indexing_cases() {
  OpCases cases;
  add_gather(cases, "1-d", {7}, 0, 12);
  add_gather(cases, "first dimension", {4, 3, 5}, 0, 6);
  add_gather(cases, "last dimension, one each", {6, 5}, -1, 1);
  add_gather(cases, "middle dimension", {2, 5, 3}, 1, 4);
  add_gather(cases, "no index", {3, 4}, 1, 0);
  add_gather(cases, "integers", {3, 4}, 0, 5, kIntegers);
  add_gather(cases, "large", {301, 67}, 1, 131);
  add_scatter(cases, "1-d, repeated targets", {5}, 0, 19);
  add_scatter(cases, "first dimension", {4, 3, 5}, 0, 6);
  add_scatter(cases, "last dimension, one each", {6, 5}, -1, 1);
  add_scatter(cases, "nothing to add", {3, 4}, 1, 0);
  add_scatter(cases, "integers", {3, 4}, 0, 7, kIntegers);
  add_scatter(cases, "large", {301, 67}, 1, 131);
  add_unslice(cases, "front", {5, 4}, 0, 0, 2, 2, 1);
  add_unslice(cases, "steps that leave a remainder", {3, 8}, 1, 1, 3, 8, 3);
  add_unslice(cases, "from the end", {3, 8}, -1, -3, 2, -1, 1);
  add_unslice(cases, "nothing", {3, 4}, 0, 2, 0, 2, 1);
  add_unslice(cases, "integers", {3, 4, 2}, 1, 1, 2, 4, 2, kIntegers);
  return cases;
}

}  // namespace linnet::checks
