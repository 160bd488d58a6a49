// Cases of conv2d, conv2d_relu, conv2d_grad_input and conv2d_grad_weight over a table of hard geometries.
// References are the textbook's loops over N, K, P, Q, C, R, S.
#include <linnet/autograd/ops.h>

#include <utility>

#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

struct Row {
  const char* about;
  Shape x, w;
  Conv2dOptions options;
};

std::vector<Row> table() {
  return {
      {"3x3", {2, 3, 5, 6}, {2, 3, 3, 3}, {}},
      {"padding 1", {1, 3, 5, 6}, {2, 3, 3, 3}, {.padding = 1}},
      {"stride 2, a leftover column", {2, 2, 6, 5}, {3, 2, 2, 2}, {.stride = 2}},
      {"stride beyond the kernel", {2, 2, 7, 9}, {3, 2, 2, 3}, {.stride = {3, 4}}},
      {"stride 4 with padding", {1, 2, 9, 8}, {2, 2, 3, 2}, {.stride = {4, 3}, .padding = {1, 0, 2, 1}}},
      {"four paddings", {1, 2, 5, 4}, {3, 2, 3, 3}, {.stride = {2, 1}, .padding = {1, 2, 0, 3}}},
      {"padding beyond the kernel", {1, 2, 3, 4}, {2, 2, 2, 2}, {.padding = {3, 4, 5, 2}}},
      {"padding beyond the kernel, stride 3", {1, 2, 4, 3}, {2, 2, 2, 2}, {.stride = 3, .padding = 4}},
      {"dilation", {1, 2, 7, 8}, {2, 2, 3, 2}, {.dilation = {2, 3}}},
      {"dilation, stride and padding",
       {1, 2, 8, 7},
       {2, 2, 3, 3},
       {.stride = {2, 3}, .padding = 2, .dilation = 2}},
      {"same padding, even kernel", {1, 2, 5, 6}, {2, 2, 2, 4}, {.stride = {2, 1}, .padding = Padding::Same}},
      {"groups", {2, 4, 4, 5}, {6, 2, 3, 2}, {.padding = 1, .groups = 2}},
      {"depthwise", {2, 5, 4, 5}, {5, 1, 3, 3}, {.stride = {1, 2}, .padding = 1, .groups = 5}},
      {"1x1", {2, 3, 4, 5}, {4, 3, 1, 1}, {}},
      {"1x1, stride 2 by 3", {2, 3, 4, 5}, {4, 3, 1, 1}, {.stride = {2, 3}}},
      {"1x1, padding", {1, 3, 3, 4}, {2, 3, 1, 1}, {.padding = {1, 2, 1, 0}}},
      {"kernel larger than the image", {1, 2, 3, 4}, {2, 2, 5, 6}, {.padding = 1}},
      {"kernel as large as the image", {2, 2, 4, 5}, {3, 2, 4, 5}, {}},
      {"one pixel", {1, 1, 1, 1}, {1, 1, 3, 3}, {.padding = 1}},
      {"tall filter", {1, 2, 9, 3}, {2, 2, 5, 1}, {.padding = {2, 0}}},
      {"wide filter", {1, 2, 3, 9}, {2, 2, 1, 5}, {.stride = {1, 2}, .padding = {0, 2}}},
      {"windows that tile", {2, 1, 4, 6}, {5, 1, 2, 2}, {.stride = 2}},
      {"no images", {0, 2, 4, 4}, {3, 2, 3, 3}, {}},
      {"no filters", {2, 2, 4, 4}, {0, 2, 3, 3}, {}},
      {"no channels", {2, 0, 4, 4}, {3, 0, 3, 3}, {}},
      {"large", {3, 17, 13, 11}, {19, 17, 3, 3}, {.padding = 1}},
      {"large, stride 2", {5, 13, 14, 15}, {35, 13, 2, 2}, {.stride = 2, .padding = 1}},
      {"large, groups", {2, 12, 15, 17}, {18, 4, 3, 3}, {.padding = {0, 1, 2, 0}, .groups = 3}},
      {"large, whole vectors", {2, 32, 10, 7}, {16, 32, 3, 3}, {}},
  };
}

/// The algorithms that a row is computed by, but Auto, which Winograd is on small ones.
std::vector<ConvAlgorithm> algorithms_of(const Row& row) {
  std::vector<ConvAlgorithm> algorithms;
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    const bool is_auto = algorithm == ConvAlgorithm::Auto ||
                         (algorithm == ConvAlgorithm::Winograd && (row.x[1] < 16 || row.w[0] < 16));
    if (!is_auto) algorithms.push_back(algorithm);
  }
  return algorithms;
}

/// Calls f(position in x, position in w, position in y) for every product of a convolution. Padding is not
/// visited.
template <class F>
void for_each_product(const Conv2dGeometry& g, const F& f) {
  const int64_t Cg = g.C / g.groups;
  const int64_t Kg = g.K / g.groups;
  for (int64_t n = 0; n < g.N; ++n)
    for (int64_t k = 0; k < g.K; ++k)
      for (int64_t p = 0; p < g.P; ++p)
        for (int64_t q = 0; q < g.Q; ++q)
          for (int64_t c = 0; c < Cg; ++c)
            for (int64_t r = 0; r < g.R; ++r)
              for (int64_t s = 0; s < g.S; ++s) {
                const int64_t h = p * g.stride_h + r * g.dilation_h - g.pad_top;
                const int64_t w = q * g.stride_w + s * g.dilation_w - g.pad_left;
                if (h < 0 || h >= g.H || w < 0 || w >= g.W) continue;
                const int64_t channel = k / Kg * Cg + c;
                f(static_cast<size_t>(((n * g.C + channel) * g.H + h) * g.W + w),
                  static_cast<size_t>(((k * Cg + c) * g.R + r) * g.S + s),
                  static_cast<size_t>(((n * g.K + k) * g.P + p) * g.Q + q));
              }
}

Values rounded(const Shape& shape, const std::vector<long double>& totals) {
  return {shape, {totals.begin(), totals.end()}};
}

std::vector<long double> zeros(const Shape& shape) {
  return std::vector<long double>(static_cast<size_t>(shape.product()));
}

Values forward_reference(const Conv2dGeometry& g, const Values& x, const Values& w, const Values* bias) {
  std::vector<long double> y = zeros(g.output_shape());
  if (bias != nullptr) {
    for (size_t i = 0; i < y.size(); ++i) {
      const auto k = static_cast<int64_t>(i) / (g.P * g.Q) % g.K;
      y[i] = bias->at[static_cast<size_t>(k)];
    }
  }
  for_each_product(g, [&](size_t at_x, size_t at_w, size_t at_y) {
    y[at_y] += static_cast<long double>(x.at[at_x]) * w.at[at_w];
  });
  return rounded(g.output_shape(), y);
}

Values permuted(const Values& x, const Dims& order) {
  Shape shape = x.shape;
  for (int i = 0; i < shape.rank(); ++i) shape[i] = x.shape[static_cast<int>(order[i])];
  return build(shape, [&](const Dims& index) {
    Dims from = index;
    for (int i = 0; i < shape.rank(); ++i) from[static_cast<int>(order[i])] = index[i];
    return element(x, from);
  });
}

/// In the order of NHWC: (N, H, W, C) and (R, S, C / groups, K).
Shape permuted(const Shape& shape, const Dims& order) {
  Shape result = shape;
  for (int i = 0; i < shape.rank(); ++i) result[i] = shape[static_cast<int>(order[i])];
  return result;
}

int64_t terms_of(const Conv2dGeometry& g) {
  return g.channels_per_group() * g.R * g.S + 1;
}

OpCase forward_case(const Row& row, const std::string& about, ConvAlgorithm algorithm, bool bias) {
  Conv2dOptions options = row.options;
  options.algorithm = algorithm;
  const Conv2dGeometry g = Conv2dGeometry::make(row.x, row.w, options);
  std::vector<OpInput> inputs = {input(row.x), input(row.w)};
  if (bias) inputs.push_back(input({row.w[0]}));
  return {"conv2d",
          about,
          inputs,
          [options, bias](const Tensors& in) {
            return bias ? conv2d(in[0], in[1], in[2], options) : conv2d(in[0], in[1], options);
          },
          [g, bias](const std::vector<Values>& in) {
            return forward_reference(g, in[0], in[1], bias ? &in[2] : nullptr);
          },
          terms_of(g)};
}

OpCase nhwc_case(const Row& row, const std::string& about) {
  Conv2dOptions options = row.options;
  const Conv2dGeometry g = Conv2dGeometry::make(row.x, row.w, options);
  options.layout = linnet::Layout::NHWC;
  return {"conv2d",
          about,
          {input(permuted(row.x, {0, 2, 3, 1})), input(permuted(row.w, {2, 3, 1, 0})), input({row.w[0]})},
          [options](const Tensors& in) { return conv2d(in[0], in[1], in[2], options); },
          [g](const std::vector<Values>& in) {
            return permuted(
                forward_reference(g, permuted(in[0], {0, 3, 1, 2}), permuted(in[1], {3, 2, 0, 1}), &in[2]),
                {0, 2, 3, 1});
          },
          terms_of(g)};
}

OpCase grad_input_case(const Row& row, const std::string& about, ConvAlgorithm algorithm) {
  Conv2dOptions options = row.options;
  options.algorithm = algorithm;
  const Conv2dGeometry g = Conv2dGeometry::make(row.x, row.w, options);
  return {"conv2d_grad_input",
          about,
          {input(g.output_shape()), input(row.w)},
          [g](const Tensors& in) { return conv2d_grad_input(in[0], in[1], g); },
          [g](const std::vector<Values>& in) {
            std::vector<long double> gx = zeros(g.input_shape());
            for_each_product(g, [&](size_t at_x, size_t at_w, size_t at_y) {
              gx[at_x] += static_cast<long double>(in[0].at[at_y]) * in[1].at[at_w];
            });
            return rounded(g.input_shape(), gx);
          },
          g.filters_per_group() * g.R * g.S};
}

OpCase grad_weight_case(const Row& row, const std::string& about, ConvAlgorithm algorithm) {
  Conv2dOptions options = row.options;
  options.algorithm = algorithm;
  const Conv2dGeometry g = Conv2dGeometry::make(row.x, row.w, options);
  return {"conv2d_grad_weight",
          about,
          {input(row.x), input(g.output_shape())},
          [g](const Tensors& in) { return conv2d_grad_weight(in[0], in[1], g); },
          [g](const std::vector<Values>& in) {
            std::vector<long double> gw = zeros(g.filter_shape());
            for_each_product(g, [&](size_t at_x, size_t at_w, size_t at_y) {
              gw[at_w] += static_cast<long double>(in[0].at[at_x]) * in[1].at[at_y];
            });
            return rounded(g.filter_shape(), gw);
          },
          g.N * g.P * g.Q};
}

/// The input gradient of a row's convolution as a layer: the rows that the stride leaves over are its output
/// padding.
OpCase transposed_case(const Row& row, bool bias) {
  const Conv2dGeometry g = Conv2dGeometry::make(row.x, row.w, row.options);
  const ConvTranspose2dOptions options = {.stride = row.options.stride,
                                          .padding = {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right},
                                          .output_padding = {g.leftover_h(), g.leftover_w()},
                                          .dilation = row.options.dilation,
                                          .groups = row.options.groups};
  std::vector<OpInput> inputs = {input(g.output_shape()), input(row.w)};
  if (bias) inputs.push_back(input({g.C}));
  return {"conv_transpose2d",
          std::string(row.about) + (bias ? "" : ", no bias"),
          inputs,
          [options, bias](const Tensors& in) {
            return conv_transpose2d(in[0], in[1], bias ? in[2] : Tensor(), options);
          },
          [g, bias](const std::vector<Values>& in) {
            std::vector<long double> y = zeros(g.input_shape());
            for (size_t i = 0; bias && i < y.size(); ++i) {
              y[i] = in[2].at[static_cast<size_t>(static_cast<int64_t>(i) / (g.H * g.W) % g.C)];
            }
            for_each_product(g, [&](size_t at_x, size_t at_w, size_t at_y) {
              y[at_x] += static_cast<long double>(in[0].at[at_y]) * in[1].at[at_w];
            });
            return rounded(g.input_shape(), y);
          },
          g.filters_per_group() * g.R * g.S + 1};
}

/// A convolution of a picture that is padded otherwise than with zeros.
OpCase padding_mode_case(const std::string& about, const Shape& x, const Shape& w, Conv2dOptions options) {
  const Conv2dGeometry whole = Conv2dGeometry::make(x, w, options);
  Shape padded = x;
  padded[2] += whole.pad_top + whole.pad_bottom;
  padded[3] += whole.pad_left + whole.pad_right;
  Conv2dOptions bare = options;
  bare.padding = 0;
  const Conv2dGeometry g = Conv2dGeometry::make(padded, w, bare);
  return {"conv2d",
          about,
          {input(x), input(w), input({w[0]})},
          [options](const Tensors& in) { return conv2d(in[0], in[1], in[2], options); },
          [whole, g, mode = options.padding_mode](const std::vector<Values>& in) {
            const Values rows = bordered(in[0], 2, whole.pad_top, whole.pad_bottom, mode);
            return forward_reference(g, bordered(rows, 3, whole.pad_left, whole.pad_right, mode), in[1],
                                     &in[2]);
          },
          terms_of(g)};
}

/// Sums of products of whole numbers with a bias of halves, or of an odd number of products of odd ones: no
/// result comes near 0, where ReLU has no gradient.
Draw shifted_whole(double factor, double shift) {
  return [factor, shift](Generator& generator, int64_t count) {
    std::vector<double> values = whole(-2, 3)(generator, count);
    for (double& value : values) value = factor * value + shift;
    return values;
  };
}

/// A case of conv2d with ReLU behind it.
OpCase relu_case(OpCase convolution, const Conv2dOptions& options) {
  OpCase op = std::move(convolution);
  const bool bias = op.inputs.size() == 3;
  op.op = "conv2d_relu";
  op.inputs[0].draw = op.inputs[1].draw = bias ? shifted_whole(1, 0) : shifted_whole(2, 1);
  if (bias) op.inputs[2].draw = shifted_whole(2, 0.5);
  op.run = [options, bias](const Tensors& in) {
    return bias ? conv2d_relu(in[0], in[1], in[2], options) : conv2d_relu(in[0], in[1], options);
  };
  op.reference = [of = std::move(op.reference)](const std::vector<Values>& in) {
    Values y = of(in);
    for (double& value : y.at) value = value < 0 ? 0 : value;
    return y;
  };
  return op;
}

std::vector<OpCase> relu_cases() {
  const std::vector<Row> rows = table();
  const auto plain = [&](const Row& row, ConvAlgorithm algorithm, bool bias) {
    const std::string by =
        algorithm == ConvAlgorithm::Auto ? "" : std::string(", ") + linnet::name(algorithm);
    Conv2dOptions options = row.options;
    options.algorithm = algorithm;
    return relu_case(forward_case(row, row.about + by + (bias ? "" : ", no bias"), algorithm, bias), options);
  };
  std::vector<OpCase> cases;
  for (const Row& row : rows) cases.push_back(plain(row, ConvAlgorithm::Auto, true));
  cases.push_back(plain(rows[0], ConvAlgorithm::Auto, false));  // 27 products, and no padding
  for (const ConvAlgorithm algorithm : algorithms_of(rows[0])) {
    cases.push_back(plain(rows[0], algorithm, false));
  }
  for (const size_t i : {4U, 11U, 27U, 28U}) {
    for (const ConvAlgorithm algorithm : algorithms_of(rows[i])) {
      cases.push_back(plain(rows[i], algorithm, true));
    }
  }
  for (const size_t i : {9U, 11U, 25U}) {
    Conv2dOptions options = rows[i].options;
    options.layout = linnet::Layout::NHWC;
    cases.push_back(relu_case(nhwc_case(rows[i], rows[i].about + std::string(", NHWC")), options));
  }
  const Conv2dOptions options = {
      .stride = {2, 1}, .padding = {1, 2, 0, 3}, .padding_mode = PaddingMode::Reflect};
  cases.push_back(
      relu_case(padding_mode_case("reflect padding", {2, 2, 4, 5}, {2, 2, 3, 3}, options), options));
  return cases;
}

}  // namespace

OpCases conv_cases() {
  OpCases cases;
  for (const PaddingMode mode : {PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular}) {
    const std::string by = std::string(linnet::name(mode)) + " padding";
    cases.push_back(padding_mode_case(by, {2, 2, 4, 5}, {2, 2, 3, 3},
                                      {.stride = {2, 1}, .padding = {1, 2, 0, 3}, .padding_mode = mode}));
    cases.push_back(padding_mode_case(by + ", same", {1, 2, 5, 6}, {2, 2, 2, 4},
                                      {.padding = Padding::Same, .padding_mode = mode}));
  }
  for (const Row& row : table()) cases.push_back(transposed_case(row, true));
  cases.push_back(transposed_case(table()[5], false));
  for (OpCase& op : relu_cases()) cases.push_back(std::move(op));
  for (const Row& row : table()) {
    const std::string about = row.about;
    cases.push_back(forward_case(row, about, ConvAlgorithm::Auto, true));
    cases.push_back(forward_case(row, about + ", no bias", ConvAlgorithm::Auto, false));
    cases.push_back(nhwc_case(row, about + ", NHWC"));
    cases.push_back(grad_input_case(row, about, ConvAlgorithm::Auto));
    cases.push_back(grad_weight_case(row, about, ConvAlgorithm::Auto));
    for (const ConvAlgorithm algorithm : algorithms_of(row)) {
      const std::string by = about + ", " + linnet::name(algorithm);
      cases.push_back(forward_case(row, by, algorithm, true));
      cases.push_back(grad_input_case(row, by, algorithm));
      cases.push_back(grad_weight_case(row, by, algorithm));
    }
  }
  return cases;
}

}  // namespace linnet::checks
