#include "core/conv_im2col_view.h"

#include "core/conv_taps.h"

namespace linnet::conv_im2col_view {
namespace {

using conv_taps::reshaped;
using conv_taps::split;

/// The elements of a view in dense memory of their own, in the order of its dimensions.
View copied(Backend& backend, BackendScratch& scratch, const View& view) {
  const View dense = scratch.like(view);
  backend.copy(view, dense);
  return dense;
}

/// K / G x C / G R S for every group.
View filter_matrices(Backend& backend, BackendScratch& scratch, const Conv2dGeometry& g, const View& w) {
  const View dense = w.strides == contiguous_strides(w.shape) ? w : copied(backend, scratch, w);
  return reshaped(dense, {g.groups, g.filters_per_group(), g.channels_per_group() * g.R * g.S});
}
View for_every_image(View filters, int64_t N) {
  filters.shape.insert(0, N);
  filters.strides.insert(0, 0);
  return filters;
}

/// Images (N, C, P, Q) whose pixels are flat, as matrices of channels x pixels for every image and group.
View image_matrices(const Conv2dGeometry& g, const View& images) {
  View matrices = split(images, 1, g.groups);
  const int64_t pixel = images.shape[3] > 1 ? images.strides[3] : images.strides[2];
  matrices.shape = {g.N, g.groups, matrices.shape[2], g.P * g.Q};
  matrices.strides = {matrices.strides[0], matrices.strides[1], matrices.strides[2], pixel};
  return matrices;
}

}  // namespace

void conv2d(Backend& backend, const Conv2dGeometry& g, const View& x, const View& w, const View& bias,
            const View& y) {
  conv_taps::start(backend, bias, y);
  if (x.numel() == 0 || y.numel() == 0) return;
  BackendScratch scratch(backend);
  const View image = conv_taps::padded(backend, scratch, g, x);
  const View columns = reshaped(copied(backend, scratch, conv_taps::windows(g, image)),
                                {g.N, g.groups, g.channels_per_group() * g.R * g.S, g.P * g.Q});
  const View filters = for_every_image(filter_matrices(backend, scratch, g, w), g.N);
  backend.gemm(1, filters, columns, 1, image_matrices(g, y), View{});
}

void grad_input(Backend& backend, const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gx);
  BackendScratch scratch(backend);
  const View gradient = image_matrices(g, pixels_are_flat(gy) ? gy : copied(backend, scratch, gy));
  const View filters = for_every_image(filter_matrices(backend, scratch, g, w), g.N);
  const View columns = scratch.make({g.N, g.groups, g.channels_per_group(), g.R, g.S, g.P, g.Q}, gy.dtype);
  backend.gemm(1, swapped(filters, 2, 3), gradient, 0,
               reshaped(columns, {g.N, g.groups, g.channels_per_group() * g.R * g.S, g.P * g.Q}), View{});

  const View sums = conv_taps::padded_zeros(backend, scratch, g, gx);
  for (int64_t r = 0; r < g.R; ++r) {
    for (int64_t s = 0; s < g.S; ++s) {
      const View seen = conv_taps::tap(g, sums, r, s);
      backend.binary(BinaryKind::Add, seen, conv_taps::of_tap(columns, r, s), seen);
    }
  }
  conv_taps::crop(backend, g, sums, gx);
}

void grad_weight(Backend& backend, const Conv2dGeometry& g, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  if (gy.numel() == 0) return backend.fill(0, gw);
  BackendScratch scratch(backend);
  const int64_t filters = g.filters_per_group(), elements = g.channels_per_group() * g.R * g.S,
                pixels = g.N * g.P * g.Q;
  const View image = conv_taps::padded(backend, scratch, g, x);
  const View windows = permuted(conv_taps::windows(g, image), {1, 2, 3, 4, 0, 5, 6});
  const View columns = reshaped(copied(backend, scratch, windows), {g.groups, elements, pixels});
  const View outputs = permuted(split(gy, 1, g.groups), {1, 2, 0, 3, 4});
  const View gradient = reshaped(copied(backend, scratch, outputs), {g.groups, filters, pixels});
  backend.gemm(1, gradient, swapped(columns, 1, 2), 0, reshaped(gw, {g.groups, filters, elements}), View{});
}

}  // namespace linnet::conv_im2col_view
