// Pool2dGeometry: resolving options against shapes.
#include <linnet/core/pool2d.h>

#include <cmath>

#include "core/fail.h"
#include "core/pool_windows.h"

namespace linnet {
namespace {

constexpr const char* kFormula =
    "output = floor((input + 2 padding - dilation * (kernel - 1) - 1) / stride) + 1, or ceil with ceil_mode";

void check_input(const char* where, const Shape& input) {
  check(input.rank() == 4, where, "input {}; expected (N, C, H, W)", input);
  check(input[2] >= 1 && input[3] >= 1, where, "input {} has planes of {}x{}; expected at least one pixel",
        input, input[2], input[3]);
}

/// Of the axis "height" or "width" of an image.
WindowAxis strided(const char* where, const char* direction, const Shape& input, int64_t in, int64_t kernel,
                   int64_t stride, int64_t padding, int64_t dilation, const Pool2dOptions& options) {
  WindowAxis axis{};
  axis.kind = WindowKind::Strided;
  axis.in = in;
  axis.kernel = kernel, axis.stride = stride, axis.padding = padding, axis.dilation = dilation;
  axis.count_include_pad = options.count_include_pad;
  const int64_t span = dilation * (kernel - 1) + 1;
  const int64_t room = in + 2 * padding - span + (options.ceil_mode ? stride - 1 : 0);
  check(room >= 0, where,
        "input {}: in {} a window spans {} (kernel {}, dilation {}), the padded image {} ({} + 2 * {}), "
        "stride {}, ceil_mode {}; expected at least one window; {}",
        input, direction, span, kernel, dilation, in + 2 * padding, in, padding, stride, options.ceil_mode,
        kFormula);
  axis.out = room / stride + 1;
  if (options.ceil_mode && (axis.out - 1) * stride >= in + padding) --axis.out;
  for (int64_t p = 0; p < axis.out && dilation > 1; ++p) {
    check(pooling::window(axis, p).count > 0, where,
          "input {}: in {} window {} (kernel {}, stride {}, padding {}, dilation {}) steps over all {} "
          "elements; expected windows that see one",
          input, direction, p, kernel, stride, padding, dilation, in);
  }
  return axis;
}

WindowAxis upsampled(const UpsampleOptions& options, int64_t in, int64_t size, double factor) {
  WindowAxis axis{};
  axis.kind = options.mode == UpsampleMode::Nearest ? WindowKind::Nearest : WindowKind::Linear;
  axis.in = in;
  axis.out = size > 0 ? size : static_cast<int64_t>(std::floor(static_cast<double>(in) * factor));
  axis.divisor = 1;
  axis.align_corners = options.align_corners;
  if (options.align_corners) {
    axis.step_over = axis.out > 1 ? static_cast<double>(in - 1) : 0;
    axis.step_under = axis.out > 1 ? static_cast<double>(axis.out - 1) : 1;
  } else {
    axis.step_over = size > 0 ? static_cast<double>(in) : 1;
    axis.step_under = size > 0 ? static_cast<double>(size) : factor;
  }
  return axis;
}

std::string describe(const WindowAxis& axis) {
  switch (axis.kind) {
    case WindowKind::Strided:
      return format_text("kernel {}, stride {}, padding {}, dilation {}", axis.kernel, axis.stride,
                         axis.padding, axis.dilation);
    case WindowKind::Adaptive:
      return "adaptive";
    default:
      return format_text("step {}", axis.step_over / axis.step_under);
  }
}

}  // namespace

const char* name(UpsampleMode mode) {
  return mode == UpsampleMode::Nearest ? "nearest" : "bilinear";
}

void check_options(const char* where, PoolKind kind, const Pool2dOptions& options) {
  const Size2 &k = options.kernel, &s = options.stride, &p = options.padding, &d = options.dilation;
  check(k.h >= 1 && k.w >= 1, where, "kernel {}x{}; expected at least 1x1, as in {{.kernel = 2}}", k.h, k.w);
  check(s == Size2(0) || (s.h >= 1 && s.w >= 1), where,
        "stride {}x{}; expected at least 1, or 0x0 for the kernel's", s.h, s.w);
  check(d.h >= 1 && d.w >= 1, where, "dilation {}x{}; expected at least 1", d.h, d.w);
  check(kind == PoolKind::Max || d == Size2(1), where, "dilation {}x{}; averages have none", d.h, d.w);
  check(p.h >= 0 && p.w >= 0 && p.h <= k.h / 2 && p.w <= k.w / 2, where,
        "padding {}x{}; expected 0 to {}x{}, half of kernel {}x{}", p.h, p.w, k.h / 2, k.w / 2, k.h, k.w);
}

void check_options(const char* where, const UpsampleOptions& options) {
  const Size2& size = options.size;
  const Scale2& factor = options.scale_factor;
  const bool by_size = size != Size2(0), by_factor = factor != Scale2(0);
  check(by_size != by_factor, where,
        "size {}x{} and scale_factor {}x{}; expected one of them, as in {{.scale_factor = 2}}", size.h,
        size.w, factor.h, factor.w);
  check(!by_size || (size.h >= 1 && size.w >= 1), where, "size {}x{}; expected at least 1x1", size.h, size.w);
  const bool finite = std::isfinite(factor.h) && std::isfinite(factor.w);
  check(!by_factor || (finite && factor.h > 0 && factor.w > 0), where,
        "scale_factor {}x{}; expected numbers above 0", factor.h, factor.w);
  check(!options.align_corners || options.mode == UpsampleMode::Bilinear, where,
        "align_corners with mode {}; expected bilinear", name(options.mode));
}

Pool2dGeometry Pool2dGeometry::make(PoolKind kind, const Shape& input, const Pool2dOptions& options) {
  const char* where = kind == PoolKind::Max ? "max_pool2d" : "avg_pool2d";
  check_input(where, input);
  check_options(where, kind, options);
  const Size2 &kernel = options.kernel, &padding = options.padding, &dilation = options.dilation;
  const Size2& stride = options.stride == Size2(0) ? kernel : options.stride;
  Pool2dGeometry g{};
  g.kind = kind;
  g.N = input[0], g.C = input[1];
  g.h = strided(where, "height", input, input[2], kernel.h, stride.h, padding.h, dilation.h, options);
  g.w = strided(where, "width", input, input[3], kernel.w, stride.w, padding.w, dilation.w, options);
  if (options.divisor_override != 0) g.h.divisor = options.divisor_override, g.w.divisor = 1;
  return g;
}

Pool2dGeometry Pool2dGeometry::adaptive(PoolKind kind, const Shape& input, Size2 output) {
  const char* where = kind == PoolKind::Max ? "adaptive_max_pool2d" : "adaptive_avg_pool2d";
  check_input(where, input);
  check(output.h >= 1 && output.w >= 1, where, "output size {}x{} for input {}; expected at least 1x1",
        output.h, output.w, input);
  Pool2dGeometry g{};
  g.kind = kind;
  g.N = input[0], g.C = input[1];
  g.h.kind = g.w.kind = WindowKind::Adaptive;
  g.h.dilation = g.w.dilation = 1;
  g.h.in = input[2], g.h.out = output.h;
  g.w.in = input[3], g.w.out = output.w;
  return g;
}

Pool2dGeometry Pool2dGeometry::upsample(const Shape& input, const UpsampleOptions& options) {
  check_input("upsample", input);
  check_options("upsample", options);
  Pool2dGeometry g{};
  g.kind = PoolKind::Upsample;
  g.N = input[0], g.C = input[1];
  g.h = upsampled(options, input[2], options.size.h, options.scale_factor.h);
  g.w = upsampled(options, input[3], options.size.w, options.scale_factor.w);
  check(g.h.out >= 1 && g.w.out >= 1, "upsample",
        "input {} with scale_factor {}x{} gives {}x{} pixels; expected at least one", input,
        options.scale_factor.h, options.scale_factor.w, g.h.out, g.w.out);
  return g;
}

bool Pool2dGeometry::is_global() const {
  return h.kind == WindowKind::Adaptive && w.kind == WindowKind::Adaptive && h.out == 1 && w.out == 1;
}

const char* Pool2dGeometry::name() const {
  if (kind == PoolKind::Upsample) return "upsample";
  if (h.kind == WindowKind::Strided) return kind == PoolKind::Max ? "max_pool2d" : "avg_pool2d";
  return kind == PoolKind::Max ? "adaptive_max_pool2d" : "adaptive_avg_pool2d";
}

std::string Pool2dGeometry::describe() const {
  return format_text("{} of {} to {} (height: {}; width: {})", name(), input_shape(), output_shape(),
                     linnet::describe(h), linnet::describe(w));
}

}  // namespace linnet
