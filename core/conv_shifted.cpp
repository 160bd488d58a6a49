#include "core/conv_shifted.h"

#include "core/conv_taps.h"

namespace linnet::conv_shifted {
namespace {

using conv_taps::split;
using conv_taps::tap;

/// (N, G, C, P, Q) as matrices of channels x columns for every image, row and group: (N, P, G, C, Q).
View by_rows(const View& images) {
  return permuted(images, {0, 3, 1, 2, 4});
}

/// (G, K / G, C / G), for every image and row of them.
View filters_of_tap(const Conv2dGeometry& g, const View& w, int64_t r, int64_t s) {
  View tap = split(w, 0, g.groups);
  tap.data = element(tap, r * tap.strides[3] + s * tap.strides[4]);
  tap.shape = {g.N, g.P, g.groups, g.filters_per_group(), g.channels_per_group()};
  tap.strides = {0, 0, tap.strides[0], tap.strides[1], tap.strides[2]};
  return tap;
}

/// Images (N, G, C, P, Q) as one matrix a group, channels x pixels, in `memory`.
View packed(Backend& backend, const View& images, const View& memory) {
  backend.copy(permuted(images, {1, 2, 0, 3, 4}), memory);
  const Shape& shape = memory.shape;
  return conv_taps::reshaped(memory, {shape[0], shape[1], shape[2] * shape[3] * shape[4]});
}

}  // namespace

void conv2d(Backend& backend, const Conv2dGeometry& g, const View& x, const View& w, const View& bias,
            const View& y) {
  conv_taps::start(backend, bias, y);
  if (x.numel() == 0 || y.numel() == 0) return;
  BackendScratch scratch(backend);
  const View image = conv_taps::padded(backend, scratch, g, x);
  const View sums = by_rows(split(y, 1, g.groups));
  for (int64_t r = 0; r < g.R; ++r) {
    for (int64_t s = 0; s < g.S; ++s) {
      backend.gemm(1, filters_of_tap(g, w, r, s), by_rows(tap(g, image, r, s)), 1, sums, View{});
    }
  }
}

void grad_input(Backend& backend, const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);
  BackendScratch scratch(backend);
  const View sums = conv_taps::padded_zeros(backend, scratch, g, gx);
  const View gradient = by_rows(split(gy, 1, g.groups));
  for (int64_t r = 0; r < g.R; ++r) {
    for (int64_t s = 0; s < g.S; ++s) {
      backend.gemm(1, swapped(filters_of_tap(g, w, r, s), 3, 4), gradient, 1, by_rows(tap(g, sums, r, s)),
                   View{});
    }
  }
  conv_taps::crop(backend, g, sums, gx);
}

void grad_weight(Backend& backend, const Conv2dGeometry& g, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gw);
  BackendScratch scratch(backend);
  const View image = conv_taps::padded(backend, scratch, g, x);
  const View gradient = packed(backend, split(gy, 1, g.groups),
                               scratch.make({g.groups, g.filters_per_group(), g.N, g.P, g.Q}, gy.dtype));
  const View memory = scratch.make({g.groups, g.channels_per_group(), g.N, g.P, g.Q}, gy.dtype);
  for (int64_t r = 0; r < g.R; ++r) {
    for (int64_t s = 0; s < g.S; ++s) {
      View filters = filters_of_tap(g, gw, r, s);
      filters.shape = {g.groups, g.filters_per_group(), g.channels_per_group()};
      filters.strides = {filters.strides[2], filters.strides[3], filters.strides[4]};
      const View pixels = packed(backend, tap(g, image, r, s), memory);
      backend.gemm(1, gradient, swapped(pixels, 1, 2), 0, filters, View{});
    }
  }
}

}  // namespace linnet::conv_shifted
