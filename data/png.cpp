// PNG through libspng. Every picture is decoded to RGBA bytes row by row, one path for all colour types and
// depths, and composed over white: beside the picture itself, a row is all the memory it takes.
#include <spng.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <linnet/data/image.h>
#include "core/fail.h"
#include "core/view.h"
#include "data/files.h"
#include "data/grey.h"

namespace linnet::data {
namespace {

constexpr const char* kWhere = "png";
/// Deflate never packs more than 1032 bytes into one (zlib, "Technical details").
constexpr uint64_t kMostPacked = 1032;
/// Colour profiles and texts beyond this are no picture's.
constexpr size_t kMostChunkBytes = size_t{16} << 20;

/// The columns of an interlaced picture that each of its passes has: the first, and the way to the next.
struct Columns {
  int64_t first, step;
};
constexpr std::array<Columns, 7> kPasses{{{0, 8}, {4, 8}, {0, 4}, {2, 4}, {0, 2}, {1, 2}, {0, 1}}};

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

void check_spng(int status, const std::string& path, const char* doing) {
  check(status == 0, kWhere, "cannot {} '{}': {}", doing, path, spng_strerror(status));
}

/// Fewest bytes of pixels that a picture of that header unpacks to, filter bytes apart.
uint64_t unpacked_bytes(const spng_ihdr& header) {
  const unsigned samples = header.color_type == SPNG_COLOR_TYPE_TRUECOLOR         ? 3
                           : header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ? 4
                           : header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ? 2
                                                                                  : 1;
  return uint64_t{header.width} * header.height * samples * header.bit_depth / 8;
}

void check_signature(std::FILE* file, const std::string& path) {
  constexpr std::array<uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  std::array<uint8_t, 8> start{};
  check(std::fread(start.data(), 1, start.size(), file) == start.size() && start == kSignature, kWhere,
        "'{}' is no PNG: it does not begin with the PNG signature", path);
  std::rewind(file);
}

spng_ihdr read_header(spng_ctx* context, const std::string& path, int64_t file_bytes) {
  spng_ihdr header{};
  check_spng(spng_get_ihdr(context, &header), path, "read");
  const int64_t height = header.height;
  const int64_t width = header.width;
  check(height <= kMaxPngSide && width <= kMaxPngSide && height * width <= kMaxPngPixels, kWhere,
        "'{}' is too large: {} x {} pixels; at most {} a side and {} in all are read", path, height, width,
        int64_t{kMaxPngSide}, int64_t{kMaxPngPixels});
  check(unpacked_bytes(header) <= static_cast<uint64_t>(file_bytes) * kMostPacked, kWhere,
        "'{}' promises {} x {} pixels; the file is too short for that: {} bytes", path, height, width,
        file_bytes);
  return header;
}

struct Pixel {
  unsigned r, g, b;
};

Pixel over_white(const uint8_t* rgba) {
  const unsigned alpha = rgba[3];
  const auto blend = [&](unsigned value) { return (value * alpha + 255 * (255 - alpha) + 127) / 255; };
  return {blend(rgba[0]), blend(rgba[1]), blend(rgba[2])};
}

}  // namespace

NDArray read_png(const std::string& path, int64_t channels) {
  check(channels == 0 || channels == 1 || channels == 3, kWhere,
        "{} channels were asked of '{}'; expected 1 (grey), 3 (colour) or 0 (as stored)", channels, path);
  const int64_t file_bytes = readable_file_size(kWhere, path);
  const File file(std::fopen(path.c_str(), "rb"));
  check(file != nullptr, kWhere, "cannot read '{}': {}", path, last_system_error());
  check_signature(file.get(), path);
  const Context context(spng_ctx_new(0));
  check(context != nullptr, kWhere, "cannot read '{}': out of memory", path);
  check_spng(spng_set_chunk_limits(context.get(), kMostChunkBytes, kMostChunkBytes), path, "read");
  check_spng(spng_set_png_file(context.get(), file.get()), path, "read");
  const spng_ihdr header = read_header(context.get(), path, file_bytes);
  check_spng(spng_decode_image(context.get(), nullptr, 0, SPNG_FMT_RGBA8,
                               SPNG_DECODE_TRNS | SPNG_DECODE_PROGRESSIVE),
             path, "read");

  const bool grey =
      header.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  if (channels == 0) channels = grey ? 1 : 3;
  const int64_t width = header.width, pixels = width * header.height;
  NDArray image =
      NDArray::empty({channels, header.height, header.width}, DType::UInt8, linnet::device("cpu"));
  auto* to = image.write_view().as<uint8_t>();
  std::vector<uint8_t> rgba(size_t{4} * header.width);
  while (true) {
    spng_row_info row{};
    int status = spng_get_row_info(context.get(), &row);
    if (status == SPNG_EOI) break;  // the end of the image
    check_spng(status, path, "read");
    status = spng_decode_row(context.get(), rgba.data(), rgba.size());
    check_spng(status == SPNG_EOI ? 0 : status, path, "read");
    const auto [first, step] =
        header.interlace_method == SPNG_INTERLACE_NONE ? Columns{0, 1} : kPasses.at(row.pass);
    for (int64_t x = first; x < width; x += step) {
      const auto [r, g, b] = over_white(&rgba[static_cast<size_t>(4 * x)]);
      uint8_t* const pixel = to + row.row_num * width + x;
      if (channels == 1) {
        *pixel = grey_of(r, g, b);
      } else {
        pixel[0] = static_cast<uint8_t>(r);
        pixel[pixels] = static_cast<uint8_t>(g);
        pixel[2 * pixels] = static_cast<uint8_t>(b);
      }
    }
  }
  return image;
}

void write_png(const std::string& path, const NDArray& image) {
  check(image.dtype() == DType::UInt8 && (image.rank() == 2 || image.rank() == 3), kWhere,
        "'{}' cannot hold {} {}; expected uint8 (C, H, W) or (H, W)", path, image.dtype(), image.shape());
  const NDArray planes = image.rank() == 2 ? image.expand_dims(0) : image;
  const int64_t channels = planes.size(0);
  check((channels == 1 || channels == 3) && planes.numel() > 0 && planes.size(1) <= kMaxPngSide &&
            planes.size(2) <= kMaxPngSide,
        kWhere, "'{}' cannot hold {}; expected 1 or 3 channels and sides from 1 to {}", path, image.shape(),
        int64_t{kMaxPngSide});
  const NDArray interleaved = planes.to(linnet::device("cpu")).permute({1, 2, 0}).contiguous();
  const Context context(spng_ctx_new(SPNG_CTX_ENCODER));
  check(context != nullptr, kWhere, "cannot write '{}': out of memory", path);
  spng_ihdr header{};
  header.height = static_cast<uint32_t>(planes.size(1));
  header.width = static_cast<uint32_t>(planes.size(2));
  header.bit_depth = 8;
  header.color_type = channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR;
  check_spng(spng_set_ihdr(context.get(), &header), path, "write");
  check_spng(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1), path, "write");
  check_spng(spng_encode_image(context.get(), interleaved.read_view().data,
                               static_cast<size_t>(interleaved.numel()), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
             path, "write");
  size_t bytes = 0;
  int status = 0;
  const std::unique_ptr<void, decltype(&std::free)> encoded(
      spng_get_png_buffer(context.get(), &bytes, &status), &std::free);
  check_spng(status, path, "write");
  write_file(kWhere, path, {static_cast<const uint8_t*>(encoded.get()), bytes});
}

}  // namespace linnet::data
