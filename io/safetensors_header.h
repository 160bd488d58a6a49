// The JSON header of a safetensors file: text to entries, checked as far as the header alone can be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/io/safetensors.h>

namespace linnet {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::Float32;
  Shape shape;
  uint64_t begin = 0;  ///< Bytes after the header.
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< In the order of the text.
  Metadata metadata;
};

/// Throws Error naming `file`. Memory stays in proportion to the text. What holds of the result: names
/// differ, end - begin is what dtype and shape need, and the entries lie without gap or overlap from 0 to
/// `data_size`.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size,
                                           const std::string& file);

/// "F32", ...
const char* safetensors_dtype(DType dtype);

}  // namespace linnet
