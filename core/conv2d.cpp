// Conv2dGeometry: resolving options against shapes, and the quantities derived from them.
#include <linnet/core/conv2d.h>

#include <algorithm>

#include "core/fail.h"

namespace linnet {
namespace {

constexpr const char* kFormula =
    "output = floor((input + padding - dilation * (kernel - 1) - 1) / stride) + 1";

/// One direction: padding before and after, and the output's extent.
struct Axis {
  int64_t before;
  int64_t after;
  int64_t output;
};

Axis resolve(const char* where, char direction, const Shape& input, const Shape& filters, int64_t extent,
             int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after, bool same) {
  const int64_t span = dilation * (kernel - 1) + 1;
  if (same) {
    const int64_t output = extent / stride + (extent % stride == 0 ? 0 : 1);
    const int64_t total = std::max<int64_t>((output - 1) * stride + span - extent, 0);
    before = total / 2;
    after = total - before;
  }
  const int64_t room = extent + before + after - span;
  check(room >= 0, where,
        "input {} and filters {}: in {} the filter spans {} (kernel {}, dilation {}), the padded image {} "
        "({} + {} + {}); "
        "expected the filter to fit; {}",
        input, filters, direction == 'h' ? "height" : "width", span, kernel, dilation,
        extent + before + after, extent, before, after, kFormula);
  return {before, after, room / stride + 1};
}

}  // namespace

std::span<const ConvAlgorithm> conv_algorithms() {
  static constexpr ConvAlgorithm kAll[] = {
      ConvAlgorithm::Auto,       ConvAlgorithm::Direct,  ConvAlgorithm::Im2col,     ConvAlgorithm::Implicit,
      ConvAlgorithm::Winograd,   ConvAlgorithm::Shifted, ConvAlgorithm::Im2colView, ConvAlgorithm::Einsum,
      ConvAlgorithm::DilateFlip, ConvAlgorithm::Phases};
  return kAll;
}

ConvAlgorithm conv_algorithm(const std::string& word) {
  std::string names;
  for (const ConvAlgorithm algorithm : conv_algorithms()) {
    if (word == name(algorithm)) return algorithm;
    names += (names.empty() ? "" : ", ") + std::string(name(algorithm));
  }
  fail("conv_algorithm", "there is no algorithm '{}'; there are {}", word, names);
}

const char* name(ConvAlgorithm algorithm) {
  switch (algorithm) {
    case ConvAlgorithm::Auto:
      return "auto";
    case ConvAlgorithm::Direct:
      return "direct";
    case ConvAlgorithm::Im2col:
      return "im2col";
    case ConvAlgorithm::Implicit:
      return "implicit";
    case ConvAlgorithm::Winograd:
      return "winograd";
    case ConvAlgorithm::Shifted:
      return "shifted";
    case ConvAlgorithm::Im2colView:
      return "im2col_view";
    case ConvAlgorithm::Einsum:
      return "einsum";
    case ConvAlgorithm::DilateFlip:
      return "dilate_flip";
    case ConvAlgorithm::Phases:
      return "phases";
  }
  return "unknown";
}

const char* name(PaddingMode mode) {
  switch (mode) {
    case PaddingMode::Zeros:
      return "zeros";
    case PaddingMode::Reflect:
      return "reflect";
    case PaddingMode::Replicate:
      return "replicate";
    case PaddingMode::Circular:
      return "circular";
  }
  return "unknown";
}

Conv2dGeometry Conv2dGeometry::make(const Shape& input, const Shape& filters, const Conv2dOptions& options,
                                    const char* where) {
  check(input.rank() == 4 && filters.rank() == 4, where,
        "input {}, filters {}; expected input (N, C, H, W) and filters (K, C / groups, R, S)", input,
        filters);
  Conv2dGeometry g{};
  g.N = input[0], g.C = input[1], g.H = input[2], g.W = input[3];
  g.K = filters[0], g.R = filters[2], g.S = filters[3];
  g.stride_h = options.stride.h, g.stride_w = options.stride.w;
  g.dilation_h = options.dilation.h, g.dilation_w = options.dilation.w;
  g.groups = options.groups;
  g.algorithm = options.algorithm;
  check(g.stride_h >= 1 && g.stride_w >= 1, where, "stride {}x{}; expected at least 1", g.stride_h,
        g.stride_w);
  check(g.dilation_h >= 1 && g.dilation_w >= 1, where, "dilation {}x{}; expected at least 1", g.dilation_h,
        g.dilation_w);
  const Padding& p = options.padding;
  check(p.top >= 0 && p.bottom >= 0 && p.left >= 0 && p.right >= 0, where,
        "padding {}, {}, {}, {} (top, bottom, left, right); expected at least 0", p.top, p.bottom, p.left,
        p.right);
  check(g.R >= 1 && g.S >= 1, where, "filters {} have a kernel of {}x{}; expected at least 1x1", filters, g.R,
        g.S);
  check(options.kernel == Size2(0) || options.kernel == Size2(g.R, g.S), where,
        "the options say kernel {}x{}, filters {} have {}x{}; leave the option out or make them equal",
        options.kernel.h, options.kernel.w, filters, g.R, g.S);
  check(g.groups >= 1 && g.C % g.groups == 0 && g.K % g.groups == 0, where,
        "groups {} for input {} and filters {}; expected a divisor of the {} channels and of the {} filters",
        g.groups, input, filters, g.C, g.K);
  check(filters[1] * g.groups == g.C, where,
        "input {} has {} channels, filters {} with groups={} read {}; expected C = groups * filters.size(1)",
        input, g.C, filters, g.groups, filters[1] * g.groups);
  const Axis h =
      resolve(where, 'h', input, filters, g.H, g.R, g.stride_h, g.dilation_h, p.top, p.bottom, p.same);
  const Axis w =
      resolve(where, 'w', input, filters, g.W, g.S, g.stride_w, g.dilation_w, p.left, p.right, p.same);
  g.pad_top = h.before, g.pad_bottom = h.after, g.P = h.output;
  g.pad_left = w.before, g.pad_right = w.after, g.Q = w.output;
  return g;
}

int64_t Conv2dGeometry::leftover_h() const {
  return (H + pad_top + pad_bottom - span_h()) % stride_h;
}
int64_t Conv2dGeometry::leftover_w() const {
  return (W + pad_left + pad_right - span_w()) % stride_w;
}

Padding Conv2dGeometry::full_padding() const {
  return {span_h() - 1 - pad_top, span_h() - 1 - pad_bottom + leftover_h(), span_w() - 1 - pad_left,
          span_w() - 1 - pad_right + leftover_w()};
}

bool Conv2dGeometry::windows_tile() const {
  return stride_h == R && stride_w == S && dilation_h == 1 && dilation_w == 1;
}

int64_t Conv2dGeometry::multiply_adds() const {
  return N * K * P * Q * channels_per_group() * R * S;
}

std::string Conv2dGeometry::describe() const {
  return format_text(
      "conv2d of input {} with filters {}, stride {}x{}, padding {},{},{},{} (top, bottom, left, right), "
      "dilation {}x{}, "
      "groups {}, giving {}",
      input_shape(), filter_shape(), stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right, dilation_h,
      dilation_w, groups, output_shape());
}

}  // namespace linnet
