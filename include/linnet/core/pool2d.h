// What pooling and upsampling are: the options a caller writes and the geometry every backend gets. Each
// element of a result sees a window of its plane, height and width apart: pooling takes the largest element
// of the window or the average, upsampling a weighted sum of at most two by two. Dimensions: N images, C
// channels of H x W, results of P x Q.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/core/conv2d.h>
#include <linnet/core/dims.h>

namespace linnet {

/// Options of `max_pool2d`, `avg_pool2d` and their layers. Fields may be left out; their order never changes.
struct Pool2dOptions {
  Size2 kernel = 0;               ///< Needed.
  Size2 stride = 0;               ///< 0: as the kernel.
  Size2 padding = 0;              ///< On both sides, at most half of the kernel. It is no element
                                  ///< for a maximum and 0 for an average.
  Size2 dilation = 1;             ///< `max_pool2d` only.
  bool ceil_mode = false;         ///< P and Q are rounded up; no window starts behind the image and the
                                  ///< padding before it.
  bool count_include_pad = true;  ///< `avg_pool2d` only: whether an average divides by padding too.
  int64_t divisor_override = 0;   ///< `avg_pool2d` only: what to divide by; 0: the number of elements.
  Layout layout = Layout::NCHW;   ///< Functional operators only.
};

/// Factors for height and width; one number serves both.
struct Scale2 {
  double h = 1;
  double w = 1;
  constexpr Scale2(double both) : h(both), w(both) {}  // NOLINT(google-explicit-constructor)
  constexpr Scale2(double height, double width) : h(height), w(width) {}
  friend constexpr bool operator==(const Scale2&, const Scale2&) = default;
};

enum class UpsampleMode : uint8_t { Nearest, Bilinear };
const char* name(UpsampleMode mode);

/// Options of `upsample` and `nn::Upsample`: either the size or the factor is given.
struct UpsampleOptions {
  Size2 size = 0;           ///< P, Q.
  Scale2 scale_factor = 0;  ///< P = floor(H * scale_factor.h), Q likewise.
  UpsampleMode mode = UpsampleMode::Nearest;
  bool align_corners = false;    ///< Bilinear only: corner pixels lie on corner pixels.
  Layout layout = Layout::NCHW;  ///< Functional operators only.
};

enum class PoolKind : uint8_t { Max, Average, Upsample };

/// How windows follow one another along an axis.
enum class WindowKind : uint8_t {
  Strided,   ///< p * stride - padding + r * dilation, for r < kernel
  Adaptive,  ///< floor(p * in / out) up to, and without, ceil((p + 1) * in / out)
  Nearest,   ///< floor(p * step)
  Linear,    ///< the neighbours of (p + 0.5) * step - 0.5, or of p * step with aligned corners
};

/// The windows of one axis; what an element weighs in them is in core/pool_windows.h.
struct WindowAxis {
  WindowKind kind;
  int64_t in, out;
  int64_t kernel, stride, padding, dilation;  ///< Strided
  bool count_include_pad;                     ///< Strided
  int64_t divisor;  ///< Of an average: 0 for the number of elements that count. 1 for upsampling.
  double step_over, step_under;  ///< Nearest and Linear: step is their quotient.
  bool align_corners;            ///< Linear
};

/// A validated pooling or upsampling, every extent resolved. Made once, handed unchanged to the forward
/// operator and its gradient on every backend.
struct Pool2dGeometry {
  PoolKind kind;
  int64_t N, C;
  WindowAxis h, w;

  /// Max or average pooling of images (N, C, H, W):
  /// P = (H + 2 padding - dilation * (kernel - 1) - 1) / stride + 1, rounded down, or up with ceil_mode, and
  /// then one less where the last window would start behind the image and the padding before it.
  /// Throws Error for options without a result, and where a window would see no element.
  static Pool2dGeometry make(PoolKind kind, const Shape& input, const Pool2dOptions& options);
  /// Pooling to that size, by windows that cover everything and overlap by at most one element where sizes
  /// do not divide.
  static Pool2dGeometry adaptive(PoolKind kind, const Shape& input, Size2 output);
  static Pool2dGeometry upsample(const Shape& input, const UpsampleOptions& options);

  Shape input_shape() const { return {N, C, h.in, w.in}; }
  Shape output_shape() const { return {N, C, h.out, w.out}; }
  /// One window, of whole planes.
  bool is_global() const;

  /// The operator's name: "max_pool2d".
  const char* name() const;
  std::string describe() const;
};

/// Throws Error naming `where` for options that fit no image.
void check_options(const char* where, PoolKind kind, const Pool2dOptions& options);
void check_options(const char* where, const UpsampleOptions& options);

}  // namespace linnet
