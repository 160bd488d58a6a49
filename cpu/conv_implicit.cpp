// Convolution as implicit GEMM: the products of cpu/conv_im2col.cpp, for every group of filters, without its
// columns. Patches go from the images straight into the panels of the micro-kernel (cpu/conv_patches.h), so a
// thread needs memory for the panels of a block alone, whatever the shape:
//   forward        y = W patches(x) + bias
//   grad_weight    gW = gy patches(x)^T, in parts that are added up in order
// The input gradient is forward convolutions (core/conv_phases.h). Bands and parts depend on shapes only.
#include <algorithm>

#include "core/elements.h"
#include "cpu/conv.h"
#include "cpu/conv_patches.h"
#include "cpu/forward_product.h"
#include "cpu/matmul.h"
#include "cpu/parallel.h"
#include "cpu/partial_gradients.h"

namespace linnet::cpu::conv_implicit {
namespace {

constexpr int64_t kBandPixels = 480;     // of a product: its panels of 256 steps stay in an L2 cache
constexpr int64_t kChunkWork = 1 << 19;  // multiply-adds worth handing to a thread

// The order of elements in cpu/conv_patches.h.
constexpr ColumnOrder kOrder = ColumnOrder::ChannelsLast;

template <class T>
class Forward {
 public:
  Forward(const Conv2dGeometry& g, const View& x, const View& w, const View& bias, const View& y, bool relu)
      : g_(g), patches_(g, x), product_(g, w, bias, y, relu, kOrder) {}

  void run() const {
    // Where y is one matrix for all images, so are the patches.
    const int64_t images = product_.y().in_line() ? 1 : g_.N;
    const int64_t pixels = g_.N * g_.P * g_.Q / images;
    const int64_t bands = (pixels + kBandPixels - 1) / kBandPixels;
    const int64_t work =
        std::max<int64_t>(1, std::min(pixels, kBandPixels) * g_.filters_per_group() * filter_elements(g_));
    parallel_range(images * g_.groups * bands, kChunkWork / work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % bands * kBandPixels;
        const int64_t image = i / bands;
        convolve(image / g_.groups, image % g_.groups, {first, std::min(first + kBandPixels, pixels)});
      }
    });
  }

 private:
  using Panels = PatchPanels<T>;

  void convolve(int64_t n, int64_t group, PixelRange pixels) const {
    const Panels patches(patches_, Panels::Along::Pixels, group, n * g_.P * g_.Q + pixels.begin);
    product_.multiply(n, group, pixels, {}, &patches);
  }

  const Conv2dGeometry& g_;
  Patches<T> patches_;
  ForwardProduct<T> product_;
};

// gy as patches: those of filters of one element over its own channels.
Conv2dGeometry pointwise(const Conv2dGeometry& g) {
  return {.N = g.N,
          .C = g.K,
          .H = g.P,
          .W = g.Q,
          .K = g.K,
          .R = 1,
          .S = 1,
          .P = g.P,
          .Q = g.Q,
          .stride_h = 1,
          .stride_w = 1,
          .pad_top = 0,
          .pad_bottom = 0,
          .pad_left = 0,
          .pad_right = 0,
          .dilation_h = 1,
          .dilation_w = 1,
          .groups = g.groups,
          .algorithm = g.algorithm};
}

template <class T>
void grad_weight(const Conv2dGeometry& g, const View& x, const View& gy, const View& gw) {
  using Panels = PatchPanels<T>;
  const int64_t pixels = g.N * g.P * g.Q;
  const Patches<T> patches(g, x);
  const Patches<T> gradients(pointwise(g), gy);
  const PartialGradients<T> partials(g, std::max<int64_t>(1, pixels));
  parallel_for(partials.parts() * g.groups, [&](int64_t chunk) {
    const int64_t part = chunk / g.groups;
    const int64_t group = chunk % g.groups;
    const int64_t first = chunk_begin(pixels, partials.parts(), part);
    const Panels a(gradients, Panels::Along::Elements, group, first);
    const Panels b(patches, Panels::Along::Elements, group, first);
    Matmul<T> p;
    p.M = g.filters_per_group(), p.N = filter_elements(g);
    p.K = chunk_begin(pixels, partials.parts(), part + 1) - first;
    p.source_a = &a;
    p.source_b = &b;
    p.c = {partials.at(part, group * g.filters_per_group()), p.N, 1};
    matmul(p);
  });
  partials.combine(gw, kOrder);
}

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    Forward<typename decltype(element)::Stored>(geometry, x, w, bias, y, relu).run();
  });
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  visit_floating(gw.dtype,
                 [&](auto element) { grad_weight<typename decltype(element)::Stored>(geometry, x, gy, gw); });
}

}  // namespace linnet::cpu::conv_implicit
