// Cases of joining, cutting, reversing, spreading and padding, and of what chooses or marks elements.
#include <algorithm>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

const std::vector<DType> kAll = {DType::Float32, DType::Float64, DType::Int32,
                                 DType::Int64,   DType::UInt8,   DType::Bool};

Values joined(const std::vector<Values>& parts, int dim) {
  Shape shape = parts[0].shape;
  for (size_t i = 1; i < parts.size(); ++i) shape[dim] += parts[i].shape[dim];
  return build(shape, [&](Dims index) {
    size_t part = 0;
    while (index[dim] >= parts[part].shape[dim]) index[dim] -= parts[part++].shape[dim];
    return element(parts[part], index);
  });
}

Values with_dimension(const Values& x, int dim) {
  Shape shape = x.shape;
  shape.insert(dim, 1);
  return {shape, x.at};
}

void add_concat(OpCases& cases, const std::string& about, const std::vector<Shape>& shapes, int dim) {
  std::vector<OpInput> inputs;
  for (const Shape& shape : shapes) inputs.push_back(input(shape, whole(0, 1)));
  const int axis = dim < 0 ? dim + shapes[0].rank() : dim;
  cases.push_back({"concat", about, inputs, [dim](const Tensors& in) { return concat(in, dim); },
                   [axis](const std::vector<Values>& in) { return joined(in, axis); }, 1, kAll});
}

void add_stack(OpCases& cases, const std::string& about, const Shape& shape, int dim) {
  const int axis = dim < 0 ? dim + shape.rank() + 1 : dim;
  cases.push_back({"stack",
                   about,
                   {input(shape, whole(0, 1)), input(shape, whole(0, 1)), input(shape, whole(0, 1))},
                   [dim](const Tensors& in) {
                     return stack({in[0], in[1], in[2]}, dim);
                   },
                   [axis](const std::vector<Values>& in) {
                     std::vector<Values> layers;
                     for (const Values& x : in) layers.push_back(with_dimension(x, axis));
                     return joined(layers, axis);
                   },
                   1,
                   kAll});
}

/// The last part in front of the first.
void add_split(OpCases& cases, const std::string& about, const Shape& shape, int64_t first, int64_t last,
               const std::function<Tensors(const Tensor&)>& run) {
  cases.push_back({"split",
                   about,
                   {input(shape, whole(0, 1))},
                   [run](const Tensors& in) {
                     const Tensors parts = run(in[0]);
                     return concat({parts.back(), parts.front()}, 1);
                   },
                   [first, last](const std::vector<Values>& in) {
                     Shape both = in[0].shape;
                     const int64_t n = both[1];
                     both[1] = first + last;
                     return build(both, [&](Dims index) {
                       index[1] = index[1] < last ? n - last + index[1] : index[1] - last;
                       return element(in[0], index);
                     });
                   },
                   1,
                   kAll});
}

void add_flip(OpCases& cases, const std::string& about, const Shape& shape, const Dims& dims) {
  cases.push_back({"flip",
                   about,
                   {input(shape, whole(0, 1))},
                   [dims](const Tensors& in) { return flip(in[0], dims); },
                   [dims](const std::vector<Values>& in) {
                     return build(in[0].shape, [&](Dims index) {
                       for (const int64_t dim : dims) {
                         const int i = static_cast<int>(dim < 0 ? dim + index.rank() : dim);
                         index[i] = in[0].shape[i] - 1 - index[i];
                       }
                       return element(in[0], index);
                     });
                   },
                   1,
                   kAll});
}

void add_dilate(OpCases& cases, const std::string& about, const Shape& shape, const Size2& stride) {
  cases.push_back({"dilate",
                   about,
                   {input(shape)},
                   [stride](const Tensors& in) { return dilate(in[0], stride); },
                   [stride](const std::vector<Values>& in) {
                     Shape out = in[0].shape;
                     out[2] = std::max<int64_t>(0, (out[2] - 1) * stride.h + 1);
                     out[3] = std::max<int64_t>(0, (out[3] - 1) * stride.w + 1);
                     Values y = filled(out);
                     for_each_index(in[0].shape, [&](Dims index) {
                       const double x = element(in[0], index);
                       index[2] *= stride.h;
                       index[3] *= stride.w;
                       element(y, index) = x;
                     });
                     return y;
                   }});
}

void add_pad(OpCases& cases, const std::string& about, const Shape& shape, int dim, int64_t before,
             int64_t after, const PadOptions& options, const std::vector<DType>& dtypes = kAll) {
  const int axis = dim < 0 ? dim + shape.rank() : dim;
  cases.push_back({"pad",
                   about + ", " + linnet::name(options.mode),
                   {input(shape, whole(0, 1))},
                   [=](const Tensors& in) { return pad(in[0], dim, before, after, options); },
                   [=](const std::vector<Values>& in) {
                     return bordered(in[0], axis, before, after, options.mode, options.value.to_double());
                   },
                   1,
                   dtypes});
}

void add_pads(OpCases& cases) {
  for (const PaddingMode mode :
       {PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular}) {
    add_pad(cases, "both ends", {2, 4, 3}, 1, 2, 3, {.mode = mode});
    add_pad(cases, "in front", {5}, -1, 4, 0, {.mode = mode});
    add_pad(cases, "behind", {3, 4}, 0, 0, 1, {.mode = mode});
    add_pad(cases, "one cut off, the other added", {3, 5}, 1, -1, 2, {.mode = mode});
    add_pad(cases, "cut off", {3, 5}, 1, -1, -2, {.mode = mode});
    cases.push_back({"pad",
                     std::string("a picture, ") + linnet::name(mode),
                     {input({2, 2, 4, 5}, whole(0, 1))},
                     [mode](const Tensors& in) {
                       return pad(in[0], {1, 2, 0, 3}, {.mode = mode});
                     },
                     [mode](const std::vector<Values>& in) {
                       return bordered(bordered(in[0], 2, 1, 2, mode), 3, 0, 3, mode);
                     },
                     1,
                     kAll});
  }
  add_pad(cases, "a value", {2, 3}, 1, 1, 2, {.value = 7}, {DType::Float32, DType::Float64, DType::Int32});
  add_pad(cases, "nothing to add", {2, 3}, 1, 0, 0, {});
  add_pad(cases, "an empty dimension", {2, 0}, 1, 2, 0, {});
  add_pad(cases, "large", {37, 211}, 1, 50, 70, {.mode = PaddingMode::Reflect});
}

void add_choices(OpCases& cases) {
  const auto one_hot_case = [&](const std::string& about, const Shape& shape, int64_t classes, DType dtype) {
    cases.push_back({"one_hot",
                     about,
                     {constant(shape, whole(0, classes - 1), DType::Int64)},
                     [=](const Tensors& in) { return one_hot(in[0], classes, dtype); },
                     [=](const std::vector<Values>& in) {
                       Shape out = in[0].shape;
                       out.push_back(classes);
                       return build(out, [&](Dims index) {
                         const int64_t label = index[index.rank() - 1];
                         index.erase(index.rank() - 1);
                         return static_cast<int64_t>(element(in[0], index)) == label ? 1 : 0;
                       });
                     }});
  };
  one_hot_case("1-d", {7}, 4, DType::Int64);
  one_hot_case("2-d, floating", {3, 5}, 6, DType::Float32);
  one_hot_case("0-d", {}, 3, DType::Int64);
  const auto clamp_case = [&](const std::string& about, const OpInput& in, double low, double high,
                              const std::vector<DType>& dtypes) {
    cases.push_back({"clamp",
                     about,
                     {in},
                     [=](const Tensors& x) {
                       if (is_floating(x[0].dtype())) return clamp(x[0], low, high);
                       return clamp(x[0], static_cast<int64_t>(low), static_cast<int64_t>(high));
                     },
                     [=](const std::vector<Values>& x) {
                       return map(x[0], [&](double value) { return std::min(std::max(value, low), high); });
                     },
                     1,
                     dtypes});
  };
  clamp_case("both ends", input({5, 7}, uniform(-2, 2)), -0.71, 1.13, {DType::Float32, DType::Float64});
  clamp_case("at the ends", constant({4, 3}, numbers({-1, 0, 1, 2})), 0, 1, {DType::Float32, DType::Float64});
  clamp_case("integers", input({5, 7}, whole(0, 9)), 2, 6, {DType::Int32, DType::Int64, DType::UInt8});
}

}  // namespace

OpCases joining_cases() {
  OpCases cases;
  add_concat(cases, "first dimension", {{2, 3}, {4, 3}, {1, 3}}, 0);
  add_concat(cases, "last dimension", {{2, 3}, {2, 1}}, -1);
  add_concat(cases, "channels", {{2, 3, 4, 5}, {2, 1, 4, 5}}, 1);
  add_concat(cases, "one", {{2, 3}}, 1);
  add_concat(cases, "with nothing", {{2, 3}, {2, 0}, {2, 2}}, 1);
  add_concat(cases, "large", {{203, 97}, {203, 31}}, 1);
  add_stack(cases, "in front", {2, 3}, 0);
  add_stack(cases, "in the middle", {2, 3}, 1);
  add_stack(cases, "last", {2, 3}, -1);
  add_stack(cases, "0-d", {}, 0);
  add_split(cases, "equal parts and a rest", {2, 7}, 3, 1, [](const Tensor& x) { return split(x, 3, 1); });
  add_split(cases, "one part", {2, 3}, 3, 3, [](const Tensor& x) { return split(x, 9, -1); });
  add_split(cases, "sizes", {2, 7, 2}, 2, 4, [](const Tensor& x) { return split(x, {2, 0, 1, 4}, 1); });
  add_flip(cases, "one dimension", {3, 4}, {1});
  add_flip(cases, "two, one from the end", {2, 3, 4, 5}, {2, -1});
  add_flip(cases, "none", {3, 4}, {});
  add_flip(cases, "large", {211, 97}, {0, 1});
  add_dilate(cases, "both", {2, 3, 3, 4}, {2, 3});
  add_dilate(cases, "stride 1", {1, 2, 3, 3}, 1);
  add_dilate(cases, "no rows", {1, 2, 0, 3}, 2);
  add_pads(cases);
  add_choices(cases);
  return cases;
}

}  // namespace linnet::checks
