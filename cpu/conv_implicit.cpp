// Convolution as implicit GEMM: the products of cpu/conv_im2col.cpp, for every group of filters, without its
// columns. Patches go from the images straight into the panels of the micro-kernel (cpu/conv_patches.h), so a
// thread needs memory for the panels of a block alone, whatever the shape:
//   forward        y = W patches(x) + bias
//   grad_weight    gW = gy patches(x)^T, in parts that are added up in order
// The input gradient is forward convolutions (core/conv_phases.h). Bands and parts depend on shapes only.
#include <algorithm>

#include "cpu/conv.h"
#include "cpu/conv_patches.h"
#include "cpu/feature_maps.h"
#include "cpu/filter_matrix.h"
#include "cpu/matmul.h"
#include "cpu/parallel.h"
#include "cpu/partial_gradients.h"
#include "cpu/scratch.h"

namespace linnet::cpu::conv_implicit {
namespace {

constexpr int64_t kBandPixels = 480;     // of a product: its panels of 256 steps stay in an L2 cache
constexpr int64_t kChunkWork = 1 << 19;  // multiply-adds worth handing to a thread

// The order of elements in cpu/conv_patches.h.
constexpr ColumnOrder kOrder = ColumnOrder::ChannelsLast;

int64_t filter_elements(const Conv2dGeometry& g) {
  return g.channels_per_group() * g.R * g.S;
}

template <class T>
class Forward {
 public:
  Forward(const Conv2dGeometry& g, const View& x, const View& w, const View& bias, const View& y)
      : g_(g),
        patches_(g, x),
        y_(y),
        filters_are_rows_(!(y_.flat() && y_.channel_stride() == 1 && y_.pixel_stride() != 1)),
        filters_(w, kOrder),
        packed_(g, filters_, filters_are_rows_ ? Packed::Side::Left : Packed::Side::Right,
                !filters_are_rows_),
        bias_(bias.defined() ? g.K : 0),
        has_bias_(bias.defined()) {
    for (int64_t k = 0; has_bias_ && k < g.K; ++k) bias_[k] = bias.as<const T>()[k * bias.strides[0]];
  }

  void run() const {
    // Where y is one matrix for all images, so are the patches.
    const int64_t images = y_.in_line() ? 1 : g_.N;
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
  using Packed = PackedFilters<T>;
  using Panels = PatchPanels<T>;

  void convolve(int64_t n, int64_t group, PixelRange pixels) const {
    const int64_t filters = g_.filters_per_group();
    const Panels patches(patches_, Panels::Along::Pixels, group, n * g_.P * g_.Q + pixels.begin);
    const Scratch<T> result(y_.flat() ? 0 : filters * pixels.size());
    const T* const bias = has_bias_ ? bias_.data() + group * filters : nullptr;
    Matmul<T> p;
    p.K = filter_elements(g_);
    p.c =
        y_.flat() ? y_.matrix(n, group * filters, pixels.begin) : Matrix<T>{result.data(), pixels.size(), 1};
    if (filters_are_rows_) {
      p.M = filters, p.N = pixels.size();
      p.packed_a = packed_.group(group);
      p.source_b = &patches;
      p.row_bias = bias;
    } else {
      p.M = pixels.size(), p.N = filters;
      p.source_a = &patches;
      p.packed_b = packed_.group(group);
      p.c = p.c.transposed();
      p.col_bias = bias;
    }
    matmul(p);
    if (!y_.flat()) y_.copy_from(n, group * filters, filters, pixels, result.data(), pixels.size());
  }

  const Conv2dGeometry& g_;
  Patches<T> patches_;
  FeatureMaps<T> y_;
  bool filters_are_rows_;
  FilterMatrix<T> filters_;
  Packed packed_;
  Scratch<T> bias_;
  bool has_bias_;
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

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y) {
  if (y.numel() == 0) return;
  if (y.dtype == DType::Float64) {
    Forward<double>(geometry, x, w, bias, y).run();
  } else {
    Forward<float>(geometry, x, w, bias, y).run();
  }
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  if (gw.numel() == 0) return;
  (gw.dtype == DType::Float64 ? grad_weight<double> : grad_weight<float>)(geometry, x, gy, gw);
}

}  // namespace linnet::cpu::conv_implicit
