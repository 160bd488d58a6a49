// JPEG files for tests, written with libjpeg itself. LINNET_HAS_JPEG is defined for the sources that include
// this.
#pragma once

#include "tests/unit/data_files.h"

#if LINNET_HAS_JPEG
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

struct JpegOptions {
  int quality = 100;
  bool progressive = false;
  bool subsampled = false;
  bool many_scans =
      false;  ///< Progressive, every coefficient in two scans of its own: 127 of them. Grey only.
  J_COLOR_SPACE stored = JCS_YCbCr;
};

/// Rows of interleaved pixels, `components` bytes each, as a whole JPEG.
inline Bytes jpeg(int width, int height, int components, const Bytes& pixels,
                  const JpegOptions& options = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = static_cast<unsigned>(width);
  info.image_height = static_cast<unsigned>(height);
  info.input_components = components;
  info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  if (components == 3) jpeg_set_colorspace(&info, options.stored);
  jpeg_set_quality(&info, options.quality, TRUE);
  if (!options.subsampled) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  if (options.progressive) jpeg_simple_progression(&info);
  std::vector<jpeg_scan_info> scans;
  if (options.many_scans) {
    scans.push_back({1, {0}, 0, 0, 0, 0});
    for (int k = 1; k < 64; ++k) scans.push_back({1, {0}, k, k, 0, 1});
    for (int k = 1; k < 64; ++k) scans.push_back({1, {0}, k, k, 1, 0});
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < height; ++y) {
    JSAMPROW row = const_cast<uint8_t*>(pixels.data()) + static_cast<size_t>(y) * width * components;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes bytes(memory, memory + size);
  std::free(memory);
  return bytes;
}

/// A smooth picture.
inline Bytes gradient(int width, int height, int components) {
  Bytes pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < components; ++c)
        pixels.push_back(static_cast<uint8_t>(40 + 5 * x + 3 * y + 30 * c));
    }
  }
  return pixels;
}
#endif
