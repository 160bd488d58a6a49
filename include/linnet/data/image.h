// PNG and JPEG files, and the way from a picture of any size to a model's input.
// Images are UInt8 (C, H, W) on the CPU, C = 1 (grey) or 3 (red, green, blue), 0 is black.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/core/ndarray.h>
#include <linnet/data/dataset.h>

namespace linnet::data {

/// Largest height or width of a picture, and most pixels in all, that are read.
inline constexpr int64_t kMaxPngSide = 1 << 14;
inline constexpr int64_t kMaxPngPixels = 1 << 26;

/// Reads a PNG of any colour type and depth. `channels` is 1, 3, or 0: as stored, grey or colour. Colour
/// becomes grey as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); 16 bits become 8; transparent parts show
/// white, as on paper. Throws Error naming the file where it is missing, is no PNG, is damaged or too large.
NDArray read_png(const std::string& path, int64_t channels = 0);

/// Whether this linnet was built with libjpeg.
bool reads_jpeg();
/// Reads a JPEG, baseline or progressive, grey or colour (not CMYK); `channels` as for read_png. Orientation
/// tags are not followed. Throws Error naming the file where it is missing, is no JPEG, is damaged (a
/// truncated one, too), is too large or of more than 100 scans, and where linnet was built without libjpeg.
NDArray read_jpeg(const std::string& path, int64_t channels = 0);

/// A PNG or a JPEG, told by how the file begins.
NDArray read_image(const std::string& path, int64_t channels = 0);

/// Writes UInt8 (C, H, W) with C 1 or 3, or (H, W), replacing what was there.
void write_png(const std::string& path, const NDArray& image);

/// What a model expects of an image.
struct InputFormat {
  int64_t channels = 1;
  int64_t height = 28;
  int64_t width = 28;
  InputScaling scaling = kUnitInterval;
  bool invert = false;  ///< Dark on light becomes light on dark, as in MNIST.
};

/// Float32 (1, channels, height, width) from UInt8 (C, H, W): grey or colour as asked, stretched to the size
/// by a triangle filter (bilinear when enlarging; when reducing as wide as the reduction, so that no pixel is
/// skipped), inverted, scaled. An image that has the size already keeps its values.
NDArray to_input(const NDArray& image, const InputFormat& format = {}, Device device = default_device());

}  // namespace linnet::data
