// Cases of pooling and upsampling, and of the gradients that are operators. References go through every tap
// of every window by the definition, and gradients through the same taps.
#include <cmath>
#include <functional>
#include <limits>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

/// An element of a plane and what it weighs in a result.
struct Tap {
  int64_t at;
  double weight;
};
/// The taps of one result along an axis, in order. Those of padding have no place: at is -1.
using Taps = std::vector<Tap>;
using AxisTaps = std::function<Taps(int64_t p)>;

struct Planes {
  Shape input, output;
  AxisTaps down, across;
};

// ---- taps by the definitions

/// PyTorch's formula for the number of windows, by counting: with ceil_mode windows may be cut at the end,
/// but start in the image or the padding before it.
int64_t count_windows(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                      bool ceil_mode) {
  const int64_t span = dilation * (kernel - 1) + 1;
  int64_t count = 0;
  for (int64_t start = -padding;; start += stride, ++count) {
    if (start + span <= in + padding) continue;
    const bool cut = ceil_mode && start < in && start - stride + span < in + padding;
    return count + (cut ? 1 : 0);
  }
}

AxisTaps window_taps(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  return [=](int64_t p) {
    Taps taps;
    for (int64_t r = 0; r < kernel; ++r) {
      const int64_t at = p * stride - padding + r * dilation;
      if (at < in + padding) taps.push_back({at >= 0 && at < in ? at : -1, 1});
    }
    return taps;
  };
}

Planes window_planes(const Shape& x, const Pool2dOptions& o) {
  const Size2 stride = o.stride == Size2(0) ? o.kernel : o.stride;
  const int64_t P = count_windows(x[2], o.kernel.h, stride.h, o.padding.h, o.dilation.h, o.ceil_mode);
  const int64_t Q = count_windows(x[3], o.kernel.w, stride.w, o.padding.w, o.dilation.w, o.ceil_mode);
  return {x,
          {x[0], x[1], P, Q},
          window_taps(x[2], o.kernel.h, stride.h, o.padding.h, o.dilation.h),
          window_taps(x[3], o.kernel.w, stride.w, o.padding.w, o.dilation.w)};
}

AxisTaps adaptive_taps(int64_t in, int64_t out) {
  return [=](int64_t p) {
    Taps taps;
    for (int64_t i = 0; i < in; ++i) {
      // i lies in [floor(p in / out), ceil((p + 1) in / out))
      if ((i + 1) * out > p * in && i * out < (p + 1) * in) taps.push_back({i, 1});
    }
    return taps;
  };
}

Planes adaptive_planes(const Shape& x, Size2 size) {
  return {x, {x[0], x[1], size.h, size.w}, adaptive_taps(x[2], size.h), adaptive_taps(x[3], size.w)};
}

/// `factor` 0: by the sizes.
AxisTaps upsample_taps(int64_t in, int64_t out, double factor, UpsampleMode mode, bool align_corners) {
  return [=](int64_t p) -> Taps {
    const long double step = factor > 0 ? 1 / static_cast<long double>(factor)
                                        : static_cast<long double>(in) / static_cast<long double>(out);
    if (mode == UpsampleMode::Nearest) {
      return {{static_cast<int64_t>(std::floor(static_cast<long double>(p) * step + 1e-15L)), 1}};
    }
    long double at = (static_cast<long double>(p) + 0.5L) * step - 0.5L;
    if (align_corners) {
      at = out > 1 ? static_cast<long double>(p * (in - 1)) / static_cast<long double>(out - 1) : 0;
    }
    at = at < 0 ? 0 : at;
    const auto low = std::min(static_cast<int64_t>(std::floor(at)), in - 1);
    if (low == in - 1) return {{low, 1}};
    const long double beyond = at - static_cast<long double>(low);
    return {{low, static_cast<double>(1 - beyond)}, {low + 1, static_cast<double>(beyond)}};
  };
}

Planes upsample_planes(const Shape& x, const UpsampleOptions& o) {
  const bool by_size = o.size != Size2(0);
  const auto scaled = [](int64_t in, double factor) {
    return static_cast<int64_t>(std::floor(static_cast<double>(in) * factor));
  };
  const int64_t P = by_size ? o.size.h : scaled(x[2], o.scale_factor.h);
  const int64_t Q = by_size ? o.size.w : scaled(x[3], o.scale_factor.w);
  return {x,
          {x[0], x[1], P, Q},
          upsample_taps(x[2], P, by_size ? 0 : o.scale_factor.h, o.mode, o.align_corners),
          upsample_taps(x[3], Q, by_size ? 0 : o.scale_factor.w, o.mode, o.align_corners)};
}

// ---- results by walking taps

/// Position in x of a plane's first element, by an index of the result.
size_t plane_of(const Planes& planes, const Dims& index) {
  return static_cast<size_t>((index[0] * planes.input[1] + index[1]) * planes.input[2] * planes.input[3]);
}

/// Positions of the largest elements; of NaN the last.
Values largest_places(const Planes& planes, const Values& x) {
  return build(planes.output, [&](const Dims& index) {
    int64_t best = -1;
    double most = 0;
    for (const Tap& h : planes.down(index[2])) {
      for (const Tap& w : planes.across(index[3])) {
        if (h.at < 0 || w.at < 0) continue;
        const int64_t place = h.at * planes.input[3] + w.at;
        const double value = x.at[plane_of(planes, index) + static_cast<size_t>(place)];
        if (best >= 0 && !(value > most) && !std::isnan(value)) continue;
        best = place;
        most = value;
      }
    }
    return best;
  });
}

Values largest(const Planes& planes, const Values& x) {
  const Values places = largest_places(planes, x);
  return build(planes.output, [&](const Dims& index) {
    return x.at[plane_of(planes, index) + static_cast<size_t>(element(places, index))];
  });
}

/// What a window's sum is divided by, given its taps.
using Divisor = std::function<double(const Taps& down, const Taps& across)>;

/// Calls f(position in x, index of the result, weight) for every tap that is an element.
template <class F>
void for_each_tap(const Planes& planes, const Divisor& divisor, const F& f) {
  for_each_index(planes.output, [&](const Dims& index) {
    const Taps down = planes.down(index[2]), across = planes.across(index[3]);
    const long double by = divisor(down, across);
    for (const Tap& h : down) {
      for (const Tap& w : across) {
        if (h.at < 0 || w.at < 0) continue;
        const auto place = static_cast<size_t>(h.at * planes.input[3] + w.at);
        f(plane_of(planes, index) + place, index, static_cast<long double>(h.weight) * w.weight / by);
      }
    }
  });
}

Values averages(const Planes& planes, const Divisor& divisor, const Values& x) {
  std::vector<long double> sums(static_cast<size_t>(planes.output.product()));
  for_each_tap(planes, divisor, [&](size_t at, const Dims& index, long double weight) {
    sums[position(planes.output, index)] += weight * x.at[at];
  });
  return {planes.output, {sums.begin(), sums.end()}};
}

Values average_gradients(const Planes& planes, const Divisor& divisor, const Values& gy) {
  std::vector<long double> sums(static_cast<size_t>(planes.input.product()));
  for_each_tap(planes, divisor, [&](size_t at, const Dims& index, long double weight) {
    sums[at] += weight * element(gy, index);
  });
  return {planes.input, {sums.begin(), sums.end()}};
}

Divisor divisor_of(const Pool2dOptions& options) {
  return [options](const Taps& down, const Taps& across) {
    if (options.divisor_override != 0) return static_cast<double>(options.divisor_override);
    int64_t h = 0, w = 0;
    for (const Tap& tap : down) h += tap.at >= 0 || options.count_include_pad ? 1 : 0;
    for (const Tap& tap : across) w += tap.at >= 0 || options.count_include_pad ? 1 : 0;
    return static_cast<double>(h * w);
  };
}
const Divisor kNumberOfTaps = divisor_of({});
const Divisor kOne = [](const Taps&, const Taps&) { return 1.0; };

// ---- maxima

void add_max(OpCases& cases, const std::string& about, const OpInput& x, const Pool2dOptions& options) {
  const Planes planes = window_planes(x.shape, options);
  cases.push_back({"max_pool2d",
                   about,
                   {x},
                   [options](const Tensors& in) { return max_pool2d(in[0], options); },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  cases.push_back({"max_pool2d_with_indices",
                   about,
                   {x},
                   [options](const Tensors& in) { return max_pool2d_with_indices(in[0], options).values; },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  OpInput still = x;
  still.differentiable = false;
  cases.push_back({"max_pool2d",
                   about + ", no gradient",
                   {still},
                   [options](const Tensors& in) { return max_pool2d(in[0], options); },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  cases.push_back({"max_pool2d_with_indices",
                   about + ", indices",
                   {still},
                   [options](const Tensors& in) { return max_pool2d_with_indices(in[0], options).indices; },
                   [planes](const std::vector<Values>& in) { return largest_places(planes, in[0]); }});
}

void add_adaptive_max(OpCases& cases, const std::string& about, const OpInput& x, Size2 size) {
  const Planes planes = adaptive_planes(x.shape, size);
  cases.push_back({"adaptive_max_pool2d",
                   about,
                   {x},
                   [size](const Tensors& in) { return adaptive_max_pool2d(in[0], size); },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  OpInput still = x;
  still.differentiable = false;
  cases.push_back({"adaptive_max_pool2d",
                   about + ", no gradient",
                   {still},
                   [size](const Tensors& in) { return adaptive_max_pool2d(in[0], size); },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  cases.push_back({"adaptive_max_pool2d_with_indices",
                   about,
                   {x},
                   [size](const Tensors& in) { return adaptive_max_pool2d_with_indices(in[0], size).values; },
                   [planes](const std::vector<Values>& in) { return largest(planes, in[0]); }});
  cases.push_back(
      {"adaptive_max_pool2d_with_indices",
       about + ", indices",
       {still},
       [size](const Tensors& in) { return adaptive_max_pool2d_with_indices(in[0], size).indices; },
       [planes](const std::vector<Values>& in) { return largest_places(planes, in[0]); }});
}

/// The gradient of maxima at indices that some x has.
void add_max_grad(OpCases& cases, const std::string& about, const Shape& x, const Pool2dOptions& options) {
  const Planes planes = window_planes(x, options);
  const Pool2dGeometry geometry = Pool2dGeometry::make(PoolKind::Max, x, options);
  // Places of the second input's maxima: as drawn, and the same on every device.
  cases.push_back({"max_pool2d_grad",
                   about,
                   {input(planes.output), constant(x, distinct())},
                   [geometry, options](const Tensors& in) {
                     const NDArray places = max_pool2d_with_indices(in[1].data(), options).indices;
                     return max_pool2d_grad(in[0], places, geometry);
                   },
                   [planes](const std::vector<Values>& in) {
                     const Values places = largest_places(planes, in[1]);
                     Values gx = filled(planes.input);
                     for_each_index(planes.output, [&](const Dims& index) {
                       gx.at[plane_of(planes, index) + static_cast<size_t>(element(places, index))] +=
                           element(in[0], index);
                     });
                     return gx;
                   },
                   options.kernel.h * options.kernel.w});
}

// ---- averages and upsamplings

/// `op` by the averages of these planes; the gradient of that geometry.
void add_average(OpCases& cases, const std::string& op, const std::string& about, const Planes& planes,
                 const Divisor& divisor, const Pool2dGeometry& geometry, int64_t terms,
                 const std::function<Tensor(const Tensor&)>& run) {
  cases.push_back(
      {op,
       about,
       {input(planes.input)},
       [run](const Tensors& in) { return run(in[0]); },
       [planes, divisor](const std::vector<Values>& in) { return averages(planes, divisor, in[0]); },
       terms});
  cases.push_back(
      {"avg_pool2d_grad",
       op + ", " + about,
       {input(planes.output)},
       [geometry](const Tensors& in) { return avg_pool2d_grad(in[0], geometry); },
       [planes, divisor](const std::vector<Values>& in) { return average_gradients(planes, divisor, in[0]); },
       terms});
}

void add_avg(OpCases& cases, const std::string& about, const Shape& x, const Pool2dOptions& options) {
  add_average(cases, "avg_pool2d", about, window_planes(x, options), divisor_of(options),
              Pool2dGeometry::make(PoolKind::Average, x, options), options.kernel.h * options.kernel.w,
              [options](const Tensor& in) { return avg_pool2d(in, options); });
}

void add_adaptive_avg(OpCases& cases, const std::string& about, const Shape& x, Size2 size) {
  add_average(cases, "adaptive_avg_pool2d", about, adaptive_planes(x, size), kNumberOfTaps,
              Pool2dGeometry::adaptive(PoolKind::Average, x, size), (x[2] / size.h + 2) * (x[3] / size.w + 2),
              [size](const Tensor& in) { return adaptive_avg_pool2d(in, size); });
}

void add_upsample(OpCases& cases, const std::string& about, const Shape& x, const UpsampleOptions& options) {
  const Planes planes = upsample_planes(x, options);
  // Backward an element adds up what all that read it were given.
  const int64_t terms = 4 * (planes.output[2] / x[2] + 1) * (planes.output[3] / x[3] + 1);
  add_average(cases, "upsample", about, planes, kOne, Pool2dGeometry::upsample(x, options), terms,
              [options](const Tensor& in) { return upsample(in, options); });
}

void add_windows(OpCases& cases) {
  struct Row {
    const char* about;
    Shape x;
    Pool2dOptions options;
  };
  // Both maxima and averages, and their gradients.
  const std::vector<Row> table = {
      {"2x2", {2, 3, 4, 6}, {.kernel = 2}},
      {"leftover row and column", {1, 2, 5, 7}, {.kernel = {2, 3}}},
      {"leftover row and column, ceil_mode", {1, 2, 5, 7}, {.kernel = {2, 3}, .ceil_mode = true}},
      {"overlapping windows", {2, 2, 6, 5}, {.kernel = 3, .stride = 2, .padding = 1}},
      {"stride 1", {1, 3, 5, 6}, {.kernel = {2, 3}, .stride = 1, .padding = {1, 0}}},
      {"stride beyond the kernel", {1, 2, 8, 9}, {.kernel = 2, .stride = {3, 4}}},
      {"padding and ceil_mode", {2, 2, 6, 7}, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}},
      {"no window in the padding alone",
       {1, 2, 5, 4},
       {.kernel = 2, .stride = 3, .padding = 1, .ceil_mode = true}},
      {"ceil_mode, kernel beyond the image", {1, 2, 2, 3}, {.kernel = 4, .stride = 3, .ceil_mode = true}},
      {"1x1", {2, 3, 3, 4}, {.kernel = 1}},
      {"1x1, stride 2 by 3", {2, 3, 4, 5}, {.kernel = 1, .stride = {2, 3}}},
      {"kernel as large as the image", {2, 2, 4, 5}, {.kernel = {4, 5}}},
      {"one column", {2, 2, 6, 1}, {.kernel = {3, 1}, .stride = {2, 1}}},
      {"one row", {2, 2, 1, 6}, {.kernel = {1, 2}}},
      {"no images", {0, 2, 4, 4}, {.kernel = 2}},
      {"no channels", {2, 0, 4, 4}, {.kernel = 2}},
      {"large", {3, 70, 13, 11}, {.kernel = 3, .stride = 2, .padding = 1}},
      {"wide", {1, 2, 5, 150}, {.kernel = 3, .stride = 1, .padding = 1}},
  };
  for (const Row& row : table) {
    add_max(cases, row.about, input(row.x, distinct()), row.options);
    add_max_grad(cases, row.about, row.x, row.options);
    add_avg(cases, row.about, row.x, row.options);
    Pool2dOptions options = row.options;
    options.count_include_pad = false;
    if (options.padding != Size2(0)) {
      add_avg(cases, std::string(row.about) + ", padding not counted", row.x, options);
    }
  }
  add_avg(cases, "divisor", {2, 2, 5, 6}, {.kernel = 2, .padding = 1, .divisor_override = 3});
  const std::vector<Row> dilated = {
      {"dilation", {1, 2, 7, 8}, {.kernel = {3, 2}, .stride = 1, .dilation = {2, 3}}},
      {"dilation, stride and padding",
       {2, 2, 8, 7},
       {.kernel = 3, .stride = {2, 3}, .padding = 1, .dilation = 2}},
      {"dilation, padding and ceil_mode",
       {1, 2, 7, 9},
       {.kernel = 2, .stride = 2, .padding = 1, .dilation = {2, 3}, .ceil_mode = true}},
  };
  for (const Row& row : dilated) {
    add_max(cases, row.about, input(row.x, distinct()), row.options);
    add_max_grad(cases, row.about, row.x, row.options);
  }
}

}  // namespace

OpCases pool_cases() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  OpCases cases;
  add_windows(cases);
  const Pool2dOptions overlapping{.kernel = 3, .stride = 2, .padding = 1};
  add_max(cases, "NaN", constant({2, 3, 6, 7}, with_nan(whole(-3, 3))), {.kernel = {1, 2}});
  add_max(cases, "equal elements", constant({2, 3, 6, 7}, whole(0, 1)), overlapping);
  add_max(cases, "minus infinity", constant({1, 2, 5, 6}, numbers({-kInf})), overlapping);
  add_adaptive_max(cases, "sizes that divide", input({2, 3, 6, 4}, distinct()), {3, 2});
  add_adaptive_max(cases, "overlapping windows", input({2, 2, 5, 7}, distinct()), {3, 4});
  add_adaptive_max(cases, "larger than the image", input({1, 2, 3, 4}, distinct()), {5, 6});
  add_adaptive_max(cases, "whole planes", input({2, 3, 5, 4}, distinct()), 1);
  add_adaptive_avg(cases, "sizes that divide", {2, 3, 6, 4}, {3, 2});
  add_adaptive_avg(cases, "overlapping windows", {2, 2, 5, 7}, {3, 4});
  add_adaptive_avg(cases, "larger than the image", {1, 2, 3, 4}, {5, 6});
  add_adaptive_avg(cases, "whole planes", {2, 3, 5, 4}, 1);
  add_adaptive_avg(cases, "large", {2, 67, 23, 29}, 7);

  constexpr UpsampleMode kBilinear = UpsampleMode::Bilinear;
  for (const UpsampleMode mode : {UpsampleMode::Nearest, kBilinear}) {
    const std::string by = std::string(linnet::name(mode)) + ", ";
    add_upsample(cases, by + "twice as large", {2, 3, 3, 4}, {.scale_factor = 2, .mode = mode});
    add_upsample(cases, by + "factors", {1, 2, 5, 4}, {.scale_factor = {2.5, 1.3}, .mode = mode});
    add_upsample(cases, by + "smaller", {1, 2, 7, 9}, {.scale_factor = {0.6, 0.35}, .mode = mode});
    add_upsample(cases, by + "size", {2, 2, 4, 3}, {.size = {7, 8}, .mode = mode});
    add_upsample(cases, by + "smaller size", {1, 2, 9, 8}, {.size = {2, 5}, .mode = mode});
    add_upsample(cases, by + "one pixel", {2, 2, 1, 1}, {.size = {3, 2}, .mode = mode});
    add_upsample(cases, by + "to one pixel", {1, 2, 4, 5}, {.size = 1, .mode = mode});
    add_upsample(cases, by + "the same size", {1, 2, 3, 4}, {.size = {3, 4}, .mode = mode});
    add_upsample(cases, by + "no images", {0, 2, 3, 4}, {.scale_factor = 2, .mode = mode});
    add_upsample(cases, by + "large", {2, 35, 13, 17}, {.scale_factor = {3, 2}, .mode = mode});
  }
  const auto aligned = [&](const char* about, const Shape& x, Size2 size, Scale2 factor) {
    add_upsample(cases, std::string("aligned corners, ") + about, x,
                 {.size = size, .scale_factor = factor, .mode = kBilinear, .align_corners = true});
  };
  aligned("size", {2, 2, 4, 3}, {7, 8}, 0);
  aligned("factors", {1, 2, 5, 4}, 0, {2.5, 1.3});
  aligned("smaller", {1, 2, 9, 8}, {3, 5}, 0);
  aligned("one pixel", {1, 2, 1, 3}, {3, 1}, 0);
  return cases;
}

}  // namespace linnet::checks
