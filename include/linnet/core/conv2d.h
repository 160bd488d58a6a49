// What a two-dimensional convolution is: the options a caller writes and the geometry every backend gets.
// Dimensions: N images, C input channels of H x W, K filters of R x S, outputs of P x Q.
// Convolution is cross-correlation, as in PyTorch.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <linnet/core/dims.h>

namespace linnet {

/// Height and width; one number serves both.
struct Size2 {
  int64_t h = 1;
  int64_t w = 1;
  constexpr Size2(int64_t both) : h(both), w(both) {}  // NOLINT(google-explicit-constructor)
  constexpr Size2(int64_t height, int64_t width) : h(height), w(width) {}
  friend constexpr bool operator==(const Size2&, const Size2&) = default;
};

/// Zeros added around an image; one number serves all sides, two are {h, w}.
/// `Padding::Same` makes P = ceil(H / stride), Q = ceil(W / stride); an odd zero goes to the bottom and
/// right.
struct Padding {
  int64_t top = 0;
  int64_t bottom = 0;
  int64_t left = 0;
  int64_t right = 0;
  bool same = false;
  constexpr Padding() = default;
  constexpr Padding(int64_t all)  // NOLINT(google-explicit-constructor)
      : top(all), bottom(all), left(all), right(all) {}
  constexpr Padding(int64_t h, int64_t w) : top(h), bottom(h), left(w), right(w) {}
  constexpr Padding(int64_t top_, int64_t bottom_, int64_t left_, int64_t right_)
      : top(top_), bottom(bottom_), left(left_), right(right_) {}
  friend constexpr bool operator==(const Padding&, const Padding&) = default;

  static const Padding Same;
};
inline constexpr Padding Padding::Same = [] {
  Padding padding;
  padding.same = true;
  return padding;
}();

/// What lies beyond the border of a picture, with PyTorch's names.
enum class PaddingMode : uint8_t {
  Zeros,
  Reflect,    ///< The picture mirrored, without the border itself: c b | a b c | b a.
  Replicate,  ///< The border again and again: a a | a b c | c c.
  Circular,   ///< The picture repeated: b c | a b c | a b.
};
/// "zeros", "reflect", "replicate", "circular".
const char* name(PaddingMode mode);

/// Order of the dimensions of functional convolutions: NCHW images with OIHW filters, or NHWC with HWIO.
enum class Layout : uint8_t { NCHW, NHWC };

/// How a convolution and its gradients are computed, for any geometry. The results agree up to rounding.
enum class ConvAlgorithm : uint8_t {
  Auto,  ///< Chooses by shape, never by timing.
  // Kernels of each device:
  Direct,    ///< Loops over the definition.
  Im2col,    ///< The matrix of all patches, formed by a kernel, and matrix products; in the input gradient a
             ///< gather adds the matrix up.
  Implicit,  ///< The same products with the patches read from the image as they are multiplied: the matrix is
             ///< never formed. The input gradient as by Phases.
  Winograd,  ///< 3x3 filters at stride 1 by Winograd's F(4x4, 3x3), a quarter of the multiplications, on the
             ///< CPU; with fewer than 16 channels or filters, other geometries and on other devices as Auto.
  // Composed of other operators, on every device:
  Shifted,     ///< A sum of R * S matrix products, one for each element of the filters, over shifted slices.
  Im2colView,  ///< Im2col with the matrix made by copying a strided view of all windows.
  Einsum,      ///< Einstein sums over that view; in the input gradient, over the dilated output gradient's.
  DilateFlip,  ///< The textbook's gradients: convolutions with the dilated output gradient. Forward as Auto.
  Phases,      ///< The input gradient as a convolution for each phase of the stride, without inserted zeros.
               ///< The others as Auto.
};
/// All of them, in that order.
std::span<const ConvAlgorithm> conv_algorithms();
/// "auto", "direct", "im2col", "implicit", "winograd", "shifted", "im2col_view", "einsum", "dilate_flip",
/// "phases".
const char* name(ConvAlgorithm algorithm);
/// The algorithm of that name. Throws Error that lists the names.
ConvAlgorithm conv_algorithm(const std::string& name);

/// Options of `conv2d` and `nn::Conv2d`. Fields may be left out; their order never changes.
struct Conv2dOptions {
  Size2 kernel =
      0;  ///< R, S. `nn::Conv2d` needs it; `conv2d` reads it from the filters and checks it where given.
  Size2 stride = 1;
  Padding padding = 0;
  Size2 dilation = 1;
  int64_t groups = 1;
  bool bias = true;              ///< `nn::Conv2d` only.
  Layout layout = Layout::NCHW;  ///< Functional operators only.
  ConvAlgorithm algorithm = ConvAlgorithm::Auto;
  PaddingMode padding_mode = PaddingMode::Zeros;
};

/// Options of `conv_transpose2d` and `nn::ConvTranspose2d`; those of the same names are the convolution's
/// whose gradient it is.
struct ConvTranspose2dOptions {
  Size2 kernel = 0;
  Size2 stride = 1;
  Padding padding = 0;
  Size2 output_padding = 0;  ///< Rows and columns more, of those that the stride leaves open: fewer than the
                             ///< stride or the dilation.
  Size2 dilation = 1;
  int64_t groups = 1;
  bool bias = true;  ///< `nn::ConvTranspose2d` only.
  ConvAlgorithm algorithm = ConvAlgorithm::Auto;
};

/// A validated convolution: every extent resolved, padding explicit. Made once, handed unchanged to the
/// forward convolution and both gradients on every backend.
struct Conv2dGeometry {
  int64_t N, C, H, W;  ///< input
  int64_t K, R, S;     ///< filters; each sees C / groups channels
  int64_t P, Q;        ///< output
  int64_t stride_h, stride_w;
  int64_t pad_top, pad_bottom, pad_left, pad_right;
  int64_t dilation_h, dilation_w;
  int64_t groups;
  ConvAlgorithm algorithm;

  /// Checks that input (N, C, H, W) and filters (K, C / groups, R, S) fit the options and resolves the rest:
  /// P = (H + pad_top + pad_bottom - dilation_h * (R - 1) - 1) / stride_h + 1, rounded down; Q likewise.
  /// Throws Error with both shapes and the formula, in the name of `where`.
  static Conv2dGeometry make(const Shape& input, const Shape& filters, const Conv2dOptions& options,
                             const char* where = "conv2d");

  Shape input_shape() const { return {N, C, H, W}; }
  Shape filter_shape() const { return {K, C / groups, R, S}; }
  Shape output_shape() const { return {N, K, P, Q}; }

  int64_t channels_per_group() const { return C / groups; }
  int64_t filters_per_group() const { return K / groups; }
  /// Extent of a dilated filter: dilation * (kernel - 1) + 1.
  int64_t span_h() const { return dilation_h * (R - 1) + 1; }
  int64_t span_w() const { return dilation_w * (S - 1) + 1; }

  /// Padded rows (columns) at the bottom (right) that no filter position reaches because the stride does
  /// not divide: (H + padding - span) mod stride. Their gradient is zero.
  int64_t leftover_h() const;
  int64_t leftover_w() const;

  /// Padding of the output gradient, dilated by the stride, when the input gradient is written as a full
  /// convolution with flipped filters: span - 1 - pad on the top and left; on the bottom and right
  /// additionally the leftover rows. Negative where the padding exceeds the filter's span: crop there.
  Padding full_padding() const;

  /// Whether every input element under the filters is read exactly once: stride == kernel, no dilation.
  bool windows_tile() const;

  /// Multiply-adds of one forward pass, padding included: N * K * P * Q * (C / groups) * R * S.
  int64_t multiply_adds() const;

  std::string describe() const;
};

}  // namespace linnet
