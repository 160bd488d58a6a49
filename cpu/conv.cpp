#include "cpu/conv.h"

#include "core/conv_phases.h"
#include "cpu/backend.h"
#include "cpu/ceil_div.h"

namespace linnet::cpu {
namespace {

/// Whether the forward convolution reads the image faster than columns are formed: several taps, and vectors
/// that are whole, of filters where y has them innermost, else of pixels. Filters that no L2 cache holds want
/// many pixels. docs/benchmarks/conv.md has the figures.
bool reads_image_fast(const Conv2dGeometry& g, const View& y) {
  const int64_t C = g.channels_per_group(), K = g.filters_per_group(), elements = C * g.R * g.S;
  if (g.R * g.S == 1) return false;
  if (y.strides[1] == 1) return C >= 2 && K >= 4 && (g.P * g.Q >= 128 || K * elements <= 1 << 17);
  return C >= 4 && g.Q >= 16 && (g.Q % 8 == 0 || elements <= 256);
}

/// Whether the input gradient is faster as forward convolutions of gy that read it where it lies, one for
/// each phase of the stride, than as columns that a gather adds up. Planes whose phases are not neighbours in
/// memory keep the columns.
bool reads_gradient_fast(const Conv2dGeometry& g, const View& gx) {
  const int64_t C = g.channels_per_group(), K = g.filters_per_group();
  const bool strided = g.stride_h > 1 || g.stride_w > 1;
  if (g.R * g.S == 1 && !strided) return false;
  if (gx.strides[1] == 1) {
    const int64_t pixels = ceil_div(g.H, g.stride_h) * ceil_div(g.W, g.stride_w);
    return K >= 2 && C >= 4 && (pixels >= 64 || C * K * g.R * g.S <= 1 << 16);
  }
  return !strided && K >= 4 && C >= 2 && g.W >= 12 && (g.W % 8 == 0 || K * g.R * g.S <= 256);
}

/// The input gradient as forward convolutions by that algorithm.
template <ConvAlgorithm kAlgorithm>
void grad_input_by_phases(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  Conv2dGeometry asked = geometry;
  asked.algorithm = kAlgorithm;
  conv_phases::grad_input(cpu_backend(), asked, gy, w, gx);
}

/// Whether the weight gradient is faster where patches are read from the image than as columns: rows are long
/// enough for what each of them costs, filters and a row of their elements fill a tile, and the sums stay in
/// a cache. Few elements fill no tile either way; then columns, of four numbers or less, cost more.
bool reads_patches_fast(const Conv2dGeometry& g) {
  const int64_t C = g.channels_per_group(), K = g.filters_per_group(), elements = C * g.R * g.S;
  const bool fills = (g.S * C >= 4 && K >= 4) || (elements <= 4 && K >= 16);
  return g.Q >= (g.R * g.S == 1 ? 16 : 6) && fills && elements * K <= 1 << 18;
}

/// Whether tiles of so many images repay the transforming of filters (or of their gradients), which become
/// four times as large: many filters are written to memory and read again then.
bool repays_winograd(const Conv2dGeometry& g, int64_t images) {
  constexpr int64_t kFiltersForATile = 1 << 10;  // of one channel each
  return conv_winograd::suits(g) &&
         images * ceil_div(g.P, 4) * ceil_div(g.Q, 4) * kFiltersForATile >= g.C * g.K;
}

/// The forms of one function.
template <class Function>
struct Forms {
  Function direct, im2col, implicit, winograd, depthwise;
};

/// What is called for a geometry. Winograd's rounding is a few times that of the others, which is nothing to
/// float32 and its users, and much to who asks for float64.
template <class Function>
Function chosen(const Conv2dGeometry& geometry, DType dtype, bool by_winograd, bool without_columns,
                const Forms<Function>& forms) {
  switch (geometry.algorithm) {
    case ConvAlgorithm::Direct:
      return forms.direct;
    case ConvAlgorithm::Im2col:
      return forms.im2col;
    case ConvAlgorithm::Implicit:
      return forms.implicit;
    default:
      break;
  }
  const bool asked = geometry.algorithm == ConvAlgorithm::Winograd && conv_winograd::suits(geometry);
  if (asked || (by_winograd && dtype == DType::Float32)) return forms.winograd;
  if (conv_depthwise::suits(geometry)) return forms.depthwise;
  return without_columns ? forms.implicit : forms.im2col;
}

/// For the forward convolution. A single image repays Winograd's or none does, so that its result has the
/// same bits in any batch.
template <class Function>
Function chosen_forward(const Conv2dGeometry& geometry, const View& y, const Forms<Function>& forms) {
  return chosen<Function>(geometry, y.dtype, repays_winograd(geometry, 1), reads_image_fast(geometry, y),
                          forms);
}

/// None where filters are best read as they lie.
const PackedConv2d* chosen_packed(const Conv2dGeometry& geometry, const View& y) {
  return chosen_forward<const PackedConv2d*>(
      geometry, y,
      {nullptr, &conv_im2col::kPacked, &conv_implicit::kPacked, &conv_winograd::kPacked, nullptr});
}

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  chosen_forward<decltype(&conv_direct::conv2d)>(
      geometry, y,
      {conv_direct::conv2d, conv_im2col::conv2d, conv_implicit::conv2d, conv_winograd::conv2d,
       conv_depthwise::conv2d})(geometry, x, w, bias, y, relu);
}

int64_t packed_conv2d_bytes(const Conv2dGeometry& geometry, const View& x, const View& y) {
  const PackedConv2d* const form = y.numel() > 0 ? chosen_packed(geometry, y) : nullptr;
  return form != nullptr ? form->bytes(geometry, x, y) : 0;
}
void pack_conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                 const View& packed) {
  chosen_packed(geometry, y)->pack(geometry, x, w, y, packed);
}
void conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed, const View& bias,
                   const View& y, bool relu) {
  chosen_packed(geometry, y)->conv2d(geometry, x, packed, bias, y, relu);
}

void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  chosen<decltype(&conv_direct::conv2d_grad_input)>(
      geometry, gx.dtype, repays_winograd(geometry, geometry.N), reads_gradient_fast(geometry, gx),
      {conv_direct::conv2d_grad_input, conv_im2col::conv2d_grad_input,
       grad_input_by_phases<ConvAlgorithm::Implicit>, grad_input_by_phases<ConvAlgorithm::Winograd>,
       conv_depthwise::conv2d_grad_input})(geometry, gy, w, gx);
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  chosen<decltype(&conv_direct::conv2d_grad_weight)>(
      geometry, gw.dtype, repays_winograd(geometry, geometry.N), reads_patches_fast(geometry),
      {conv_direct::conv2d_grad_weight, conv_im2col::conv2d_grad_weight, conv_implicit::conv2d_grad_weight,
       conv_winograd::conv2d_grad_weight, conv_depthwise::conv2d_grad_weight})(geometry, x, gy, gw);
}

}  // namespace linnet::cpu
