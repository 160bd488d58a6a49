// The JSON header of a safetensors file: text to entries, checked as far as the header alone can be.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/io/safetensors.h>
#include "io/stored_array.h"

namespace linnet {

inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;  ///< Bytes: the format's own limit.

struct SafetensorsEntry {
  std::string name;
  StoredType type = StoredType::Float32;
  Shape shape;
  uint64_t begin = 0;  ///< Bytes after the header.
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< In the order of the text.
  Metadata metadata;
};

/// Throws Error naming `file`. Memory stays in proportion to the text. What holds of the result: names
/// differ, end - begin is what type and shape need, and the entries lie without gap or overlap from 0 to
/// `data_size`.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size,
                                           const std::string& file);

/// A whole file in memory: load_safetensors without the file.
SafetensorsFile parse_safetensors(std::span<const uint8_t> bytes, const std::string& file);

/// "F32", ...
const char* safetensors_dtype(DType dtype);

}  // namespace linnet
