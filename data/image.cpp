// Which decoder a picture needs.
#include <array>
#include <fstream>

#include <linnet/data/image.h>
#include "core/fail.h"
#include "data/files.h"

namespace linnet::data {

NDArray read_image(const std::string& path, int64_t channels) {
  readable_file_size("image", path);
  std::array<char, 2> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  if (start == std::array{'\xFF', '\xD8'}) return read_jpeg(path, channels);
  check(start == std::array{'\x89', 'P'}, "image", "'{}' is neither a PNG nor a JPEG", path);
  return read_png(path, channels);
}

}  // namespace linnet::data
