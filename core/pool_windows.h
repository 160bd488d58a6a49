// The windows of pooling and upsampling along one axis: which elements of the input an element of the result
// sees, with which weights, and the reverse. The same for every backend, in kernels too.
#pragma once

#include <cmath>
#include <cstdint>

#include <linnet/core/pool2d.h>
#include "core/host_device.h"

namespace linnet::pooling {

/// first, first + dilation, ...; those outside the image are left out. The dilation is 1 in averages.
struct Window {
  int64_t first, count;
};

LINNET_HOST_DEVICE inline int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}
LINNET_HOST_DEVICE inline int64_t larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}
/// Of numbers that are not negative.
LINNET_HOST_DEVICE inline int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// Where output p of an upsampling lies in the input.
LINNET_HOST_DEVICE inline double source(const WindowAxis& axis, int64_t p) {
  const auto at = static_cast<double>(p);
  if (axis.kind == WindowKind::Nearest || axis.align_corners) return at * axis.step_over / axis.step_under;
  const double between = (at + 0.5) * axis.step_over / axis.step_under - 0.5;
  return between > 0 ? between : 0;
}

LINNET_HOST_DEVICE inline Window window(const WindowAxis& axis, int64_t p) {
  if (axis.kind == WindowKind::Strided) {
    const int64_t start = p * axis.stride - axis.padding;
    const int64_t skipped = start < 0 ? ceil_div(-start, axis.dilation) : 0;
    const int64_t room = axis.in - start;
    const int64_t taps = room > 0 ? smaller(axis.kernel, ceil_div(room, axis.dilation)) : 0;
    return {start + skipped * axis.dilation, larger(taps - skipped, 0)};
  }
  if (axis.kind == WindowKind::Adaptive) {
    const int64_t first = p * axis.in / axis.out;
    return {first, ceil_div((p + 1) * axis.in, axis.out) - first};
  }
  const double at = source(axis, p);
  const int64_t first = smaller(static_cast<int64_t>(at), axis.in - 1);
  const bool between = axis.kind == WindowKind::Linear && at > static_cast<double>(first);
  return {first, between && first + 1 < axis.in ? 2 : 1};
}

/// What input i weighs in output p's sum; 0 for an element outside an upsampling's window. Pooling is not
/// asked for elements outside its windows.
LINNET_HOST_DEVICE inline double weight(const WindowAxis& axis, int64_t p, int64_t i) {
  if (axis.kind == WindowKind::Strided || axis.kind == WindowKind::Adaptive) return 1;
  const Window seen = window(axis, p);
  if (i < seen.first || i >= seen.first + seen.count) return 0;
  if (seen.count == 1) return 1;
  const double beyond = source(axis, p) - static_cast<double>(seen.first);
  return i == seen.first ? 1 - beyond : beyond;
}

/// What output p's sum is divided by.
LINNET_HOST_DEVICE inline double divisor(const WindowAxis& axis, int64_t p) {
  if (axis.divisor != 0) return static_cast<double>(axis.divisor);
  if (axis.kind != WindowKind::Strided || !axis.count_include_pad) {
    return static_cast<double>(window(axis, p).count);
  }
  const int64_t start = p * axis.stride - axis.padding;
  return static_cast<double>(smaller(start + axis.kernel, axis.in + axis.padding) - start);
}

/// The outputs whose windows see input i, with a dilation also some that step over it.
LINNET_HOST_DEVICE inline Window windows_of(const WindowAxis& axis, int64_t i) {
  int64_t first = 0, last = axis.out - 1;
  if (axis.kind == WindowKind::Strided) {
    const int64_t span = axis.dilation * (axis.kernel - 1), at = i + axis.padding;
    first = at > span ? ceil_div(at - span, axis.stride) : 0;
    last = smaller(last, at / axis.stride);
  } else if (axis.kind == WindowKind::Adaptive) {
    first = i * axis.out / axis.in;
    last = ceil_div((i + 1) * axis.out, axis.in) - 1;
  } else {
    // A range that is wide enough for any kind of upsampling, and then as narrow as the weights are.
    if (axis.step_over > 0) {
      const double pace = axis.step_under / axis.step_over, at = static_cast<double>(i);
      first = larger(first, static_cast<int64_t>(std::floor((at - 1) * pace)) - 1);
      if (i + 1 < axis.in) last = smaller(last, static_cast<int64_t>(std::ceil((at + 1.5) * pace)) + 1);
    }
    while (first <= last && weight(axis, first, i) == 0) ++first;
    while (first <= last && weight(axis, last, i) == 0) --last;
  }
  return {first, larger(last - first + 1, 0)};
}

}  // namespace linnet::pooling
