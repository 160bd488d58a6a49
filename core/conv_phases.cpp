#include "core/conv_phases.h"

#include <algorithm>
#include <numeric>

#include "core/conv_taps.h"
#include "core/conv_textbook.h"

namespace linnet::conv_phases {
namespace {

/// One direction of one phase: gx[pixel + stride i] for i < pixels is the sum over t < taps of
/// gy[i + t dilation - before] w'[tap + t step], w' being the flipped filter.
struct Phase {
  int64_t pixel, pixels;
  int64_t tap, taps, step;
  int64_t dilation, before;
};

Phase phase_of(int64_t phase, int64_t extent, int64_t kernel, int64_t stride, int64_t dilation,
               int64_t padding) {
  Phase p{};
  // Pixels h of the padded image, h = stride m + phase, that are not padding.
  const int64_t first = std::max<int64_t>(padding - phase + stride - 1, 0) / stride;
  p.pixel = first * stride + phase - padding;
  p.pixels = p.pixel < extent ? (extent - p.pixel - 1) / stride + 1 : 0;
  // Taps r with dilation r = stride t + phase: the first one, and then every step-th.
  const int64_t common = std::gcd(stride, dilation);
  p.step = stride / common;
  p.dilation = dilation / common;
  int64_t r = 0;
  while (r < std::min(kernel, p.step) && dilation * r % stride != phase) ++r;
  if (r >= std::min(kernel, p.step)) return p;
  p.taps = (kernel - 1 - r) / p.step + 1;
  const int64_t last = r + (p.taps - 1) * p.step;
  p.tap = kernel - 1 - last;
  p.before = (dilation * last - phase) / stride - first;
  return p;
}

/// The part of gy's rows (dimension 2) or columns (3) that a phase reads, and its padding on either side.
View visible(const View& gy, int dim, const Phase& p, int64_t* before, int64_t* after) {
  const int64_t extent = gy.shape[dim], reach = p.pixels + (p.taps - 1) * p.dilation;
  const int64_t first = std::clamp<int64_t>(-p.before, 0, extent);
  const int64_t last = std::clamp<int64_t>(reach - p.before, first, extent);
  *before = std::clamp<int64_t>(p.before, 0, reach);
  *after = reach - *before - (last - first);
  return narrow(gy, dim, first, last - first);
}

}  // namespace

void grad_input(Backend& backend, const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);
  BackendScratch scratch(backend);
  const View flipped = conv_textbook::flipped_filters(backend, scratch, g, w);
  for (int64_t a = 0; a < g.stride_h; ++a) {
    const Phase rows = phase_of(a, g.H, g.R, g.stride_h, g.dilation_h, g.pad_top);
    for (int64_t b = 0; b < g.stride_w; ++b) {
      const Phase columns = phase_of(b, g.W, g.S, g.stride_w, g.dilation_w, g.pad_left);
      if (rows.pixels == 0 || columns.pixels == 0) continue;
      const View pixels = narrow(narrow(gx, 2, rows.pixel, rows.pixels, g.stride_h), 3, columns.pixel,
                                 columns.pixels, g.stride_w);
      if (rows.taps == 0 || columns.taps == 0) {
        backend.fill(0, pixels);
        continue;
      }
      Conv2dGeometry phase = conv_textbook::full_convolution(g);
      if (g.algorithm == ConvAlgorithm::Implicit || g.algorithm == ConvAlgorithm::Winograd) {
        phase.algorithm = g.algorithm;
      }
      phase.R = rows.taps;
      phase.S = columns.taps;
      phase.P = rows.pixels;
      phase.Q = columns.pixels;
      phase.dilation_h = rows.dilation;
      phase.dilation_w = columns.dilation;
      const View seen = visible(visible(gy, 2, rows, &phase.pad_top, &phase.pad_bottom), 3, columns,
                                &phase.pad_left, &phase.pad_right);
      phase.H = seen.shape[2];
      phase.W = seen.shape[3];
      if (phase.H == 0 || phase.W == 0) {
        backend.fill(0, pixels);
        continue;
      }
      const View taps = narrow(narrow(flipped, 2, rows.tap, rows.taps, rows.step), 3, columns.tap,
                               columns.taps, columns.step);
      backend.conv2d(phase, seen, taps, View{}, pixels);
    }
  }
}

}  // namespace linnet::conv_phases
